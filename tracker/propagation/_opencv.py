"""The single-object trackers of OpenCV behind one class: one of them a track.

They say whether they found the object, and no more. So the confidence of a box that was found halves with
every ``half_life_s`` since the last detection, and that of one that was lost is 0. They keep the motion
model to themselves: a track's velocity does not guide the search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from detectors import boxes as boxlib
from detectors.frame import Frame
from detectors.opencv import load_cv2
from tracker.propagation._carried import Place, carried
from tracker.types import Track

_LEAST_SIDE_PX = 4


@dataclass(frozen=True, slots=True)
class Config:
    """Settings.

    Attributes:
        half_life_s: time since the last detection in which the confidence halves.
    """

    half_life_s: float = 2.0

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is not positive."""
        if self.half_life_s <= 0:
            raise ValueError("half_life_s must be above 0")


def creator(*place: str) -> Callable[[], Any]:
    """Return the function that makes a new OpenCV tracker, such as ``creator("TrackerKCF")``.

    Raises:
        ImportError: the installed flavour of OpenCV does not have it. To be called where a component is
            imported, so that one without its tracker is to the registry what ``dlib.py`` is without dlib.
        LibraryError: OpenCV itself cannot be loaded.
    """
    found: Any = load_cv2()
    for name in place:
        found = getattr(found, name, None)
    if found is None:
        raise ImportError(
            f"this OpenCV has no {'.'.join(place)}: it comes with opencv-contrib-python, "
            "to be installed instead of opencv-python (not beside it)"
        )
    create: Callable[[], Any] = found.create
    return create


class OpencvPropagation:
    """One OpenCV tracker for every track."""

    def __init__(self, create: Callable[[], Any], half_life_s: float) -> None:
        """Begin with no tracks.

        Args:
            create: makes one OpenCV tracker.
            half_life_s: time since the last detection in which the confidence halves.
        """
        self._create = create
        self._half_life_s = half_life_s
        self._error: type[Exception] = load_cv2().error
        self._trackers: dict[int, Any] = {}

    def start(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Learn the pixels inside the tracks' boxes anew; boxes with next to none are not followed."""
        for track in tracks:
            self._trackers.pop(track.id, None)
            visible = boxlib.clip(track.box, frame.width, frame.height)
            x, y, width, height = (round(float(number)) for number in boxlib.xyxy_to_xywh(visible))
            if min(width, height) < _LEAST_SIDE_PX:
                continue
            tracker = self._create()
            try:
                tracker.init(frame.image, (x, y, width, height))
            except self._error:  # refused, as by KCF on a box at the border: it counts as not started
                continue
            self._trackers[track.id] = tracker

    def step(self, frame: Frame, tracks: Sequence[Track]) -> list[Track]:
        """Return the tracks where OpenCV finds them; lost and unknown ones stay, with confidence 0."""
        return carried(frame, tracks, [self._find(frame, track) for track in tracks])

    def stop(self, ids: Iterable[int]) -> None:
        """Forget these tracks."""
        for track_id in ids:
            self._trackers.pop(track_id, None)

    def _find(self, frame: Frame, track: Track) -> Place:
        tracker = self._trackers.get(track.id)
        if tracker is None:
            return None
        try:
            found, rectangle = tracker.update(frame.image)
        except self._error:
            del self._trackers[track.id]
            return None
        if not found:
            return None
        age_s = max(0.0, frame.time_s - track.last_detected_s)
        return boxlib.xywh_to_xyxy(rectangle), float(0.5 ** (age_s / self._half_life_s))
