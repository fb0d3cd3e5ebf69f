"""The YAML that tools write, read without a library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from detectors.bank.data_yaml import read_data_yaml
from detectors.errors import DataError

Write = Callable[[str, str], Path]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: ['car', 'bus']", ["car", "bus"]),
        ("names: [car, \"traffic light\", 'a, b']", ["car", "traffic light", "a, b"]),
        ("names: ['car',\n  'bus']\nnc: 2", ["car", "bus"]),
        ("names:\n- car\n- bus", ["car", "bus"]),
        ("names:\n  - car # best\n\n  # none\n  - 'bus'", ["car", "bus"]),
        ("names:\n  0: car\n  2: 'bus'", {0: "car", 2: "bus"}),
        ("names: {0: car, 1: bus}", {0: "car", 1: "bus"}),
        ("---\nnames:\n  [\n  car,\n  bus,\n  ]", ["car", "bus"]),
        ("names: ['it''s']", ["it's"]),
        ("\ufeffnames: [Süd]", ["Süd"]),
        ("augment: {hflip: 0.5}\nnames: [car]", ["car"]),
        ("roboflow:\n  names: x\n  url: https://a.b/c\nnames: [car]", ["car"]),
    ],
)
def test_names(write: Write, text: str, names: object) -> None:
    assert read_data_yaml(write("data.yaml", text))["names"] == names


def test_places(write: Write) -> None:
    content = read_data_yaml(write("data.yaml", "path: ../x # root\ntrain: [a, b]\nval:\n  - c\ntest:\n"))
    assert content == {"path": "../x", "train": ["a", "b"], "val": ["c"], "test": {}}


@pytest.mark.parametrize("text", ["nc: 2\nnames: [car, bus", "nc: 2\nnames: {a: b}"])
def test_what_is_not_understood_is_said_with_its_line(write: Write, text: str) -> None:
    with pytest.raises(DataError, match=r"data.yaml, line 2: names is not understood"):
        read_data_yaml(write("data.yaml", text))
