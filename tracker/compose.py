"""From settings to a pipeline: the only wiring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.catalog import ZOO, Loaded, find_detector
from detectors.catalog import build_detector as build_found
from detectors.errors import UnknownNameError, UsageError
from detectors.protocol import Detector
from detectors.registry import Registry
from tracker.analytics.scene import SceneObserver
from tracker.confidence import find_fit, read_fits
from tracker.config import Settings
from tracker.pipeline import Pipeline
from tracker.propagation._calibrated import Calibrated
from tracker.protocols import FrameSource, Observer, Propagator, Sink, Trigger
from tracker.scene.model import Scene
from tracker.scene.reading import check_classes, read_scene
from tracker.sources._kinds import is_url, kind_of, may_be_live, shown_name
from tracker.triggers._budget import Budgeted
from tracker.types import RunInfo

SOURCES = Registry("tracker.sources", "source")
PROPAGATORS = Registry("tracker.propagation", "propagator", optional=True)
TRIGGERS = Registry("tracker.triggers", "trigger")
ASSOCIATORS = Registry("tracker.association", "associator")
SINKS = Registry("tracker.sinks", "sink")

#: Registry and chosen names of each kind; a table for a component that is not there is an error.
_REGISTRIES = {
    "source": SOURCES,
    "detector": ZOO,
    "propagate": PROPAGATORS,
    "trigger": TRIGGERS,
    "associate": ASSOCIATORS,
    "sink": SINKS,
}
#: Options that have a place of their own on the command line: said twice, one of the two would be lost.
#: In ``run.json`` too they stand elsewhere than among the options.
_SAID_BY = {
    ("source", "path"): "--video",
    ("source", "device"): "--video or --webcam",
    ("source", "raw_path"): "--raw",
    ("detector", "path"): "--detector",
    ("detector", "weights"): "--detector",
    ("detector", "sha256"): "--detector",
    ("sink", "path"): "--out or --csv",
    ("sink", "url"): "--db",
    ("sink", "blur"): "--blur",
    ("sink", "evidence"): "--evidence",
}


def open_pipeline(
    video: str | Path | Settings, observers: Sequence[Observer] = (), **settings: object
) -> Pipeline:
    """Build a pipeline; as a context manager it opens and closes the source.

    Args:
        video: path, URL, folder of pictures or camera number, or complete settings.
        observers: watch the results and report events.
        settings: fields of ``tracker.config.Settings``, such as ``detector="replay:det.txt"``.

    Raises:
        ProjectError: something asked for does not exist, or does not go together.
    """
    chosen = video if isinstance(video, Settings) else Settings(video=str(video))
    chosen = chosen.changed(**settings)
    check_settings(chosen)
    return build_pipeline(chosen, build_detector(chosen), observers)


def build_pipeline(
    settings: Settings, detector: Detector, observers: Sequence[Observer] = (), raw: Path | None = None
) -> Pipeline:
    """Build a pipeline around a detector that is loaded already (one detector serves many videos).

    Args:
        settings: of the run.
        detector: that runs.
        observers: watch the results and report events, beside the scene's own.
        raw: folder for a live stream's pictures as they come, if the settings want them.
    """
    check_settings(settings)
    source = build_source(settings, raw)
    scene = scene_of(settings, detector.class_names)
    watching = [SceneObserver(scene, detector.class_names)] if scene else []
    propagator, note = _propagator(settings, detector)
    _check_appearance(settings, detector)
    return Pipeline(
        source=source,
        detector=detector,
        propagator=propagator,
        triggers=_triggers(settings),
        associator=ASSOCIATORS.build(settings.associate, _associator_options(settings, detector)),
        observers=(*watching, *observers),
        wanted=wanted_classes(settings.classes, detector.class_names),
        scene=scene,
        notes=(note,) if note else (),
    )


def _check_appearance(settings: Settings, detector: Detector) -> None:
    """Raise UsageError where tracks are to be known by their looks, which the detector does not tell."""
    wanted = getattr(
        ASSOCIATORS.config(settings.associate, settings.of("associate", settings.associate)), "appearance", 0
    )
    if wanted and isinstance(detector, Loaded) and not detector.options.get("embeddings"):
        name = detector.choice.component
        raise UsageError(
            f"associate.{settings.associate}.appearance needs embeddings: "
            f"--set detector.{name}.embeddings=true, if {name} has them"
        )


def _propagator(settings: Settings, detector: Detector) -> tuple[Propagator, str]:
    """Build the propagator, with probabilities for confidences if they were fitted; and a warning or ""."""
    propagator = PROPAGATORS.build(settings.propagate, settings.of("propagate", settings.propagate))
    weights, sha256 = weights_of(detector)
    calibration, note = find_fit(settings.calibrated, weights, sha256, settings.propagate)
    return (propagator if calibration is None else Calibrated(propagator, calibration)), note


def weights_of(detector: Detector) -> tuple[Path | None, str | None]:
    """Return a detector's file of weights and its digest; None where it has none, or is a library user's."""
    if not isinstance(detector, Loaded):
        return None, None
    said, sha256 = detector.choice.options, detector.choice.facts.get("sha256")
    weights = said.get("weights", said.get("path"))
    return (Path(str(weights)), str(sha256)) if weights and sha256 else (None, None)


def _triggers(settings: Settings) -> list[Trigger]:
    triggers: list[Trigger] = [
        TRIGGERS.build(name, settings.of("trigger", name)) for name in settings.triggers
    ]
    if settings.budget is None and not may_be_live(settings.video):
        return triggers
    return [Budgeted(triggers, settings.budget or 1.0, whole=settings.budget is not None)]


def budget_of(pipeline: Pipeline) -> Budgeted | None:
    """Return what limits how often the CNN looks; a live pipeline has it always."""
    return next((trigger for trigger in pipeline.triggers if isinstance(trigger, Budgeted)), None)


def scene_of(settings: Settings, class_names: Sequence[str]) -> Scene | None:
    """Read the scene that the settings name; None where they name none.

    Raises:
        SceneError: it cannot be read, is wrong, or names classes that the detector does not know.
    """
    if settings.scene is None:
        return None
    scene = read_scene(Path(settings.scene))
    check_classes(scene, class_names, settings.scene)
    return scene


def build_source(settings: Settings, raw: Path | None = None) -> FrameSource:
    """Build the source that the settings name.

    Args:
        settings: of the run.
        raw: folder for a live stream's pictures as they come, if the settings want them.

    Raises:
        UsageError: no video was named.
    """
    if not settings.video:
        raise UsageError("no video: give --video PATH|URL|GLOB or --webcam N")
    options = _source_options(settings)
    if settings.raw and raw is not None:
        options |= {"raw_keep_days": settings.retention_days, **options, "raw_path": str(raw)}
    source: FrameSource = SOURCES.build(kind_of(settings.video), options)
    return source


def _source_options(settings: Settings) -> dict[str, object]:
    kind = kind_of(settings.video)
    key = "device" if kind == "camera" else "path"
    number = settings.video.isdecimal() and kind == "camera"
    place: object = int(settings.video) if number else settings.video
    return {key: place, **settings.of("source", kind)}


def _associator_options(settings: Settings, detector: Detector) -> dict[str, object]:
    """Return the associator's options, with the score from which a detection starts a track.

    The detector knows that score best. But who asks for less sure detections wants to see them tracked: a
    lower ``score`` of the settings lowers it too. What the associator's own table says stands above both.
    """
    own = getattr(detector, "born_score", None)
    usual = getattr(ASSOCIATORS.config(settings.associate), "born_score", None) if own is None else own
    if usual is None:  # an associator that starts tracks by other rules
        return settings.of("associate", settings.associate)
    born = usual if settings.score is None else min(usual, settings.score)
    return {"born_score": born, **settings.of("associate", settings.associate)}


def build_detector(settings: Settings) -> Loaded:
    """Load the detector that the settings name.

    Raises:
        UnknownNameError: there is no such detector, or it has no such option.
        WeightsError: weights are missing, damaged, or of another network or class list.
    """
    choice = find_detector(settings.detector)
    options = settings.of("detector", choice.component)
    known = {f for f in ZOO.load(choice.component).Config.__dataclass_fields__}
    if settings.score is not None:
        options["score" if "score" in known else "min_score"] = settings.score
    if "device" in known and settings.device != "auto":  # the command line stands above the detector's table
        options["device"] = settings.device
    return build_found(choice, options)


def check_settings(settings: Settings) -> None:
    """Check what can be checked before anything is built, which takes seconds for a network.

    Whoever loads a detector asks this first, and ``build_pipeline`` asks again, since a detector that is
    loaded already may meet other settings; the second time it takes less than a millisecond.

    Raises:
        UsageError: unknown components or options, or components that do not go together.
    """
    if not settings.triggers:
        raise UsageError("no trigger: give --trigger confidence, interval or always")
    for kind, chosen in _followed(settings).items():
        for component in chosen:
            _REGISTRIES[kind].config(component, settings.of(kind, component))
    for kind, tables in settings.options.items():
        for component, options in tables.items():
            _REGISTRIES[kind].load(component)
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
    known = set(_REGISTRIES[kind].load(component).Config.__dataclass_fields__)
    for name in options:
        if name not in known:
            raise UnknownNameError(f"option of {kind} {component}", name, known)
        if (kind, name) in _SAID_BY:
            raise UsageError(f"{kind}.{component}.{name} is said with {_SAID_BY[kind, name]}")


def _followed(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the chosen components of the kinds that have nothing to do with files."""
    return {
        "propagate": (settings.propagate,),
        "trigger": settings.triggers,
        "associate": (settings.associate,),
    }


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
    used = {**_followed(settings), "source": (kind_of(settings.video),), "sink": tuple(sinks)}
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


def wanted_classes(classes: Sequence[str], known: Sequence[str]) -> NDArray[np.bool_] | None:
    """Return bool (C,) for the named classes; None for all.

    Raises:
        UnknownNameError: the detector has no such class.
    """
    if not classes:
        return None
    for name in classes:
        if name not in known:
            raise UnknownNameError("class", name, known)
    return np.array([name in classes for name in known])


def run_info(settings: Settings, pipeline: Pipeline, sinks: Sequence[str] = ()) -> RunInfo:
    """Return what the sinks are told; the pipeline's source must be open.

    Args:
        settings: those that the pipeline was built from.
        pipeline: of the run.
        sinks: the names of those that this run has.
    """
    detector, info = pipeline.detector, pipeline.source.info
    own = {"name": type(detector).__name__}  # not found under a name: a library user's
    return RunInfo(
        source=info,
        class_names=detector.class_names,
        settings={
            **settings.plain(),
            "video": shown_name(settings.video),
            "db": _shown_database(settings.db),
            "calibrated": isinstance(pipeline.propagator, Calibrated),
            "options": options_in_force(settings, detector, sinks),
        },
        start=datetime.now(UTC),
        detector=dict(detector.choice.facts) if isinstance(detector, Loaded) else own,
        scene=pipeline.scene.at(info.width, info.height) if pipeline.scene else None,
    )


def _shown_database(db: str | None) -> str | None:
    """Return a database's address without its password."""
    if not db:
        return None
    from tracker.storage.address import read_address  # SQLAlchemy, for whoever uses it alone

    return read_address(db).name


def options_in_force(
    settings: Settings, detector: Detector, sinks: Sequence[str]
) -> dict[str, dict[str, dict[str, object]]]:
    """Return all options of the components that a run uses, defaults too, by kind and component.

    Args:
        settings: of the run.
        detector: that runs.
        sinks: the names of those that this run has.
    """
    used = {**_followed(settings), "sink": tuple(sinks)}
    given = {kind: {name: settings.of(kind, name) for name in names} for kind, names in used.items()}
    given["source"] = {kind_of(settings.video): _source_options(settings)}
    given["associate"] = {settings.associate: _associator_options(settings, detector)}
    values = {
        kind: {name: asdict(_REGISTRIES[kind].config(name, options)) for name, options in table.items()}
        for kind, table in given.items()
    }
    if isinstance(detector, Loaded):
        values["detector"] = {detector.choice.component: dict(detector.options)}
    return {
        kind: {
            name: {option: value for option, value in options.items() if (kind, option) not in _SAID_BY}
            for name, options in table.items()
        }
        for kind, table in values.items()
    }


def build_sink(name: str, options: Mapping[str, object]) -> Sink:
    """Build one sink."""
    sink: Sink = SINKS.build(name, options)
    return sink
