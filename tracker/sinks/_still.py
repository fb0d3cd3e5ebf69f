"""A picture of the empty road out of some pictures of the busy one: per pixel the median of what was free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import areas
from detectors.opencv import load_cv2
from tracker.sinks._blur import Place, hide, place_of
from tracker.sinks._known import Known

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_BAND_ROWS = 64
_QUALITY = 92
_ALIKE = 0.6  # correlation from which a thing in a sample is still in the still
_LARGE = 0.08  # of the picture
_RIM = 0.25  # of a box's side
_FLAT = 4.0  # standard deviation in grey levels: below, there is nothing to be seen


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture of the road, small in memory.

    Attributes:
        bands: JPEG of every 64 rows: so that a strip of all samples can be opened without their rest.
        boxes: float32 (N, 4) xyxy in pixels, of everybody who stands in the way.
        places: what of them must be hidden if it stays visible.
        sure: bool (N,), who is a confirmed track.
    """

    bands: tuple[bytes, ...]
    boxes: NDArray[np.float32]
    places: tuple[Place, ...]
    sure: NDArray[np.bool_]

    @classmethod
    def of(cls, image: Image, known: Sequence[Known], class_names: Sequence[str]) -> Sample:
        """Pack uint8 (H, W, 3) with who is known to be on it."""
        cv2 = load_cv2()
        parts = (image[top : top + _BAND_ROWS] for top in range(0, len(image), _BAND_ROWS))
        packed = (cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1] for part in parts)
        return cls(
            bands=tuple(data.tobytes() for data in packed),
            boxes=np.array([who.box for who in known], np.float32).reshape(-1, 4),
            places=tuple(place_of(who, class_names) for who in known),
            sure=np.array([who.sure for who in known], np.bool_),
        )

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return sum(map(len, self.bands))

    def band(self, number: int) -> Image:
        """Open a strip of up to 64 rows."""
        cv2 = load_cv2()
        image: Image = cv2.imdecode(np.frombuffer(self.bands[number], np.uint8), cv2.IMREAD_COLOR)
        return image

    def image(self) -> Image:
        """Open the whole picture."""
        return np.concatenate([self.band(number) for number in range(len(self.bands))])


def empty_road(samples: Sequence[Sample]) -> Image:
    """Return uint8 (H, W, 3): per pixel and colour the median of the samples in which nobody stood there.

    Where somebody stood in all of them it is the median of all. Of an even number the lower one of the two
    in the middle. It takes a strip at a time, so that memory stays small at any size.
    """
    return np.concatenate([_median(*_band(samples, number)) for number in range(len(samples[0].bands))])


def hide_who_stayed(still: Image, samples: Sequence[Sample]) -> Image:
    """Return the still with those hidden who are to be seen in it.

    Whoever drove on is not in it. Who stayed looks there as in the sample; and where somebody stood in every
    sample, somebody is to be seen.
    """
    stayed: list[Place] = []
    taken = _never_free(still.shape[:2], samples)
    for sample in samples:
        image = sample.image()
        # what was seen once and fills much of the picture is more likely the road itself
        believed = sample.sure | (areas(sample.boxes) <= _LARGE * taken.size)
        for box, place, is_there in zip(sample.boxes, sample.places, believed, strict=True):
            if is_there and _is_alike(_core(box), still, image):
                stayed.append(place)
            else:
                stayed += _never_free_part(place, taken)
    return hide(still, stayed)


def _band(samples: Sequence[Sample], number: int) -> tuple[Image, Mask]:
    """Return a strip of all samples (N, h, W, 3) and where somebody stood in the way (N, h, W)."""
    values = np.stack([sample.band(number) for sample in samples])
    rows, columns = values.shape[1:3]
    taken = np.zeros(values.shape[:3], np.bool_)
    for mask, sample in zip(taken, samples, strict=True):
        for x1, y1, x2, y2 in _whole(sample.boxes, number * _BAND_ROWS, rows, columns):
            mask[y1:y2, x1:x2] = True
    return values, taken & ~taken.all(0)


def _median(values: Image, taken: Mask) -> Image:
    """Return (h, W, 3), the median over the first axis of what is not taken; changes ``values``."""
    values[taken] = 255  # sorted behind what is free
    free = len(values) - taken.sum(0)
    for i, j in _network(len(values)):
        low = np.minimum(values[i], values[j])
        np.maximum(values[i], values[j], out=values[j])
        values[i] = low
    middle = np.broadcast_to(((free - 1) // 2)[None, :, :, None], (1, *values.shape[1:]))
    return np.asarray(np.take_along_axis(values, middle, 0)[0], np.uint8)


def _network(n: int) -> Iterator[tuple[int, int]]:
    """Yield the comparisons of Batcher's odd-even merge sort (1968): whole arrays at once."""
    p = 1
    while p < n:
        k = p
        while k:
            for j in range(k % p, n - k, 2 * k):
                for i in range(j, min(j + k, n - k)):
                    if i // (2 * p) == (i + k) // (2 * p):
                        yield i, i + k
            k //= 2
        p *= 2


def _whole(
    boxes: NDArray[np.float32], top: int, rows: int, columns: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes as whole pixels of a strip that begins at row ``top``."""
    for x1, y1, x2, y2 in boxes.tolist():
        yield (
            int(np.clip(np.floor(x1), 0, columns)),
            int(np.clip(np.floor(y1) - top, 0, rows)),
            int(np.clip(np.ceil(x2), 0, columns)),
            int(np.clip(np.ceil(y2) - top, 0, rows)),
        )


def _never_free(shape: tuple[int, ...], samples: Sequence[Sample]) -> Mask:
    """Return (H, W), where somebody stood in all samples."""
    taken = np.ones(shape, np.bool_)
    for sample in samples:
        mask = np.zeros(shape, np.bool_)
        for x1, y1, x2, y2 in _whole(sample.boxes, 0, *shape):
            mask[y1:y2, x1:x2] = True
        taken &= mask
    return taken


def _never_free_part(place: Place, taken: Mask) -> list[Place]:
    """Return what of a place was never free: the smallest box around it, or nothing."""
    x1, y1, x2, y2 = (max(side, 0) for side in place.box)
    rows, columns = np.nonzero(taken[y1:y2, x1:x2])
    if rows.size == 0:
        return []
    left, top, right, bottom = columns.min(), rows.min(), columns.max(), rows.max()
    box = (x1 + int(left), y1 + int(top), x1 + int(right) + 1, y1 + int(bottom) + 1)
    return [Place(box, place.block_px)]


def _core(box: NDArray[np.float32]) -> tuple[slice, slice]:
    """Return the middle of a box: around it is road, which looks alike whoever stands before it."""
    x1, y1, x2, y2 = box.tolist()
    dx, dy = _RIM * (x2 - x1), _RIM * (y2 - y1)
    top, bottom = max(int(y1 + dy), 0), max(int(y2 - dy) + 1, 0)
    left, right = max(int(x1 + dx), 0), max(int(x2 - dx) + 1, 0)
    return slice(top, bottom), slice(left, right)


def _is_alike(part: tuple[slice, slice], still: Image, image: Image) -> bool:
    """Return whether two pictures show the same thing there; on bare asphalt there is nothing to see."""
    one, two = (picture[part].astype(np.float32) for picture in (still, image))
    if one.size == 0:
        return False
    one, two = one - one.mean((0, 1)), two - two.mean((0, 1))
    return one.std() >= _FLAT and bool((one * two).mean() > _ALIKE * one.std() * two.std())
