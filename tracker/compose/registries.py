"""All components by kind and name, and which of them settings choose."""

from __future__ import annotations

from detectors.catalog import ZOO
from detectors.registry import Registry
from tracker.config import Settings

SOURCES = Registry("tracker.sources", "source")
PROPAGATORS = Registry("tracker.propagation", "propagator", optional=True)
TRIGGERS = Registry("tracker.triggers", "trigger")
ASSOCIATORS = Registry("tracker.association", "associator")
SINKS = Registry("tracker.sinks", "sink")

#: Registry and chosen names of each kind; a table for a component that is not there is an error.
REGISTRIES = {
    "source": SOURCES,
    "detector": ZOO,
    "propagate": PROPAGATORS,
    "trigger": TRIGGERS,
    "associate": ASSOCIATORS,
    "sink": SINKS,
}
#: Options that have a place of their own on the command line: said twice, one of the two would be lost.
#: In ``run.json`` too they stand elsewhere than among the options.
SAID_BY = {
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


def followed(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the chosen components of the kinds that have nothing to do with files."""
    return {
        "propagate": (settings.propagate,),
        "trigger": settings.triggers,
        "associate": (settings.associate,),
    }
