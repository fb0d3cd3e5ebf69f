"""Write one entry of a weights' manifest and leave the others as they are."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from detectors.errors import WeightsError


def write_entry(file: Path, name: str, entry: Mapping[str, object]) -> None:
    """Set ``[name]`` in a manifest, making the file where there is none.

    Raises:
        WeightsError: the manifest that is there cannot be read.
    """
    try:
        content = tomllib.loads(file.read_text()) if file.exists() else {}
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise WeightsError(f"manifest {file} cannot be read: {exc}") from exc
    content[name] = dict(entry)
    part = file.with_name(file.name + ".part")
    part.write_text("\n".join(_table([key], value) for key, value in content.items()))
    part.replace(file)


def _table(path: list[str], values: Mapping[str, object]) -> str:
    plain = [f"{_key(k)} = {_value(v)}" for k, v in values.items() if not isinstance(v, Mapping)]
    inner = [_table([*path, k], v) for k, v in values.items() if isinstance(v, Mapping)]
    head = f"[{'.'.join(map(_key, path))}]"
    return "\n".join([head, *plain]) + "\n" + "".join("\n" + text for text in inner)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else json.dumps(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False)
