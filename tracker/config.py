"""All settings of a run: a TOML file, then the command line on top of it.

    video = "road.mp4"
    classes = ["car", "bus"]

    [trigger]
    use = "confidence"

    [trigger.confidence]
    threshold = 0.4

Every kind of component has one table: ``use`` names the component (the trigger may name several, separated by
commas), and the table under its name holds its options. Options are checked against the component's own
``Config`` when it is built.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from detectors import DEFAULT_DETECTOR
from detectors.errors import UnknownNameError, UsageError
from detectors.registry import read_config

#: A century: nobody keeps a picture longer.
MOST_DAYS = 36500
KINDS = ("source", "detector", "propagate", "trigger", "associate", "sink")
#: The components that were measured to be best together; ``benchmarks/counts.py`` prints the figures.
DEFAULTS = {
    "detector": DEFAULT_DETECTOR,
    "propagate": "dcf",
    "trigger": "confidence",
    "associate": "two_stage",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is to do.

    Attributes:
        video: path, URL or glob, or the number of a camera.
        detector: name or path.
        propagate: name of the propagator.
        trigger: names of the triggers, separated by commas.
        associate: name of the associator.
        calibrated: "auto" to state as confidence how likely a carried box is still right, where 'track
            calibrate' has fitted that to the detector's weights; "none" for the propagator's own measure; or
            a file of 'track calibrate'.
        budget: greatest share of the frames on which the CNN looks, in any stretch of them (one look more at
            most), the first frame apart; None for whatever the triggers want.
        classes: names of the classes to follow; empty for all.
        score: least score of a detection; None for the detector's own. Where it is lower than the score from
            which the detector (or else the associator) starts tracks, they start from here, unless
            ``associate.NAME.born_score`` says otherwise.
        device: "auto", "cpu" or "cuda".
        scene: file that says what the camera looks at: lines, zones, calibration; None for tracks alone.
        evidence: keep a small picture of everyone who crosses a line.
        blur: hide people and plates in every picture that is written or shown.
        raw: of a live stream, keep the camera's own pictures too, as they came.
        db: database URL, or a file for SQLite; None for none.
        parquet: write the tables as Parquet files too.
        explain: write looks.csv: one row for every time that the CNN ran, and why.
        retention_days: pictures and recordings of earlier runs beside this one's are removed after so many
            days; None for never.
        options: by kind, component and option.
    """

    video: str = ""
    detector: str = DEFAULTS["detector"]
    propagate: str = DEFAULTS["propagate"]
    trigger: str = DEFAULTS["trigger"]
    associate: str = DEFAULTS["associate"]
    calibrated: str = "auto"
    budget: float | None = None
    classes: tuple[str, ...] = ()
    score: float | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    scene: str | None = None
    evidence: bool = False
    blur: bool = False
    raw: bool = False
    db: str | None = None
    parquet: bool = False
    explain: bool = False
    retention_days: float | None = None
    options: Mapping[str, Mapping[str, Mapping[str, object]]] = field(default_factory=dict)

    @property
    def triggers(self) -> tuple[str, ...]:
        """The names of the triggers."""
        return tuple(name.strip() for name in self.trigger.split(",") if name.strip())

    def of(self, kind: str, component: str) -> dict[str, object]:
        """Return the options given for one component."""
        return dict(self.options.get(kind, {}).get(component, {}))

    def with_option(self, kind: str, component: str, name: str, value: object) -> Settings:
        """Return the settings with one option more."""
        options = {k: {c: dict(o) for c, o in table.items()} for k, table in self.options.items()}
        options.setdefault(kind, {}).setdefault(component, {})[name] = value
        return replace(self, options=options)

    def changed(self, **values: object) -> Settings:
        """Return the settings with some of them changed, checked like those from a file.

        Raises:
            UsageError: there is no such setting, or the value has the wrong type.
        """
        options: Any = values.pop("options", self.options)  # checked when components are built
        checked = _checked(values)
        changes = {name: getattr(checked, name) for name in values}
        return replace(self, options=options, **changes)

    def plain(self) -> dict[str, object]:
        """Return all settings in plain types, for ``run.json``."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


_PLAIN = {f.name for f in fields(Settings)} - {"options"} - set(KINDS)


def read_settings(file: Path | None, assignments: Sequence[str] = ()) -> Settings:
    """Read a TOML file (None for the defaults) and apply ``key=value`` assignments.

    Raises:
        UsageError: the file cannot be read, a key is unknown, or a value has the wrong type.
    """
    settings = settings_of(read_toml(file) if file else {})
    for assignment in assignments:
        settings = _assigned(settings, assignment)
    return settings


def read_toml(file: Path) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises:
        UsageError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(file.read_text())
    except OSError as exc:
        raise UsageError(f"settings {file} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f"settings {file} are not TOML: {exc}") from exc


def settings_of(content: Mapping[str, Any]) -> Settings:
    """Return the settings that tables as in a settings file say.

    Raises:
        UsageError: a key is unknown, or a value has the wrong type.
    """
    values: dict[str, object] = {}
    options: dict[str, dict[str, dict[str, object]]] = {}
    for key, value in content.items():
        if key in _PLAIN or (key in DEFAULTS and isinstance(value, str)):
            values[key] = value
        elif key in KINDS and isinstance(value, Mapping):
            for name, inner in value.items():
                if name == "use" and key in DEFAULTS:
                    values[key] = inner
                elif isinstance(inner, Mapping):
                    options.setdefault(key, {})[name] = dict(inner)
                else:
                    use = "'use' and " if key in DEFAULTS else ""
                    raise UsageError(f"[{key}] holds {use}one table a component, not '{name}'")
        elif key in KINDS:
            raise UsageError(f"{key} must be a table such as [{key}.NAME], not {value!r}")
        else:
            raise UnknownNameError("setting", key, _PLAIN | set(KINDS))
    return replace(_checked(values), options=options)


def _assigned(settings: Settings, assignment: str) -> Settings:
    key, equals, value = assignment.partition("=")
    parts = key.strip().split(".")
    if not equals:
        raise UsageError(f"--set takes key=value, not '{assignment}'")
    if len(parts) == 1 and parts[0] in _PLAIN | set(DEFAULTS):
        return settings.changed(**{parts[0]: value})
    if len(parts) == 3 and parts[0] in KINDS:
        return settings.with_option(parts[0], parts[1], parts[2], value)
    raise UsageError(
        f"--set does not know '{key}': use a setting ({', '.join(sorted(_PLAIN | set(DEFAULTS)))}) or "
        f"kind.component.option with kind one of {', '.join(KINDS)}"
    )


def _checked(values: Mapping[str, object]) -> Settings:
    settings: Settings = read_config(Settings, values, "the settings")
    if settings.score is not None and not 0 <= settings.score <= 1:
        raise UsageError(f"score must lie in [0, 1], not {settings.score}")
    if settings.budget is not None and not 0 < settings.budget <= 1:
        raise UsageError(f"budget must be above 0 and at most 1, not {settings.budget:g}")
    days = settings.retention_days
    if days is not None and not 0 < days <= MOST_DAYS:
        raise UsageError(f"retention_days must be above 0 and at most {MOST_DAYS}, not {days:g}")
    # 'car, bus' is what people write
    return replace(settings, classes=tuple(name.strip() for name in settings.classes if name.strip()))
