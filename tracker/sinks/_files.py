"""How sinks write files: foreign errors become one line, drafts become final names, lines stay whole.

A file that is only valid when complete is written beside its final name as ``NAME.part`` and renamed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tracker.errors import SinkError

_FLUSH_BYTES = 1 << 16
_FLUSH_S = 1.0
_ADVICE = {
    errno.ENOSPC: "free some space, or choose another folder",
    errno.EDQUOT: "free some space, or choose another folder",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
}


def sink_error(path: Path, exc: BaseException, deed: str = "write") -> SinkError:
    """Say in one line which file cannot be written (or what else the ``deed`` is), why, and what to do."""
    code = exc.errno if isinstance(exc, OSError) else None
    why = (exc.strerror if isinstance(exc, OSError) else None) or str(exc) or type(exc).__name__
    advice = _ADVICE.get(code or 0)
    return SinkError(f"cannot {deed} {path}: {why}" + (f"; {advice}" if advice else ""))


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's errors about ``path`` into the project's.

    Raises:
        SinkError: what was done inside failed with an ``OSError``.
    """
    try:
        yield
    except OSError as exc:
        raise sink_error(path, exc) from exc


def prepare(path: Path) -> None:
    """Make the folder of ``path`` and see that a file can be there.

    Raises:
        SinkError: the folder cannot be made, or ``path`` is a folder itself.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as exc:
        raise SinkError(f"cannot write {path}: {path.parent} is a file, not a folder") from exc
    except OSError as exc:
        raise sink_error(path, exc) from exc
    if path.is_dir():
        raise SinkError(f"cannot write {path}: it is a folder; name a file")


def check_folder(folder: Path) -> None:
    """See that files can be written in ``folder``, or in the nearest folder above it that is there.

    Raises:
        SinkError: they cannot, or that is no folder.
    """
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))
    if not nearest.is_dir():
        raise SinkError(f"cannot write into {folder}: {nearest} is a file, not a folder; give another --out")
    try:
        # tried: os.access tells root that it may write everywhere. A nameless file leaves nothing behind
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as exc:
        raise sink_error(folder, exc, "write into") from exc


def draft(path: Path) -> Path:
    """Return the name under which ``path`` is written until it is complete."""
    return path.with_name(path.name + ".part")


def publish(path: Path) -> None:
    """Give the finished draft of ``path`` its final name, in one step.

    Raises:
        SinkError: it cannot be renamed.
    """
    with writing(path):
        os.replace(draft(path), path)


def discard(path: Path) -> None:
    """Remove the draft of ``path``, if there is one; a draft that cannot be removed is left."""
    with contextlib.suppress(OSError):
        draft(path).unlink()


class LineFile:
    """A text file that holds whole lines only, at any moment, also when the disk fills up.

    Lines are collected and written in pieces, at the latest a second after the last piece. After a
    failure (``failed``) nothing more is written: the file must not go on behind a hole.
    """

    def __init__(self, path: Path, name: Path | None = None) -> None:
        """Create the file, or empty it.

        Args:
            path: the file to write.
            name: what messages call it; ``path`` itself without it.

        Raises:
            SinkError: it cannot be created.
        """
        self._name = name or path
        self.failed = False
        prepare(self._name)
        with writing(self._name):
            # Unbuffered: Python's own buffer would cut lines in two when it fills up.
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115
        self._lines: list[bytes] = []
        self._size = 0
        self._flushed = time.monotonic()

    def write(self, lines: str) -> None:
        """Take whole lines, each with its line end.

        Raises:
            SinkError: the disk is full or gone.
        """
        if lines:
            self._lines.append(lines.encode())
            self._size += len(self._lines[-1])
        if self._size >= _FLUSH_BYTES or time.monotonic() - self._flushed >= _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Hand all lines to the operating system; what fails is cut back to whole lines.

        Raises:
            SinkError: the disk is full or gone.
        """
        data, self._lines, self._size = b"".join(self._lines), [], 0
        self._flushed = time.monotonic()
        done = len(data) if self.failed else 0
        try:
            while done < len(data):
                done += self._file.write(data[done:])
        except OSError as exc:
            self.failed = True
            self._cut(done - (data.rfind(b"\n", 0, done) + 1))
            raise sink_error(self._name, exc) from exc

    def close(self) -> None:
        """Write what is left and close; a second time does nothing.

        Raises:
            SinkError: the disk is full or gone.
        """
        try:
            if not self._file.closed:
                self.flush()
        finally:
            self._file.close()

    def _cut(self, n: int) -> None:
        """Take back the last ``n`` bytes, the beginning of a line that could not be finished."""
        with contextlib.suppress(OSError):
            self._file.truncate(self._file.tell() - n)
