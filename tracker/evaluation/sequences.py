"""Sequences with ground truth, in MOTChallenge's layout, and the results that belong to them."""

from __future__ import annotations

import configparser
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker.errors import ResultError
from tracker.evaluation.hota import TrackingScore, measure_tables
from tracker.evaluation.results import TrackTable, read_mot, read_tracks

#: What a result may be called in the folder of a run.
_RESULTS = ("tracks.mot.txt", "tracks.csv")
_USUAL_RATE_FPS = 25.0


@dataclass(frozen=True, slots=True)
class TruthSequence:
    """A sequence whose tracks are known.

    Attributes:
        name: of its folder.
        truth: the file.
        frames: number of frames; None where nothing says it.
        rate_fps: frames a second.
    """

    name: str
    truth: Path
    frames: int | None
    rate_fps: float


def find_sequences(folder: Path, truth_name: str = "gt.txt") -> list[TruthSequence]:
    """Return the sequence in a folder, or those in its folders, by name.

    Args:
        folder: with ``gt/gt.txt`` and ``seqinfo.ini``, or with such folders.
        truth_name: of the file in ``gt``.

    Raises:
        ResultError: there is none, or one says something impossible of itself.
    """
    if not folder.is_dir():
        raise ResultError(f"no folder {folder}: it should hold gt/{truth_name}, or folders that do")
    folders = [folder] if (folder / "gt" / truth_name).exists() else sorted(folder.iterdir())
    found = [_sequence(place, truth_name) for place in folders if (place / "gt" / truth_name).exists()]
    if not found:
        raise ResultError(f"{folder} has no gt/{truth_name}, nor has any folder in it")
    return found


def _sequence(folder: Path, truth_name: str) -> TruthSequence:
    path = folder / "seqinfo.ini"
    about = configparser.ConfigParser()
    try:
        about.read(path, "utf-8")
        said = about["Sequence"] if about.has_section("Sequence") else {}
        frames = int(said["seqLength"]) if "seqLength" in said else None
        rate_fps = float(said.get("frameRate", _USUAL_RATE_FPS))
    except (configparser.Error, ValueError) as exc:
        raise ResultError(f"{path} is damaged: {exc}") from exc
    if (frames is not None and frames < 1) or not 0 < rate_fps < float("inf"):
        raise ResultError(f"{path}: {frames} frames, {rate_fps:g} a second")
    return TruthSequence(folder.resolve().name, folder / "gt" / truth_name, frames, rate_fps)


def find_result(place: Path, name: str, alone: bool) -> Path:
    """Return the result that belongs to a sequence.

    Args:
        place: a file, for one sequence alone; or a folder: of a run, or with ``NAME.txt``, ``NAME.csv`` or
            the folder ``NAME`` of a run for every sequence.
        name: of the sequence.
        alone: it is the only one.

    Raises:
        ResultError: there is none.
    """
    if place.is_file():
        if not alone:
            raise ResultError(f"{place} is one file, but there are several sequences: give a folder")
        return place
    names = [f"{name}.txt", f"{name}.csv", *(f"{name}/{result}" for result in _RESULTS)]
    names += _RESULTS if alone else ()
    found = next((place / file for file in names if (place / file).is_file()), None)
    if found is None:
        raise ResultError(f"{place} has no result of {name}: none of {', '.join(names)}")
    return found


def score_sequence(
    sequence: TruthSequence, result: Path, classes: Collection[str] = (), leave_out: bool = False
) -> TrackingScore:
    """Score a result against the truth; rows of the truth with conf 0 are not to be found.

    Args:
        sequence: with the truth.
        result: in MOTChallenge's format, or a ``tracks.csv``.
        classes: of the result's rows that count; empty for all.
        leave_out: leave out the result's boxes that fit such rows of the truth better than the others.

    Raises:
        ResultError: a file cannot be read, a class is none of the result's, or a frame lies behind the end.
        UsageError: TrackEval is not installed.
    """
    truth = read_mot(sequence.truth, sequence.rate_fps, truth=True)
    ignored = read_mot(sequence.truth, sequence.rate_fps, ignored=True) if leave_out else None
    table = _read(result, sequence.rate_fps, classes)
    ends = [int(one.frames.max()) + 1 for one in (truth, table) if len(one)]
    return measure_tables(truth, table, sequence.frames or max(ends, default=1), ignored)


def _read(path: Path, rate_fps: float, classes: Collection[str]) -> TrackTable:
    if path.suffix != ".csv":
        if classes:
            raise ResultError(f"{path} names no classes: give the run's tracks.csv")
        return read_mot(path, rate_fps)
    table = read_tracks(path)
    return _of(table, classes) if classes else table


def _of(table: TrackTable, classes: Collection[str]) -> TrackTable:
    kept: Sequence[int] = [row for row, name in enumerate(table.classes) if name in classes]
    rows = np.array(kept, np.int64)
    names = tuple(table.classes[row] for row in kept)
    return TrackTable.sort(table.frames[rows], table.times_s[rows], table.ids[rows], table.boxes[rows], names)
