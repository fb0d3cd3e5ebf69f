"""Tracks on single frames, as a file tells them."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracker.analytics._seen import Seen, made
from tracker.recount._sheet import Sheet
from tracker.types import Origin, TrackState

_NOWHERE = np.zeros(2, np.float32)


class Row(NamedTuple):
    """A track on one frame, with the fields of ``Track``: made in a fifth of its time.

    Of the votes a file keeps who won them. The times and the number of looks are those of the row alone,
    where ``Block`` does not say that it knows better.
    """

    id: int
    box: NDArray[np.float32]
    velocity: NDArray[np.float32]
    label: int
    score: float
    class_scores: NDArray[np.float32]
    state: TrackState
    origin: Origin
    confidence: float
    first_seen_s: float
    last_seen_s: float
    last_detected_s: float
    detections: int = 1
    embedding: NDArray[np.float32] | None = None

    @property
    def shown(self) -> bool:
        """Whether the track is reported to the user."""
        return self.state is not TrackState.REMOVED


class Life(NamedTuple):
    """What a track was up to one of its rows.

    Attributes:
        box: float32 (4,) where it was last that was not only predicted; else where it began.
        first_seen_s: when it began.
        last_seen_s: when it was last not only predicted; else when it began.
        detections: number of looks that found it.
    """

    box: NDArray[np.float32]
    first_seen_s: float
    last_seen_s: float
    detections: int


class Columns:
    """Rows of a sheet, column by column; lists, out of which single values come several times as fast.

    Args:
        sheet: N rows.
        classes: number of classes.

    Attributes:
        boxes: float32 (N, 4) xyxy in pixels.
        ids: of the tracks.
        labels: their classes.
        votes: float32 (C,) by label: of the votes a file keeps who won them.
        times_s: of the frames.
        seen: places for the observer.
    """

    def __init__(self, sheet: Sheet, classes: int) -> None:
        """Take the columns apart."""
        table, self.boxes = sheet.table, sheet.boxes
        self.ids: list[int] = table["track_id"].tolist()
        self.times_s: list[float] = table["time_s"].tolist()
        self.labels: list[int] = table["class"].tolist()
        self._scores, self._confidences = table["score"], table["confidence"]
        self.votes = list(np.eye(classes, dtype=np.float32))
        sides = (self.boxes[:, side].tolist() for side in range(4))
        origins = map(tuple(Origin).__getitem__, sheet.origins.tolist())
        places = zip(self.times_s, table["frame"].tolist(), *sides, origins, strict=True)
        self.seen: list[Seen] = list(map(made, itertools.repeat(Seen), places))

    def row(self, place: int, life: Life | None = None, over: bool = False) -> Row:
        """Return one of the rows.

        Args:
            place: of the row.
            life: of its track up to there, where it is known.
            over: the track has ended.
        """
        label, origin, at_s = self.labels[place], self.seen[place].origin, self.times_s[place]
        state = TrackState.COASTING if origin is Origin.PREDICTED else TrackState.CONFIRMED
        box, first_s, last_s, detections = life or (self.boxes[place], at_s, at_s, 1)
        values = (
            self.ids[place],
            box,
            _NOWHERE,
            label,
            float(self._scores[place]),
            self.votes[label],
            TrackState.REMOVED if over else state,
            origin,
            float(self._confidences[place]),
            first_s,
            last_s,
            at_s,
            detections,
            None,
        )
        return made(Row, values)
