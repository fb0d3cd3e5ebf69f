"""Pictures as a classifier takes them: square, and with the values that it was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.errors import DataError
from detectors.opencv import load_cv2

cv2 = load_cv2()

NORMALISATIONS = ("own", "imagenet")
Fit = Literal["stretch", "crop"]

#: Of RGB values in [0, 1] over ImageNet's pictures, as torchvision's networks take them.
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def squared(
    image: NDArray[np.uint8], size: int, channels: int = 3, fit: Fit = "stretch"
) -> NDArray[np.uint8]:
    """Return a picture as uint8 (channels, size, size), BGR or grey.

    Args:
        image: uint8 (H, W, 3) BGR.
        size: side of the square in pixels.
        channels: 3, or 1 for grey.
        fit: "stretch" squeezes the whole picture into the square; "crop" keeps its shape and cuts off what
            is too long, in equal parts.
    """
    if fit == "crop":
        side = min(image.shape[:2])
        top, left = ((length - side) // 2 for length in image.shape[:2])
        image = image[top : top + side, left : left + side]
    smaller = size < min(image.shape[:2])
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    if channels == 1:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def to_input(images: Tensor, kind: str) -> Tensor:
    """Return float (N, C, H, W) for uint8 (N, C, H, W) BGR or grey pictures.

    Args:
        images: the pictures.
        kind: "own" keeps BGR and takes value / 255 - 0.45, as the project's detectors do; "imagenet" makes
            RGB with ImageNet's mean and spread, as torchvision's networks do.
    """
    values = images.float() / 255
    if kind == "own" or images.shape[1] == 1:
        return values - 0.45
    mean, spread = (torch.tensor(of, device=images.device).view(1, 3, 1, 1) for of in (_MEAN, _SPREAD))
    return (values.flip(1) - mean) / spread


def read_squared(path: Path, size: int, channels: int = 3, fit: Fit = "stretch") -> NDArray[np.uint8]:
    """Return a picture file as ``squared`` does.

    Raises:
        DataError: it cannot be read.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"picture {path} cannot be read")
    return squared(np.asarray(image, np.uint8), size, channels, fit)
