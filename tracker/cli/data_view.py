"""``track data view``: labelled pictures on one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def view_data(
    sets: Annotated[
        list[Path],
        typer.Argument(metavar="SET...", help="Set, folder of sets, or of class folders."),
    ],
    out: Annotated[Path, typer.Option(help="PNG to write.")] = Path("sheet.png"),
    classes: Annotated[
        str, typer.Option(help="Only pictures with one of them, and only their boxes, such as bus,truck.")
    ] = "",
    split: Annotated[str | None, typer.Option(help="Only pictures of it, such as val.")] = None,
    count: Annotated[int, typer.Option(help="How many pictures.")] = 48,
    seed: Annotated[int, typer.Option(help="Of the draw: another one shows others.", min=0)] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier file.")] = False,
) -> None:
    """Draw a sheet of labelled pictures: some of each class, with boxes and names; grey is to be ignored."""
    from detectors.bank.banks import open_banks
    from detectors.bank.viewing import Choice, draw_banks
    from detectors.errors import UsageError
    from detectors.opencv import load_cv2
    from tracker.errors import SinkError
    from tracker.sinks._files import prepare

    if out.suffix.lower() != ".png":
        raise UsageError(f"--out must be a .png, not {out}")
    if out.exists() and not overwrite:
        raise UsageError(f"{out} is there already: choose another --out, or give --overwrite")
    names = tuple(dict.fromkeys(name.strip() for name in classes.split(",") if name.strip()))
    sheet, number = draw_banks(open_banks(sets), Choice(names, split, count, seed))
    prepare(out)
    if not load_cv2().imwrite(str(out), sheet):
        raise SinkError(f"cannot write {out}; give another --out")
    typer.echo(f"{number} pictures: {out}")
