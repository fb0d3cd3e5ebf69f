"""How much a person's labels on a frame would teach, as an earlier run of its video tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.lab.run_rows import DETECTED, PREDICTED, RunRows
from tracker.track_rows import Piece

Amount = NDArray[np.float64]
#: A detection below it is unsure.
UNSURE_SCORE = 0.5
#: A track that ends nearer to the border than this share of the frame has left; others are lost.
_BORDER_SHARE = 0.03
#: What each sign is worth; many objects are the weakest, since they are much work too.
_WEIGHTS = {"rare": 1.0, "unsure": 1.0, "lost": 1.0, "predicted": 0.5, "many": 0.5}


@dataclass(frozen=True, slots=True, eq=False)
class Teaching:
    """What speaks for each of F frames.

    Attributes:
        total: float64 (F,) in [0, 1].
        rarest: int64 (F,) index of the rarest class on it; -1 where none is rare.
        counts: unsure, lost, predicted and all objects, int64 (F,) each.
        names: of the classes.
    """

    total: Amount
    rarest: NDArray[np.int64]
    counts: dict[str, NDArray[np.int64]]
    names: tuple[str, ...]

    def why(self, frame: int) -> str:
        """Say in words what speaks for a frame; "" where nothing does."""
        number = {name: int(counts[frame]) for name, counts in self.counts.items()}
        words = [f"rare {self.names[self.rarest[frame]]}"] if self.rarest[frame] >= 0 else []
        words += [f"{number[name]} {name}" for name in ("unsure", "lost", "predicted") if number[name]]
        return ", ".join([*words, f"{number['many']} objects"]) if words else ""


def teaching_of(run: RunRows) -> Teaching:
    """Return what speaks for each frame of a run."""
    rows, frames = run.rows, run.frames
    unsure = rows[(rows["origin"] == DETECTED) & (rows["score"] < UNSURE_SCORE)]
    counts = {
        "unsure": np.bincount(unsure["frame"], minlength=frames),
        "lost": np.bincount(_lost(run), minlength=frames),
        "predicted": np.bincount(rows["frame"][rows["origin"] == PREDICTED], minlength=frames),
        "many": np.bincount(rows["frame"], minlength=frames),
    }
    rarity, rarest = _rare(rows, frames, len(run.names))
    signs = {"rare": rarity, "many": counts["many"] / counts["many"].max()}
    signs |= {name: 1 - 0.5 ** counts[name] for name in ("unsure", "lost", "predicted")}
    total = sum(weight * signs[name] for name, weight in _WEIGHTS.items()) / sum(_WEIGHTS.values())
    return Teaching(np.asarray(total, np.float64), rarest, counts, run.names)


def _lost(run: RunRows) -> NDArray[np.int64]:
    """Return the frame behind the last sight of every track that ends inside the picture."""
    last = np.array([track[-1] for track in run.of_track()], run.rows.dtype)
    boxes = run.boxes(last)
    width, height = run.size
    inner = np.array([width, height]) * _BORDER_SHARE
    inside = (boxes[:, :2] > inner).all(axis=1) & (boxes[:, 2:] < np.array(run.size) - inner).all(axis=1)
    behind = last["frame"][inside] + 1
    return np.asarray(behind[behind < run.frames], np.int64)


def _rare(rows: Piece, frames: int, classes: int) -> tuple[Amount, NDArray[np.int64]]:
    """Return how rare the rarest class on each frame is, 0 to 1, and which one it is or -1."""
    _, first = np.unique(rows["track_id"], return_index=True)
    tracks = np.bincount(rows["class"][first], minlength=classes)
    share = tracks / tracks.sum()
    # a class is rare by what it lacks to an equal share
    rarity = np.where(tracks > 0, np.maximum(0, 1 - share * (tracks > 0).sum()), 0)
    order = np.argsort(rarity[rows["class"]], kind="stable")  # the rarest of a frame is written last
    amount, rarest = np.zeros(frames), np.full(frames, -1, np.int64)
    amount[rows["frame"][order]] = rarity[rows["class"][order]]
    rarest[rows["frame"][order]] = rows["class"][order]
    return amount, np.where(amount > 0, rarest, -1)
