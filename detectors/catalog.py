"""Find a detector by name (in the manifest of released weights) or by path."""

from __future__ import annotations

import contextlib
import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors import DEFAULT_DETECTOR
from detectors.detections import Detections
from detectors.errors import UnknownNameError, UsageError, WeightsError
from detectors.frame import Frame
from detectors.protocol import Detector, PartDetector
from detectors.registry import Registry

ZOO = Registry("detectors.zoo", "detector")
REPLAY_SUFFIXES = (".txt", ".csv")
MODEL_SUFFIX = ".onnx"
#: Of torchvision's zoo; they stand here so that a name is looked up without torch.
TORCHVISION = (
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A detector that was found, not yet loaded.

    Attributes:
        component: its file in ``detectors.zoo``.
        options: for that file's ``Config``.
        facts: what is known of it, for ``run.json``, in plain types.
        class_names: that it must have; None for those of the file, whatever they are.
    """

    component: str
    options: Mapping[str, object]
    facts: Mapping[str, object]
    class_names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A detector with what it was built from; itself a detector.

    Attributes:
        detector: the one that looks.
        choice: what its name or path stood for when it was built: the file may be another one since.
        options: of the detector's own ``Config``, as they are in force.
    """

    detector: Detector
    choice: Choice
    options: Mapping[str, object]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The detector's classes, in the order of the labels."""
        return self.detector.class_names

    @property
    def born_score(self) -> float | None:
        """The detector's score from which a detection may start a track; None where it has none."""
        score: float | None = getattr(self.detector, "born_score", None)
        return score

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return the detector's answer."""
        return self.detector.detect(frames)

    def detect_within(
        self, frame: Frame, region: NDArray[np.float32]
    ) -> tuple[Detections, NDArray[np.float32] | None]:
        """Return the detector's answer, for the whole frame where it cannot look at a part."""
        if isinstance(self.detector, PartDetector):
            return self.detector.detect_within(frame, region)
        return self.detector.detect([frame])[0], None


@dataclass(frozen=True, slots=True)
class Released:
    """What the manifest says of released weights, as far as the program reads it.

    Attributes:
        architecture: the detector's file in ``detectors.zoo``.
        file: name of the weight file.
        sha256: of that file, in hexadecimal.
        classes: in the order of the labels.
        input_size: width and height of the network's input in pixels.
        backbone: the stack of convolutions.
        use: what it is good for.
        measured: figures by name, such as ``ap50_any_vehicle``.
    """

    architecture: str
    file: str
    sha256: str
    classes: tuple[str, ...]
    input_size: tuple[int, int]
    backbone: str = ""
    use: str = ""
    measured: Mapping[str, object] = field(default_factory=dict)


def manifest() -> dict[str, object]:
    """Return the entries of released weights by name, as they stand there; see ``released``.

    Raises:
        WeightsError: the manifest is missing or damaged.
    """
    file = resources.files("weights").joinpath("manifest.toml")
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise WeightsError(f"the weights' manifest cannot be read: {exc}") from exc


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _are_names(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_is_text, value))


def _is_size(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(n) is int and n > 0 for n in value)


#: How each fact of ``Released`` stands in the manifest.
_FACTS: dict[str, tuple[Callable[[object], bool], str]] = {
    "architecture": (lambda value: value in ZOO.names(), "a kind of detector that this program has"),
    "file": (_is_text, "a name"),
    "sha256": (_is_text, "a digest"),
    "classes": (_are_names, "a list of names"),
    "input_size": (_is_size, "[width, height] in pixels"),
    "backbone": (_is_text, "a name"),
    "use": (lambda value: isinstance(value, str), "a text"),
    "measured": (lambda value: isinstance(value, Mapping), "a table"),
}
_NEEDED = ("architecture", "file", "sha256", "classes", "input_size")


def released(name: str, entry: object) -> Released:
    """Return the manifest's entry ``name``, checked.

    Raises:
        WeightsError: it says too little, or something that cannot be.
    """
    if not isinstance(entry, Mapping):
        raise WeightsError(f"the weights' manifest is wrong about '{name}': it must be a table")
    missing = [key for key in _NEEDED if key not in entry]
    if missing:
        raise WeightsError(f"the weights' manifest does not say {', '.join(missing)} of '{name}'")
    said = {key: entry[key] for key in _FACTS if key in entry}
    wrong = [f"{key} must be {_FACTS[key][1]}" for key, value in said.items() if not _FACTS[key][0](value)]
    if wrong:
        raise WeightsError(f"the weights' manifest is wrong about '{name}': {'; '.join(wrong)}")
    facts: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in said.items()
    }
    return Released(**facts)


def find_detector(name: str) -> Choice:
    """Return what a name or path stands for.

    A name from the manifest; a weight file (``.pt``); an ONNX model with its sidecar (``.onnx``); a file of
    boxes (``.txt``, ``.csv``) to replay, also as ``replay:PATH``; or a network of torchvision's, also as
    ``torchvision:NAME``, with its published weights or, as ``NAME=PATH``, with weights of one's own.

    Raises:
        UnknownNameError: there is no such detector.
        UsageError: ``replay`` without a file, ``torchvision`` without a network.
        WeightsError: the manifest cannot be read, or its entry of that name.
    """
    if name in ("replay", "replay:"):
        raise UsageError("replay needs a file of boxes: --detector replay:det.txt")
    if name.startswith("replay:") or Path(name).suffix.lower() in REPLAY_SUFFIXES:
        path = name.removeprefix("replay:")
        return Choice("replay", {"path": path}, {"name": "replay", "boxes": path})
    if name.partition("=")[0] in TORCHVISION or name.partition(":")[0] == "torchvision":
        return _of_torchvision(name)
    if Path(name).suffix.lower() == ".pt":
        return _own_weights(name)
    if Path(name).suffix.lower() == MODEL_SUFFIX:
        return _own_model(name)
    entries = manifest()
    if name not in entries:
        raise UnknownNameError("detector", name, [*entries, "replay", *TORCHVISION])
    entry = released(name, entries[name])
    weights = str(resources.files("weights").joinpath(entry.file))
    path = "path" if entry.architecture == "onnx" else "weights"
    options = {path: weights, "sha256": entry.sha256}
    facts = {"name": name, "weights": entry.file, "sha256": entry.sha256}
    return Choice(entry.architecture, options, facts, entry.classes)


def weights_file(name: str) -> Path:
    """Return weights to begin from or to learn from: those of a released name, or the file of that path.

    Raises:
        UsageError: the released one is a model to run alone.
        WeightsError: the manifest cannot be read, or its entry of that name.
    """
    entries = manifest()
    if name not in entries:
        return Path(name)
    entry = released(name, entries[name])
    if Path(entry.file).suffix != ".pt":
        raise UsageError(
            f"{name} runs, but neither learns nor teaches: give {entry.backbone}, of which it is made"
        )
    return Path(str(resources.files("weights").joinpath(entry.file)))


def _of_torchvision(name: str) -> Choice:
    network, equals, path = name.removeprefix("torchvision").removeprefix(":").partition("=")
    if not network:
        raise UsageError(f"torchvision needs a network: --detector {', '.join(TORCHVISION)}")
    if network not in TORCHVISION:
        raise UnknownNameError("network of torchvision", network, TORCHVISION)
    if not equals:
        return Choice("torchvision", {"network": network}, {"name": network})
    if not path:
        raise UsageError(f"no weights behind '{name}': --detector {network}=my.pth, or the name alone")
    facts = {"name": network, "weights": path}
    with contextlib.suppress(OSError):  # that it cannot be read is said by whoever loads it
        facts["sha256"] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return Choice("torchvision", {"network": network, "weights": path}, facts)


def _own_weights(path: str) -> Choice:
    facts = {"name": Path(path).stem, "weights": path}
    component = "faster_rcnn"
    with contextlib.suppress(OSError, WeightsError):  # that it cannot be read is said by whoever loads it
        facts["sha256"] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        component = _architecture(path, facts["sha256"])
    return Choice(component, {"weights": path}, facts)


def _own_model(path: str) -> Choice:
    facts = {"name": Path(path).stem, "model": path}
    beside = Path(path).with_suffix(".toml")
    with contextlib.suppress(OSError):  # that one cannot be read is said by whoever loads it
        facts["sha256"] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        facts["sidecar_sha256"] = hashlib.sha256(beside.read_bytes()).hexdigest()
    return Choice("onnx", {"path": path}, facts)


@lru_cache(maxsize=1)
def _architecture(path: str, sha256: str) -> str:
    """Return the zoo's file for these weights; the digest is there so that an altered file is read again."""
    from detectors.zoo._weights import architecture_of  # torch, which a list of names can do without

    return architecture_of(Path(path))


def build_detector(choice: Choice, options: Mapping[str, object]) -> Loaded:
    """Build a detector that was found.

    Args:
        choice: what ``find_detector`` returned.
        options: of the detector's own ``Config``, beside those that the choice brings along.

    Raises:
        UnknownNameError: there is no such option.
        WeightsError: weights are missing, damaged, of another network, or of another class list than the
            manifest says.
    """
    config = ZOO.config(choice.component, {**choice.options, **options})
    detector: Detector = ZOO.load(choice.component).build(config)
    if choice.class_names is not None and detector.class_names != choice.class_names:
        raise WeightsError(
            f"{choice.facts['weights']} are weights of another class list than the manifest says: "
            f"{', '.join(detector.class_names)}, not {', '.join(choice.class_names)}"
        )
    said = asdict(config)
    left = {name: getattr(detector, name, said[name]) for name in said if said[name] in (None, "auto")}
    return Loaded(detector, choice, {**said, **left})


def load_detector(name_or_path: str = DEFAULT_DETECTOR, **options: object) -> Detector:
    """Load a detector.

    Args:
        name_or_path: see ``find_detector``.
        options: of the detector's own ``Config``, such as ``score=0.3``.

    Raises:
        UnknownNameError: there is no such detector or option.
        WeightsError: weights are missing, damaged, or of another network or class list.
    """
    return build_detector(find_detector(name_or_path), options).detector
