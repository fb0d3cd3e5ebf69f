"""What each of the processes does that test_distributed.py starts: trains, and writes down what it sees."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch

from detectors.training.detector import learn
from detectors.training.distributed import Group, group_here, joined
from detectors.training.engine import Training
from detectors.training.request import Request, Schedule
from tracker.cli.app import run_app

NETWORK = ("--head", "one_stage", "--backbone", "smaller_vgg_rep_nano", "--size", "64x64")
QUICK = (*NETWORK, "--device", "cpu", "--precision", "fp32", "--threads", "1", "--workers", "0")

NAMING = ("--model", "lenet5", "--size", "28", "--epochs", "2", "--batch", "4", "--device", "cpu")


def request(folder: Path, name: str, steps: int, **more: object) -> Request:
    """Return what is to be trained; in the test's own process too."""
    fields: dict[str, object] = {"class_names": ("car", "person"), "input_size": (64, 64), "workers": 0}
    fields |= {"device": "cpu", "precision": "fp32", "architecture": "one_stage"}
    fields |= {"backbone": "smaller_vgg_rep_nano"}
    schedule = Schedule(steps, batch=4, warmup=2)
    return Request((folder / "data",), folder / name, schedule, **(fields | more))  # type: ignore[arg-type]


def digest(training: Training) -> str:
    """Return a digest of all that is learnt."""
    values = b"".join(value.detach().numpy().tobytes() for value in training.net.parameters())
    return hashlib.sha256(values).hexdigest()


def first_gradient(training: Training) -> dict[str, torch.Tensor]:
    """Return by name what AdamW remembers of the only gradient that it has seen: a tenth of it."""
    state = training.optimizer.state
    return {name: 10 * state[value]["exp_avg"] for name, value in training.net.named_parameters()}


def learnt(asked: Request, group: Group) -> dict[str, object]:
    """Train, and return what this process then has."""
    torch.manual_seed(asked.seed)
    reported: list[int] = []
    training, _ = learn(asked, lambda training, losses: reported.append(training.step), group)
    if training.step == 1 and group.first:
        torch.save(first_gradient(training), asked.file.with_name("first_gradient.pt"))
    return {"digest": digest(training), "step": training.step, "reported": reported}


def told(port: str, *arguments: object) -> dict[str, object]:
    """Run the command line as from a shell, and return what this process says."""
    # torchrun's own store holds the addresses of a group that is no more
    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "False", "MASTER_PORT": port}
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_app([str(argument) for argument in arguments])
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


def main(folder: Path, ports: list[str]) -> None:
    """Go through everything in one start of torchrun's: starting takes longer than training."""
    torch.set_num_threads(1)
    group = group_here()
    seen: dict[str, object] = {}
    with joined(group, "cpu"):
        seen["one"] = learnt(request(folder, "one", 1), group)
        seen["resumed"] = learnt(replace(request(folder, "one", 3), resume=True), group)
        two_stages = {"architecture": "faster_rcnn", "backbone": "smaller_vgg"}
        seen["two stages"] = learnt(request(folder, "two", 2, **two_stages), group)
        seen["taught"] = learnt(request(folder, "taught", 2, teachers=(folder / "teacher.pt",)), group)
    command = ("train", "detector", "--out", folder / "mine", *QUICK, "--steps", "1")
    data, other = folder / "data", folder / ("other" if group.rank else "data")
    seen["uneven"] = told(ports[0], *command, "--data", data, "--batch", "3")
    seen["different"] = told(ports[1], *command, "--data", other, "--batch", "2")
    seen["wrong"] = told(ports[2], *command, "--data", data, "--batch", "0")
    seen["command"] = told(ports[2], *command, "--data", data, "--batch", "2")
    kinds = ("train", "classifier", "--data", folder / "kinds", "--out", folder / "kinds", *NAMING)
    seen["classifier"] = told(ports[3], *kinds)
    (folder / f"process{group.rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
