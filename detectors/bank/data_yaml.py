"""The few lines of YAML that ``data.yaml`` of a YOLO set is made of, read without a library.

Understood are top-level keys with a word, a list or a numbered list of words, written in one line, over
several lines in brackets, or one a line below the key. That is what Ultralytics, Roboflow and CVAT write.
"""

from __future__ import annotations

import re
from pathlib import Path

from detectors.bank.text import read_lines
from detectors.errors import DataError

#: A word, a list of words, or words by their numbers.
Value = str | list[str] | dict[int, str]

_KEYS = ("names", "path", "train", "val", "valid", "test")
_ITEM = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,]+?)\s*(?:,|$)""")


def read_data_yaml(file: Path) -> dict[str, Value]:
    """Return the top-level keys of a ``data.yaml``; what stands deeper is left out.

    Raises:
        DataError: the file cannot be read, or a numbered name has no number.
    """
    found: dict[str, Value] = {}
    for number, head, below in _blocks(file):
        key, _, rest = head.partition(":")
        text = " ".join([rest.strip(), *below]) if rest.strip() or "[" in "".join(below[:1]) else ""
        try:
            found[_bare(key)] = _inline(text.strip()) if text else _block(below)
        except ValueError as exc:
            if _bare(key) not in _KEYS:
                continue  # somebody else's
            raise DataError(f"{file}, line {number}: {_bare(key)} is not understood: {exc}") from exc
    return found


def _blocks(file: Path) -> list[tuple[int, str, list[str]]]:
    """Return each top-level line with its number and the lines that belong to it."""
    raw = file.read_text("utf-8-sig", "replace").splitlines() if file.is_file() else []
    blocks: list[tuple[int, str, list[str]]] = []
    depth = 0
    for number, text in read_lines(file):
        line = _without_comment(text)
        own = raw[number - 1][:1] not in (" ", "\t") and not line.startswith("-") and depth == 0
        if own and ":" in line:
            blocks.append((number, line, []))
        elif blocks and line:
            blocks[-1][2].append(line)
        depth += sum(line.count(c) for c in "[{") - sum(line.count(c) for c in "]}")
    return blocks


def _without_comment(line: str) -> str:
    return "" if line.startswith(("#", "---")) else re.sub(r"\s#(?=[^'\"]*$).*", "", line).strip()


def _inline(text: str) -> Value:
    if text[0] in "[{" and text[-1] == {"[": "]", "{": "}"}[text[0]]:
        items = [item for item in _ITEM.findall(text[1:-1]) if item.strip()]
        return [_bare(item) for item in items] if text[0] == "[" else _numbered(items)
    if text[0] in "[{":
        raise ValueError("a bracket is not closed")
    return _bare(text)


def _block(lines: list[str]) -> Value:
    if lines and all(line.startswith("-") for line in lines):
        return [_bare(line[1:]) for line in lines]
    if lines and not re.match(r"['\"]?\d+['\"]?\s*:", lines[0]):
        return ""  # something deeper, such as roboflow's own block
    return _numbered(lines)


def _numbered(items: list[str]) -> dict[int, str]:
    pairs = [item.partition(":") for item in items]
    return {int(_bare(key)): _bare(name) for key, _, name in pairs}


def _bare(word: str) -> str:
    word = word.strip()
    quoted = len(word) > 1 and word[0] in "'\"" and word[-1] == word[0]
    return word[1:-1].replace("''", "'") if quoted else word
