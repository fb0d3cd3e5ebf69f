"""The tracker's part of the tree of errors that begins in ``detectors.errors``.

ProjectError
|-- UsageError
|-- SourceError              a video, picture folder, stream or camera cannot be read
|-- SinkError                a result cannot be written (folder, disk, codec) or shown
|   `-- NoDisplayError       a window was asked for where there is no display
|-- SceneError               a scene file cannot be read, or says what cannot be
|-- ResultError              a file of tracks, truth or events cannot be read
`-- ServeError               the live page cannot be served
"""

from __future__ import annotations

from detectors.errors import ProjectError


class SourceError(ProjectError):
    """A video, picture folder, stream or camera cannot be read."""


class SinkError(ProjectError):
    """A result cannot be written or shown."""


class NoDisplayError(SinkError):
    """A window was asked for where there is no display."""


class SceneError(ProjectError):
    """A scene file cannot be read, or says what cannot be."""

    exit_code = 2


class ResultError(ProjectError):
    """A file of tracks, truth or events cannot be read."""


class ServeError(ProjectError):
    """The live page cannot be served."""
