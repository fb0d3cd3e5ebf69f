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
from tracker.analytics.scene import SceneObserver, longest_unseen_s
from tracker.compose.checks import check_settings
from tracker.compose.registries import (
    ASSOCIATORS,
    PROPAGATORS,
    REGISTRIES,
    SAID_BY,
    SINKS,
    SOURCES,
    TRIGGERS,
    followed,
)
from tracker.confidence import find_fit
from tracker.config import Settings
from tracker.pipeline import Pipeline
from tracker.propagation._calibrated import Calibrated
from tracker.protocols import FrameSource, Observer, Propagator, Sink, Trigger
from tracker.scene.model import Scene
from tracker.scene.reading import check_classes, read_scene
from tracker.sources._kinds import kind_of, may_be_live, shown_name
from tracker.triggers._budget import Budgeted
from tracker.types import RunInfo


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
    watching = [watch_scene(scene, settings, detector.class_names, source)] if scene else []
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


def watch_scene(
    scene: Scene, settings: Settings, class_names: Sequence[str], source: FrameSource
) -> SceneObserver:
    """Return what watches a scene, at the frame rate that the source has once it is open."""
    configs = [TRIGGERS.config(name, settings.of("trigger", name)) for name in settings.triggers]
    intervals_s = [float(getattr(config, "interval_s", 0.0)) for config in configs]

    def unseen_s() -> float:
        return longest_unseen_s(intervals_s, settings.budget, source.info.rate_fps)

    return SceneObserver(scene, class_names, unseen_s)


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
    used = {**followed(settings), "sink": tuple(sinks)}
    given = {kind: {name: settings.of(kind, name) for name in names} for kind, names in used.items()}
    given["source"] = {kind_of(settings.video): _source_options(settings)}
    given["associate"] = {settings.associate: _associator_options(settings, detector)}
    values = {
        kind: {name: asdict(REGISTRIES[kind].config(name, options)) for name, options in table.items()}
        for kind, table in given.items()
    }
    if isinstance(detector, Loaded):
        values["detector"] = {detector.choice.component: dict(detector.options)}
    return {
        kind: {
            name: {option: value for option, value in options.items() if (kind, option) not in SAID_BY}
            for name, options in table.items()
        }
        for kind, table in values.items()
    }


def build_sink(name: str, options: Mapping[str, object]) -> Sink:
    """Build one sink."""
    sink: Sink = SINKS.build(name, options)
    return sink
