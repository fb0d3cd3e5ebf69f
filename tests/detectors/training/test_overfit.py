"""A training from end to end: a handful of rendered pictures, whose objects are found again."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from detectors import Frame, load_detector
from detectors import boxes as boxlib
from detectors.runtimes.choice import choose
from detectors.training.detector import train
from detectors.training.engine import Training
from detectors.training.request import Request, Schedule

SIZE = (128, 96)
CLASSES = ("car", "person")
STEPS = 75


def shaded(patch: np.ndarray, colour: np.ndarray) -> None:
    """Fill a part of the picture with a colour that is lighter above than below."""
    light = np.linspace(1.3, 0.7, len(patch))[:, None, None]
    patch[:] = np.clip(colour * light, 0, 255)


def draw_car(patch: np.ndarray, rng: np.random.Generator) -> None:
    height, width = patch.shape[:2]
    shaded(patch, rng.choice([[40, 40, 220], [220, 220, 220], [200, 60, 40]]))
    patch[height // 6 : height // 2, width // 5 : -width // 5] = 25  # the windows
    for x in (width // 4, 3 * width // 4):
        cv2.circle(patch, (x, height - 3), 3, (10, 10, 10), -1)


def draw_person(patch: np.ndarray, rng: np.random.Generator) -> None:
    height, width = patch.shape[:2]
    centre = (width // 2, 3 * height // 5)
    cv2.ellipse(patch, centre, (width // 2 - 1, 2 * height // 5), 0, 0, 360, (60, 200, 60), -1)
    cv2.circle(patch, (width // 2, height // 6), height // 7, (150, 190, 240), -1)


def scene(seed: int) -> tuple[np.ndarray, list[dict[str, object]]]:
    """Draw noise with four objects, one in each quarter, and return the annotations too."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(70, 150, (SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8)
    image = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC)
    rows: list[dict[str, object]] = []
    for quarter in range(4):
        name = CLASSES[(quarter + seed) % 2]
        width, height = (32, 20) if name == "car" else (14, 30)
        width, height = int(width * rng.uniform(0.85, 1.15)), int(height * rng.uniform(0.85, 1.15))
        x = quarter % 2 * 64 + int(rng.integers(2, 62 - width))
        y = quarter // 2 * 48 + int(rng.integers(2, 46 - height))
        draw = draw_car if name == "car" else draw_person
        draw(image[y : y + height, x : x + width], rng)
        rows.append({"category": name, "bbox": [x, y, width, height]})
    return image, rows


def test_a_handful_of_pictures_is_learnt(make_set: Callable[..., Path], tmp_path: Path) -> None:
    images, annotations = zip(*map(scene, range(6)), strict=True)
    data = make_set("rendered", annotations, images, splits=("train", "val"))
    request = Request(
        data=(data,),
        out=tmp_path / "weights" / "tiny",
        architecture="faster_rcnn",
        backbone="smaller_vgg",
        overwrite=True,
        schedule=Schedule(steps=STEPS, batch=4, rate=2e-3, warmup=10, ema=0.95),
        class_names=CLASSES,
        input_size=SIZE,
        mosaic_share=0.0,
        device="cpu",
        precision="fp32",
        threads=1,
        workers=0,
    )
    earlier = tmp_path / "weights" / "tiny.training"
    earlier.mkdir(parents=True)
    (earlier / "last.pt").write_bytes(b"an earlier training")
    (tmp_path / "weights" / "tiny.pt").write_bytes(b"earlier weights")
    (tmp_path / "weights" / "manifest.toml").write_text('[tiny]\nhow = "before"\nsources = "a list"\n')
    seen: list[dict[str, float]] = []

    def report(training: Training, losses: dict[str, float]) -> None:
        assert training.step == len(seen) + 1
        assert not (earlier / "last.pt").exists()
        seen.append(losses)

    random = torch.get_rng_state()
    precisions = train(request, report)
    torch.set_rng_state(random)

    assert len(seen) == STEPS
    detector = load_detector(str(tmp_path / "weights" / "tiny.pt"), device="cpu")
    assert detector.class_names == CLASSES
    hits = 0
    for image, rows in zip(images, annotations, strict=True):
        (found,) = detector.detect([Frame(image)])
        for row in rows:
            same = found.labels == CLASSES.index(row["category"])
            overlap = boxlib.iou(boxlib.xywh_to_xyxy([row["bbox"]]), found.boxes[same])
            hits += bool((overlap >= 0.5).any())
    assert hits >= 0.9 * 4 * len(images)
    assert precisions["car"].boxes == precisions["person"].boxes == 12
    assert min(precisions["car"].ap50, precisions["person"].ap50) > 0.8

    (name, entry), *others = tomllib.loads((tmp_path / "weights" / "manifest.toml").read_text()).items()
    assert (name, others) == ("tiny", [])
    assert (entry["file"], entry["classes"], entry["pictures_seen"]) == ("tiny.pt", list(CLASSES), 4 * STEPS)
    assert (entry["sources"], entry.get("how")) == ("a list", None)
    measured = entry["measured"]
    assert measured["by_class"]["car"]["boxes"] == 12
    assert 0 < measured["ms"] < 10_000
    assert (bool(measured["processor"]), measured["threads"] >= 1) == (True, True)
    assert (measured["runtime"], measured["precision"]) == choose("auto", "auto", "cpu")
    weights = tmp_path / "weights" / "tiny.pt"
    assert entry["measured_by"] == f"track evaluate detector --data {data} --detector {weights}"
    folder = tmp_path / "weights" / "tiny.training"
    with (folder / "curve.csv").open(newline="") as stream:
        assert [int(row["step"]) for row in csv.DictReader(stream)] == list(range(1, STEPS + 1))
    assert cv2.imread(str(folder / "curve.png")) is not None
