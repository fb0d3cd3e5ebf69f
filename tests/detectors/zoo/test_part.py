"""Looks at a part of a frame: as fine as at the whole, and what is found is where it is in the whole."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Frame, load_detector
from detectors.boxes import iou, within
from detectors.protocol import PartDetector
from detectors.zoo._letterbox import STRIDE, input_size, part_of

SAMPLE = Path(__file__).parents[3] / "sample_videos" / "road.mp4"
SHARES = st.floats(0, 1)


@settings(deadline=None)
@given(st.integers(1, 2000), st.integers(1, 2000), st.tuples(SHARES, SHARES), st.tuples(SHARES, SHARES))
def test_a_part_has_the_whole_region_as_large_as_in_the_whole_frame(
    width: int, height: int, across: tuple[float, float], down: tuple[float, float]
) -> None:
    frame = Frame(np.broadcast_to(np.zeros(3, np.uint8), (height, width, 3)))
    (x1, x2), (y1, y2) = sorted(across), sorted(down)
    region = np.array([x1 * width, y1 * height, x2 * width, y2 * height], np.float32)
    size = input_size(width, height, 512 * 288)
    part, own = part_of(frame, region, size)
    assert (part[:2] >= 0).all()
    assert (part[2:] <= [width, height]).all()
    assert all(side % STRIDE == 0 and side <= whole for side, whole in zip(own, size, strict=True))
    if own == size:
        assert part.tolist() == [0, 0, width, height]
        return
    assert (part[:2] <= region[:2] + 1).all()
    assert (part[2:] >= region[2:] - 1).all()
    scale = min(size[0] / width, size[1] / height)
    spans = part[2:] - part[:2]
    assert (spans >= 1).all()
    np.testing.assert_allclose(np.minimum(np.array(own) / scale, [width, height]), spans, atol=1)


@pytest.fixture(scope="module")
def frame() -> Frame:
    with av.open(str(SAMPLE)) as file:
        pictures = file.decode(video=0)
        image = next(p for n, p in enumerate(pictures) if n == 60).to_ndarray(format="bgr24")
    return Frame(image, index=60)


@pytest.mark.parametrize("name", ["smaller_vgg_rep_small_int8", "smaller_vgg_rep_small", "smaller_vgg"])
def test_a_vehicle_is_found_in_a_part_where_it_is_in_the_whole(name: str, frame: Frame) -> None:
    detector = load_detector(name)
    assert isinstance(detector, PartDetector)
    (whole,) = detector.detect([frame])
    best = whole.boxes[0]
    centre, room = (best[:2] + best[2:]) / 2, np.array([frame.width, frame.height]) / 4
    corner = np.clip(centre - room, 0, 2 * room)
    region = np.concatenate([corner, corner + 2 * room]).astype(np.float32)
    found, part = detector.detect_within(frame, region)
    assert part is not None
    assert within(found.boxes, part, frame.width, frame.height, 0.0).all()
    assert iou(best[None], found.boxes).max() > 0.8
    assert found.labels[int(iou(best[None], found.boxes).argmax())] == whole.labels[0]


def test_a_region_that_needs_it_all_is_the_whole(frame: Frame) -> None:
    detector = load_detector("smaller_vgg_rep_small_int8")
    assert isinstance(detector, PartDetector)
    (whole,) = detector.detect([frame])
    found, part = detector.detect_within(
        frame, np.array([1, 1, frame.width - 1, frame.height - 1], np.float32)
    )
    assert part is None
    np.testing.assert_array_equal(found.boxes, whole.boxes)
