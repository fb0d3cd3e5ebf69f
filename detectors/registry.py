"""List a folder of components without importing them, and load the one that is asked for.

A component is one file with a frozen ``Config`` dataclass and ``build(config)``; the file's name is the
component's name. This module is the project's only use of ``importlib``.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import math
import pkgutil
import types
import typing
from collections.abc import Mapping
from typing import Any

from detectors.errors import ProjectError, UnknownNameError, UsageError


class Registry:
    """The components of one package folder.

    Args:
        package: dotted name of the folder, such as ``tracker.propagation``.
        kind: what its components are called in messages, such as ``propagator``.
        optional: libraries of some components may be missing, so messages name only what can be used. The
            whole folder is imported for that: not where a typing error would then wait for torch.
    """

    def __init__(self, package: str, kind: str, optional: bool = False) -> None:
        """Remember the folder; nothing is imported yet."""
        self.package = package
        self.kind = kind
        self._optional = optional

    def names(self) -> tuple[str, ...]:
        """Return the names of the components, sorted, without importing one.

        A leading underscore keeps a file out of the list. Not every one can be used here: see ``usable``.
        """
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(self.package)
        found = pkgutil.iter_modules(list(spec.submodule_search_locations))
        return tuple(sorted(m.name for m in found if not m.name.startswith("_")))

    def usable(self) -> tuple[str, ...]:
        """Return the names of the components whose libraries are installed, sorted.

        It imports them all to find out: for messages and tests, not for a run that goes well.
        """
        return tuple(name for name in self.names() if self.can_load(name))

    def can_load(self, name: str) -> bool:
        """Whether the component's libraries are installed and whole; it is imported to find out."""
        try:
            self.load(name)
        except (ProjectError, OSError):  # OSError: a broken shared library
            return False
        return True

    def load(self, name: str) -> types.ModuleType:
        """Import the component ``name``.

        Raises:
            UnknownNameError: there is no such component.
            UsageError: the component needs a library that is not installed.
        """
        if name not in self.names():
            raise UnknownNameError(self.kind, name, self.usable() if self._optional else self.names())
        try:
            return importlib.import_module(f"{self.package}.{name}")
        except ImportError as exc:
            raise UsageError(f"{self.kind} '{name}' cannot be used here: {exc}") from exc

    def config(self, name: str, options: Mapping[str, object] | None = None) -> Any:
        """Return the component's checked ``Config``.

        Raises:
            UnknownNameError: an option that this component does not have.
            UsageError: an option has a value of the wrong type.
        """
        return read_config(self.load(name).Config, options or {}, f"{self.kind} {name}")

    def build(self, name: str, options: Mapping[str, object] | None = None) -> Any:
        """Build the component from its options."""
        return self.load(name).build(self.config(name, options))


def is_installed(library: str) -> bool:
    """Whether a library is there; it is not imported."""
    return importlib.util.find_spec(library) is not None


def read_config(cls: type, options: Mapping[str, object], owner: str) -> Any:
    """Make the frozen dataclass ``cls`` from untyped options (TOML values or strings).

    Raises:
        UnknownNameError: an option that ``cls`` does not have.
        UsageError: an option has a value of the wrong type, or one that ``cls`` refuses.
    """
    hints = typing.get_type_hints(cls)
    known = {field.name for field in dataclasses.fields(cls) if field.init}
    values = {}
    for key, value in options.items():
        if key not in known:
            raise UnknownNameError(f"option of {owner}", key, known)
        values[key] = _convert(hints[key], value, f"{owner}: {key}")
    missing = [f.name for f in dataclasses.fields(cls) if f.init and f.name not in values and _is_required(f)]
    if missing:
        raise UsageError(f"{owner} needs {' and '.join(missing)}")
    try:
        return cls(**values)
    except (ValueError, TypeError) as exc:
        raise UsageError(f"{owner}: {exc}") from exc


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


_BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _convert(hint: Any, value: object, where: str) -> object:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        choices = typing.get_args(hint)
        if type(None) in choices and value in (None, "none", ""):
            return None
        return _first_that_fits([c for c in choices if c is not type(None)], value, where)
    if typing.get_origin(hint) is typing.Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            raise UsageError(f"{where} must be one of {', '.join(map(str, allowed))}, not '{value}'")
        return value
    if typing.get_origin(hint) is tuple:
        return _tuple(typing.get_args(hint), value, where)
    return _scalar(hint, value, where)


def _tuple(kinds: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    parts = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)):
        raise UsageError(f"{where} must be a list, not {value!r}")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(parts)
    if len(parts) != len(kinds):
        raise UsageError(f"{where} must have {len(kinds)} values, not {len(parts)}")
    return tuple(_convert(kind, part, where) for kind, part in zip(kinds, parts, strict=True))


def _first_that_fits(choices: list[Any], value: object, where: str) -> object:
    """Try the types of a union in their order: ``int | str`` takes "0" as a number and "/dev/x" as it is."""
    for choice in choices[:-1]:
        try:
            return _convert(choice, value, where)
        except UsageError:
            continue
    return _convert(choices[-1], value, where)


def _scalar(hint: Any, value: object, where: str) -> object:
    try:
        if hint is bool:
            return value if isinstance(value, bool) else _BOOLS[str(value).lower()]
        if hint in (int, float) and not isinstance(value, bool):
            number = hint(value)
            if math.isnan(number):
                raise ValueError("not a number")
            if isinstance(value, float) and number != value:
                raise ValueError("a fraction")
            return number
        if hint is str and isinstance(value, str):
            return value
    except (ValueError, KeyError, TypeError, OverflowError) as exc:
        raise UsageError(f"{where} must be {hint.__name__}, not '{value}'") from exc
    raise UsageError(f"{where} must be {getattr(hint, '__name__', hint)}, not '{value}'")


def lazy_attribute(package: str, homes: Mapping[str, str], name: str) -> Any:
    """Return ``name`` from the module that ``homes`` gives for it: a package's lazy doors.

    Raises:
        AttributeError: the package has no such door.
    """
    if name not in homes:
        raise AttributeError(f"module '{package}' has no attribute '{name}'")
    return getattr(importlib.import_module(homes[name]), name)
