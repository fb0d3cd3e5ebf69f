"""What is written into a manifest is read back by ``tomllib``."""

from __future__ import annotations

import tempfile
import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.errors import WeightsError
from detectors.training.manifest import write_entry

CALM = settings(deadline=None, derandomize=True, max_examples=80)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN = TEXT | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.dates()
VALUES = st.recursive(
    PLAIN | st.lists(PLAIN, max_size=3),
    lambda inner: st.dictionaries(TEXT, inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=6,
)
ENTRIES = st.dictionaries(TEXT, VALUES, max_size=4)


@CALM
@given(TEXT, ENTRIES, TEXT, ENTRIES)
def test_what_is_written_reads_back(
    name: str, entry: dict[str, object], other: str, more: dict[str, object]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "manifest.toml"
        write_entry(file, name, entry)
        assert tomllib.loads(file.read_text("utf-8")) == {name: entry}
        write_entry(file, other, more)
        assert tomllib.loads(file.read_text("utf-8")) == {name: entry} | {other: more}
        assert [path.name for path in Path(folder).iterdir()] == ["manifest.toml"]


def test_what_people_wrote_stays(tmp_path: Path) -> None:
    file = tmp_path / "manifest.toml"
    file.write_text('version = 1\n[old]\ntrained = 2026-11-22\nruns = [{ap = 0.5, on = "val"}]\n')
    before = tomllib.loads(file.read_text())
    write_entry(file, "new", {"ap": np.float64(0.25), "nothing": float("inf")})
    after = tomllib.loads(file.read_text())
    assert after == before | {"new": {"ap": 0.25, "nothing": float("inf")}}
    assert after["old"]["trained"] == date(2026, 11, 22)


def test_what_lasts_is_kept_when_weights_are_trained_again(tmp_path: Path) -> None:
    file = tmp_path / "manifest.toml"
    write_entry(file, "mine", {"score": 0.4, "how": "by hand", "sources": {"road": "Ann"}, "use": "night"})
    write_entry(file, "mine", {"score": 0.3, "use": "day"}, keep=("use", "sources", "data_rights"))
    assert tomllib.loads(file.read_text())["mine"] == {"score": 0.3, "use": "day", "sources": {"road": "Ann"}}
    file.write_text("mine = 1\n")
    write_entry(file, "mine", {"score": 0.3}, keep=("use",))
    assert tomllib.loads(file.read_text()) == {"mine": {"score": 0.3}}


@pytest.mark.parametrize("content", [b"[old\n", b"\xff\xfe"])
def test_a_damaged_manifest_is_not_overwritten(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "manifest.toml"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read"):
        write_entry(file, "new", {})
    assert file.read_bytes() == content


def test_a_manifest_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml.part").mkdir()
    with pytest.raises(WeightsError, match="cannot be written: Is a directory"):
        write_entry(tmp_path / "manifest.toml", "new", {})
