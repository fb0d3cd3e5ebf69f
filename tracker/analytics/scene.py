"""The observer of a scene: every track is watched at all lines, zones and gates."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.analytics._journeys import Journeys
from tracker.analytics._lines import LineCounter
from tracker.analytics._turns import TurnCounter
from tracker.analytics._zones import ZoneWatch
from tracker.scene.model import Scene
from tracker.scene.plane import RoadPlane
from tracker.types import Event, FrameResult


class SceneObserver:
    """Reports crossings, zones and turns; the same for files, cameras, and tracks read back from a file.

    Args:
        scene: in any units; it is fitted to the frames.
        class_names: in the order of the labels.

    Raises:
        SceneError: the calibration's points do not make a plane.
    """

    def __init__(self, scene: Scene, class_names: Sequence[str]) -> None:
        """Begin before the first frame."""
        self._scene, self._names = scene, class_names
        people = [label for label, name in enumerate(class_names) if name == "person"]
        self._journeys = Journeys(people[0] if people else None)
        self._fit(scene.size or (1, 1))

    def observe(self, result: FrameResult) -> list[Event]:
        """Return what is sure on this frame to have happened, by time within each kind."""
        size = (result.frame.width, result.frame.height)
        told: list[Event] = []
        if size != self._size:
            told = self._lines.finish(())  # what was crossed already is not lost with the old lines
            self._fit(size)
        steps, ended = self._journeys.update(result)
        return [
            *told,
            *self._lines.update(result, steps, ended),
            *self._zones.update(steps, ended),
            *self._turns.update(steps, ended),
        ]

    def finish(self) -> list[Event]:
        """Return what was still to be decided when the run ended."""
        ended = self._journeys.finish()
        return [
            *self._lines.finish(ended),
            *self._zones.update((), ended),
            *self._turns.update((), ended),
        ]

    def _fit(self, size: tuple[int, int]) -> None:
        """Take the scene to frames of this size; what was begun at the lines begins anew."""
        scene = self._scene.at(*size)
        plane = RoadPlane.of(scene.calibration, width_px=size[0]) if scene.calibration else None
        self._lines = LineCounter(scene, self._names, plane)
        self._zones, self._turns = ZoneWatch(scene, self._names), TurnCounter(scene)
        self._size = size
