"""What can be said of settings before anything is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from detectors.catalog import find_detector
from detectors.errors import UnknownNameError, UsageError
from tracker.compose.registries import REGISTRIES, SAID_BY, followed
from tracker.confidence import read_fits
from tracker.config import Settings
from tracker.sources._kinds import is_url, kind_of, may_be_live, shown_name


def check_settings(settings: Settings) -> None:
    """Check what can be checked before anything is built, which takes seconds for a network.

    Whoever loads a detector asks this first, and ``build_pipeline`` asks again, since a detector that is
    loaded already may meet other settings; the second time it takes less than a millisecond.

    Raises:
        UsageError: unknown components or options, or components that do not go together.
    """
    if not settings.triggers:
        raise UsageError("no trigger: give --trigger confidence, interval or always")
    for kind, chosen in followed(settings).items():
        for component in chosen:
            REGISTRIES[kind].config(component, settings.of(kind, component))
    for kind, tables in settings.options.items():
        for component, options in tables.items():
            REGISTRIES[kind].load(component)
            _check_options(kind, component, options)
    if settings.calibrated not in ("auto", "none"):
        read_fits(Path(settings.calibrated))
    _check_together(settings)


def _check_together(settings: Settings) -> None:
    if settings.evidence and settings.scene is None:
        raise UsageError("evidence is of those who cross a line: give --scene too")
    if settings.raw and settings.blur:
        raise UsageError("raw pictures are as the camera sent them: with --blur there can be none")
    if settings.raw and settings.video and not (is_url(settings.video) and may_be_live(settings.video)):
        raise UsageError(f"--raw keeps a live stream as it comes, and {shown_name(settings.video)} is none")
    if settings.propagate == "none" and settings.triggers != ("always",):
        raise UsageError("--propagate none means the CNN on every frame: use it with --trigger always")
    if settings.propagate == "none" and settings.budget is not None:
        raise UsageError("--propagate none means the CNN on every frame: there is no budget for that")


def _check_options(kind: str, component: str, options: Mapping[str, object]) -> None:
    known = set(REGISTRIES[kind].load(component).Config.__dataclass_fields__)
    for name in options:
        if name not in known:
            raise UnknownNameError(f"option of {kind} {component}", name, known)
        if (kind, name) in SAID_BY:
            raise UsageError(f"{kind}.{component}.{name} is said with {SAID_BY[kind, name]}")


def check_used(settings: Settings, assignments: Sequence[str], sinks: Sequence[str]) -> None:
    """Check that every ``kind.component.option=value`` of the command line means a component of this run.

    A file of settings may hold tables for components that are not in use; who types an option wants it.

    Args:
        settings: those of the run, the assignments included.
        assignments: what was typed.
        sinks: the names of those that this run has.

    Raises:
        UsageError: it means another component, or another setting has the last word.
    """
    used = {**followed(settings), "source": (kind_of(settings.video),), "sink": tuple(sinks)}
    for assignment in assignments:
        kind, component, name = [*assignment.partition("=")[0].strip().split("."), "", ""][:3]
        if kind == "detector" and component:  # its file is opened for whoever asks alone
            used[kind] = (find_detector(settings.detector).component,)
        if kind in used and component and component not in used[kind]:
            what = f"{kind} of this run is" if len(used[kind]) == 1 else f"{kind}s of this run are"
            raise UsageError(f"--set {assignment} has no effect: the {what} {', '.join(used[kind])}")
        if kind == "detector" and name in _ruled_by(settings):
            raise UsageError(f"--set {assignment} has no effect: {_ruled_by(settings)[name]} stands above it")


def _ruled_by(settings: Settings) -> dict[str, str]:
    """Return the options of a detector that a setting of the run has the last word on, with that word."""
    said = {} if settings.device == "auto" else {"device": f"device {settings.device}"}
    score = f"score {settings.score}"
    return said if settings.score is None else {**said, "score": score, "min_score": score}
