"""Tells from its name alone what a source is. Imports neither OpenCV nor PyAV."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tracker.errors import SourceError

PICTURES = frozenset((".bmp", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"))
# fmt: off
VIDEOS = frozenset((
    ".264", ".265", ".3gp", ".asf", ".avi", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg",
    ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
))
# fmt: on
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_SECRET = re.compile(
    r"((?:^|[?&;])[^=&;]*(?:pass|pwd|token|secret|key|auth|sig)[^=&;]*=)[^&;]*", re.IGNORECASE
)
_MASK = r"\1***"


def kind_of(spec: str) -> str:
    """Return the name of the source component for what the user gave.

    Args:
        spec: a path, a glob, a URL, or the number of a camera.

    Returns:
        ``video`` (also for a glob of videos, see ``expand_videos``), ``images`` for a folder, a picture
        or a glob of pictures, ``camera`` for a number or a device such as ``/dev/video0``. A path that
        exists is taken literally, whatever characters it has.
    """
    if is_url(spec):
        return "video"
    if os.path.isdir(spec):  # Path.is_dir fails in a folder that this user may not enter
        return "images"
    if not os.path.exists(spec) and re.fullmatch(r"\d+", spec):
        return "camera"
    if re.fullmatch(r"/dev/video\d+", spec):
        return "camera"
    return "images" if _has_pictures(spec) else "video"


def is_url(spec: str) -> bool:
    """Return whether ``spec`` is an address such as ``rtsp://...`` and not a path."""
    return _URL.match(spec) is not None


def may_be_live(spec: str) -> bool:
    """Return whether a source may have no end: a camera, or an address that does not name a video file."""
    if is_url(spec):
        return Path(urlsplit(shown_name(spec)).path).suffix.lower() not in VIDEOS
    return kind_of(spec) == "camera"


def expand_videos(pattern: str) -> list[Path]:
    """Return the videos that a path or glob names, in natural order.

    A glob whose last part has no suffix (``clips/*``) gives only files with the suffix of a video; one
    that has (``clips/*.bin``) gives every file that it matches. ``**`` goes down into folders.

    Raises:
        SourceError: nothing matches.
    """
    if os.path.isfile(pattern):
        return [Path(pattern)]
    found = matches(pattern)
    if not Path(pattern).suffix:
        found = [p for p in found if p.suffix.lower() in VIDEOS]
    if not found:
        what = "glob matches no video" if glob.has_magic(pattern) else why_no_file(pattern)
        raise SourceError(f"{pattern}: {what} (looked from {Path.cwd()}); check the path")
    return found


def why_no_file(path: str) -> str:
    """Return why a path that is neither a file nor a glob cannot be read."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return "no such file"
    except (OSError, ValueError) as exc:
        return getattr(exc, "strerror", None) or str(exc)
    return "is not a file"


def matches(pattern: str) -> list[Path]:
    """Return the files that a glob matches, hidden ones left out, in natural order."""
    paths = (Path(found) for found in glob.iglob(pattern, recursive=True))
    return sorted((p for p in paths if os.path.isfile(p) and not p.name.startswith(".")), key=natural)


def natural(path: Path) -> tuple[list[str | int], str]:
    """Return a sort key by which ``9.jpg`` comes before ``10.jpg``."""
    # The split alternates text and digits, so that text is only ever compared with text.
    parts = re.split(r"(\d+)", str(path).lower())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], str(path)


def shown_name(spec: str) -> str:
    """Return ``spec`` as it may be printed and stored: without the passwords and tokens of a URL."""
    if not is_url(spec):
        return spec
    try:
        parts = urlsplit(spec)
    except ValueError:  # such as an unclosed bracket: show nothing of what may be a password
        return spec[: spec.index("://") + 3] + "***"
    user, at, host = parts.netloc.rpartition("@")
    if not at and ":" in host and "@" in spec:  # a '/', '?' or '#' in the password has split the address
        return f"{parts.scheme}://***@{_SECRET.sub(_MASK, spec.rpartition('@')[2])}"
    if ":" in user:
        user = user.split(":", 1)[0] + ":***"
    return urlunsplit((parts.scheme, user + at + host, parts.path, _SECRET.sub(_MASK, parts.query), ""))


def _has_pictures(spec: str) -> bool:
    suffix = Path(spec).suffix.lower()
    if os.path.exists(spec) or not glob.has_magic(spec):
        return suffix in PICTURES
    if suffix and not glob.has_magic(suffix):
        return suffix in PICTURES
    kinds = [p.suffix.lower() for p in matches(spec)]
    return any(kind in PICTURES for kind in kinds) and not any(kind in VIDEOS for kind in kinds)
