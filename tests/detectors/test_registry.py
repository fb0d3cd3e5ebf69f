"""Components are listed without importing them, and their options are checked and converted."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

import pytest

import detectors
from detectors.catalog import manifest
from detectors.errors import UnknownNameError, UsageError
from detectors.registry import Registry, read_config

ZOO = Registry("detectors.zoo", "detector")


@dataclass(frozen=True, slots=True)
class Config:
    must: str
    flag: bool = False
    share: float = 0.5
    count: int = 3
    maybe: float | None = 1.0
    device: int | str = 0
    mode: Literal["fast", "good"] = "fast"
    sizes: tuple[int, ...] = ()
    point: tuple[float, str] = (0.0, "a")

    def __post_init__(self) -> None:
        if self.share > 1:
            raise ValueError("share must be at most 1")


def read(**options: object) -> Config:
    return read_config(Config, {"must": "here", **options}, "thing box")


def alone(code: str) -> str:
    """Return what a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_names_without_imports() -> None:
    assert {"faster_rcnn", "replay"} <= set(ZOO.names())
    assert not [name for name in ZOO.names() if name.startswith("_")]
    code = (
        "import sys; from detectors.registry import Registry; Registry('detectors.zoo', 'd').names();"
        "print([m for m in sys.modules if m.startswith('detectors.zoo.') or m in ('torch', 'cv2')])"
    )
    assert alone(code) == "[]"


def test_the_doors_are_lazy() -> None:
    code = (
        "import sys, detectors; loaded = {'torch', 'cv2', 'torchvision', 'numpy'} & set(sys.modules);"
        "from detectors import Frame, Detections; later = {'torch', 'cv2'} & set(sys.modules);"
        "print(loaded, later)"
    )
    assert alone(code) == "set() set()"


def test_every_door_opens() -> None:
    for name in set(detectors.__all__) - {"DEFAULT_DETECTOR"}:
        assert getattr(detectors, name).__name__ == name
    assert detectors.DEFAULT_DETECTOR in manifest()
    with pytest.raises(AttributeError, match="no attribute 'load_detectors'"):
        _ = detectors.load_detectors


def test_an_unknown_component_gives_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown detector 'replai': did you mean replay"):
        ZOO.load("replai")
    with pytest.raises(UnknownNameError, match=r"there is .*faster_rcnn, .*replay"):
        ZOO.load("zzzzzz")


def test_an_option_of_another_component_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown option of detector replay 'min_scor'.* min_score"):
        ZOO.config("replay", {"path": "x", "min_scor": 1})
    with pytest.raises(UsageError, match="detector replay needs path"):
        ZOO.config("replay")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        *[("flag", word, True) for word in (True, "true", "Yes", "1", 1)],
        *[("flag", word, False) for word in (False, "false", "NO", "0", 0)],
        ("share", "0.25", 0.25),
        ("share", 1, 1.0),
        ("count", "7", 7),
        ("count", 7.0, 7),
        ("maybe", "none", None),
        ("maybe", "", None),
        ("maybe", None, None),
        ("maybe", "2.5", 2.5),
        ("device", "0", 0),
        ("device", 2, 2),
        ("device", "/dev/video0", "/dev/video0"),
        ("mode", "good", "good"),
        ("sizes", "1,2, 3", (1, 2, 3)),
        ("sizes", [4, 5], (4, 5)),
        ("sizes", "", ()),
        ("point", "1.5,b", (1.5, "b")),
        ("must", "there", "there"),
    ],
)
def test_options_are_converted(option: str, value: object, expected: object) -> None:
    result = getattr(read(**{option: value}), option)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("flag", "perhaps", "thing box: flag must be bool, not 'perhaps'"),
        ("flag", 2, "flag must be bool"),
        ("share", "much", "share must be float"),
        ("share", True, "share must be float"),
        ("share", 1.5, "share must be at most 1"),
        ("share", "nan", "share must be float, not .nan."),
        ("count", 2.7, "count must be int, not '2.7'"),
        ("count", "2.7", "count must be int"),
        ("count", float("inf"), "count must be int"),
        ("maybe", "x", "maybe must be float"),
        ("device", 1.5, "device must be str"),
        ("mode", "slow", "mode must be one of fast, good, not 'slow'"),
        ("sizes", "1,x", "sizes must be int, not 'x'"),
        ("sizes", 3, "sizes must be a list"),
        ("point", "1", "point must have 2 values, not 1"),
        ("must", 5, "must must be str"),
    ],
)
def test_wrong_values_are_refused(option: str, value: object, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        read(**{option: value})
    assert "\n" not in str(caught.value)


def test_an_option_that_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match="thing box needs must"):
        read_config(Config, {}, "thing box")
