"""What moves where, on a small picture, and which of it no track explains.

A background model (Zivkovic, "Improved Adaptive Gaussian Mixture Model for Background Subtraction", ICPR
2004). Where a look found nothing (a tree, a shadow, the light of lamps), the place is left alone for a while,
and twice as long the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from detectors.opencv import load_cv2
from tracker.types import Reason, Track

Mask = NDArray[np.bool_]
Part = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class BackgroundConfig:
    """Settings of everything that asks where something moves.

    Attributes:
        interval_s: longest time without a look.
        rest_s: shortest time between two looks.
        side_px: longer side of the small picture.
        least_share: share of the picture that must move.
        most_share: where more than this moves, the camera or the light did.
        margin: by how much a track's box explains more than itself, in units of its sides.
        contrast: squared distance from the background in standard deviations from which a pixel moves.
        memory_s: time constant with which the background is learnt.
        dull_s: how long a place is left alone after the first look in vain, and at most.
    """

    interval_s: float = 1.0
    rest_s: float = 0.1
    side_px: int = 192
    least_share: float = 0.0004
    most_share: float = 0.3
    margin: float = 0.25
    contrast: float = 30.0
    memory_s: float = 8.0
    dull_s: tuple[float, float] = (0.5, 16.0)

    def __post_init__(self) -> None:
        """Raise ValueError for times, shares or sizes with which nothing can be seen."""
        if min(self.interval_s, self.rest_s) < 0 or self.memory_s <= 0:
            raise ValueError("times must be at least 0, and memory_s above 0")
        if not 0 < self.least_share < self.most_share <= 1:
            raise ValueError("least_share must be above 0 and below most_share, which is at most 1")
        if self.side_px < 16:
            raise ValueError("side_px must be at least 16")
        if self.margin < 0 or self.contrast <= 0:
            raise ValueError("margin must be at least 0, and contrast above 0")
        if len(self.dull_s) != 2 or not 0 < self.dull_s[0] <= self.dull_s[1]:
            raise ValueError("dull_s must be two times above 0, the shorter one first")


class Background:
    """What moves where.

    Args:
        config: of the trigger.
        shape: height and width of the frames.

    Attributes:
        shape: height and width of the frames.
        size: height and width of the small picture.
        now_s: time of the last frame; 0 before the first.
    """

    def __init__(self, config: BackgroundConfig, shape: tuple[int, int]) -> None:
        """Begin without having seen anything."""
        self._cv2: Any = load_cv2()
        self._config, self.shape = config, shape
        self._step = max(max(shape) // config.side_px, 1)
        self.size = (-(-shape[0] // self._step), -(-shape[1] // self._step))
        self._model = self._cv2.createBackgroundSubtractorMOG2(
            varThreshold=config.contrast, detectShadows=False
        )
        self._moves = np.zeros(self.size, np.uint8)
        # what moved unexplained on the frame before, and around it
        self._before = np.zeros(self.size, np.uint8)
        self._dull_until_s = np.full(self.size, -np.inf)
        self._dull_for_s = np.full(self.size, config.dull_s[0])
        self._time_s: float | None = None

    def compares(self, frame: Frame) -> bool:
        """Return whether a frame is of the same view: neither another shot nor another size."""
        return self.shape == (frame.height, frame.width) and not frame.cut

    def see(self, frame: Frame) -> None:
        """Take a frame; the same one again changes nothing."""
        if self._time_s is not None and frame.time_s <= self._time_s:
            return
        waited_s = 0.0 if self._time_s is None else frame.time_s - self._time_s
        rate = 1.0 if self._time_s is None else 1 - np.exp(-waited_s / self._config.memory_s)
        self._time_s = frame.time_s
        # of the colours green is nearest to brightness
        small = np.ascontiguousarray(frame.image[:: self._step, :: self._step, 1])
        moves = self._model.apply(self._cv2.GaussianBlur(small, (3, 3), 0), learningRate=float(rate))
        self._moves = self._cv2.medianBlur(moves, 3)

    def asks(self, tracks: Sequence[Track], within: Mask | None = None) -> bool:
        """Return whether something moved on two frames that no track explains, where looks may help.

        Args:
            tracks: that explain what moves in their boxes.
            within: bool of the small picture's size: most of what moves must lie here; None for anywhere.
        """
        labels = self._unexplained(tracks)
        before, self._before = self._before > 0, self._around(labels > 0)
        number = int(labels.max()) + 1
        areas = np.bincount(labels.ravel(), minlength=number)
        dull = np.bincount(labels[self._dull_until_s > self.now_s], minlength=number)
        asks = 2 * dull < areas  # most of it is where no look was in vain
        if within is not None:
            asks &= 2 * np.bincount(labels[within], minlength=number) > areas
        asks[0] = False
        return bool(asks[labels[before]].any())

    def settle(self, tracks: Sequence[Track]) -> None:
        """Leave alone what still moves unexplained after a look; forget what is explained."""
        blobs = self._around(self._unexplained(tracks) > 0) > 0
        self._dull_until_s[blobs] = self.now_s + self._dull_for_s[blobs]
        self._dull_for_s[blobs] = np.minimum(2 * self._dull_for_s[blobs], self._config.dull_s[1])
        boxes = self._covered(tracks)
        self._dull_for_s[boxes] = self._config.dull_s[0]

    def moving(self, box: NDArray[np.float32]) -> float:
        """Return the share of a box (float32 (4,), xyxy in pixels of the frame) that moves."""
        part = self._moves[self.part(box)]
        return float((part > 0).mean()) if part.size else 0.0

    def part(self, box: NDArray[np.float32], across: float = 0.0, down: float = 0.0) -> Part:
        """Return the part of the small picture that a box covers.

        Args:
            box: float32 (4,), xyxy in pixels of the frame.
            across: by how much it is enlarged to the left and to the right, in pixels of the small picture.
            down: the same above and below.
        """
        x1, y1, x2, y2 = (box / self._step).tolist()
        left, top = max(int(x1 - across), 0), max(int(y1 - down), 0)
        return slice(top, max(int(y2 + down) + 1, 0)), slice(left, max(int(x2 + across) + 1, 0))

    @property
    def now_s(self) -> float:
        """Time of the last frame; 0 before the first."""
        return 0.0 if self._time_s is None else self._time_s

    def _unexplained(self, tracks: Sequence[Track]) -> NDArray[np.int32]:
        """Return the number of what moves mostly outside all boxes, pixel by pixel; 0 is nothing of that."""
        if (self._moves > 0).mean() > self._config.most_share:
            return np.zeros(self._moves.shape, np.int32)
        number, labels, stats, _ = self._cv2.connectedComponentsWithStats(self._moves, connectivity=8)
        areas = stats[:, self._cv2.CC_STAT_AREA]
        inside = np.bincount(labels[self._covered(tracks)], minlength=number)
        wanted = (areas >= self._config.least_share * labels.size) & (2 * inside < areas)
        wanted[0] = False  # what does not move
        return np.where(wanted[labels], labels, 0).astype(np.int32)

    def _covered(self, tracks: Sequence[Track]) -> Mask:
        covered = np.zeros(self._moves.shape, np.bool_)
        for track in tracks:
            x1, y1, x2, y2 = (track.box / self._step).tolist()
            across, down = self._config.margin * (x2 - x1) + 1, self._config.margin * (y2 - y1) + 1
            covered[self.part(track.box, across, down)] = True
        return covered

    def _around(self, mask: Mask) -> NDArray[np.uint8]:
        """Return a mask and some pixels around it: where what moves may be a frame later."""
        grown: NDArray[np.uint8] = self._cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8))
        return grown


C = TypeVar("C", bound=BackgroundConfig)


class View(Protocol):
    """What one shot shows in motion, such as a ``Background``."""

    def compares(self, frame: Frame) -> bool:
        """Return whether a frame is of the same view."""
        ...

    def see(self, frame: Frame) -> None:
        """Take a frame; the same one again changes nothing."""
        ...

    def asks(self, tracks: Sequence[Track]) -> bool:
        """Return whether something moves that is worth a look, with these tracks on the frame."""
        ...

    def settle(self, tracks: Sequence[Track]) -> None:
        """Learn from the tracks after a look."""
        ...


class Watching(Generic[C]):
    """A trigger: first frame, what its view asks for, longest interval.

    Args:
        config: of the trigger.
        asked: the reason for a look that the view asks for.
        view: makes one, from the config and the height and width of the frames.
    """

    def __init__(self, config: C, asked: Reason, view: Callable[[C, tuple[int, int]], View]) -> None:
        """Begin without a view."""
        self._config, self._asked, self._new_view = config, asked, view
        self.cause: int | None = None
        self.region: NDArray[np.float32] | None = None
        self._looked_s: float | None = None
        self._view: View | None = None

    def reason(self, frame: Frame, tracks: Sequence[Track]) -> Reason | None:
        """Return why the CNN must look at this frame, or None."""
        if self._looked_s is None:
            return Reason.FIRST_FRAME
        asks = self._seen(frame).asks(tracks)
        since_s = frame.time_s - self._looked_s + 5e-4  # time stamps are rounded
        if asks and since_s >= self._config.rest_s:
            return self._asked
        return Reason.INTERVAL if since_s >= self._config.interval_s else None

    def looked(
        self, frame: Frame, result: Sequence[Track], looked_at: NDArray[np.float32] | None = None
    ) -> None:
        """Let the view learn from a look, if it was at all of the frame."""
        if looked_at is not None:
            return
        self._looked_s = frame.time_s
        self._seen(frame).settle(result)

    def _seen(self, frame: Frame) -> View:
        """Return the view after this frame; a new one where nothing can be compared any more."""
        if self._view is None or not self._view.compares(frame):
            self._view = self._new_view(self._config, (frame.height, frame.width))
        self._view.see(frame)
        return self._view
