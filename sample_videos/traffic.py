"""Who is where on the road at which moment: car following, a pedestrian signal, people on foot.

The road runs along y, away from the camera; traffic keeps to the right. Vehicles follow the one ahead by
the Intelligent Driver Model (Treiber, Hennecke, Helbing 2000, eq. 2 and 3).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from fleet import Model, draw
from people import PHASES

LANES = ((1.8, 1), (5.15, 1), (-1.8, -1), (-5.15, -1))
"""x in metres and direction along y."""
CYCLE_LANES = ((7.75, 1), (-7.75, -1))
KERB_M = 8.5
ZEBRA_Y = (29.5, 33.5)
STOP_Y = {1: 27.3, -1: 35.7}
ROAD_Y = (-70.0, 235.0)
PRE_ROLL_S = 45.0
AMBER_S, RED_S, WALK_S, GREEN_S = 5.5, 8.0, 9.0, 17.4
"""When the signal for vehicles turns amber and red, people start, and it turns green again."""
DECK = (*("car",) * 21, *("van", "truck", "bus") * 2, "motorbike")


@dataclass(frozen=True, slots=True)
class State:
    """Where a road user is on one frame: middle of its footprint in metres, heading in radians, m/s."""

    x: float
    y: float
    heading: float
    speed: float
    phase: int


@dataclass
class Track:
    """A road user and its states by frame."""

    id: int
    model: Model
    states: dict[int, State] = field(default_factory=dict)


@dataclass
class _Driver:
    track: Track
    x: float
    direction: int
    s: float  # the front bumper's way along the direction of travel, in metres
    v: float
    wish: float
    gap_s: float
    travelled: float = 0.0


def signal(time_s: float) -> str:
    """Return what the signal for vehicles shows."""
    if time_s < AMBER_S or time_s >= GREEN_S:
        return "green"
    return "amber" if time_s < RED_S else "red"


def _acceleration(v: float, wish: float, gap: float, closing: float, gap_s: float) -> float:
    """Return the IDM's acceleration in m/s2, limited to a hard braking of 7 m/s2."""
    most, comfort, standstill = 1.9, 2.2, 2.1
    desired = standstill + max(0.0, v * gap_s + v * closing / (2 * np.sqrt(most * comfort)))
    return float(max(-7.0, most * (1 - (v / wish) ** 4 - (desired / max(gap, 0.1)) ** 2)))


class _Lane:
    """One lane: drivers in order, the foremost first."""

    def __init__(self, x: float, direction: int, bikes: bool, rng: np.random.Generator) -> None:
        self.x, self.direction, self.bikes, self.rng = x, direction, bikes, rng
        self.drivers: list[_Driver] = []
        self.deck: list[str] = []
        self.next_s = float(rng.uniform(0, 2))
        self.start = ROAD_Y[0] if direction > 0 else -ROAD_Y[1]
        self.end = ROAD_Y[1] if direction > 0 else -ROAD_Y[0]
        self.stop = STOP_Y[direction] * direction

    def enter(self, time_s: float, new_id: int) -> Track | None:
        """Let the next one in when its time has come and there is room."""
        if time_s < self.next_s or (
            self.drivers and self.drivers[-1].s - self.drivers[-1].track.model.length < self.start + 12
        ):
            return None
        if not self.deck:
            self.deck = ["bicycle"] * 4 if self.bikes else [str(k) for k in self.rng.permutation(DECK)]
        kind = self.deck.pop()
        track = Track(new_id, draw(kind, self.rng))
        heavy = kind in ("bus", "truck")
        wish = self.rng.uniform(4.6, 6.6) if self.bikes else self.rng.uniform(12.0, 15.0) - 1.5 * heavy
        wobble = 0.5 if kind in ("motorbike", "bicycle") else 0.18
        x = self.x + float(np.clip(self.rng.normal(0, wobble), -0.7, 0.7)) * (0.4 if self.bikes else 1)
        speed = wish if not self.drivers else min(wish, self.drivers[-1].v)
        self.drivers.append(
            _Driver(track, x, self.direction, self.start, speed, wish, self.rng.uniform(1.0, 1.5))
        )
        self.next_s = time_s + (
            5 + self.rng.exponential(6) if self.bikes else 1.8 + self.rng.exponential(1.8)
        )
        return track

    def advance(self, time_s: float, step_s: float) -> None:
        """Move every driver by one step."""
        ahead: _Driver | None = None
        # Cyclists, at the kerb, wait until the last people have reached it.
        halt = signal(time_s) != "green" or (self.bikes and GREEN_S <= time_s < GREEN_S + 3.0)
        for driver in self.drivers:
            gap, closing = 1e3, 0.0
            if ahead is not None:
                gap, closing = ahead.s - ahead.track.model.length - driver.s, driver.v - ahead.v
            room = self.stop - driver.s
            if halt and room > -0.5 and room > driver.v**2 / 7.0 - 0.5 and room + 2.0 < gap:
                gap, closing = room + 1.6, driver.v  # the IDM keeps its standstill gap to the line itself
            a = _acceleration(driver.v, driver.wish, gap, closing, driver.gap_s)
            speed = max(0.0, driver.v + a * step_s)
            driver.travelled += (driver.v + speed) / 2 * step_s
            driver.s += (driver.v + speed) / 2 * step_s
            driver.v = speed
            ahead = driver
        self.drivers = [d for d in self.drivers if d.s < self.end + 15]

    def record(self, frame: int) -> None:
        """Write down where everybody is."""
        for d in self.drivers:
            steps = len(d.track.model.phases)
            phase = int(d.travelled / d.track.model.cycle_m * steps) % steps
            y = (d.s - d.track.model.length / 2) * d.direction
            sway = 0.06 * np.sin(d.travelled / 9 + d.track.id)
            d.track.states[frame] = State(d.x + sway, y, np.pi / 2 * d.direction, d.v, phase)


def _walk(
    track: Track, route: list[tuple[float, float]], start_s: float, speed: float, frames: int, fps: float
) -> None:
    """Let a person stand at the route's first point until ``start_s``, then walk it to its end."""
    points = np.array(route)
    legs = np.linalg.norm(np.diff(points, axis=0), axis=1)
    ends = np.concatenate([[0], np.cumsum(legs)])
    for frame in range(frames):
        way = max(0.0, frame / fps - start_s) * speed
        if way >= ends[-1]:
            return
        leg = int(np.searchsorted(ends, way, side="right")) - 1
        a, b = points[leg], points[leg + 1]
        x, y = a + (b - a) * (way - ends[leg]) / legs[leg]
        walking = way > 0
        phase = int(way / track.model.cycle_m * PHASES) % PHASES if walking else PHASES
        heading = float(np.arctan2(b[1] - a[1], b[0] - a[0]))
        track.states[frame] = State(float(x), float(y), heading, speed if walking else 0.0, phase)


def _people(first_id: int, frames: int, fps: float, rng: np.random.Generator) -> list[Track]:
    tracks = []
    for i in range(17):
        track = Track(first_id + i, draw("person", rng))
        side, speed = (1 if i % 2 else -1), float(rng.uniform(1.25, 1.75))
        if i < 9:
            y = float(rng.uniform(ZEBRA_Y[0] + 0.5, ZEBRA_Y[1] - 0.5))
            kerb, away = KERB_M + float(rng.uniform(0.5, 1.3)), float(rng.choice([-1, 1]))
            route = [(side * kerb, y), (-side * (kerb + 0.6), y), (-side * (kerb + 0.9), y + away * 60)]
            _walk(track, route, WALK_S + float(rng.uniform(0, 0.7)), max(speed, 1.7), frames, fps)
        else:
            x, y, turn = side * rng.uniform(9.8, 11.4), float(rng.uniform(18, 75)), float(rng.choice([-1, 1]))
            _walk(track, [(x, y), (x + rng.uniform(-0.3, 0.3), y + turn * 80)], -1.0, speed, frames, fps)
        tracks.append(track)
    return tracks


def simulate(frames: int, fps: float, seed: int) -> list[Track]:
    """Return everybody who is on the road on at least one of ``frames`` frames."""
    rng = np.random.default_rng(seed)
    lanes = [_Lane(x, d, False, rng) for x, d in LANES] + [_Lane(x, d, True, rng) for x, d in CYCLE_LANES]
    for lane in lanes:
        lane.next_s -= PRE_ROLL_S
    tracks: list[Track] = []
    # Two steps a frame keep the braking smooth.
    for step in range(-int(PRE_ROLL_S * fps) * 2, frames * 2):
        time_s = step / fps / 2
        for lane in lanes:
            new = lane.enter(time_s, len(tracks) + 1)
            if new is not None:
                tracks.append(new)
            lane.advance(time_s, 0.5 / fps)
            if step >= 0 and step % 2 == 0:
                lane.record(step // 2)
    tracks += _people(len(tracks) + 1, frames, fps, rng)
    return [track for track in tracks if track.states]
