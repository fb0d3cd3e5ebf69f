"""A classifier from the command line: trained, used, measured, compared; recipes; bad input."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

Track = Callable[..., Any]
QUICK = ("--model", "lenet5", "--size", "28", "--activation", "relu", "--augment", "none", "--epochs", "3")


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Write two classes that any network tells apart."""
    rng = np.random.default_rng(0)
    for name, colour in (("blue", (220, 40, 40)), ("red", (40, 40, 220))):
        folder = tmp_path / "colours" / name
        folder.mkdir(parents=True)
        for number in range(12):
            image = np.clip(rng.normal(colour, 20, (24, 30, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), image)
    return tmp_path / "colours"


def test_three_commands_from_a_folder_to_names(track: Track, tmp_path: Path, colours: Path) -> None:
    words = ("--data", colours, "--out", tmp_path / "one", *QUICK, "--batch", "4", "--rate", "0.003")
    done = track("train", "classifier", *words)
    assert done.code == 0, done.complaint
    assert "100.0% of 4 pictures named rightly" in done.out
    assert f"{tmp_path / 'one.pt'}; use it with track classify --weights" in done.out.replace("\n", "")
    assert "epoch 3/3" in done.err

    pictures = (colours / "red" / "0.png", colours / "blue")
    done = track("classify", *pictures, "--weights", tmp_path / "one.pt", "--top", "2")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["class_1"] for row in rows] == ["red"] + ["blue"] * 12
    assert all(float(row["probability_1"]) >= float(row["probability_2"]) for row in rows)
    assert rows[0]["file"] == str(pictures[0])

    measure = ("evaluate", "classifier", "--data", colours, "--weights", tmp_path / "one.pt")
    done = track(*measure, "--out", tmp_path / "measured")
    assert "100.0% of 24 pictures named rightly" in done.out
    assert json.loads((tmp_path / "measured" / "result.json").read_text())["accuracy"] == 1.0
    assert "has no pictures of split 'val'" in track(*measure, "--split", "val").complaint

    again = ("--recipe", tmp_path / "one.training" / "recipe.toml", "--out", tmp_path / "two", "--seed", "3")
    done = track("train", "classifier", *again, "--learner", "svm")
    assert done.code == 0, done.complaint
    recipe = tomllib.loads((tmp_path / "two.training" / "recipe.toml").read_text())
    kept = {name: recipe[name] for name in ("batch", "rate", "seed", "augment")}
    assert kept == {"batch": 4, "rate": 0.003, "seed": 3, "augment": ["none"]}

    plots = ("--csv", tmp_path / "table.csv", "--plot", tmp_path / "curves.png")
    done = track("train", "compare", tmp_path / "one.pt", tmp_path / "two.training", *plots)
    assert done.code == 0, done.complaint
    with (tmp_path / "table.csv").open(newline="") as stream:
        one, two = csv.DictReader(stream)
    assert (one["run"], one["seed"], one["learner"], one["accuracy"]) == ("one", "0", "-", "1.0")
    assert (two["run"], two["seed"], two["learner"]) == ("two", "3", "svm")
    assert "rate" not in one, "in this they do not differ"
    assert cv2.imread(str(tmp_path / "curves.png")) is not None


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--model", "vgg-16"), "unknown network 'vgg-16': did you mean vgg16"),
        (("--augment", "rotat=3"), "unknown alteration of --augment 'rotat': did you mean rotate"),
        (("--augment", "rotate"), "--augment takes NAME=NUMBER, not 'rotate'"),
        (("--activation", "gelu"), "unknown activation 'gelu': there is sigmoid, tanh, relu"),
        (("--optimizer", "rmsprop"), "unknown optimizer 'rmsprop'"),
        (("--learner", "knn"), "unknown learner 'knn'"),
        (("--from", "gone.pt"), "weights gone.pt are missing"),
        (("--dropout", "1"), "--dropout must lie in [0, 1), not 1.0"),
        (("--data", "gone"), "--data gone is no folder"),
        (("--out", "."), "--out . names no file"),
    ],
)
def test_slips_are_one_line(
    track: Track, colours: Path, tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    given = ("--data", colours, "--out", tmp_path / "mine", "--device", "cpu", "--size", "32")
    done = track("train", "classifier", *given, *words)
    assert done.code in (1, 2)
    assert complaint in done.complaint
    assert not list(tmp_path.glob("mine*")), "nothing was begun"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("epoch = 3", "'epoch': did you mean epochs"),
        ("resume = true", "unknown option in"),
        ("[model]\nname = 3", "model must be a value or a list"),
        ("epochs = ", "cannot be read"),
        ("epochs = 'many'", "'--epochs'"),
    ],
)
def test_recipes_that_cannot_be(
    track: Track, colours: Path, tmp_path: Path, text: str, complaint: str
) -> None:
    (tmp_path / "r.toml").write_text(text)
    given = ("--data", colours, "--out", tmp_path / "mine")
    done = track("train", "classifier", *given, "--recipe", tmp_path / "r.toml")
    assert done.code == 2
    assert complaint in done.complaint
    assert "\n" not in done.complaint


def test_what_cannot_be_named_is_one_line(track: Track, colours: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "empty").mkdir()
    track("train", "classifier", "--data", colours, "--out", tmp_path / "one", *QUICK)
    weights = ("--weights", tmp_path / "one.pt")
    for words, complaint in (
        ((tmp_path / "broken.png", *weights), "broken.png cannot be read"),
        ((tmp_path / "gone.png", *weights), "there is no picture"),
        ((tmp_path / "empty", *weights), "holds no pictures"),
        ((colours, "--weights", tmp_path / "broken.png"), "cannot be read: damaged, or no weights"),
        ((colours, *weights, "--top", "0"), "--top must be at least 1"),
    ):
        done = track("classify", *words)
        assert done.code in (1, 2)
        assert complaint in done.complaint
    shutil.move(colours / "red", colours / "green")
    done = track("evaluate", "classifier", "--data", colours, *weights)
    assert "has a class 'green' that the weights do not know: they have blue, red" in done.complaint
    assert "no training that has ended" in track("train", "compare", tmp_path / "empty").complaint
