"""The border to FFmpeg: opens a container, and says in one line why it cannot be opened."""

from __future__ import annotations

import os
from pathlib import Path

import av
from av.container import InputContainer
from av.error import EOFError as EndOfFileError
from av.error import ExitError, FFmpegError, HTTPUnauthorizedError, InvalidDataError

from tracker.errors import SourceError
from tracker.sources._kinds import is_url, shown_name

_AGAIN = "copy or download it again"


def open_container(path: str, timeout_s: float, rtsp_transport: str) -> InputContainer:
    """Open a file or a URL for reading.

    Raises:
        SourceError: it is missing, empty, a folder, not a video, or the other side does not answer.
    """
    name = shown_name(path)
    if is_url(path):
        return _open_url(path, name, timeout_s, rtsp_transport)
    _check_file(Path(path), name)
    try:
        # An absolute path, because FFmpeg takes what stands before a ':' for the name of a protocol.
        container = av.open(str(Path(path).absolute()), metadata_errors="replace")
    except (FFmpegError, OSError) as exc:
        raise SourceError(_why_no_video(Path(path), name, exc)) from exc
    if container.format.name == "tty":  # FFmpeg renders a text file as if it were typed on a terminal
        container.close()
        raise SourceError(f"{name}: is a text file, not a video")
    return container


def reason_of(exc: Exception) -> str:
    """Return what FFmpeg says, without the address, which may hold a password."""
    if isinstance(exc, ExitError):  # so FFmpeg reports that our time-out interrupted it
        return "no answer in time"
    return getattr(exc, "strerror", None) or type(exc).__name__


def _open_url(url: str, name: str, timeout_s: float, rtsp_transport: str) -> InputContainer:
    # FFmpeg reads up to five seconds to learn the frame rate, which nobody sees; one is enough
    options = {"rtsp_transport": rtsp_transport, "analyzeduration": "1000000"}
    options = options if url.lower().startswith("rtsp") else {}
    try:
        return av.open(url, options=options, timeout=timeout_s, metadata_errors="replace")
    except (FFmpegError, OSError) as exc:
        advice = "check the address and that the camera or server is on"
        if isinstance(exc, HTTPUnauthorizedError):
            advice = "check user name and password"
        elif isinstance(exc, InvalidDataError):
            advice = "what the server sends is not a video"
        raise SourceError(f"{name}: cannot be opened ({reason_of(exc)}); {advice}") from _disclosed(exc)


def _disclosed(exc: Exception) -> Exception:
    """Return the same error without the address, which a traceback would print."""
    if isinstance(exc, FFmpegError) and exc.errno is not None:
        return type(exc)(exc.errno, reason_of(exc))
    return OSError(reason_of(exc))


def _check_file(path: Path, name: str) -> None:
    try:
        if path.is_dir():
            raise SourceError(f"{name}: is a folder; give a file, or a glob such as '{path / '*.mp4'}'")
        if path.stat().st_size == 0 and path.is_file():
            raise SourceError(f"{name}: is empty (0 bytes); {_AGAIN}")
        if not os.access(path, os.R_OK):
            raise SourceError(f"{name}: may not be read by this user; check its permissions")
    except FileNotFoundError as exc:
        where = "" if path.is_absolute() else f" (looked in {Path.cwd()})"
        raise SourceError(f"{name}: no such file{where}; check the path") from exc
    except (OSError, ValueError) as exc:
        raise SourceError(f"{name}: cannot be read ({getattr(exc, 'strerror', None) or exc})") from exc


def _why_no_video(path: Path, name: str, exc: Exception) -> str:
    if not isinstance(exc, (InvalidDataError, EndOfFileError)):
        return f"{name}: cannot be opened ({reason_of(exc)})"
    if _is_mp4(path):
        return (
            f"{name}: the index of this MP4 is missing or damaged: the recording was broken off or the copy "
            f"is not complete; {_AGAIN}"
        )
    return f"{name}: is not a video, or is damaged at its beginning ({reason_of(exc)}); {_AGAIN}"


def _is_mp4(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == b"ftyp"
    except OSError:
        return False
