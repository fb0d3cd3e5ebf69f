"""Text files of labels, with the numbers of their lines for messages."""

from __future__ import annotations

from pathlib import Path

from detectors.errors import DataError


def read_lines(file: Path) -> list[tuple[int, str]]:
    """Return the lines that are not empty, each with its number from 1.

    Raises:
        DataError: the file cannot be read as text.
    """
    try:
        text = file.read_text("utf-8-sig")
    except OSError as exc:
        raise DataError(f"{file} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise DataError(f"{file} is not text: {exc.reason}") from exc
    if "\0" in text:
        raise DataError(f"{file} is not text: it has zero bytes")
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
