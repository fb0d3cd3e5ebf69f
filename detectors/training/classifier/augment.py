"""Pictures altered at random, so that few stand for many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torchvision.transforms import v2

from detectors.errors import UnknownNameError, UsageError


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much a picture may be altered; 0 (``crop``: 1) leaves it as it is.

    Attributes:
        shift: largest shift, as a share of the sides.
        rotate: largest rotation in degrees.
        flip: probability of a mirror image.
        crop: smallest share of the picture that is cut out and enlarged.
        brightness: largest change, as a share.
        contrast: largest change, as a share.
        mixup: both shapes of the beta distribution by which a picture and another of its batch, and their
            labels, are mixed (Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018); of
            several processes each mixes its own part.
    """

    shift: float = 0.0
    rotate: float = 0.0
    flip: float = 0.0
    crop: float = 1.0
    brightness: float = 0.0
    contrast: float = 0.0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        """Raise UsageError for a number out of its range."""
        for field in fields(self):
            value, most = getattr(self, field.name), 180 if field.name == "rotate" else 1
            if not 0 <= value <= most or (field.name == "crop" and value == 0):
                raise UsageError(f"--augment {field.name} must lie in [0, {most}], not {value}")


NONE = Augmentation()
USUAL = Augmentation(shift=0.1, rotate=10, flip=0.5, crop=0.8, brightness=0.2, contrast=0.2)


def augmentation(numbers: Mapping[str, float], base: Augmentation) -> Augmentation:
    """Return ``base`` with some of its numbers changed.

    Raises:
        UnknownNameError: there is no such alteration.
        UsageError: a number is out of its range.
    """
    known = [field.name for field in fields(Augmentation)]
    for name in numbers:
        if name not in known:
            raise UnknownNameError("alteration of --augment", name, known)
    return Augmentation(**{name: numbers.get(name, getattr(base, name)) for name in known})


class Augment:
    """Alters pictures, each in a way of its own that its seed decides.

    Args:
        how: how much.
        size: side of the pictures in pixels.
    """

    def __init__(self, how: Augmentation, size: int) -> None:
        """Put torchvision's transforms together."""
        self.how = how
        steps: list[torch.nn.Module] = []
        if how.flip:
            steps.append(v2.RandomHorizontalFlip(how.flip))
        if how.shift or how.rotate:
            linear = v2.InterpolationMode.BILINEAR
            shift = (how.shift, how.shift) if how.shift else None
            # what is turned in from outside is grey, the middle of the values
            steps.append(v2.RandomAffine(how.rotate, shift, interpolation=linear, fill=115))
        if how.crop < 1:
            steps.append(v2.RandomResizedCrop(size, (how.crop, 1.0), (0.8, 1.25), antialias=True))
        if how.brightness or how.contrast:
            steps.append(v2.ColorJitter(how.brightness, how.contrast))
        self._steps = v2.Compose(steps) if steps else None

    def __call__(self, image: Tensor, seed: int) -> Tensor:
        """Return uint8 (C, size, size) for uint8 (C, size, size); global random numbers stay untouched."""
        if self._steps is None:
            return image
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            altered: Tensor = self._steps(image)
        return altered


def mixed(inputs: Tensor, targets: Tensor, mixup: float) -> tuple[Tensor, Tensor]:
    """Mix each picture with another of its batch.

    Args:
        inputs: float (N, C, H, W).
        targets: float (N, classes), what each is to which share.
        mixup: both shapes of the beta distribution of the other's share, one for the batch; 0 mixes nothing.

    Returns:
        Both, mixed alike.
    """
    if not mixup:
        return inputs, targets
    shape = torch.tensor(mixup)
    share = float(torch.distributions.Beta(shape, shape).sample())
    other = torch.randperm(len(inputs)).to(inputs.device)
    return inputs.lerp(inputs[other], share), targets.lerp(targets[other], share)
