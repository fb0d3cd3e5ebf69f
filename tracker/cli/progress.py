"""A bar with the time left, the frames a second and the share of frames that the CNN saw."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tracker.types import FrameResult, SourceInfo


def shown_progress(
    results: Iterable[FrameResult], source: SourceInfo, console: Console
) -> Iterator[FrameResult]:
    """Pass the results on while a bar shows how far the run is, and of a camera how late a result comes.

    Containers such as Matroska state how long they are, but not how many frames they hold: the bar then
    follows the frames' times.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}/{task.fields[frames]} frames"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[late]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # one column of text is too much for a pipe or a log file: there the closing table is enough
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        total = source.frames or source.duration_s
        task = bar.add_task("tracking", total=total, count=0, frames=source.frames or "?", rate="", late="")
        for count, result in enumerate(results, 1):
            done = count if source.frames or not total else result.frame.time_s
            speed = bar.tasks[task].speed
            rate = f"{speed * count / done:.0f} a second" if speed and done else ""
            bar.update(task, completed=done, count=count, rate=rate, late=_late(result))
            yield result


def _late(result: FrameResult) -> str:
    arrival_s = result.frame.arrival_s
    return "" if arrival_s is None else f"{1000 * (time.monotonic() - arrival_s):.0f} ms late"
