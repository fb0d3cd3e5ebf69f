"""``track find``: tracks of earlier runs that look like a picture, or like another track."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.classifiers.looks import Looks
    from detectors.classifiers.models import Built
    from tracker.lab.finding import Hit
    from tracker.lab.run_rows import RunRows
    from tracker.lab.sights import Sights

#: Released weights whose features are taken where none are named.
BACKBONE = "smaller_vgg_rep_small"


def find(
    run: Annotated[list[Path], typer.Option(help="Folder of a run; again for more.")],
    image: Annotated[Path | None, typer.Option(help="Picture of one object, cut out.")] = None,
    track: Annotated[int | None, typer.Option(help="Or a track, of the run that is named first.")] = None,
    classes: Annotated[str | None, typer.Option(help="Only these, such as car,bus.")] = None,
    count: Annotated[int, typer.Option(help="Tracks to list.")] = 12,
    backbone: Annotated[
        str, typer.Option(help="Whose features: released weights, a .pt file, or published:NETWORK.")
    ] = BACKBONE,
    sheet: Annotated[Path | None, typer.Option(help="Contact sheet to write, a PNG.")] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="Table to write.")] = None,
) -> None:
    """List the tracks that look most like a picture or another track, the likest first.

    The first time the videos of the runs are read again; what tracks look like is kept in lookalikes.npz.
    """
    from detectors.errors import UsageError
    from tracker.lab.finding import find as found_among
    from tracker.lab.finding import sheet_of
    from tracker.lab.run_rows import read_rows

    if (image is None) == (track is None):
        raise UsageError("say what to look for: --image FILE, or --track NUMBER")
    if count < 1:
        raise UsageError(f"--count must be at least 1, not {count}")
    built, digest = _network(backbone)
    rows = {folder: read_rows(folder) for folder in run}
    names = _classes(classes, {name for one in rows.values() for name in one.names})
    asked = None if image is None else _picture(image)
    runs = [(folder, _sights(one, built, digest)) for folder, one in rows.items()]
    query, shown, runs = _query(asked, track, built, runs)
    hits = found_among(query, runs, count, names)
    _print(hits, several=len(run) > 1)
    if table is not None:
        _write_table(table, hits)
    if sheet is not None:
        _write_picture(sheet, sheet_of(shown, hits, f"like {image or f'track {track} of {run[0]}'}"))


def _network(name: str) -> tuple[Built, str]:
    """Return the network, and a digest of its weights."""
    import hashlib

    from detectors.catalog import weights_file
    from detectors.classifiers.looks import backbone

    file = weights_file(name)
    built = backbone(str(file))
    content = file.read_bytes() if file.is_file() else name.encode()
    return built, hashlib.sha256(content).hexdigest()[:16]


def _classes(text: str | None, known: set[str]) -> tuple[str, ...]:
    from detectors.errors import UnknownNameError

    names = tuple(name.strip() for name in text.split(",")) if text is not None else ()
    for name in names:
        if name not in known:
            raise UnknownNameError("class", name, known)
    return names


def _picture(file: Path) -> NDArray[np.uint8]:
    import numpy as np

    from detectors.errors import DataError
    from detectors.opencv import load_cv2

    cv2 = load_cv2()
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError(f"picture {file} cannot be read")
    return np.asarray(picture, np.uint8)


def _sights(rows: RunRows, built: Built, digest: str) -> Sights:
    from rich.console import Console

    from tracker.lab.sights import sights_of

    with Console(stderr=True).status("") as status:
        return sights_of(rows, built, digest, lambda index: status.update(f"{rows.video}, frame {index}"))


def _query(
    asked: NDArray[np.uint8] | None, track: int | None, built: Built, runs: list[tuple[Path, Sights]]
) -> tuple[Looks, NDArray[np.uint8], list[tuple[Path, Sights]]]:
    """Return what to look for, a picture of it, and where to look: a track is not like itself."""
    import numpy as np

    from detectors.classifiers.looks import looks_of
    from detectors.opencv import load_cv2
    from tracker.lab.sights import only, without

    if asked is not None:
        return looks_of([asked], built), asked, runs
    assert track is not None
    (folder, sights), *others = runs
    own = only(sights, track)
    cv2 = load_cv2()
    shown = np.asarray(cv2.imdecode(np.frombuffer(own.thumbs[0], np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return own.looks, shown, [(folder, without(sights, track)), *others]


def _print(hits: list[Hit], several: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    if not hits:
        typer.echo("no track to compare with")
        return
    shown = Table()
    for name in (*(["run"] if several else []), "track", "class", "similarity", "at s", "frame"):
        shown.add_column(name, justify="left" if name in ("run", "class") else "right")
    for hit in hits:
        where = [str(hit.run)] if several else []
        numbers = (f"{hit.similarity:.3f}", f"{hit.time_s:.2f}", str(hit.frame))
        shown.add_row(*where, str(hit.track_id), hit.label, *numbers)
    Console().print(shown)


def _write_table(file: Path, hits: list[Hit]) -> None:
    from tracker.sinks._files import writing

    with writing(file), file.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["run", "track_id", "class", "similarity", "time_s", "frame"])
        for hit in hits:
            numbers = (f"{hit.similarity:.4f}", f"{hit.time_s:.3f}", hit.frame)
            writer.writerow([hit.run, hit.track_id, hit.label, *numbers])


def _write_picture(file: Path, picture: NDArray[np.uint8]) -> None:
    from detectors.opencv import load_cv2
    from tracker.sinks._files import writing

    with writing(file):
        file.write_bytes(load_cv2().imencode(".png", picture)[1].tobytes())
