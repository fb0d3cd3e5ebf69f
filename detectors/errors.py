"""Everything that can go wrong, drawn as a tree.

    ProjectError                 one line for the user; exit code 1
    |-- UsageError               the request itself is wrong; exit code 2
    |   `-- UnknownNameError     no such component, option or class (names the nearest)
    |-- DetectorError            a detector cannot be built or cannot run
    |   |-- WeightsError         weights are missing, damaged or belong to another network
    |   `-- LostError            another process of a training is gone (detectors.training.distributed)
    |-- DataError                a labelled data set cannot be read
    |   `-- EmptySplitError      it has no pictures of the split that was asked for
    |-- LibraryError             a library that is installed cannot be loaded
    |-- ToldByFirstError         said by another process of a training (detectors.training.distributed)
    `-- tracker.errors           ... continues there (sources, sinks, runs)

Foreign exceptions are caught once, where they cross into the project, and re-raised as one of these
with ``from exc``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ProjectError(Exception):
    """A failure that is explained to the user in one line."""

    exit_code = 1


class UsageError(ProjectError):
    """The request is wrong: nothing was started."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that does not exist, with the nearest ones that do."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Say which ``name`` of which ``kind`` is unknown and what exists."""
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there is {', '.join(names) or 'none'}"
        super().__init__(f"unknown {kind} '{name}': {hint}")


class DetectorError(ProjectError):
    """A detector cannot be built or cannot run."""


class WeightsError(DetectorError):
    """Weights are missing, damaged, or belong to another network or class list."""


class DataError(ProjectError):
    """A labelled data set cannot be read."""


class EmptySplitError(DataError):
    """A data set has no pictures of the split that was asked for."""


class LibraryError(ProjectError):
    """A library that the project needs cannot be loaded."""
