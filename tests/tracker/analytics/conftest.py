"""Roads on which tracks move exactly as a test says, through the observer's own door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from detectors import Frame
from tracker.analytics.scene import SceneObserver
from tracker.scene import Scene
from tracker.types import Event, FrameResult, Origin, Track, TrackState

NAMES = ("car", "bus", "truck", "motorbike", "bicycle", "person")
SIZE = (400, 300)
RATE = 25.0
PICTURE = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)

Place = tuple[float, float]


@dataclass
class Way:
    """Where one track is, by frame: the centre of its box; None where it is not there."""

    centres: list[Place | None]
    label: int = 0
    size: tuple[float, float] = (30.0, 20.0)
    tentative: int = 2
    predicted: frozenset[int] = frozenset()
    votes: np.ndarray | None = None
    states: Mapping[int, TrackState] = field(default_factory=dict)


def track_of(track_id: int, way: Way, index: int) -> Track | None:
    """Return the track on a frame; REMOVED on the first frame behind its end."""
    here = way.centres[index] if index < len(way.centres) else None
    before = way.centres[index - 1] if 0 < index <= len(way.centres) else None
    if here is None and before is None:
        return None
    x, y = here or before  # type: ignore[misc]
    first = next(i for i, centre in enumerate(way.centres) if centre is not None)
    state = TrackState.TENTATIVE if index - first < way.tentative else TrackState.CONFIRMED
    origin = Origin.PREDICTED if index in way.predicted else Origin.DETECTED
    if origin is Origin.PREDICTED:
        state = TrackState.COASTING
    if here is None:
        state = TrackState.REMOVED
    state = way.states.get(index, state)
    w, h = way.size
    votes = np.eye(len(NAMES), dtype=np.float32)[way.label] * 3 if way.votes is None else way.votes
    box = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2], np.float32)
    zero = np.zeros(2, np.float32)
    return Track(track_id, box, zero, way.label, 0.9, votes, state, origin, 0.9, 0.0, 0.0, 0.0)


def results_of(
    ways: Iterable[Way], rate: float = RATE, frames: int | None = None, size: tuple[int, int] = SIZE
) -> list[FrameResult]:
    """Return the results of a road on which the tracks 1, 2, ... move."""
    ways = list(ways)
    length = frames or max(len(way.centres) for way in ways) + 1
    picture = PICTURE if size == SIZE else np.zeros((size[1], size[0], 3), np.uint8)
    return [
        FrameResult(
            Frame(picture, index, index / rate),
            None,
            None,
            tuple(t for n, way in enumerate(ways, 1) if (t := track_of(n, way, index)) is not None),
        )
        for index in range(length)
    ]


@pytest.fixture
def watch() -> Callable[..., list[Event]]:
    """Return a function that sends tracks past a scene and returns all events."""

    def run(scene: Scene, *ways: Way, rate: float = RATE, frames: int | None = None) -> list[Event]:
        observer = SceneObserver(scene, NAMES)
        events = [e for result in results_of(ways, rate, frames) for e in observer.observe(result)]
        return events + observer.finish()

    return run


@pytest.fixture
def way() -> type[Way]:
    """Return the class of tracks."""
    return Way


@pytest.fixture
def straight() -> Callable[..., list[Place]]:
    """Return a function that gives the places on a straight way at a steady speed."""

    def places(start: Place, end: Place, frames: int) -> list[Place]:
        return [tuple(p) for p in np.linspace(start, end, frames).tolist()]  # type: ignore[misc]

    return places
