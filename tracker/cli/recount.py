"""``track recount``: count an earlier run again, with other lines, without its video."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tracker.protocols import Sink

_FILES = ("events", "counts", "zones", "turns", "scene")


def recount(
    run: Annotated[Path, typer.Argument(help="Folder of an earlier run, such as runs/road.")],
    scene: Annotated[Path, typer.Option(help="The lines and zones to count with.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier counts of it.")] = False,
    db: Annotated[str | None, typer.Option(metavar="URL", help="Database to write into, too.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Make the page of the results again.")] = False,
    lang: Annotated[str, typer.Option(help="Language of the page: en or pt-BR.")] = "en",
) -> None:
    """Count the tracks of an earlier run with another scene: moved lines, new zones, a calibration.

    The tracks stay as they are; events.csv, counts.csv, zones.csv, turns.csv and scene.toml are written anew.
    """
    from detectors.errors import UsageError
    from tracker.compose import build_sink
    from tracker.recount import read_run
    from tracker.recount import recount as results_of
    from tracker.scene.reading import check_classes, read_scene
    from tracker.sinks._files import check_folder, writing

    chosen = read_scene(scene)
    check_classes(chosen, [str(name) for name in read_run(run)["class_names"]], str(scene))
    files = {name: run / f"{name}.{'toml' if name == 'scene' else 'csv'}" for name in _FILES}
    present = [path for path in files.values() if path.exists()]
    if present and not overwrite:
        raise UsageError(f"{present[0]} exists: give --overwrite to count this run anew")
    if report:
        from tracker.report.words import Language

        Language(lang)  # an unknown one is said before anything is counted
    check_folder(run)
    with tempfile.TemporaryDirectory(prefix=".recount-", dir=run) as name:
        # beside the earlier counts, which stay until these are complete
        drafts = {kind: Path(name, path.name) for kind, path in files.items()}
        sinks: list[Sink] = [build_sink(kind, {"path": str(path)}) for kind, path in drafts.items()]
        if db is not None:
            sinks.append(build_sink("database", {"url": db}))
        events = sum(len(result.events) for result in results_of(run, chosen, sinks))
        for kind, path in files.items():
            with writing(path):
                path.unlink(missing_ok=True)
                if drafts[kind].exists():
                    drafts[kind].replace(path)
    written = [str(path) for path in files.values() if path.exists()]
    if report:
        from tracker.report import write_report

        written.append(str(write_report(run, lang=lang)))
    typer.echo(f"{events} events")
    for line in written:
        typer.echo(line)
