"""How alike two cut-out objects look: their colours, and what a network makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.classifiers.features import features_of
from detectors.classifiers.models import OWN, Built, Options, build_model
from detectors.classifiers.pixels import squared
from detectors.classifiers.starting import PUBLISHED, start_from
from detectors.classifiers.weights import load_classifier, read_file
from detectors.errors import UsageError, WeightsError
from detectors.zoo._appearance import colours_of

Image = NDArray[np.uint8]

#: Of the network's features in the similarity; the rest are colours. See ``benchmarks/lookalikes.py``.
FEATURE_SHARE = 0.3
#: Side in pixels of what a detector's stack of convolutions is shown: much larger than the objects it knows
#: is of no use to it.
_SIDE = 64
#: Fewer vectors than this have no mean and spread worth the name.
_ENOUGH = 8


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What some objects look like.

    Attributes:
        colours: float32 (N, 384), each of unit length.
        features: float32 (N, D), as the network has them.
    """

    colours: NDArray[np.float32]
    features: NDArray[np.float32]


def backbone(name: str) -> Built:
    """Return a network whose features are taken.

    Args:
        name: path of a classifier's or a detector's weights, or ``published:NETWORK`` for what torchvision or
            timm publish.

    Raises:
        UsageError: it is a detector without a stack of convolutions of this project's.
        WeightsError: the weights cannot be read or fetched.
        UnknownNameError: there is no such network.
    """
    if name.startswith(f"{PUBLISHED}:"):
        built = build_model(name.partition(":")[2], 2)
        start_from(built, PUBLISHED, ())
        return built
    content = read_file(Path(name))
    if content.get("kind"):
        return load_classifier(Path(name)).built
    stack = str(content.get("backbone"))
    if "architecture" not in content:
        raise WeightsError(f"weights {name} do not say of which network they are")
    if stack not in OWN:
        raise UsageError(f"weights {name} are on '{stack}': there is {', '.join(OWN)}")
    built = build_model(stack, 2, Options(size=_SIDE))
    start_from(built, name, ())
    return built


def looks_of(crops: Sequence[Image], built: Built) -> Looks:
    """Return what objects look like.

    Args:
        crops: uint8 (H, W, 3) BGR each, cut out along their boxes.
        built: see ``backbone``.
    """
    if not crops:
        return Looks(np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32))
    boxes = [np.array([0, 0, crop.shape[1], crop.shape[0]], np.float32) for crop in crops]
    colours = np.stack([colours_of(crop, box) for crop, box in zip(crops, boxes, strict=True)])
    shape = built.size, built.channels
    features = features_of(built, np.stack([squared(crop, *shape) for crop in crops]))
    return Looks(_unit(colours), features)


def similarities(query: Looks, known: Looks, feature_share: float = FEATURE_SHARE) -> NDArray[np.float32]:
    """Return how alike each query is to each that is known: float32 (Q, N), at most 1.

    Features are taken less their mean and in units of their spread over those that are known: what all
    objects have in common says nothing. The search is exact: among 200,000 sights (those of some 70,000
    tracks) it takes 4 to 7 seconds on two slow cores, most of which is that standard. Where more are asked
    more often, an index that holds standardised vectors, such as FAISS's, takes over.
    """
    mean, spread = np.float32(0), np.float32(1)
    if len(known.features) >= _ENOUGH:
        mean, spread = known.features.mean(0), known.features.std(0) + 1e-4
    ours, theirs = (_unit((looks.features - mean) / spread) for looks in (query, known))
    colours = query.colours @ known.colours.T
    return np.asarray(feature_share * (ours @ theirs.T) + (1 - feature_share) * colours, np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-6), np.float32)
