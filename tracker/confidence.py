"""How likely it is that a carried box is still right: what speaks for that, and what it comes to.

A propagator says how sure it is by a measure of its own: the height of a correlation's peak, its ratio to the
side lobes, how far a Kalman filter may have strayed. A logistic regression turns that, and what else is known
of the track, into the share of such boxes that a look would have found right (IoU of at least 0.5 with a
detection). ``track calibrate`` fits it for one detector and propagator, and writes it beside the detector's
weights: ``road.pt`` has ``road.confidence.json``, with the digest of the weights and a fit by propagator.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import hidden_shares, iou
from detectors.errors import UsageError, WeightsError
from detectors.frame import Frame
from tracker.types import Track, TrackState

Doubles = NDArray[np.float64]

#: What is taken into account, in the order of ``Evidence.of``'s columns: the propagator's own confidence as
#: log odds; how far that has fallen since the first frame behind the last look that found the track; the
#: logarithm of the seconds since that look; the way it goes in as long, in sizes of its box (in proportion to
#: that it goes astray); the greatest overlap with another track; the share of it that nearer ones hide;
#: whether the last look missed it (1 or 0); the score of the last detection; the logarithm of the number of
#: looks that found it; whether it is tentative still (1 or 0). The size in the picture is not among them:
#: what it tells of one camera does not hold for another.
EVIDENCE = (
    *("own", "fallen", "age", "way", "overlap", "hidden"),
    *("missed", "score", "looks", "tentative"),
)
_MOST_ODDS, _MOST_FALLEN = 6.0, 8.0
#: Seconds; what is later counts as this late, and a fresh box as this old, so that it has a logarithm.
_MOST_AGE_S, _FRESH_S = 3.0, 0.05
_MOST_LOOKS = 8.0
#: Sizes of the box; who goes further counts as this far.
_MOST_WAY = 3.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression over ``EVIDENCE``.

    Attributes:
        bias: log odds where all evidence is 0.
        weights: on each piece of evidence; what is not named has none.
    """

    bias: float
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        """Raise ValueError for evidence that there is not, or a number that is not finite."""
        unknown = sorted(set(self.weights) - set(EVIDENCE))
        if unknown:
            raise ValueError(f"no such evidence: {', '.join(unknown)} (there is {', '.join(EVIDENCE)})")
        if not np.isfinite([self.bias, *self.weights.values()]).all():
            raise ValueError("a weight is not finite")

    def probability(self, evidence: Doubles) -> Doubles:
        """Return float64 (N,), how likely each box is right, given evidence (N, len(EVIDENCE))."""
        odds = self.bias + evidence @ np.array([self.weights.get(name, 0.0) for name in EVIDENCE])
        probability: Doubles = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        return probability


def beside(weights: Path) -> Path:
    """Return where the confidences that belong to a file of weights are kept."""
    return weights.with_suffix(".confidence.json")


def read_fits(file: Path) -> dict[str, Any]:
    """Return what a file of confidences holds: ``sha256`` of the weights, and ``fits`` by propagator.

    Raises:
        WeightsError: it cannot be read, or is no such file.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
        str(content["sha256"])
        for fit in content["fits"].values():
            _calibration(fit)
    except OSError as exc:
        raise WeightsError(f"confidences {file} cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        why = f"{type(exc).__name__} {exc}"
        raise WeightsError(f"{file} is no file of this version's 'track calibrate': {why}") from exc
    return dict(content)


def _calibration(fit: Any) -> Calibration:
    return Calibration(float(fit["bias"]), {str(name): float(w) for name, w in fit["weights"].items()})


def find_fit(
    asked: str, weights: Path | None, sha256: str | None, propagator: str
) -> tuple[Calibration | None, str]:
    """Return the calibration to use, None for the propagator's own confidence; and a warning or "".

    What lies beside the weights and cannot be used, such as an earlier version's, is only warned of.

    Args:
        asked: "auto" for what lies beside the weights, "none", or a file.
        weights: of the detector; None where it has none.
        sha256: their digest.
        propagator: its name.

    Raises:
        UsageError: the file that was asked for was fitted to another detector or propagator.
        WeightsError: that file cannot be read, or is damaged.
    """
    found = asked == "auto" and weights is not None and sha256 is not None and beside(weights).is_file()
    if asked == "none" or (asked == "auto" and not found):
        return None, ""
    file = beside(weights) if asked == "auto" and weights else Path(asked)
    try:
        content = read_fits(file)
        if content["sha256"] != sha256:
            raise UsageError(f"{file} was fitted to other weights: 'track calibrate' fits it anew")
    except (UsageError, WeightsError) as exc:
        if asked != "auto":
            raise
        return None, f"{exc}; confidences are as they come"
    if propagator not in content["fits"]:
        if asked != "auto":
            raise UsageError(f"{file} was fitted to {', '.join(content['fits'])}, not to {propagator}")
        return None, ""
    return _calibration(content["fits"][propagator]), ""


class Evidence:
    """What speaks for carried boxes; remembers of each track how sure its propagator was at first."""

    def __init__(self) -> None:
        """Begin with no tracks."""
        self._first: dict[int, float] = {}

    def restart(self, ids: Iterable[int]) -> None:
        """Forget how sure these tracks were: they were detected anew, or are over."""
        for track_id in ids:
            self._first.pop(track_id, None)

    def of(self, frame: Frame, tracks: Sequence[Track]) -> Doubles:
        """Return float64 (N, len(EVIDENCE)) for N tracks as their propagator carried them to a frame."""
        if not tracks:
            return np.zeros((0, len(EVIDENCE)))
        own = np.array([track.confidence for track in tracks], np.float64).clip(1e-9, 1 - 1e-9)
        odds = np.log(own / (1 - own)).clip(-_MOST_ODDS, _MOST_ODDS)
        first = [self._first.setdefault(t.id, o) for t, o in zip(tracks, odds.tolist(), strict=True)]
        boxes = np.array([track.box for track in tracks], np.float32)
        sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0).astype(np.float64)
        size = np.sqrt(sides.prod(axis=1))
        age_s = np.array([frame.time_s - track.last_detected_s for track in tracks]).clip(0.0, _MOST_AGE_S)
        speed = np.linalg.norm([track.velocity for track in tracks], axis=1)
        looks = np.array([track.detections for track in tracks], np.float64)
        columns = (
            odds,
            (np.array(first) - odds).clip(-_MOST_FALLEN, _MOST_FALLEN),
            np.log(age_s + _FRESH_S),
            (speed * age_s / size).clip(0.0, _MOST_WAY),
            _overlaps(boxes),
            hidden_shares(boxes).astype(np.float64),
            np.array([track.state is TrackState.COASTING for track in tracks], np.float64),
            np.array([track.score for track in tracks]),
            np.log(looks.clip(1.0, _MOST_LOOKS)),
            np.array([track.state is TrackState.TENTATIVE for track in tracks], np.float64),
        )
        return np.stack(columns, axis=1)


def _overlaps(boxes: NDArray[np.float32]) -> Doubles:
    """Return the greatest overlap (N,) of each box with another one of them."""
    overlaps = iou(boxes, boxes).astype(np.float64)
    np.fill_diagonal(overlaps, 0.0)
    greatest: Doubles = overlaps.max(axis=1)
    return greatest
