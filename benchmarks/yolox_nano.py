"""YOLOX-Nano (Megvii, Apache-2.0; COCO), as any other ONNX file: what others would run on every frame."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from detectors import load_detector
from detectors.protocol import Detector

MODEL = Path(__file__).resolve().parents[2] / "shared" / "peers" / "yolox_nano_coco.onnx"
ROAD_USERS = {0: "person", 1: "bicycle", 2: "car", 3: "motorbike", 5: "bus", 7: "truck"}
#: As its authors run it, but for the score, which each benchmark chooses.
SIDECAR = """
[input]
layout = "NCHW"
colours = "BGR"
fit = "top_left"
pad = 114
[output]
kind = "yolox"
[detector]
score = 0.25
nms_iou = 0.6
[classes]
"""


def load_yolox(classes: Mapping[int, str] = ROAD_USERS, model: Path = MODEL, **options: object) -> Detector:
    """Load it; ``SystemExit`` with one line where it is absent.

    Args:
        classes: name by COCO's index; classes of one name are one.
        model: the file.
        options: of the detector's own ``Config``, such as ``score=0.3``.
    """
    if not model.is_file():
        raise SystemExit(f"skipped: {model} is not here")
    lines = "\n".join(f'{index} = "{name}"' for index, name in classes.items())
    with tempfile.TemporaryDirectory() as folder:  # the model's own folder can be read only
        sidecar = Path(folder, "yolox.toml")
        sidecar.write_text(SIDECAR + lines, "utf-8")
        return load_detector(str(model), sidecar=str(sidecar), **options)
