"""Frames and detections are checked where they enter."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import Detections, Frame


def detections(**changed: object) -> Detections:
    fields: dict[str, object] = {
        "boxes": np.float32([[0, 0, 4, 4], [1, 1, 3, 3]]),
        "scores": np.float32([0.9, 0.1]),
        "labels": np.int64([2, 0]),
    }
    return Detections(**(fields | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"boxes": np.zeros((2, 4))}, "boxes must be float32"),
        ({"boxes": np.zeros((2, 5), np.float32)}, "boxes must be"),
        ({"boxes": np.float32([[0, 0, 4, np.nan], [1, 1, 3, 3]])}, "finite"),
        ({"boxes": np.float32([[0, 0, 4, np.inf], [1, 1, 3, 3]])}, "finite"),
        ({"scores": np.float32([0.9])}, r"scores must be float32 \(2,\)"),
        ({"scores": np.float32([0.9, 1.1])}, r"\[0, 1\]"),
        ({"scores": np.float32([0.9, -0.1])}, r"\[0, 1\]"),
        ({"scores": np.float32([0.9, np.nan])}, r"\[0, 1\]"),
        ({"labels": np.int32([2, 0])}, "labels must be int64"),
        ({"embeddings": np.zeros((3, 8), np.float32)}, "embeddings must be"),
        ({"embeddings": np.zeros((2,), np.float32)}, "embeddings must be"),
        ({"embeddings": np.zeros((2, 8, 1), np.float32)}, "embeddings must be"),
    ],
)
def test_wrong_detections_are_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        detections(**changed)


def test_rows_are_selected_by_mask_and_by_index() -> None:
    seen = detections(embeddings=np.float32([[1, 2, 3], [4, 5, 6]]))
    masked = seen.select(np.array([False, True]))
    turned = seen.select(np.array([1, 0]))
    assert (len(seen), len(masked)) == (2, 1)
    assert masked.labels.tolist() == [0]
    assert turned.scores.tolist() == seen.scores[::-1].tolist()
    assert turned.embeddings is not None
    assert turned.embeddings.tolist() == [[4, 5, 6], [1, 2, 3]]
    assert len(seen.select(np.array([], np.intp))) == len(Detections.empty()) == 0


def test_a_picture_alone_is_a_frame() -> None:
    frame = Frame(np.zeros((3, 5, 3), np.uint8))
    assert (frame.width, frame.height, frame.index, frame.time_s, frame.cut) == (5, 3, 0, 0.0, False)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((3, 5), np.uint8),
        np.zeros((3, 5, 4), np.uint8),
        np.zeros((3, 5, 3)),
        np.zeros((0, 5, 3), np.uint8),
    ],
    ids=["grey", "four channels", "float", "no rows"],
)
def test_what_is_no_picture_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="image must be uint8"):
        Frame(image)
