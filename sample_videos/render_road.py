"""Render a road seen from a mast, with exact ground truth: ``python sample_videos/render_road.py --help``.

Needs pyvista beside the tracker's own dependencies. Nothing is read but the options: geometry, textures
and traffic follow from the seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from fleet import CLASSES
from movers import Movers
from numpy.typing import NDArray
from optics import CAMERAS, Camera
from sensor import Sensor
from stage import LIGHTS, Stage
from traffic import simulate
from truth import Row, rows_of, write_camera, write_counts, write_mot, write_truth

FPS = 25
Picture = NDArray[np.uint8]


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder for the video and its truth"
    )
    parser.add_argument("--name", default="road", help="stem of the files")
    parser.add_argument("--seed", type=int, default=35, help="of traffic, houses, textures and noise")
    parser.add_argument("--camera", choices=sorted(CAMERAS), default="mast")
    parser.add_argument("--position", type=float, nargs=3, metavar=("X", "Y", "Z"), help="camera in metres")
    parser.add_argument(
        "--target", type=float, nargs=3, metavar=("X", "Y", "Z"), help="point in the picture's middle"
    )
    parser.add_argument("--fov", type=float, help="horizontal field of view in degrees")
    parser.add_argument("--light", choices=sorted(LIGHTS), default="day")
    parser.add_argument("--seconds", type=float, default=20.2)
    parser.add_argument("--crf", type=int, default=22, help="x264's quality: higher is smaller")
    parser.add_argument("--noise", type=float, default=1.0, help="factor on the sensor's noise")
    parser.add_argument("--pictures", type=Path, help="write a labelled picture set here instead of a video")
    parser.add_argument(
        "--every", type=int, default=25, help="frames from one picture of the set to the next"
    )
    return parser.parse_args()


def camera_of(args: argparse.Namespace) -> Camera:
    """Return the preset camera with what the command line changes."""
    changes = {"position": args.position, "target": args.target, "fov_deg": args.fov}
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items() if v is not None}
    return dataclasses.replace(CAMERAS[args.camera], **given)


def rendered(args: argparse.Namespace, every: int) -> Iterator[tuple[int, Picture, list[Row]]]:
    """Yield number (0-based), BGR picture and truth of every ``every``-th frame."""
    frames = round(args.seconds * FPS)
    stage = Stage(camera_of(args), args.light, args.seed)
    movers, sensor = Movers(stage), Sensor(stage, args.seed, args.noise)
    tracks = simulate(frames, FPS, args.seed)
    for frame in range(0, frames, every):
        present = [(track, track.states[frame]) for track in tracks if frame in track.states]
        boxes = movers.show(present, frame / FPS)
        picture = sensor.expose(movers.light(present), frame)
        yield frame, picture, rows_of(frame, frame / FPS, present, movers.sights(boxes))
        print(f"\r{frame + 1}/{frames}", end="", flush=True)
    print()


def write_video(args: argparse.Namespace) -> None:
    """Render the video and write its truth beside it."""
    args.out.mkdir(parents=True, exist_ok=True)
    path, camera = args.out / f"{args.name}.mp4", camera_of(args)
    rows: list[Row] = []
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": str(args.crf), "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = camera.width, camera.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        for number, picture, found in rendered(args, 1):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
            rows += found
        container.mux(stream.encode())
    write_mot(path.with_suffix(".gt.txt"), rows)
    write_truth(path.with_suffix(".truth.csv"), rows)
    write_camera(path.with_suffix(".camera.json"), camera)
    write_counts(path.with_suffix(".counts.json"), path.name, FPS, round(args.seconds * FPS), rows, camera)


def write_pictures(args: argparse.Namespace) -> None:
    """Render a labelled picture set: images/ and labels.json in COCO's form."""
    (args.pictures / "images").mkdir(parents=True, exist_ok=True)
    scene = f"render_{args.light}_{args.camera}_{args.seed}"
    images: list[dict[str, object]] = []
    boxes: list[dict[str, object]] = []
    for number, picture, rows in rendered(args, args.every):
        h, w = picture.shape[:2]
        file_name, image_id = f"{scene}_{number:05d}.jpg", len(images) + 1
        cv2.imwrite(str(args.pictures / "images" / file_name), picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
        size = {"width": w, "height": h, "orig_width": w, "orig_height": h}
        images.append(
            {
                "id": image_id,
                "file_name": file_name,
                **size,
                "split": "train",
                "scene": scene,
                "source": "rendered",
            }
        )
        boxes += [_label(row, image_id, len(boxes) + i + 1) for i, row in enumerate(rows)]
    info = {
        "note": f"rendered by sample_videos/render_road.py, {scene}",
        "license": "Apache-2.0",
        "labelled_classes": list(CLASSES),
    }
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(CLASSES)]
    labels = {"info": info, "categories": categories, "images": images, "annotations": boxes}
    (args.pictures / "labels.json").write_text(json.dumps(labels))


def _label(row: Row, image_id: int, label_id: int) -> dict[str, object]:
    """Return a row as a COCO annotation; what can hardly be seen is marked to be ignored."""
    x1, y1, x2, y2 = row.box
    w, h = round(x2 - x1, 2), round(y2 - y1, 2)
    return {
        "id": label_id,
        "image_id": image_id,
        "category_id": CLASSES.index(row.label) + 1,
        "bbox": [x1, y1, w, h],
        "area": round(w * h, 1),
        "iscrowd": 0,
        "ignore": int(row.visibility < 0.25),
        "visibility": row.visibility,
    }


def main() -> None:
    """Render what the command line asks for."""
    args = options()
    if args.pictures:
        write_pictures(args)
    else:
        write_video(args)


if __name__ == "__main__":
    main()
