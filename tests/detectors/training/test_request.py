"""What cannot be trained is said before data are read, and nothing is left behind by asking."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from detectors.errors import UsageError, WeightsError
from detectors.training.request import Request, Schedule, check_places

NAN, ENDLESS = math.nan, math.inf


def request(out: Path, **more: object) -> Request:
    return Request(**({"data": (Path("data"),), "out": out, "schedule": Schedule(steps=1)} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({}, "either --minutes or --steps"),
        ({"steps": 5, "minutes": 1.0}, "either --minutes or --steps"),
        ({"steps": 0}, "--steps must be above 0, not 0"),
        ({"steps": -3}, "--steps must be above 0"),
        ({"minutes": 0.0}, "--minutes must be above 0"),
        ({"minutes": NAN}, "--minutes must be above 0, not nan"),
        ({"minutes": ENDLESS}, "--minutes must be above 0, not inf"),
        ({"steps": 1, "batch": 0}, "--batch must be above 0"),
        ({"steps": 1, "rate": 0.0}, "--rate must be above 0"),
        ({"steps": 1, "rate": NAN}, "--rate must be above 0"),
        ({"steps": 1, "plain_share": 1.1}, r"--plain must lie in \[0, 1\], not 1.1"),
        ({"steps": 1, "plain_share": NAN}, "--plain"),
    ],
)
def test_a_schedule_begins_and_ends(schedule: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Schedule(**schedule)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"threads": 0}, "--threads must be above 0"),
        ({"workers": -1}, "--workers must be at least 0, not -1"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"seed": 2**63}, "--seed"),
        ({"mosaic_share": -0.1}, "--mosaic must lie in"),
        ({"mosaic_share": NAN}, "--mosaic"),
        ({"paste_share": 1.5}, "--paste must lie in"),
        ({"cut_out_share": -1}, "--cut-out must lie in"),
        ({"score": 1.01}, "--score must lie in"),
        ({"shifts": {"car": NAN}}, "--shift car must be finite"),
        ({"freeze": -1}, "--freeze must be at least 0"),
        ({"freeze": 1}, "--freeze and --warm keep what weights know: say which with --from"),
        ({"set_weights": {"rain": -1.0}}, "--weight rain must be at least 0"),
        ({"set_weights": {"rain": NAN}}, "--weight rain"),
        ({"set_weights": {"rain": ENDLESS}}, "--weight rain"),
        ({"resume": True, "overwrite": True}, "--resume goes on .* leave out one"),
        ({"data": ()}, "nothing to learn from: name a folder with --data"),
        ({"unlabelled": (Path("frames"),)}, "nobody says .* name a --teacher"),
        ({"teachers": (Path("x.pt"),), "architecture": "faster_rcnn"}, "--teacher teaches --head one_stage"),
        ({"out": Path()}, "names no file"),
        ({"out": Path("..")}, "names no file"),
    ],
)
def test_numbers_outside_their_range(fields: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        request(**({"out": Path("mine")} | fields))  # type: ignore[arg-type]


def test_the_ends_of_a_range_are_in_it() -> None:
    for share in (0.0, 1.0):
        assert request(Path("mine"), mosaic_share=share, score=share).score == share
        assert Schedule(steps=1, plain_share=share).plain_share == share
    assert request(Path("mine"), workers=0, seed=2**63 - 1, set_weights={"rain": 0}).workers == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"device": "gpu"}, "unknown device 'gpu': there is auto, cpu, cuda"),
        ({"device": "cuda:1"}, "unknown device 'cuda:1': there is auto, cpu, cuda"),
        ({"precision": "bf-16"}, "unknown precision 'bf-16': there is auto, fp32, bf16"),
    ],
)
def test_unknown_words(fields: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        request(Path("mine"), **fields)


@pytest.mark.parametrize("suffix", ["", ".pt", ".PT"])
@pytest.mark.parametrize("name", ["mine", "mine.v2"])
def test_the_suffix_of_a_weight_file_may_be_given(name: str, suffix: str) -> None:
    asked = request(Path("weights") / (name + suffix))
    assert asked.file == Path("weights") / f"{name}.pt"
    assert asked.folder == Path("weights") / f"{name}.training"
    assert asked.manifest == Path("weights/manifest.toml")


def test_new_folders_can_be_made_and_are_not_made_yet(tmp_path: Path) -> None:
    check_places(request(tmp_path / "a" / "b" / "mine"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("file/mine", "/file is a file, not a folder"),
        ("file/below/mine", "/file is a file, not a folder"),
        ("busy", "busy.training is a file, not a folder"),
        ("taken", "taken.pt is a folder"),
        ("/proc/1/mine", "cannot write into /proc/1"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, out: str, words: str) -> None:
    """Root may write everywhere but into the kernel's own folders."""
    (tmp_path / "file").touch()
    (tmp_path / "busy.training").touch()
    (tmp_path / "taken.pt").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match=words):
        check_places(request(tmp_path / out))
    assert sorted(tmp_path.iterdir()) == before


def test_a_training_is_neither_overwritten_nor_resumed_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing to --resume: there is no .*mine.training/last\.pt"):
        check_places(request(tmp_path / "mine", resume=True))
    (tmp_path / "mine.training").mkdir()
    (tmp_path / "mine.training" / "last.pt").touch()
    with pytest.raises(UsageError, match=r"mine.training holds a training: --resume it"):
        check_places(request(tmp_path / "mine.pt"))
    check_places(request(tmp_path / "mine", resume=True))
    check_places(request(tmp_path / "mine", overwrite=True))


def test_finished_weights_are_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"hours of work")
    (tmp_path / "manifest.toml").write_text("[half")  # is not read first
    with pytest.raises(UsageError, match=r"mine\.pt exists: give another --out, or .* with --overwrite"):
        check_places(request(tmp_path / "mine"))
    (tmp_path / "manifest.toml").unlink()
    check_places(request(tmp_path / "mine", overwrite=True))
    assert (tmp_path / "mine.pt").read_bytes() == b"hours of work"


def test_a_damaged_manifest_is_said_before_hours_are_spent(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text("[half")
    with pytest.raises(WeightsError, match="cannot be read"):
        check_places(request(tmp_path / "mine"))


def test_who_has_no_weights_to_begin_from_lets_nothing_rest() -> None:
    warm = Schedule(steps=1, warm_share=0.1)
    with pytest.raises(UsageError, match="--warm keep what weights know: say which with --from"):
        Request((Path("data"),), Path("mine"), warm)
    assert Request((Path("data"),), Path("mine"), warm, start=Path("x.pt")).schedule.warm_share == 0.1
