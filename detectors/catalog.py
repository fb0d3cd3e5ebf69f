"""Find a detector by name (in the manifest of released weights) or by path."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from detectors.errors import UnknownNameError, UsageError, WeightsError
from detectors.protocol import Detector
from detectors.registry import Registry

ZOO = Registry("detectors.zoo", "detector")
REPLAY_SUFFIXES = (".txt", ".csv")


@dataclass(frozen=True, slots=True)
class Choice:
    """A detector that was found, not yet loaded.

    Attributes:
        component: its file in ``detectors.zoo``.
        options: for that file's ``Config``.
        facts: what is known of it, for ``run.json``, in plain types.
    """

    component: str
    options: Mapping[str, object]
    facts: Mapping[str, object]


def manifest() -> dict[str, dict[str, Any]]:
    """Return the released weights by name.

    Raises:
        WeightsError: the manifest is missing or damaged.
    """
    file = resources.files("weights").joinpath("manifest.toml")
    try:
        entries: dict[str, dict[str, Any]] = tomllib.loads(file.read_text())
        return entries
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise WeightsError(f"the weights' manifest cannot be read: {exc}") from exc


def find_detector(name: str) -> Choice:
    """Return what a name or path stands for.

    A name from the manifest; a weight file (``.pt``); or a file of boxes (``.txt``, ``.csv``) to replay, also
    as ``replay:PATH``.

    Raises:
        UnknownNameError: there is no such detector.
        UsageError: ``replay`` without a file.
        WeightsError: the manifest cannot be read, or says too little.
    """
    if name in ("replay", "replay:"):
        raise UsageError("replay needs a file of boxes: --detector replay:det.txt")
    if name.startswith("replay:") or Path(name).suffix.lower() in REPLAY_SUFFIXES:
        path = name.removeprefix("replay:")
        return Choice("replay", {"path": path}, {"name": "replay", "boxes": path})
    if Path(name).suffix.lower() == ".pt":
        file = Path(name)
        facts = {"name": file.stem, "weights": name}
        if file.is_file():  # that it is missing is said by whoever loads it
            facts["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
        return Choice("faster_rcnn", {"weights": name}, facts)
    released = manifest()
    if name not in released:
        raise UnknownNameError("detector", name, [*released, "replay"])
    entry = released[name]
    missing = [
        key
        for key in ("file", "sha256", "architecture")
        if not isinstance(entry, Mapping) or key not in entry
    ]
    if missing:
        raise WeightsError(f"the weights' manifest does not say {', '.join(missing)} of '{name}'")
    weights = str(resources.files("weights").joinpath(str(entry["file"])))
    options = {"weights": weights, "sha256": entry["sha256"]}
    facts = {"name": name, "weights": entry["file"], "sha256": entry["sha256"]}
    return Choice(str(entry["architecture"]), options, facts)


def load_detector(name_or_path: str = "smaller_vgg", **options: object) -> Detector:
    """Load a detector.

    Args:
        name_or_path: see ``find_detector``.
        options: of the detector's own ``Config``, such as ``score=0.3``.

    Raises:
        UnknownNameError: there is no such detector or option.
        WeightsError: weights are missing, damaged or of another network.
    """
    choice = find_detector(name_or_path)
    detector: Detector = ZOO.build(choice.component, {**choice.options, **options})
    return detector
