"""Write one entry of a weights' manifest and leave the others as they are."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from detectors.errors import WeightsError


def read_manifest(file: Path) -> dict[str, Any]:
    """Return what a manifest holds; nothing where there is none.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise WeightsError(f"manifest {file} cannot be read: {exc}") from exc


def write_entry(file: Path, name: str, entry: Mapping[str, object], keep: Collection[str] = ()) -> None:
    """Set ``[name]`` in a manifest, making the file where there is none.

    Args:
        file: the manifest.
        name: of the entry.
        entry: what it says.
        keep: keys of an earlier entry of this name that stay where ``entry`` does not set them.

    Raises:
        WeightsError: the manifest that is there cannot be read, or written.
    """
    content = read_manifest(file)
    earlier = content.get(name)
    kept = earlier if isinstance(earlier, dict) else {}
    content[name] = dict(entry) | {key: kept[key] for key in keep if key in kept and key not in entry}
    part = file.with_name(file.name + ".part")
    try:
        part.write_text(toml_document(content), "utf-8")
        part.replace(file)
    except OSError as exc:
        raise WeightsError(f"manifest {file} cannot be written: {exc.strerror}") from exc


def toml_document(content: Mapping[str, object]) -> str:
    """Return plain types and tables of them as TOML."""
    plain = [f"{_key(k)} = {_value(v)}\n" for k, v in content.items() if not isinstance(v, Mapping)]
    tables = [_table([k], v) for k, v in content.items() if isinstance(v, Mapping)]
    return "\n".join(["".join(plain), *tables] if plain else tables)


def _table(path: list[str], values: Mapping[str, object]) -> str:
    plain = [f"{_key(k)} = {_value(v)}" for k, v in values.items() if not isinstance(v, Mapping)]
    inner = [_table([*path, k], v) for k, v in values.items() if isinstance(v, Mapping)]
    head = f"[{'.'.join(map(_key, path))}]"
    return "\n".join([head, *plain]) + "\n" + "".join("\n" + text for text in inner)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _quoted(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, Mapping):  # in a list
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (int, float)):  # NumPy's own would write its type
        return repr(value if isinstance(value, int) else float(value))
    if isinstance(value, (date, time)):
        return value.isoformat()
    return _quoted(str(value))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML wants DEL escaped
