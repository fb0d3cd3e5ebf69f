"""``track export detector``: weights as an ONNX file that any runtime can read."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from detectors.frame import Frame
    from detectors.zoo._export import Exported

#: In pixels of the input: fp32 on another runtime differs by rounding alone.
NEAR_PX = 1.0
#: Boxes this much above the least score must be there: nearer to it, rounding decides.
MARGIN = 0.05
SAMPLE = Path(__file__).resolve().parents[2] / "sample_videos" / "road.mp4"
SAMPLE_S = 5.0


def export_detector(
    out: Annotated[Path, typer.Option(help="Model to write, such as mine.onnx; mine.toml comes beside it.")],
    detector: Annotated[
        str, typer.Option(help="Name (see 'track detectors') or weight file (.pt).")
    ] = "smaller_vgg_rep_medium",
    size: Annotated[
        str | None,
        typer.Option(
            help="Fixes the model's input to WIDTHxHEIGHT; else a one-stage model takes any shape, "
            "and a Faster R-CNN that of the training."
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="fp32, or int8: smaller and on some processors faster; needs --data.")
    ] = "fp32",
    data: Annotated[
        Path | None,
        typer.Option(
            help="For int8: labelled sets, of which the train split is used, or a folder of pictures."
        ),
    ] = None,
    pictures: Annotated[int, typer.Option(help="For int8: how many of them.")] = 300,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
) -> None:
    """Write a detector as an ONNX file, boxes and all, with a text beside it that says how it is used."""
    _check(out, precision, data, pictures, overwrite)

    from detectors.zoo._export import export_weights, in_int8

    with tempfile.TemporaryDirectory() as folder:
        weights = _weights(detector, size, Path(folder))
        exported = export_weights(weights, fixed=size is not None)
        if data is not None:
            exported = in_int8(exported, data, pictures)
        draft = Path(folder, out.name)
        draft.write_bytes(exported.model)
        draft.with_suffix(".toml").write_text(exported.sidecar, "utf-8")
        said = _compared(weights, draft, exported.size, precision)  # before anything is replaced
        _write(out, exported)
        typer.echo(said)
    typer.echo(f"{out}; use it with track --video road.mp4 --detector {shlex.quote(str(out))}")


def _check(out: Path, precision: str, data: Path | None, pictures: int, overwrite: bool) -> None:
    """Say what is wrong with the request before any work is done."""
    from detectors.errors import UsageError
    from tracker.sinks._files import check_folder

    if precision not in ("fp32", "int8"):
        raise UsageError(f"--precision must be fp32 or int8, not '{precision}'")
    if precision == "int8" and data is None:
        raise UsageError("int8 is fitted to pictures: give a folder of them with --data")
    if precision == "fp32" and data is not None:
        raise UsageError("--data goes with --precision int8")
    if pictures < 1:
        raise UsageError("--pictures must be 1 at least")
    if out.suffix.lower() != ".onnx":
        raise UsageError(f"--out must end in .onnx, not '{out.name}'")
    for path in (out, out.with_suffix(".toml")):
        if path.is_dir():
            raise UsageError(f"{path} is a folder; name a file")
        if path.exists() and not overwrite:
            raise UsageError(f"{path} is there already: choose another --out, or give --overwrite")
    check_folder(out.parent)
    if precision == "int8":
        from detectors.runtimes.quantisation import check_quantisation

        check_quantisation()


def _weights(detector: str, size: str | None, folder: Path) -> Path:
    """Return the weight file to export: the detector's own, or a copy with another input size."""
    from detectors.catalog import find_detector
    from detectors.errors import UsageError
    from detectors.zoo._export import resize_input
    from tracker.cli.train_detector import _size

    choice = find_detector(detector)
    if choice.component not in ("faster_rcnn", "one_stage"):
        raise UsageError(f"'{detector}' cannot be exported: give a name of 'track detectors' or a .pt file")
    weights = Path(str(choice.options["weights"]))
    if size is None:
        return weights
    resized = folder / weights.name
    resize_input(weights, _size(size), resized)
    return resized


def _write(out: Path, exported: Exported) -> None:
    from tracker.sinks._files import prepare, writing

    prepare(out)
    for path, content in ((out, exported.model), (out.with_suffix(".toml"), exported.sidecar.encode())):
        part = path.with_name(path.name + ".part")
        with writing(path):
            part.write_bytes(content)
            part.replace(path)


def _compared(weights: Path, model: Path, size: tuple[int, int], precision: str) -> str:
    """Load the model, look at one picture with it and with the weights, and say how they differ.

    Raises:
        DetectorError: the boxes are not those of the weights, though only rounding could differ.
    """
    from detectors.catalog import load_detector
    from detectors.errors import DetectorError
    from detectors.zoo._export import largest_difference

    original: Any = load_detector(str(weights), device="cpu", runtime="torch", precision="fp32")
    frame, of_what = _picture(size)
    wanted = original.detect([frame])[0]
    sure = wanted.select(wanted.scores >= original.score + MARGIN)
    found = load_detector(str(model), precision="fp32").detect([frame])[0]
    if not len(sure):
        return f"the weights see nothing on {of_what}: not compared"
    again, off = largest_difference(sure, found)
    if precision == "fp32" and (again < len(sure) or off > NEAR_PX):
        raise DetectorError(
            f"the model is not what {weights} is: on {of_what} it finds {again} of {len(sure)} boxes, "
            f"up to {off:.1f} pixels off; nothing was written"
        )
    return (
        f"on {of_what}: {again} of the weights' {len(sure)} boxes, the largest difference is {off:.3f} pixels"
    )


def _picture(size: tuple[int, int]) -> tuple[Frame, str]:
    """Return a picture of this width and height: of the sample, or noise where it is not installed."""
    import numpy as np

    from detectors.frame import Frame

    if not SAMPLE.is_file():
        rng = np.random.default_rng(0)
        return Frame(rng.integers(0, 256, (size[1], size[0], 3), np.uint8)), "noise"
    import av

    with av.open(str(SAMPLE)) as video:
        picture = next(frame for frame in video.decode(video=0) if (frame.time or 0) >= SAMPLE_S)
    image: Any = picture.to_ndarray(width=size[0], height=size[1], interpolation="AREA", format="bgr24")
    return Frame(image), "a frame of the sample"
