"""The mean of weights, and of which there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from detectors.errors import UsageError, WeightsError
from detectors.training.averaging import average_weights
from detectors.zoo._weights import Description, build_network, load_weights, save_weights

ABOUT = Description("one_stage", "smaller_vgg_rep_nano", ("car", "bus"), (0, 1), (64, 32), 0.3)


def weights(path: Path, seed: int, about: Description = ABOUT) -> Path:
    torch.manual_seed(seed)
    save_weights(path, build_network(about), about)
    return path


def test_the_mean_of_two(tmp_path: Path) -> None:
    files = [weights(tmp_path / f"{seed}.pt", seed) for seed in (1, 2)]
    average_weights(files, tmp_path / "mean.pt", [1, 3])
    about, mean = load_weights(tmp_path / "mean.pt")
    one, two = (load_weights(file)[1] for file in files)
    assert about == ABOUT
    moved = 0
    for name, tensor in mean.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, 0.25 * one[name] + 0.75 * two[name], atol=1e-3, rtol=1e-3)
            moved += not torch.equal(one[name], two[name])
    assert moved > 10


def test_a_shift_moves_one_class(tmp_path: Path) -> None:
    file = weights(tmp_path / "a.pt", 1)
    average_weights([file, file], tmp_path / "mean.pt", shifts={"bus": 0.5})
    before, after = (load_weights(path)[1]["to_logits.bias"] for path in (file, tmp_path / "mean.pt"))
    torch.testing.assert_close(after - before, torch.tensor([0.0, 0.5]), atol=5e-3, rtol=0)
    with pytest.raises(UsageError, match="lorry"):
        average_weights([file, file], tmp_path / "x.pt", shifts={"lorry": 0.5})


def test_a_score_of_its_own(tmp_path: Path) -> None:
    files = [weights(tmp_path / "a.pt", 1), weights(tmp_path / "b.pt", 1, replace(ABOUT, score=0.4))]
    average_weights(files, tmp_path / "mean.pt", score=0.2)
    assert load_weights(tmp_path / "mean.pt")[0] == replace(ABOUT, score=0.2)
    with pytest.raises(UsageError, match=r"differ \(0\.3 in .*a\.pt, 0\.4 in .*b\.pt\): give --score"):
        average_weights(files, tmp_path / "x.pt")
    for score in (-0.1, 1.1, float("nan")):
        with pytest.raises(UsageError, match=r"must lie in \[0, 1\]"):
            average_weights(files, tmp_path / "x.pt", score=score)
    assert not (tmp_path / "x.pt").exists()


def test_the_mean_of_the_same_is_the_same(tmp_path: Path) -> None:
    file = weights(tmp_path / "a.pt", 1)
    average_weights([file, file, file], tmp_path / "mean.pt")
    one, mean = (load_weights(path)[1] for path in (file, tmp_path / "mean.pt"))
    assert one.keys() == mean.keys()
    assert [name for name, tensor in mean.items() if not torch.equal(tensor, one[name])] == []


@pytest.mark.parametrize(
    ("number", "shares", "words"),
    [
        (1, [], "two weight files or more"),
        (2, [1.0], "2 weight files and 1 shares"),
        (2, [1.0, -1.0], "shares must be at least 0"),
        (2, [0.0, 0.0], "one of them above"),
        (2, [float("nan"), 1.0], "shares must be at least 0"),
    ],
)
def test_shares_that_make_no_mean(tmp_path: Path, number: int, shares: list[float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        average_weights([tmp_path / "a.pt"] * number, tmp_path / "out.pt", shares)


@pytest.mark.parametrize(
    "change",
    [{"class_names": ("car", "tram")}, {"backbone": "smaller_vgg_rep_small"}, {"input_size": (96, 64)}],
)
def test_weights_of_another_network(tmp_path: Path, change: dict[str, Any]) -> None:
    files = [weights(tmp_path / "a.pt", 1), weights(tmp_path / "b.pt", 1, replace(ABOUT, **change))]
    with pytest.raises(WeightsError, match=r"b\.pt are not of the same network as"):
        average_weights(files, tmp_path / "out.pt")
    assert not (tmp_path / "out.pt").exists()


def test_the_command(track: Callable[..., Any], tmp_path: Path) -> None:
    files = [weights(tmp_path / f"{seed}.pt", seed) for seed in (1, 2)]
    given = ("train", "average", "--weights", files[0], "--weights", files[1], "--out", tmp_path / "o.pt")
    ran = track(*given, "--share", "0.4", "--share", "0.6")
    assert ran.code == 0
    assert "sha256" in ran.out
    assert "is there already" in track(*given).complaint
    assert track(*given, "--overwrite", "--score", "0.2").code == 0
    assert load_weights(tmp_path / "o.pt")[0].score == 0.2
    missing = ("train", "average", "--weights", files[0], "--weights", "no.pt", "--out", "x.pt")
    assert "weights no.pt are missing" in track(*missing).complaint
