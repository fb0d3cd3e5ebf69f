"""The observer of a scene: every track is watched at all lines, zones and gates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.frame import Frame
from tracker.analytics._entries import longest_unseen_s
from tracker.analytics._journey import Journey, Step
from tracker.analytics._journeys import Journeys
from tracker.analytics._lines import RIDDEN, LineCounter, Ridden
from tracker.analytics._seen import Moment, Move, Seen, Trails
from tracker.analytics._turns import TurnCounter
from tracker.analytics._zones import ZoneWatch
from tracker.scene.model import Scene
from tracker.types import Event, FrameResult, Track

__all__ = ["SceneObserver", "longest_unseen_s"]


class SceneObserver:
    """Reports crossings, zones and turns; the same for files, cameras, and tracks read back from a file.

    Args:
        scene: in any units; it is fitted to the frames.
        class_names: in the order of the labels.
        unseen_s: returns how long one may be in the picture without being seen; called once frames come.

    Attributes:
        ridden: labels of cycles and motorbikes, whose riders count with them.

    Raises:
        SceneError: the calibration's points do not make a plane.
    """

    def __init__(
        self, scene: Scene, class_names: Sequence[str], unseen_s: Callable[[], float] = longest_unseen_s
    ) -> None:
        """Begin before the first frame."""
        self._scene, self._names = scene, class_names
        people = [label for label, name in enumerate(class_names) if name == "person"]
        self.ridden = tuple(label for label, name in enumerate(class_names) if name in RIDDEN)
        self._journeys = Journeys(people[0] if people else None, unseen_s)
        self._fit(scene.size or (1, 1))

    @property
    def due_s(self) -> float:
        """When the mere passing of time may decide something (seconds); infinite for never."""
        return min(self._lines.due_s, self._journeys.due_s)

    def due_of(self, track_id: int) -> float:
        """Return when a track's steps may decide something by themselves; those before may be told later.

        Returns:
            Seconds; -inf where every step counts, inf where none does but those of ``stirred_by``.
        """
        return self._journeys.due_of(track_id)

    def stirred_by(self, trails: Trails) -> NDArray[np.bool_]:
        """Tell which rows of many tracks may mean something at a line, zone or gate, by themselves.

        Args:
            trails: of N rows; of their first rows nothing is said.

        Returns:
            bool (N,). The other rows of a track of which nothing is due may be told later.
        """
        before, after = trails.boxes[:-1], trails.boxes[1:]
        stirred = self._zones.stirred_by(trails)
        stirred[1:] |= self._lines.stirred_by(before, after) | self._turns.stirred_by(before, after)
        return stirred

    def begin(self, time_s: float) -> None:
        """Tell from when on the road was watched, where the first frames are not shown."""
        self._journeys.since_s = time_s

    def observe(self, result: FrameResult) -> list[Event]:
        """Return what is sure on this frame to have happened, by time within each kind."""
        size = (result.frame.width, result.frame.height)
        told: list[Event] = []
        if size != self._size:
            told = self._lines.finish(())  # what was crossed already is not lost with the old lines
            self._fit(size)
        steps, ended = self._journeys.update(result)
        return told + self._report(result.frame, steps, ended, lambda: self._ridden(result.tracks))

    def advance(
        self, frame: Frame | Moment, moves: Iterable[Move], over: Iterable[int], ridden: Ridden
    ) -> list[Event]:
        """Take what tracks did until a frame: ``observe`` for tracks that are read back from a file.

        Until something of a track is due (``due_of``), what means nothing by itself (``stirred_by``) may be
        left out and told later.

        Args:
            frame: of the scene's size.
            moves: of confirmed tracks, in the order in which the file has them.
            over: numbers of the tracks that ended.
            ridden: returns where the tracks of the classes ``ridden`` are, by their numbers.
        """
        return self._report(frame, *self._journeys.advance(frame, moves, over), ridden)

    def finish(self) -> list[Event]:
        """Return what was still to be decided when the run ended."""
        ended = self._journeys.finish()
        return [
            *self._lines.finish(ended),
            *self._zones.update((), ended),
            *self._turns.update((), (), ended),
        ]

    def _report(
        self, frame: Frame | Moment, steps: Sequence[Step], ended: Sequence[Journey], ridden: Ridden
    ) -> list[Event]:
        entries = self._journeys.entries
        events = self._lines.update(frame, steps, entries, ended, ridden)
        if steps or ended:
            events += self._zones.update(steps, ended)
            events += self._turns.update(steps, entries, ended)
        return events

    def _ridden(self, tracks: Iterable[Track]) -> list[tuple[int, Seen]]:
        found = []
        for track in tracks:
            if track.label in self.ridden and track.shown:
                x1, y1, x2, y2 = track.box.tolist()
                found.append((track.id, Seen(0.0, 0, x1, y1, x2, y2, track.origin)))
        return found

    def _fit(self, size: tuple[int, int]) -> None:
        """Take the scene to frames of this size; what was begun at the lines begins anew."""
        scene = self._scene.at(*size)
        plane = None
        if scene.calibration:
            from tracker.scene.plane import RoadPlane  # SciPy, for whoever calibrates alone

            plane = RoadPlane.of(scene.calibration, width_px=size[0])
        self._lines = LineCounter(scene, self._names, plane)
        self._zones, self._turns = ZoneWatch(scene, self._names), TurnCounter(scene)
        self._size = self._journeys.size = size
