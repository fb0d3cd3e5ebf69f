"""``cameras.toml``: which cameras a service runs.

serve = "127.0.0.1:8000"    # where the page is
out = "runs"                # a folder below it for every camera

[all]                       # settings of all cameras, as in a settings file
budget = 0.25
retention_days = 14

[[camera]]
name = "north"
video = "rtsp://user:password@10.0.0.7/stream1"
scene = "north.toml"
[camera.sink.recording]
keep_gb = 50
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detectors.errors import UnknownNameError, UsageError
from tracker.config import Settings, read_toml, settings_of
from tracker.live.mqtt import Broker
from tracker.live.server import Address

_KEYS = {"serve", "out", "mqtt", "all", "camera"}
#: A name is a folder's, and part of addresses.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """One camera.

    Attributes:
        name: of its folder, and in the page's addresses.
        settings: of its runs.
        folder: above those of its runs.
    """

    name: str
    settings: Settings
    folder: Path


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """What a service runs.

    Attributes:
        address: of the page.
        cameras: one at least.
        broker: to which events are published; None for none.
    """

    address: Address
    cameras: tuple[CameraPlan, ...]
    broker: Broker | None = None


def read_cameras(file: Path) -> ServicePlan:
    """Read the file.

    Raises:
        UsageError: it cannot be read, or something in it is unknown, missing, wrong or said twice.
    """
    content = read_toml(file)
    for key in content:
        if key not in _KEYS:
            raise UnknownNameError(f"key of {file}", key, _KEYS)
    tables, shared = content.get("camera"), content.get("all", {})
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables) or not tables:
        raise UsageError(f"{file} names no camera: it needs a table [[camera]] for each")
    if not isinstance(shared, Mapping):
        raise UsageError(f"{file}: [all] must be a table of settings")
    out = content.get("out", "runs")
    if not isinstance(out, str) or not out:
        raise UsageError(f"{file}: out must be a folder")
    cameras = tuple(_camera(file, table, shared, Path(out)) for table in tables)
    names = [camera.name.lower() for camera in cameras]  # some file systems know one case
    for camera in cameras:
        if names.count(camera.name.lower()) > 1:
            raise UsageError(f"{file}: two cameras are called {camera.name}")
    broker = Broker.read(str(content["mqtt"])) if "mqtt" in content else None
    return ServicePlan(Address.read(str(content.get("serve", "8000"))), cameras, broker)


def _camera(file: Path, table: Mapping[str, Any], shared: Mapping[str, Any], out: Path) -> CameraPlan:
    name = table.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{file}: a camera's name has up to 40 letters, digits, - and _, the first a letter or digit, "
            f"not {name!r}"
        )
    own = {key: value for key, value in table.items() if key != "name"}
    try:
        settings = settings_of(_merged(shared, own))
    except UsageError as exc:
        raise UsageError(f"{file}, camera {name}: {exc}") from exc
    if not settings.video:
        raise UsageError(f"{file}, camera {name}: it needs video, an address or the number of a camera")
    return CameraPlan(name, settings, out / name)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, tables joined; what stands above counts."""
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return merged
