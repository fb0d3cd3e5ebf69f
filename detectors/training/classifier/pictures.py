"""Pictures with a class each: read, checked, and split for training and validation."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.bank.hashing import NEAR, near_groups, perceptual_hash
from detectors.classifiers.pixels import Fit, squared
from detectors.errors import DataError, UsageError
from detectors.opencv import load_cv2
from detectors.training.classifier.samples import Sample

cv2 = load_cv2()

#: Bytes of pixels above which they are kept in a file and not in memory.
IN_MEMORY = 6 * 2**30
#: Room around a box, as a share of its sides.
MARGIN = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Pictures in memory.

    Attributes:
        images: uint8 (N, C, size, size), BGR or grey.
        labels: int64 (N,), 0-based.
        paths: of their files.
        class_names: in the order of the labels.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    paths: tuple[Path, ...]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)

    def chosen(self, rows: NDArray[np.intp]) -> Pictures:
        """Return some of them."""
        paths = tuple(self.paths[row] for row in rows)
        return Pictures(self.images[rows], self.labels[rows], paths, self.class_names)


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Samples with their pixels.

    Attributes:
        pictures: all of them, in the order of the samples.
        splits: "train", "val" or None, of each.
        digests: of the pixels as they stand in the file, of each.
        groups: int64 (N,): pictures that look alike, such as frames of one video, have one number.
        left_out: how many were left out as bad.
    """

    pictures: Pictures
    splits: tuple[str | None, ...]
    digests: tuple[str, ...]
    groups: NDArray[np.int64]
    left_out: int

    @property
    def fingerprint(self) -> str:
        """A digest of pixels, labels and class names, wherever the files lie."""
        rows = sorted(zip(self.digests, self.pictures.labels.tolist(), strict=True))
        return hashlib.sha256(repr((self.pictures.class_names, rows)).encode()).hexdigest()[:12]


def read_samples(
    samples: Sequence[Sample],
    class_names: tuple[str, ...],
    size: int,
    channels: int = 3,
    fit: Fit = "stretch",
    skip_bad: bool = False,
) -> Read:
    """Decode all pictures.

    Args:
        samples: what to read.
        class_names: in the order of the labels.
        size: side of the square that they become, in pixels.
        channels: 3 (BGR) or 1 (grey).
        fit: how they become square, see ``detectors.classifiers.pixels.squared``.
        skip_bad: leave out what cannot be read, and all copies of what stands in two classes.

    Raises:
        DataError: one of these is met, and not to be left out; or a class has none left.
    """
    shape = (len(samples), channels, size, size)
    images = _room(shape)
    digests: list[str] = []
    hashes = np.zeros(len(samples), np.uint64)
    with ThreadPoolExecutor(4) as pool:  # OpenCV decodes outside of Python's lock
        for start in range(0, len(samples), 256):  # in parts, so that no more than these wait in memory
            some = samples[start : start + 256]
            decoded = pool.map(lambda sample: _decode(sample, size, channels, fit), some)
            for row, (pixels, digest, alike) in enumerate(decoded, start):
                images[row] = 0 if pixels is None else pixels
                digests.append(digest)
                hashes[row] = alike
    bad = _bad(samples, digests, class_names)
    if bad and not skip_bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise DataError(f"{bad[min(bad)]}{more}; correct that, or leave such pictures out with --skip-bad")
    rows = np.array([row for row in range(len(samples)) if row not in bad], np.intp)
    kept = [samples[row] for row in rows]
    pictures = Pictures(
        images if not bad else images[rows],
        np.array([sample.label for sample in kept], np.int64),
        tuple(sample.path for sample in kept),
        class_names,
    )
    splits, digests_kept = tuple(s.split for s in kept), tuple(digests[row] for row in rows)
    return Read(pictures, splits, digests_kept, near_groups(hashes[rows], NEAR), len(bad))


def _room(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if np.prod(shape, dtype=np.int64) <= IN_MEMORY:
        return np.empty(shape, np.uint8)
    return np.memmap(tempfile.TemporaryFile(), np.uint8, "w+", shape=shape)  # gone with the process


def _decode(
    sample: Sample, size: int, channels: int, fit: Fit
) -> tuple[NDArray[np.uint8] | None, str, np.uint64]:
    image = cv2.imread(str(sample.path), cv2.IMREAD_COLOR)
    if image is None:
        return None, "", np.uint64(0)
    if sample.box is not None:
        image = _cut_out(image, sample.box)
    digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()[:16]
    image = np.asarray(image, np.uint8)
    return squared(image, size, channels, fit), digest, perceptual_hash(image)


def _cut_out(image: NDArray[np.uint8], box: tuple[float, ...]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    x, y = (box[2] - box[0]) * MARGIN, (box[3] - box[1]) * MARGIN
    left, top = max(int(box[0] - x), 0), max(int(box[1] - y), 0)
    right, bottom = min(int(np.ceil(box[2] + x)), width), min(int(np.ceil(box[3] + y)), height)
    return image[min(top, height - 1) : max(bottom, top + 1), min(left, width - 1) : max(right, left + 1)]


def _bad(samples: Sequence[Sample], digests: Sequence[str], class_names: Sequence[str]) -> dict[int, str]:
    """Return by row what is wrong with samples: they cannot be read, or stand in two classes."""
    alike = defaultdict(list)
    for row, digest in enumerate(digests):
        alike[digest].append(row)
    bad = {row: f"picture {samples[row].path} cannot be read" for row in alike.pop("", ())}
    for rows in alike.values():
        labels = {samples[row].label: row for row in rows}
        if len(labels) > 1:
            (one, first), (other, second) = sorted(labels.items())[:2]
            said = f"{samples[first].path} and {samples[second].path} are the same picture"
            bad |= dict.fromkeys(rows, f"{said}, once {class_names[one]} and once {class_names[other]}")
    return bad


def split_pictures(
    read: Read, val_share: float, seed: int, train_share: float = 1.0
) -> tuple[Pictures, Pictures]:
    """Return the pictures to train with, and those to validate with.

    Where the folder does not say, a share of each class is drawn for validation; pictures that look alike
    stay together. The same seed draws the same pictures, whatever share of the others is trained with.

    Args:
        read: all pictures.
        val_share: of each class for validation, where the folder does not say.
        seed: of the draw.
        train_share: of each class's training pictures that are used.

    Raises:
        UsageError: a share is out of its range.
        DataError: a class is left without pictures on a side.
    """
    if not 0 < val_share < 1:
        raise UsageError(f"--val must lie between 0 and 1, not {val_share}")
    if not 0 < train_share <= 1:
        raise UsageError(f"--train-share must lie above 0 and be at most 1, not {train_share}")
    said = any(split is not None for split in read.splits)
    sides = np.array([split == "val" for split in read.splits]) if said else _drawn(read, val_share, seed)
    rng = np.random.default_rng((seed, 1))
    train: list[int] = []
    for label, name in enumerate(read.pictures.class_names):
        own = np.flatnonzero((read.pictures.labels == label) & ~sides)
        if not len(own) or not sides[read.pictures.labels == label].any():
            raise DataError(
                f"class '{name}' has no pictures left to {'validate' if len(own) else 'train'} with"
            )
        train += sorted(rng.permutation(own)[: max(round(len(own) * train_share), 1)].tolist())
    return read.pictures.chosen(np.array(train, np.intp)), read.pictures.chosen(np.flatnonzero(sides))


def _drawn(read: Read, share: float, seed: int) -> NDArray[np.bool_]:
    """Return which pictures are drawn for validation; those of one group go together."""
    rng, sides = np.random.default_rng((seed, 0)), np.zeros(len(read.digests), bool)
    for label in range(len(read.pictures.class_names)):
        rows = np.flatnonzero(read.pictures.labels == label)
        groups = read.groups[rows]
        if len(set(groups.tolist())) < 2:  # all alike: then copies alone are kept together
            groups = np.unique([read.digests[row] for row in rows], return_inverse=True)[1]
        sides[rows] = np.isin(groups, _some_groups(groups, share, rng))
    return sides


def _some_groups(groups: NDArray[np.int64], share: float, rng: np.random.Generator) -> list[int]:
    """Return groups that hold a share of the pictures, as nearly as may be: one at least, and not all."""
    names, sizes = np.unique(groups, return_counts=True)
    wanted, taken = max(round(len(groups) * share), 1), 0
    chosen: list[int] = []
    for place in rng.permutation(len(names)):
        if taken + sizes[place] <= wanted and len(chosen) < len(names) - 1:
            chosen.append(int(names[place]))
            taken += int(sizes[place])
    return chosen or [int(names[sizes.argmin()])]
