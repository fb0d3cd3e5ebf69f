"""Fit a detector's confidences to videos, and keep them beside its weights."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from detectors.errors import UsageError, WeightsError
from detectors.protocol import Detector
from tracker.confidence import Calibration, read_fits
from tracker.config import Settings
from tracker.lab.fitting import Quality, fit, quality
from tracker.lab.sampling import Samples, of_one, sample

#: Told the video and the index of the frame in hand.
Progress = Callable[[str, int], None]
FITTED, TESTED = "fitted to", "not fitted to"


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A calibration with what it rests on.

    Attributes:
        calibration: that was fitted.
        fitted: samples of the videos that it was fitted to.
        tested: samples of others.
    """

    calibration: Calibration
    fitted: tuple[Samples, ...]
    tested: tuple[Samples, ...]

    def quality(self, samples: Sequence[Samples]) -> Quality:
        """Return how well the calibration holds for some of the samples."""
        whole = of_one(samples, "")
        return quality(self.calibration.probability(whole.evidence), whole.right)


def calibrate(
    settings: Settings, detector: Detector, videos: Sequence[str], tests: Sequence[str], told: Progress
) -> Fit:
    """Fit to some videos, and judge by others.

    Args:
        settings: with the propagator and what else the tracker is to be.
        detector: runs on every frame.
        videos: to fit to.
        tests: to judge by.
        told: while it runs.

    Raises:
        UsageError: a video is named twice, or there are too few boxes.
        SourceError: a video cannot be read.
    """
    named = [*videos, *tests]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice: what was fitted to it says nothing about it")
    samples = []
    for video in named:
        chosen = replace(settings, video=video, calibrated="none")
        samples.append(sample(chosen, detector, lambda index, video=video: told(video, index)))  # type: ignore[misc]
    fitted, tested = tuple(samples[: len(videos)]), tuple(samples[len(videos) :])
    return Fit(fit(fitted), fitted, tested)


def check_place(file: Path, propagator: str, sha256: str, overwrite: bool) -> None:
    """See that a fit can be written, before hours are spent on it.

    Raises:
        UsageError: it would replace another one, or its folder is not there.
        WeightsError: what is there already is damaged.
    """
    if not file.parent.is_dir():
        raise UsageError(f"no folder {file.parent} for {file.name}")
    if not file.exists() or overwrite:
        return
    content = read_fits(file)
    if content["sha256"] != sha256:
        raise UsageError(f"{file} belongs to other weights: give --overwrite to replace it, or another --out")
    if propagator in content["fits"]:
        raise UsageError(
            f"{file} has a fit for {propagator}: give --overwrite to replace it, or another --out"
        )


def write_fit(file: Path, propagator: str, sha256: str, fit: Fit, command: str) -> None:
    """Write a fit; those for other propagators stay, if they belong to the same weights and can be used.

    Raises:
        WeightsError: the file cannot be written.
    """
    fits = {}
    if file.exists():
        with contextlib.suppress(WeightsError):  # a damaged one, or an earlier version's, is replaced
            content = read_fits(file)
            fits = dict(content["fits"]) if content["sha256"] == sha256 else {}
    about = {"bias": fit.calibration.bias, "weights": dict(fit.calibration.weights), "command": command}
    for name, samples in (("fitted", fit.fitted), ("tested", fit.tested)):
        if samples:
            about[name] = {
                "videos": [Path(s.name).name for s in samples],
                **{key: round(value, 3) for key, value in asdict(fit.quality(samples)).items()},
            }
    fits[propagator] = about
    part = file.with_name(file.name + ".part")
    try:
        part.write_text(json.dumps({"sha256": sha256, "fits": fits}, indent=1) + "\n", "utf-8")
        part.replace(file)
    except OSError as exc:
        raise WeightsError(f"{file} cannot be written: {exc.strerror}") from exc
