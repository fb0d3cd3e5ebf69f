"""What the manifest says can be done again, and what people wrote into it stays true."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.training.distributed import Group
from detectors.training.facts import lasting_keys, measuring_command, training_command
from detectors.training.request import Request, Schedule


@pytest.mark.parametrize(
    ("arguments", "start", "command"),
    [
        (["train", "--out", "my weights/a"], None, "track train --out 'my weights/a'"),
        (["train", "--resume", "--seed", "1"], None, "track train --seed 1"),
        (["train", "--overwrite", "--from", "a.pt"], "a.pt", "track train --from a.pt"),
        (["train", "--resume"], "a.pt", "track train --from a.pt"),
        (["train", "--resume", "--from", "a.pt"], "a.pt", "track train --from a.pt"),
        (["train", "--resume", "--from=a.pt"], "a.pt", "track train --from=a.pt"),
        (["train", "--resume"], "nothing", "track train"),
    ],
)
def test_the_command_works_in_a_clean_folder(arguments: list[str], start: str | None, command: str) -> None:
    assert training_command(arguments, start) == command


@pytest.mark.parametrize(
    ("group", "launcher"),
    [
        (Group(0, 2, 0, 2), "torchrun --no-python --nproc-per-node 2 track train"),
        (Group(0, 8, 0, 4), "torchrun --no-python --nnodes 2 --nproc-per-node 4 track train"),
    ],
)
def test_the_command_of_several_processes(group: Group, launcher: str) -> None:
    assert training_command(["train"], None, group) == launcher


def test_the_command_that_measures_again() -> None:
    request = Request((Path("one"), Path("the other")), Path("weights/mine"), Schedule(steps=1))
    wanted = "track evaluate detector --data one --data 'the other' --detector weights/mine.pt"
    assert measuring_command(request) == wanted


@pytest.mark.parametrize("earlier", [None, 1, {}, {"data": "road"}, {"data": ["road"]}])
def test_rights_do_not_last_when_there_are_other_pictures(earlier: object) -> None:
    assert lasting_keys(["road", "mine"], earlier) == ("use", "sources")


def test_rights_last_with_the_same_pictures_or_fewer() -> None:
    assert lasting_keys(["road", "road"], {"data": ["road", "rain"]}) == ("use", "sources", "data_rights")
