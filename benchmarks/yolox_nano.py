"""YOLOX-Nano (Megvii, Apache-2.0; COCO) in ONNX Runtime: what others would run on every frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors import Detections, Frame
from detectors.boxes import cxcywh_to_xyxy, xyxy_to_xywh

MODEL = Path(__file__).resolve().parents[2] / "shared" / "peers" / "yolox_nano_coco.onnx"
INPUT_PX = 416
NMS_IOU = 0.6
COCO_TO_NAME = {0: "person", 1: "bicycle", 2: "car", 3: "motorbike", 5: "bus", 7: "truck"}


class YoloxNano:
    """A ``detectors.protocol.Detector`` around the ONNX file.

    Args:
        score: least score of a detection.
        threads: of ONNX Runtime; 0 for all cores.
    """

    def __init__(self, score: float = 0.25, threads: int = 0) -> None:
        """Load the model; ``SystemExit`` with one line where it is absent."""
        if not MODEL.is_file():
            raise SystemExit(f"skipped: {MODEL} is not here")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
        self._score = score
        self._columns = np.array(list(COCO_TO_NAME)) + 5
        self._grid, self._stride = _grid()
        self.class_names = tuple(COCO_TO_NAME.values())

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Return one ``Detections`` a frame."""
        return [self._detect(frame.image) for frame in frames]

    def _detect(self, image: NDArray[np.uint8]) -> Detections:
        scale = INPUT_PX / max(image.shape[:2])
        small = cv2.resize(image, (round(image.shape[1] * scale), round(image.shape[0] * scale)))
        canvas = np.full((INPUT_PX, INPUT_PX, 3), 114, np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        inputs = canvas.transpose(2, 0, 1)[None].astype(np.float32)
        output = self._session.run(None, {"images": inputs})[0][0]
        scores = output[:, 4:5] * output[:, self._columns]
        labels, best = scores.argmax(1), scores.max(1)
        keep = best >= self._score
        centre = (output[keep, :2] + self._grid[keep]) * self._stride[keep]
        size = np.exp(output[keep, 2:4]) * self._stride[keep]
        boxes = cxcywh_to_xyxy(np.concatenate([centre, size], 1) / scale)
        kept = cv2.dnn.NMSBoxes(xyxy_to_xywh(boxes).tolist(), best[keep].tolist(), self._score, NMS_IOU)
        rows = np.array(kept, int).ravel()
        return Detections(
            boxes[rows],
            np.clip(best[keep][rows], 0, 1).astype(np.float32),
            labels[keep][rows].astype(np.int64),
        )


def _grid() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    places, strides = [], []
    for stride in (8, 16, 32):
        side = np.arange(INPUT_PX // stride)
        xs, ys = np.meshgrid(side, side)
        places.append(np.stack([xs, ys], -1).reshape(-1, 2))
        strides.append(np.full((len(places[-1]), 1), stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(strides).astype(np.float32)
