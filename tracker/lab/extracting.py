"""Frames of videos to be labelled, as pictures in a folder, with what an earlier run saw on them."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detectors.bank.cvat_text import task_text
from detectors.bank.cvat_xml import CvatImage, CvatTask
from detectors.errors import DataError, UsageError
from detectors.frame import Frame
from tracker.errors import ResultError, SinkError
from tracker.lab.choosing import Candidate, Choice, choose, look_at
from tracker.lab.cvat_tracks import frames_of
from tracker.lab.reading import open_recording, write_jpeg
from tracker.lab.run_rows import RunRows
from tracker.lab.teaching import teaching_of
from tracker.types import SourceInfo

FRAMES, PROPOSAL = "frames.csv", "proposal.cvat.xml"
COLUMNS = ("file", "video", "frame", "time_s", "why")
SPREAD = "spread over time"
#: So many frames are looked at for every one that is wanted.
_OFFERED = 8
#: Time between two that are looked at where nobody knows how long a video is.
_USUAL_S = 1.0
_ROUNDING_S = 5e-4

#: Told the video and the index of the frame in hand.
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to extract.

    Attributes:
        videos: files or folders of pictures, each once.
        count: how many frames at most, of all videos together.
        every_s: one frame in so many seconds is looked at; None for 8 to each that is wanted.
        runs: earlier runs, by the video that they are of.

    Raises:
        UsageError: there is no video, one is named twice, or a number is not positive.
    """

    videos: tuple[str, ...]
    count: int = 50
    every_s: float | None = None
    runs: Mapping[str, RunRows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the values."""
        twice = next((video for video in self.videos if self.videos.count(video) > 1), None)
        if twice is not None or not self.videos:
            raise UsageError("no video is named" if twice is None else f"{twice} is named twice")
        if self.count < 1:
            raise UsageError(f"--count must be 1 at least, not {self.count}")
        if self.every_s is not None and not 0 < self.every_s < float("inf"):
            raise UsageError(f"--every is a time in seconds, above 0, not {self.every_s:g}")

    @property
    def names(self) -> tuple[str, ...]:
        """What the pictures of each video begin with; equal stems are kept apart by a number."""
        names: list[str] = []
        for video in self.videos:
            stem = name = Path(video).stem or "video"
            number = 1
            while name in names:
                number += 1
                name = f"{stem}-{number}"
            names.append(name)
        return tuple(names)

    def step_s(self, duration_s: float | None) -> float:
        """Return the time between two frames of a video that are looked at."""
        if self.every_s is not None:
            return self.every_s
        return duration_s * len(self.videos) / (_OFFERED * self.count) if duration_s else _USUAL_S


def match_runs(videos: Sequence[str], runs: Sequence[RunRows]) -> dict[str, RunRows]:
    """Return the runs by the videos that they are of: the same file, or else one of the same name.

    Raises:
        UsageError: a run is of none of them, or two are of one.
    """
    found: dict[str, RunRows] = {}
    for run in runs:
        there = [v for v in videos if os.path.exists(v) and os.path.exists(run.video)]
        same = [v for v in there if os.path.samefile(v, run.video)]
        named = [v for v in videos if Path(v).name == Path(run.video).name]
        video = next(iter([*same, *named]), None)
        if video is None:
            raise UsageError(f"{run.folder} is a run of {run.video}, which is not among the videos")
        if video in found:
            raise UsageError(f"{found[video].folder} and {run.folder} are both runs of {video}: name one")
        found[video] = run
    return found


def check_frames(out: Path, overwrite: bool) -> None:
    """See that frames can go to a folder and nothing is lost by it.

    Raises:
        UsageError: something else is there, or earlier frames are and may not be replaced.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / FRAMES).is_file():
        raise UsageError(f"{out} is there already and has no {FRAMES}: choose another --out")
    if not overwrite:
        raise UsageError(f"{out} has frames already: choose another --out, or give --overwrite")


def extract(wanted: Wanted, out: Path, told: Progress) -> Choice:
    """Choose frames and write them with ``frames.csv``, and with a proposal of labels where there is a run.

    Args:
        wanted: of which videos, and how many.
        out: folder; what ``frames.csv`` lists of an earlier extraction is removed from it.
        told: while it runs.

    Raises:
        DataError: no frame is worth labelling.
        ResultError: a run is of another video than that of its name.
        SinkError: the folder cannot be written.
        SourceError: a video cannot be read.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".frames-", dir=out.parent) as name:
            draft = Path(name)
            offered = [c for video in range(len(wanted.videos)) for c in _offer(wanted, video, draft, told)]
            choice = choose(offered, wanted.count, _apart_s(offered, wanted.count))
            if not choice.chosen:
                raise DataError(f"no frame of {', '.join(wanted.videos)} is worth labelling: all are blank")
            files = [_file(wanted, candidate) for candidate in choice.chosen]
            _write_table(draft / FRAMES, wanted, choice.chosen)
            if wanted.runs:
                files.append(PROPOSAL)
                (draft / PROPOSAL).write_bytes(_proposal(wanted, choice.chosen))
            _remove_old(out)
            out.mkdir(exist_ok=True)
            for file in (*files, FRAMES):
                (draft / file).replace(out / file)
    except OSError as exc:
        raise SinkError(f"cannot write {out}: {exc.strerror}") from exc
    return choice


def _file(wanted: Wanted, candidate: Candidate) -> str:
    return f"{wanted.names[candidate.video]}_{candidate.frame:06d}.jpg"


def _offer(wanted: Wanted, video: int, folder: Path, told: Progress) -> Iterator[Candidate]:
    """Yield the frames of a video that may be labelled; their pictures are written already."""
    name = wanted.videos[video]
    run = wanted.runs.get(name)
    teaching = None if run is None else teaching_of(run)
    with open_recording(name) as source:
        if run is not None:
            _check_size(run, source.info, name)
        frames = _told(source, name, told, run)
        worth = (lambda index: 0.0) if teaching is None else teaching.total.__getitem__
        for frame in _best_of_each(frames, wanted.step_s(source.info.duration_s), worth):
            why = "" if teaching is None else teaching.why(frame.index)
            look = look_at(frame.image)
            candidate = Candidate(video, frame.index, frame.time_s, look, float(worth(frame.index)), why)
            write_jpeg(folder / _file(wanted, candidate), frame.image)
            yield candidate


def _told(frames: Iterable[Frame], name: str, told: Progress, run: RunRows | None) -> Iterator[Frame]:
    """Yield the frames that a run has seen, or all, and see that there are as many."""
    number = 0
    for frame in frames:
        if run is not None and frame.index >= run.frames:
            return
        number = frame.index + 1
        told(name, frame.index)
        yield frame
    if run is not None and number < run.frames:
        raise ResultError(f"{run.folder} has {run.frames} frames, {name} {number}: it is another video's run")


def _best_of_each(frames: Iterable[Frame], step_s: float, worth: Callable[[int], float]) -> Iterator[Frame]:
    """Yield of every ``step_s`` the frame that is worth most, the first of equal ones."""
    best: Frame | None = None
    step = -1
    for frame in frames:
        number = int((frame.time_s + _ROUNDING_S) / step_s)
        if best is None or number != step:
            if best is not None:
                yield best
            best, step = frame, number
        elif worth(frame.index) > worth(best.index):
            best = frame
    if best is not None:
        yield best


def _apart_s(offered: Sequence[Candidate], count: int) -> float:
    """Return the time between two frames if all were equally far apart."""
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for candidate in offered:
        first.setdefault(candidate.video, candidate.time_s)
        last[candidate.video] = candidate.time_s
    return max(sum(last[video] - first[video] for video in first), 1e-3) / count


def _check_size(run: RunRows, info: SourceInfo, video: str) -> None:
    if run.size != (info.width, info.height):
        raise ResultError(
            f"{run.folder} is of {run.size[0]}x{run.size[1]} pixels, {video} has {info.width}x{info.height}: "
            "it is another video's run"
        )


def _write_table(path: Path, wanted: Wanted, chosen: Sequence[Candidate]) -> None:
    with path.open("w", encoding="utf-8", newline="", errors="backslashreplace") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for c in chosen:
            row = (_file(wanted, c), wanted.videos[c.video], c.frame, f"{c.time_s:.3f}", c.why or SPREAD)
            table.writerow(row)


def _proposal(wanted: Wanted, chosen: Sequence[Candidate]) -> bytes:
    """Return the boxes of the runs as a file that CVAT imports into a task of these pictures."""
    images: list[CvatImage] = []
    for number, video in enumerate(wanted.videos):
        mine = [candidate for candidate in chosen if candidate.video == number]
        if mine and video in wanted.runs:
            frames = [candidate.frame for candidate in mine]
            images += frames_of(wanted.runs[video], frames, [_file(wanted, c) for c in mine])
    labels = dict.fromkeys(name for run in wanted.runs.values() for name in run.names)
    return task_text(CvatTask(tuple(labels), images=tuple(images)), "frames")


def _remove_old(out: Path) -> None:
    """Remove what the table of an earlier extraction lists."""
    if not (out / FRAMES).is_file():
        return
    with (out / FRAMES).open(encoding="utf-8", newline="") as stream:
        names = [row[0] for row in csv.reader(stream) if row]
    for name in (*names[1:], PROPOSAL, FRAMES):
        if Path(name).name == name:  # of this folder and no other
            (out / name).unlink(missing_ok=True)
