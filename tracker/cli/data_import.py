"""``track data import``: labelled pictures of any usual format as a set to train on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from detectors.bank.labels import Labelled
    from detectors.bank.writing import Written


def import_data(
    source: Annotated[
        Path, typer.Option("--from", metavar="PATH", help="Folder of the labels, or one label file.")
    ],
    out: Annotated[Path, typer.Option(metavar="SET", help="Folder of the new set.")],
    pictures: Annotated[
        Path | None, typer.Option(help="Folder of the pictures, if they do not lie beside the labels.")
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="coco, cvat, voc, kitti, yolo or folders; guessed without it."),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW", help="Another name for a class; 'OLD=' leaves its boxes out. Again for more."
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="What the set is about, such as car,bus: boxes of other classes are ignored."),
    ] = None,
    val: Annotated[
        float, typer.Option(help="Share for validation of the pictures that no split is said of.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the choice for validation.", min=0)] = 0,
    link: Annotated[
        bool, typer.Option("--link", help="Hard links instead of copies, where the disk can.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier set.")] = False,
) -> None:
    """Make one checked set of labelled pictures: COCO, CVAT, Pascal VOC, KITTI, YOLO, class folders.

    Pictures that look alike, such as frames of one video, go into one split. Nothing is written unless
    everything is right.
    """
    from rich.console import Console

    from detectors.bank.classes import check_names, labels_of, renamed, showing
    from detectors.bank.coco import declared_classes
    from detectors.bank.formats import guess, read_labelled
    from detectors.bank.writing import check_out, write_set

    names = None if classes is None else _names(classes)
    changes = _changes(rename or [])
    check_out(out, [], overwrite)
    with Console(stderr=True).status("reading the pictures"):
        chosen = format_ or (guess(source) if source.exists() else None)
        labelled: Sequence[Labelled] = read_labelled(source, pictures, chosen)
        if changes:
            labelled = renamed(labelled, changes)
        check_names(names or (), labels_of(labelled))
        if names is None and chosen == "coco" and (declared := declared_classes(source)):
            names = [new for name in declared if (new := changes.get(name, name))]
        if chosen == "folders":  # without its class nothing is left of a picture
            labelled = showing(labelled, names)
        written = write_set(
            labelled,
            out,
            class_names=names,
            val_share=val,
            seed=seed,
            link=link,
            overwrite=overwrite,
        )
    _print(written, str(chosen))


def _names(classes: str) -> list[str]:
    from detectors.errors import UsageError

    names = list(dict.fromkeys(name.strip() for name in classes.split(",") if name.strip()))
    if not names:
        raise UsageError("--classes names no class")
    return names


def _changes(rename: Sequence[str]) -> dict[str, str]:
    from detectors.errors import UsageError

    changes: dict[str, str] = {}
    for word in rename:
        old, equals, new = (part.strip() for part in word.partition("="))
        if not equals or not old:
            raise UsageError(f"--rename takes OLD=NEW, such as Pedestrian=person, not '{word}'")
        if old in changes:
            raise UsageError(f"--rename names {old} twice")
        changes[old] = new
    return changes


def _print(written: Written, name: str) -> None:
    splits = ", ".join(f"{number} {split}" for split, number in written.pictures.items())
    boxes = ", ".join(f"{number} {label}" for label, number in written.boxes.items())
    typer.echo(f"read as {name}: {sum(written.pictures.values())} pictures ({splits})")
    typer.echo(f"boxes: {boxes or 'none'}" + (f"; {written.ignored} ignored" if written.ignored else ""))
    if written.cut:
        typer.echo(f"{written.cut} boxes reached out of their picture and were cut at its border")
    if written.dropped:
        typer.echo(f"{written.dropped} boxes of no area or outside of their picture were left out")
    if "val" not in written.pictures:
        typer.echo(
            "no picture is for validation: too few, all alike, said to be train by the source, or --val 0"
        )
    if written.linked:
        typer.echo(f"{written.linked} pictures are hard links: who changes one changes the original")
    typer.echo(f"{written.folder}; look at it with track data view {written.folder}")
