"""HOTA, IDF1 and MOTA of a run, by TrackEval's own metrics on our own readers.

TrackEval (a development extra) computes; its readers and folder layout are left alone, since its metrics
need no more than ids and overlaps, frame by frame. HOTA: Luiten et al., IJCV 2020; MOTA: Bernardin and
Stiefelhagen 2008; IDF1: Ristani et al. 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detectors import boxes as boxlib
from detectors.errors import UsageError
from tracker.errors import ResultError
from tracker.evaluation.results import TrackTable, read_mot

_MATCH_IOU = 0.5
_AVERAGED = ("HOTA", "DetA", "AssA", "LocA")
_SINGLE = ("IDF1", "IDP", "IDR", "MOTA", "MOTP", "CLR_Re", "CLR_Pr")
_COUNTED = ("IDSW", "Frag", "MT", "PT", "ML", "CLR_FP", "CLR_FN")


#: Overlaps at which HOTA and its parts are measured.
THRESHOLDS = np.arange(0.05, 0.99, 0.05)


@dataclass(frozen=True, slots=True)
class TrackingScore:
    """What TrackEval found out about one sequence, or several as one.

    Attributes:
        parts: TrackEval's own results by metric: they can be combined.
    """

    parts: Mapping[str, Mapping[str, Any]]

    @property
    def figures(self) -> dict[str, float]:
        """HOTA, DetA, AssA and LocA (means over the 19 thresholds), IDF1, MOTA and the rest.

        IDP, IDR, MOTP (mean IoU of the matches), CLR_Re and CLR_Pr (recall and precision at IoU 0.5) are
        shares as those are; IDSW, Frag, MT, PT, ML, CLR_FP and CLR_FN are numbers.
        """
        rest = {**self.parts["CLEAR"], **self.parts["Identity"]}
        means = {name: float(np.mean(self.parts["HOTA"][name])) for name in _AVERAGED}
        return means | {name: float(rest[name]) for name in (*_SINGLE, *_COUNTED)}

    def curve(self, name: str) -> NDArray[np.float64]:
        """Return HOTA, DetA, AssA or LocA at each of the ``THRESHOLDS`` (19,)."""
        return np.asarray(self.parts["HOTA"][name], np.float64)


def score_tracking(
    truth_path: Path, result_path: Path, frames: int, rate_fps: float = 25.0
) -> dict[str, float]:
    """Score a result file against ground truth, both in MOTChallenge's format.

    Args:
        truth_path: ``gt.txt``; rows with conf 0 are not scored, and result boxes on them are left out.
        result_path: ``tracks.mot.txt``.
        frames: number of frames of the sequence.
        rate_fps: frames a second.

    Returns:
        See ``TrackingScore.figures``.

    Raises:
        ResultError: a file cannot be read, or one id stands twice in a frame.
        UsageError: TrackEval is not installed.
    """
    truth = read_mot(truth_path, rate_fps, truth=True)
    ignored = read_mot(truth_path, rate_fps, ignored=True)
    return score_tables(truth, read_mot(result_path, rate_fps), frames, ignored)


def score_tables(
    truth: TrackTable, result: TrackTable, frames: int, ignored: TrackTable | None = None
) -> dict[str, float]:
    """Score tracks against ground truth: the figures of ``measure_tables``."""
    return measure_tables(truth, result, frames, ignored).figures


def measure_tables(
    truth: TrackTable, result: TrackTable, frames: int, ignored: TrackTable | None = None
) -> TrackingScore:
    """Score tracks against ground truth.

    Args:
        truth: boxes to be found.
        result: boxes of the run.
        frames: number of frames of the sequence.
        ignored: boxes that are neither to be found nor wrong; a result box that fits one of them (IoU 0.5)
            better than the truth is left out.

    Raises:
        ResultError: one id stands twice in a frame, or a frame lies behind the end.
        UsageError: TrackEval is not installed.
    """
    metrics = _load_metrics()
    if ignored is not None and len(ignored):
        result = _without_ignored(truth, result, ignored)
    data = _sequence(truth, result, frames)
    return TrackingScore({name: one.eval_sequence(data) for name, one in _metrics(metrics).items()})


def combine(scores: Mapping[str, TrackingScore]) -> TrackingScore:
    """Return the score of several sequences as one, by name: sums over sums, as TrackEval does it.

    Raises:
        UsageError: TrackEval is not installed.
    """
    metrics = _metrics(_load_metrics())
    parts = {name: {sequence: score.parts[name] for sequence, score in scores.items()} for name in metrics}
    return TrackingScore({name: one.combine_sequences(parts[name]) for name, one in metrics.items()})


def _metrics(module: ModuleType) -> dict[str, Any]:
    quiet = {"PRINT_CONFIG": False}
    return {"HOTA": module.HOTA(), "CLEAR": module.CLEAR(quiet), "Identity": module.Identity(quiet)}


def _load_metrics() -> ModuleType:
    try:
        from trackeval import metrics
    except ImportError as exc:
        raise UsageError(f"scoring tracks needs TrackEval ({exc}): pip install 'trackeval>=1.3,<2'") from exc
    module: ModuleType = metrics
    return module


def _sequence(truth: TrackTable, result: TrackTable, frames: int) -> dict[str, Any]:
    """Return what TrackEval's metrics want: ids from 0 and overlaps, a list entry a frame."""
    true_ids, true_rows = _by_frame(truth, frames, "the ground truth")
    run_ids, run_rows = _by_frame(result, frames, "the result")
    return {
        "num_timesteps": frames,
        "gt_ids": [true_ids[rows] for rows in true_rows],
        "tracker_ids": [run_ids[rows] for rows in run_rows],
        "similarity_scores": [
            boxlib.iou(truth.boxes[a], result.boxes[b]).astype(np.float64)
            for a, b in zip(true_rows, run_rows, strict=True)
        ],
        "num_gt_ids": len(set(true_ids.tolist())),
        "num_tracker_ids": len(set(run_ids.tolist())),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(result),
    }


def _by_frame(table: TrackTable, frames: int, what: str) -> tuple[NDArray[np.intp], list[NDArray[np.intp]]]:
    """Return ids numbered from 0 and, for every frame, its rows."""
    if len(table) and not (table.frames.min() >= 0 and table.frames.max() < frames):
        raise ResultError(f"{what} has frames {table.frames.min()} to {table.frames.max()} of {frames}")
    twice = (np.diff(table.ids) == 0) & (np.diff(table.frames) == 0)
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        raise ResultError(f"{what} has id {table.ids[row]} twice in frame {table.frames[row]} (from 0)")
    _, ids = np.unique(table.ids, return_inverse=True)
    order = np.argsort(table.frames, kind="stable")
    ends = np.searchsorted(table.frames[order], np.arange(1, frames))
    return ids.astype(np.intp), np.split(order, ends)


def _without_ignored(truth: TrackTable, result: TrackTable, ignored: TrackTable) -> TrackTable:
    """Leave out result boxes whose best partner, one to one, is an ignored box."""
    keep = np.ones(len(result), bool)
    for frame in np.unique(ignored.frames):
        rows = np.flatnonzero(result.frames == frame)
        real = truth.boxes[truth.frames == frame]
        others = np.concatenate([real, ignored.boxes[ignored.frames == frame]])
        overlap = boxlib.iou(others, result.boxes[rows])
        overlap[overlap < _MATCH_IOU] = 0.0
        partner, column = linear_sum_assignment(-overlap)
        on_ignored = (partner >= len(real)) & (overlap[partner, column] > 0)
        keep[rows[column[on_ignored]]] = False
    kept = np.flatnonzero(keep)
    names = tuple(result.classes[i] for i in kept)
    return TrackTable(result.frames[kept], result.times_s[kept], result.ids[kept], result.boxes[kept], names)
