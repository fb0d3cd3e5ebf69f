"""The MOTChallenge sequences that the benchmarks read: frames, ground truth and public detections."""

from __future__ import annotations

import configparser
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors import Frame
from tracker.evaluation.results import TrackTable, read_mot

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "mot"
HALF_SIZE = ("MOT16-09",)


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence; large ones are read at half size.

    Attributes:
        folder: in MOTChallenge's layout.
        rate_fps: frames a second.
        length: number of frames.
        scale: factor on pictures and boxes.
    """

    folder: Path
    rate_fps: float
    length: int
    scale: float

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def truth(self) -> dict[int, dict[int, NDArray[np.float32]]]:
        """Return the boxes to be scored by frame (from 0) and id."""
        table: TrackTable = read_mot(self.folder / "gt" / "gt.txt", self.rate_fps, truth=True)
        boxes: dict[int, dict[int, NDArray[np.float32]]] = {}
        for index, track_id, box in zip(table.frames, table.ids, table.boxes, strict=True):
            boxes.setdefault(int(index), {})[int(track_id)] = box * np.float32(self.scale)
        return boxes

    def frames(self) -> Iterator[Frame]:
        """Yield the pictures with their times."""
        for index, full in enumerate(self._images()):
            image = full
            if self.scale != 1.0:
                image = cv2.resize(full, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)
            yield Frame(np.asarray(image, np.uint8), index=index, time_s=index / self.rate_fps)

    def _images(self) -> Iterator[cv2.typing.MatLike]:
        video = self.folder / f"{self.name}.mp4"
        if not video.exists():
            for path in sorted((self.folder / "img1").glob("*.jpg")):
                picture = cv2.imread(str(path))
                if picture is None:
                    sys.exit(f"cannot read {path}")
                yield picture
            return
        capture = cv2.VideoCapture(str(video))
        while True:
            good, image = capture.read()
            if not good:
                return
            yield image


def open_sequence(name: str) -> Sequence:
    """Return the sequence ``name``; without the data, the program ends and says where it should be."""
    folder = DATA / name
    if not folder.is_dir():
        sys.exit(f"no sequence {name}: expected in {DATA}")
    ini = configparser.ConfigParser()
    ini.read(folder / "seqinfo.ini")
    about = ini["Sequence"]
    scale = 0.5 if name in HALF_SIZE else 1.0
    return Sequence(folder, float(about["frameRate"]), int(about["seqLength"]), scale)
