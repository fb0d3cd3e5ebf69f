"""Features of pictures, kept beside a training: the next learner on them begins at once."""

from __future__ import annotations

import hashlib
import time
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.classifiers.features import features_of
from detectors.classifiers.models import Built
from detectors.training.classifier.pictures import Pictures


def kept_features(
    file: Path, built: Built, pictures: Pictures, device: str
) -> tuple[NDArray[np.float32], float]:
    """Return what a network makes of pictures, float32 (N, D), and the seconds that it took.

    Args:
        file: where they are kept; those of another network or of other pictures are replaced.
        built: the network.
        pictures: N of them.
        device: where to compute.
    """
    began, key = time.monotonic(), _key(built, pictures)
    known = _read(file, key)
    if known is not None:
        return known, time.monotonic() - began
    features = features_of(built, pictures.images, device=device)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    with part.open("wb") as stream:
        np.savez(stream, key=np.array(key), features=features)
    part.replace(file)
    return features, time.monotonic() - began


def _read(file: Path, key: str) -> NDArray[np.float32] | None:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            return np.asarray(kept["features"], np.float32) if str(kept["key"]) == key else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _key(built: Built, pictures: Pictures) -> str:
    """A digest of all that the features follow from."""
    digest = hashlib.sha256(f"1 {built.name} {built.normalisation}".encode())
    for name, tensor in built.net.state_dict().items():
        if not name.startswith(f"{built.head}."):
            digest.update(tensor.detach().cpu().numpy().tobytes())
    for image in pictures.images:
        digest.update(image.tobytes())
    return digest.hexdigest()
