"""A bar with the time left, the frames a second and the share of frames that the CNN saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tracker.types import FrameResult, SourceInfo


def shown_progress(
    results: Iterable[FrameResult], source: SourceInfo, console: Console
) -> Iterator[FrameResult]:
    """Pass the results on while a bar shows how far the run is."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.fields[frames]} frames"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # one column of text is too much for a pipe or a log file: there the closing table is enough
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        total = source.frames
        task = bar.add_task("tracking", total=total, frames=total or "?", rate="")
        for count, result in enumerate(results, 1):
            speed = bar.tasks[task].speed
            bar.update(task, completed=count, rate=f"{speed:.0f} a second" if speed else "")
            yield result
