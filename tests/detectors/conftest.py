"""Small labelled sets of pictures, drawn for each test."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

CATEGORIES = ("car", "bus", "truck", "motorbike", "bicycle", "person", "vehicle", "other_vehicle")
SetMaker = Callable[..., Path]


def road(seed: int, width: int = 128, height: int = 96) -> np.ndarray:
    """Draw soft noise, as a background."""
    coarse = np.random.default_rng(seed).integers(70, 150, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def make_set(tmp_path: Path) -> SetMaker:
    """Return a function that writes a set; an annotation is COCO's with ``category`` by its name."""

    def make(
        name: str,
        annotations: Sequence[Sequence[Mapping[str, Any]]],
        images: Sequence[np.ndarray] | None = None,
        splits: Sequence[str] = ("train",),
        labelled: Sequence[str] | None = CATEGORIES,
    ) -> Path:
        folder = tmp_path / "data" / name
        (folder / "images").mkdir(parents=True)
        images = images or [road(seed) for seed in range(len(annotations))]
        entries, rows = [], []
        for split in splits:
            for number, (image, own) in enumerate(zip(images, annotations, strict=True)):
                file, ident = f"{number}.png", len(entries)
                cv2.imwrite(str(folder / "images" / file), image)
                height, width = image.shape[:2]
                size = {"width": width, "height": height}
                entries.append({"id": ident, "file_name": file, "split": split, **size})
                for row in own:
                    category = CATEGORIES.index(row["category"])
                    rest = {key: value for key, value in row.items() if key != "category"}
                    rows.append({"id": len(rows), "image_id": ident, "category_id": category, **rest})
        content: dict[str, Any] = {
            "images": entries,
            "annotations": rows,
            "categories": [{"id": n, "name": category} for n, category in enumerate(CATEGORIES)],
        }
        if labelled is not None:
            content["info"] = {"labelled_classes": list(labelled)}
        (folder / "labels.json").write_text(json.dumps(content))
        return folder

    return make
