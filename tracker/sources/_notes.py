"""What was wrong with a source but did not stop the reading: one line for each kind, with a count."""

from __future__ import annotations


class Notes:
    """Collects warnings; read by anybody, and every kind of them is written by one thread.

    Args:
        name: of the source, put before every line.
    """

    def __init__(self, name: str) -> None:
        """Begin with none."""
        self._name = name
        self._counts: dict[str, int] = {}

    def add(self, kind: str, count: int = 1) -> None:
        """Note that ``kind`` happened ``count`` times more; ``{n}`` in it stands for how often so far."""
        self._counts[kind] = self._counts.get(kind, 0) + count

    def lines(self) -> tuple[str, ...]:
        """Return one line for each kind, in the order of their first appearance."""
        return tuple(f"{self._name}: {kind.replace('{n}', str(n))}" for kind, n in list(self._counts.items()))
