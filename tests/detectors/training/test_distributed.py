"""Two processes train one network; the first one writes and speaks."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from detectors.dataset import read_sets, sampling_weights
from detectors.errors import DataError, DetectorError, UsageError
from detectors.networks.targets import unpacked
from detectors.training.detector import prepare
from detectors.training.distributed import ALONE, Group, group_here, synchronised
from detectors.training.examples import Examples, batches
from detectors.zoo._weights import Description, build_network, save_weights

SCRIPT = Path(__file__).with_name("two_processes.py")
FULL = {
    "RANK": "1",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
}


@pytest.fixture(autouse=True)
def _own_random_numbers() -> Iterator[None]:
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


def test_without_torchrun_a_process_is_alone() -> None:
    assert group_here({"LOCAL_RANK": "3"}) == ALONE
    assert (ALONE.first, ALONE.world) == (True, 1)
    assert ALONE.exchange("word") == ["word"]
    assert ALONE.from_first(lambda: 3) == 3


def test_torchrun_says_which_process_this_is() -> None:
    assert group_here(FULL) == Group(1, 4, 1, 2)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"WORLD_SIZE": None},
            "RANK or WORLD_SIZE is set without WORLD_SIZE: start with torchrun, or unset RANK",
        ),
        (dict.fromkeys(FULL.keys() - {"WORLD_SIZE"}), "or unset WORLD_SIZE to train alone"),
        ({"LOCAL_RANK": None, "MASTER_PORT": ""}, "without LOCAL_RANK, MASTER_PORT: start"),
        ({"RANK": "one"}, "RANK=one is no number: leave this variable to torchrun"),
        ({"MASTER_PORT": "-1"}, "MASTER_PORT=-1 is no number"),
        ({"RANK": "4"}, "process RANK=4 of WORLD_SIZE=4, LOCAL_RANK=1 of LOCAL_WORLD_SIZE=2 cannot be"),
        ({"LOCAL_RANK": "2"}, "cannot be"),
        ({"WORLD_SIZE": "0"}, "cannot be"),
    ],
)
def test_broken_variables_are_one_line(changed: dict[str, str | None], words: str) -> None:
    environment = {name: value for name, value in (FULL | changed).items() if value is not None}
    with pytest.raises(UsageError, match=words) as caught:
        group_here(environment)
    assert "\n" not in str(caught.value)


def test_alone_a_failure_stays_what_it_is() -> None:
    failure = DataError("picture 3 is damaged")

    def work() -> None:
        raise failure

    with pytest.raises(DataError) as caught:
        ALONE.together(work)
    assert caught.value is failure
    with pytest.raises(RuntimeError, match="gloo"), ALONE.reached():
        raise RuntimeError("gloo")
    assert isinstance(ALONE.seen_by_all("why"), DetectorError)


@pytest.mark.parametrize("world", [1, 2, 4])
def test_together_they_see_what_one_alone_would_see(make_set: Callable[..., Path], world: int) -> None:
    folder = make_set("tiny", [[{"category": "car", "bbox": [10, 30, 40, 24]}]])
    pictures = read_sets([folder], "train", ("car",))
    examples = Examples(pictures, sampling_weights(pictures, 1), (64, 64), 0)
    streams = [batches(examples, 8, 4, 0, rank, world) for rank in range(world)]
    for step in range(2):
        parts = [next(stream)[0] for stream in streams]
        together = torch.stack(parts, 1).flatten(0, 1)  # the ranks take turns
        first = 8 + 4 * step
        assert torch.equal(together, torch.stack([examples[first + n][0] for n in range(4)]))


def test_batch_statistics_over_all_processes_have_the_same_names() -> None:
    """They need a card to run; a weight file must not tell with how many it was trained."""
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    names = set(net.state_dict())
    assert synchronised(net, "cuda", ALONE) is net
    assert synchronised(net, "cpu", Group(0, 2, 0, 2)) is net
    changed = synchronised(net, "cuda:0", Group(0, 2, 0, 2))
    assert isinstance(changed[1], torch.nn.SyncBatchNorm)  # type: ignore[index]
    assert set(changed.state_dict()) == names


def free_ports(number: int) -> list[str]:
    with_port = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [str(server.getsockname()[1]) for server in with_port]
    for server in with_port:
        server.close()
    return ports


def averaged_gradient(script: ModuleType, folder: Path) -> dict[str, torch.Tensor]:
    """Return by name what two processes' gradients of the first step come to, computed in this one."""
    torch.manual_seed(0)
    training = prepare(script.request(folder, "reference", 1))
    training.examples.mosaic_until.value = 0  # as in a training of a single step
    training.net.train()
    for rank in range(2):
        images, batch = next(batches(training.examples, 0, 4, 0, rank, 2))
        images = images.float().contiguous(memory_format=torch.channels_last)
        losses = training.net(images, unpacked(batch, "cpu"))
        (sum(losses.values()) / 2).backward()
    torch.nn.utils.clip_grad_norm_(training.net.parameters(), training.schedule.clip)
    return {name: value.grad for name, value in training.net.named_parameters() if value.grad is not None}


@pytest.fixture
def folder(make_set: Callable[..., Path], tmp_path: Path) -> Path:
    rows = [[{"category": "car", "bbox": [10 + 20 * n, 30, 40, 24]}] for n in range(3)]
    shutil.copytree(make_set("tiny", rows), tmp_path / "other" / "tiny")
    for name, value in (("dark", 40), ("light", 210)):
        (tmp_path / "kinds" / name).mkdir(parents=True)
        for number in range(6):
            picture = np.full((28, 28, 3), value + number, np.uint8)
            cv2.imwrite(str(tmp_path / "kinds" / name / f"{number}.png"), picture)
    description = Description("one_stage", "smaller_vgg_rep_nano", ("car", "person"), (0,), (64, 64), 0.3)
    save_weights(tmp_path / "teacher.pt", build_network(description), description)
    labels = tmp_path / "other" / "tiny" / "labels.json"
    labels.write_text(labels.read_text().replace("[10, 30, 40, 24]", "[11, 30, 40, 24]"))
    return tmp_path


def test_two_processes(folder: Path) -> None:
    port, *ports = free_ports(5)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", port]
    done = subprocess.run(
        [*command, str(SCRIPT), str(folder), *ports], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((folder / f"process{rank}.json").read_text()) for rank in range(2))
    check_training(folder, first, second)
    check_words(folder, first, second)


def check_training(folder: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    for name, steps in (("one", [1]), ("resumed", [2, 3]), ("two stages", [1, 2]), ("taught", [1, 2])):
        assert first[name]["digest"] == second[name]["digest"], "both hold the same network"
        assert (first[name]["reported"], second[name]["reported"]) == (steps, [])
        assert first[name]["step"] == second[name]["step"] == steps[-1]
    assert first["one"]["digest"] != first["resumed"]["digest"]
    with (folder / "one.training" / "curve.csv").open(newline="") as stream:
        assert [row["step"] for row in csv.DictReader(stream)] == ["1", "2", "3"]

    specification = importlib.util.spec_from_file_location("two_processes", SCRIPT)
    script = importlib.util.module_from_spec(specification)  # type: ignore[arg-type]
    specification.loader.exec_module(script)  # type: ignore[union-attr]
    state = torch.load(folder / "first_gradient.pt", weights_only=True)
    for name, gradient in averaged_gradient(script, folder).items():
        # threads add up in another order: what cancels out to nearly nothing is not exact
        near = 1e-3 * float(gradient.abs().max())
        assert float((state[name] - gradient).abs().max()) <= near, name


def check_words(folder: Path, first: dict[str, Any], second: dict[str, Any]) -> None:
    for name, code, words in (
        ("uneven", 2, "track: --batch 3 is no multiple of the 2 processes\n"),
        ("wrong", 2, "track: --batch must be above 0, not 0\n"),
        ("different", 2, "track: process 1 was started with another --data "),
    ):
        assert (first[name]["code"], first[name]["out"]) == (code, "")
        assert first[name]["err"].startswith(words)
        assert first[name]["err"].count("\n") == 1
        assert second[name] == {"code": 0, "out": "", "err": ""}
    assert first["command"]["code"] == 0, first["command"]["err"]
    assert "mine.pt; use it with track" in first["command"]["out"]
    assert second["command"] == {"code": 0, "out": "", "err": ""}
    files = sorted(path.name for path in folder.glob("mine*/*"))
    assert files == ["curve.csv", "curve.png", "last.pt", "recipe.toml", "result.json"]
    assert first["classifier"]["code"] == 0, first["classifier"]["err"]
    assert "of 2 pictures named rightly" in first["classifier"]["out"]
    assert second["classifier"] == {"code": 0, "out": "", "err": ""}
    names = ["first_gradient.pt", "kinds.pt", "mine.pt", "teacher.pt"]
    assert sorted(path.name for path in folder.glob("*.pt")) == names
