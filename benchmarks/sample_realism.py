"""How real the sample looks: the share of its vehicles that a detector finds which never saw it.

YOLOX-Nano, trained on COCO, reads frames of ``sample_videos/road.mp4``. A vehicle counts as found when a
box of any vehicle class with a score of at least 0.3 overlaps its true box by an IoU of at least 0.5; each
box finds one vehicle. Vehicles: car, bus, truck, motorbike, higher than 30 px, more than half visible.

    python benchmarks/sample_realism.py [--video sample_videos/road.mp4] [--every 5]
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.boxes import cxcywh_to_xyxy, iou

HERE = Path(__file__).resolve().parent.parent
VEHICLES_COCO = (2, 3, 5, 7)
NAMES = {1: "car", 2: "bus", 3: "truck", 4: "motorbike"}
INPUT_PX = 416
Boxes = NDArray[np.float32]


def letterbox(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Return the network's input (1, 3, 416, 416) and the scale that the picture (H, W, 3) was brought to."""
    scale = INPUT_PX / max(image.shape[:2])
    small = cv2.resize(
        image, (round(image.shape[1] * scale), round(image.shape[0] * scale)), interpolation=cv2.INTER_LINEAR
    )
    canvas = np.full((INPUT_PX, INPUT_PX, 3), 114, np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    return canvas.transpose(2, 0, 1)[None].astype(np.float32), scale


def decode(output: NDArray[np.float32], scale: float, score: float) -> Boxes:
    """Return the boxes (N, 4) of vehicles in pixels of the picture, after non-maximum suppression."""
    grids, strides = [], []
    for stride in (8, 16, 32):
        n = INPUT_PX // stride
        xs, ys = np.meshgrid(np.arange(n), np.arange(n))
        grids.append(np.stack([xs, ys], axis=-1).reshape(-1, 2))
        strides.append(np.full((n * n, 1), stride))
    grid, stride_px = np.concatenate(grids), np.concatenate(strides)
    centre, size = (output[:, :2] + grid) * stride_px, np.exp(output[:, 2:4]) * stride_px
    scores = (output[:, 4:5] * output[:, 5:])[:, VEHICLES_COCO].max(axis=1)
    keep = scores >= score
    boxes = cxcywh_to_xyxy(np.concatenate([centre, size], axis=1)[keep] / scale)
    xywh = [[float(x1), float(y1), float(x2 - x1), float(y2 - y1)] for x1, y1, x2, y2 in boxes]
    kept = cv2.dnn.NMSBoxes(xywh, scores[keep].tolist(), score, 0.5)
    return boxes[np.array(kept, int).ravel()]


def matched(truth: Boxes, found: Boxes) -> NDArray[np.bool_]:
    """Return which true boxes (N,) have a box of their own, best overlaps first."""
    overlap = iou(truth, found)
    hit = np.zeros(len(truth), bool)
    while overlap.size and overlap.max() >= 0.5:
        row, column = np.unravel_index(overlap.argmax(), overlap.shape)
        hit[row] = True
        overlap[row], overlap[:, column] = 0, 0
    return hit


def read_truth(path: Path) -> dict[int, list[tuple[str, list[float]]]]:
    """Return class and box of the vehicles to be found by frame (0-based)."""
    frames: dict[int, list[tuple[str, list[float]]]] = defaultdict(list)
    for frame, _, x, y, w, h, _, label, visibility in np.loadtxt(path, delimiter=","):
        if int(label) in NAMES and h > 30 and visibility > 0.5:
            frames[int(frame) - 1].append((NAMES[int(label)], [x, y, x + w, y + h]))
    return frames


def measure(video: Path, model: Path, every: int) -> dict[str, list[bool]]:
    """Return for every vehicle on the frames read whether it was found, by class."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    truth, hits = read_truth(video.with_suffix(".gt.txt")), defaultdict(list)
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every or not truth[number]:
                continue
            inputs, scale = letterbox(frame.to_ndarray(format="bgr24"))
            found = decode(session.run(None, {"images": inputs})[0][0], scale, 0.3)
            names, boxes = zip(*truth[number], strict=True)
            for name, hit in zip(names, matched(np.array(boxes, np.float32), found), strict=True):
                hits[name].append(bool(hit))
    return hits


def main() -> int:
    """Print the share found and the number looked at, over all and by class."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--video", type=Path, default=HERE / "sample_videos" / "road.mp4")
    parser.add_argument(
        "--model", type=Path, default=HERE.parent / "shared" / "peers" / "yolox_nano_coco.onnx"
    )
    parser.add_argument("--every", type=int, default=5, help="read every so many frames")
    args = parser.parse_args()
    if not args.model.is_file():
        print(f"skipped: {args.model} is not here; the sample's realism is measured with YOLOX-Nano (COCO)")
        return 0
    hits = measure(args.video, args.model, args.every)
    every_one = [hit for group in hits.values() for hit in group]
    print(
        f"found {np.mean(every_one):.3f} of n = {len(every_one)} vehicles higher than 30 px, visibility > 0.5"
    )
    for name, group in hits.items():
        print(f"  {name}: {np.mean(group):.3f} of {len(group)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
