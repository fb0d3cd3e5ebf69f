"""A training is measured on the val split now and then, and learns the same."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
import torch

from detectors.evaluation import Precision
from detectors.training import measuring
from detectors.training.detector import describe, prepare, train
from detectors.training.measuring import TABLE, Watch
from detectors.training.request import Request, Schedule

SIZE, MOMENT = (64, 64), 1e-6


@pytest.fixture
def folder(make_set: Callable[..., Path]) -> Path:
    rows = [[{"category": "car", "bbox": [10 + 20 * n, 30, 40, 24]}] for n in range(2)]
    return make_set("tiny", rows, splits=("train", "val"))


def request(folder: Path, out: Path, steps: int, **more: object) -> Request:
    fields: dict[str, object] = {
        "class_names": ("car", "person"),
        "input_size": SIZE,
        "backbone": "smaller_vgg_rep_nano",
        "device": "cpu",
        "precision": "fp32",
        "workers": 0,
    }
    schedule = Schedule(steps=steps, batch=2, warmup=1)
    return Request((folder,), out, schedule, **(fields | more))  # type: ignore[arg-type]


def rows(out: Path) -> list[dict[str, str]]:
    with (out.with_suffix(".training") / TABLE).open(newline="") as stream:
        return list(csv.DictReader(stream))


def quiet(*_: object) -> None:
    """Report nothing."""


def test_it_is_measured_now_and_then_and_learns_the_same(folder: Path, tmp_path: Path) -> None:
    for name, every in (("plain", None), ("measured", MOMENT)):
        precisions = train(request(folder, tmp_path / name, 3, measure_every=every), quiet)
        assert precisions
    assert [row["step"] for row in rows(tmp_path / "plain")] == ["3"]
    measured = rows(tmp_path / "measured")
    assert [(row["step"], row["pictures"]) for row in measured] == [("2", "4"), ("3", "6")]
    assert measured[-1] == rows(tmp_path / "plain")[0]
    assert set(measured[0]) == {"step", "pictures", "ap50_mean", "ap50_any_vehicle"}
    weights = [torch.load(tmp_path / f"{name}.pt")["weights"] for name in ("plain", "measured")]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert not (tmp_path / "measured.training" / "measured.pt").exists()
    picture = cv2.imread(str(tmp_path / "measured.training" / "curve.png"))
    assert picture.shape[1] > 2 * picture.shape[0], "losses and precision stand side by side"


def test_what_was_measured_behind_the_checkpoint_is_forgotten(folder: Path, tmp_path: Path) -> None:
    train(request(folder, tmp_path / "mine", 2, measure_every=MOMENT), quiet)
    table = tmp_path / "mine.training" / TABLE
    with table.open("a") as stream:
        stream.write("3,6,0.9000,0.9000\n")  # of a session that was killed before its next checkpoint
    train(request(folder, tmp_path / "mine", 4, measure_every=MOMENT, resume=True), quiet)
    assert [row["step"] for row in rows(tmp_path / "mine")] == ["2", "4"]


def test_measuring_takes_no_more_than_a_fifth(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that only measurements move, and they by more than the training has."""
    clock = [0.0]
    monkeypatch.setattr(measuring.time, "monotonic", lambda: clock[0])

    def slow(*_: object) -> dict[str, Precision]:
        clock[0] += 100.0
        return {}

    monkeypatch.setattr(measuring, "measure", slow)
    asked = request(folder, tmp_path / "mine", 9, measure_every=0.5)
    watch = Watch(quiet, asked, describe(asked), [])
    training = prepare(request(folder, tmp_path / "mine", 10_000))
    training.folder.mkdir()
    moments = []
    for step in range(2000):
        training.step, training.seconds = step, step + clock[0]
        before = clock[0]
        watch(training, {})
        if clock[0] > before:
            moments.append(step)
    assert moments[:3] == [30, 430, 830], "after half a minute, then after four times as long as one takes"


def test_without_a_val_split_nothing_is_measured(tmp_path: Path, make_set: Callable[..., Path]) -> None:
    folder = make_set("tiny", [[{"category": "car", "bbox": [10, 30, 40, 24]}]])
    assert train(request(folder, tmp_path / "mine", 1), quiet) == {}
    assert not (tmp_path / "mine.training" / TABLE).exists()
    assert (tmp_path / "mine.training" / "curve.png").exists()
