"""Recipes: the options of a training as a TOML file, read with ``--recipe`` and left beside its results."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from detectors.errors import UnknownNameError, UsageError

#: Options that say how often a training was begun, not which one it is.
_NOT_KEPT = ("recipe", "resume", "overwrite")


def read_recipe(context: typer.Context, file: Path | None) -> Path | None:
    """Let a file's values stand where the command line gives none; the callback of ``--recipe``.

    Raises:
        UsageError: the file cannot be read, or holds something that is no option of this command.
    """
    if file is None:
        return None
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise UsageError(f"--recipe {file} cannot be read: {exc}") from exc
    flags = {
        option.lstrip("-").replace("-", "_"): parameter.name or ""
        for parameter in context.command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    values: dict[str, object] = {}
    for key, value in content.items():
        name = flags.get(key.replace("-", "_"))
        if name is None or name in _NOT_KEPT:
            raise UnknownNameError(f"option in {file}", key, set(flags) - set(_NOT_KEPT))
        if isinstance(value, Mapping):
            raise UsageError(f"{file}: {key} must be a value or a list, not a table")
        values[name] = [str(v) for v in value] if isinstance(value, list) else _text(value)
    context.default_map = {**(context.default_map or {}), **values}
    return file


def _text(value: object) -> object:
    return value if isinstance(value, (bool, int, float)) else str(value)


RecipeOption = Annotated[
    Path | None,
    typer.Option(
        help="TOML file with any of these options; the command line goes before.",
        callback=read_recipe,
        is_eager=True,
    ),
]


def recipe_of(context: typer.Context) -> str:
    """Return all options of a command that have a value, as TOML."""
    from detectors.training.manifest import toml_document

    flags = {p.name: max(p.opts, key=len).lstrip("-") for p in context.command.params}
    kept = {
        flags.get(name, name): [str(v) for v in value] if isinstance(value, (list, tuple)) else _plain(value)
        for name, value in context.params.items()
        if name not in _NOT_KEPT and value not in (None, [], ())
    }
    return toml_document(kept)


def _plain(value: object) -> object:
    return value if isinstance(value, (bool, int, float)) else str(value)
