"""Weight files come back as they were, and what is wrong with one is said in a line."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from detectors.errors import DetectorError, WeightsError
from detectors.zoo._weights import (
    Description,
    build_network,
    fill,
    load_weights,
    save_weights,
    sha256_of,
)

Weights = tuple[Path, str]


def refused(words: str, *call: Any) -> None:
    with pytest.raises(WeightsError, match=words) as caught:
        load_weights(*call)
    assert "\n" not in str(caught.value)


def test_half_precision_and_back(tmp_path: Path, description: Description) -> None:
    net = build_network(description)
    path = tmp_path / "new folder" / "net.pt"
    digest = save_weights(path, net, description)
    again, tensors = load_weights(path, digest)
    assert again == description
    assert [file.name for file in path.parent.iterdir()] == ["net.pt"]
    for name, value in net.state_dict().items():
        expected = value.half().float() if value.is_floating_point() else value
        assert torch.equal(tensors[name], expected), name
        assert tensors[name].dtype == value.dtype
    other = build_network(again)
    fill(other, tensors, path)
    assert path.stat().st_size < 15e6


def test_what_cannot_be_written_is_one_line(tmp_path: Path, description: Description) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.pt").mkdir()
    for path in (tmp_path / "file" / "net.pt", tmp_path / "folder.pt"):
        with pytest.raises(DetectorError, match=r"^cannot write ") as caught:
            save_weights(path, torch.nn.Linear(1, 1), description)
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.pt"]


def test_missing_altered_and_cut(random_weights: Weights, tmp_path: Path) -> None:
    path, digest = random_weights
    refused("are missing.*train detector", tmp_path / "none.pt")
    refused("are missing", tmp_path)
    refused("sha256 is not the manifest's", path, "0" * 64)
    content = path.read_bytes()
    for number, part in enumerate((b"", content[:1000], content[: len(content) // 2], b"no weights at all")):
        cut = tmp_path / f"{number}.pt"
        cut.write_bytes(part)
        refused("cannot be read", cut)
        refused("sha256", cut, digest)
    assert sha256_of(path) == digest


class Bomb:
    """Runs code where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "bomb.pt"
    torch.save({"format": 1, "weights": Bomb(mark)}, path)
    refused("cannot be read", path)
    path.write_bytes(pickle.dumps(Bomb(mark), protocol=2))
    refused("cannot be read", path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"format": 2}, "format 2: this program reads format 1"),
        ({"format": 1}, "cannot be read"),
        ({}, "cannot be read"),
        ([1, 2], "cannot be read"),
        (torch.zeros(3), "cannot be read"),
    ],
)
def test_files_of_another_kind(tmp_path: Path, content: object, words: str) -> None:
    torch.save(content, tmp_path / "other.pt")
    refused(words, tmp_path / "other.pt")


def test_other_classes_and_other_networks(random_weights: Weights, description: Description) -> None:
    path, _ = random_weights
    _, tensors = load_weights(path)
    more = build_network(replace(description, class_names=("car", "bus", "person", "tram")))
    with pytest.raises(WeightsError, match="another network or class list") as caught:
        fill(more, tensors, path)
    assert "\n" not in str(caught.value)
    for change in ({"architecture": "yolo"}, {"backbone": "vgg16"}):
        with pytest.raises(WeightsError, match="there is faster_rcnn and one_stage on smaller_vgg, "):
            build_network(replace(description, **change))  # type: ignore[arg-type]
