"""Weight files of classifiers: tensors with all that is needed to name a picture.

A file holds a dict of plain types and tensors, so that ``torch.load(weights_only=True)`` reads it and no code
in it is ever run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from detectors.classifiers.models import Built, Options, build_model
from detectors.classifiers.pixels import Fit
from detectors.errors import ProjectError, WeightsError
from detectors.networks.feature_heads import LinearHead, TreesHead
from detectors.zoo._weights import sha256_of, write_file

FORMAT = 1
KIND = "classifier"
#: What can take the place of a network's dense layers.
LEARNERS: dict[str, type[LinearHead] | type[TreesHead]] = {"linear": LinearHead, "trees": TreesHead}


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """A network that was trained, and the names of its classes.

    Attributes:
        built: the network.
        class_names: in the order of its outputs.
        fit: how a picture becomes square, see ``detectors.classifiers.pixels.squared``.
    """

    built: Built
    class_names: tuple[str, ...]
    fit: Fit = "stretch"


def save_classifier(path: Path, classifier: Classifier) -> str:
    """Write the weights in half precision and return the file's sha256.

    Raises:
        DetectorError: the file cannot be written.
    """
    built = classifier.built
    tensors = {name: tensor.detach().cpu() for name, tensor in built.net.state_dict().items()}
    # a picture on the threshold of a question would fall to the other side of it
    exact = f"{built.head}." if built.learner[:1] == ("trees",) else " "
    tensors = {
        name: tensor.half() if tensor.is_floating_point() and not name.startswith(exact) else tensor
        for name, tensor in tensors.items()
    }
    content = {
        "format": FORMAT,
        "kind": KIND,
        "model": built.name,
        "options": asdict(built.options),
        "class_names": list(classifier.class_names),
        "fit": classifier.fit,
        "learner": list(built.learner),
        "weights": tensors,
    }
    write_file(path, content)
    return sha256_of(path)


def read_file(path: Path) -> Mapping[str, Any]:
    """Return what a file of weights holds: a classifier's, a detector's or a plain dict of tensors.

    Raises:
        WeightsError: the file is missing, damaged or no weight file.
    """
    if not path.is_file():
        raise WeightsError(f"weights {path} are missing: there is no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch.load raises whatever its readers raise: zip, pickle, key and type errors
        reason = type(exc).__name__
        raise WeightsError(f"weights {path} cannot be read: damaged, or no weights ({reason})") from exc
    if not isinstance(content, Mapping):
        raise WeightsError(f"weights {path} hold no tensors by name")
    return content


def is_classifier(path: Path) -> bool:
    """Whether a file holds a classifier's weights.

    Raises:
        WeightsError: the file is missing, damaged or no weight file.
    """
    return read_file(path).get("kind") == KIND


def stack_of(path: Path) -> str | None:
    """Return the name of the network or stack of convolutions of a weight file; None where it says none.

    Raises:
        WeightsError: the file is missing, damaged or no weight file.
    """
    content = read_file(path)
    name = content.get("model") if content.get("kind") == KIND else content.get("backbone")
    return None if name is None else str(name)


def as_floats(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors in single precision; those of whole numbers as they are."""
    return {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def _with_learner(built: Built, learner: tuple[str | int, ...]) -> Built:
    if not learner:
        return built
    kind, *shape = learner
    setattr(built.net, built.head, LEARNERS[str(kind)](*map(int, shape)))
    return replace(built, learner=learner)


def load_classifier(path: Path) -> Classifier:
    """Return the classifier of a weight file, ready to name pictures.

    Raises:
        WeightsError: the file is missing, damaged, or holds something else.
    """
    content = read_file(path)
    if content.get("kind") != KIND:
        what = "a detector" if "architecture" in content else "no classifier that this program has trained"
        raise WeightsError(f"weights {path} are of {what}")
    if content["format"] != FORMAT:
        raise WeightsError(f"weights {path} are of format {content['format']}: this program reads {FORMAT}")
    try:
        names = tuple(map(str, content["class_names"]))
        built = build_model(str(content["model"]), len(names), Options(**content["options"]))
        built = _with_learner(built, tuple(content.get("learner", ())))
        built.net.load_state_dict(as_floats(content["weights"]))
    except ProjectError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as exc:
        raise WeightsError(f"weights {path} are damaged: {type(exc).__name__}") from exc
    built.net.eval()
    return Classifier(built, names, "crop" if content.get("fit") == "crop" else "stretch")
