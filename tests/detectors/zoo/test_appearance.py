"""What a box looks like: read where it lies, of unit length, the same on every runtime."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import roi_align

from detectors import Frame, load_detector
from detectors.boxes import iou
from detectors.errors import UsageError, WeightsError
from detectors.zoo import _appearance
from detectors.zoo._appearance import embeddings
from detectors.zoo._fit import Place

SAMPLE = Path(__file__).resolve().parents[3] / "sample_videos" / "road.mp4"
RELEASED = "smaller_vgg_rep_medium_int8"
HALF = Place((0.5, 0.5), (0, 0))
SIDE = st.floats(0, 90, width=32)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Return the sample 5 s and 5.4 s after its beginning."""
    with av.open(str(SAMPLE)) as video:
        pictures = [f for f in video.decode(video=0) if 5.0 <= (f.time or 0) <= 5.45]
    return [Frame(pictures[place].to_ndarray(format="bgr24")) for place in (0, -1)]


@given(boxes=st.lists(st.tuples(SIDE, SIDE, SIDE, SIDE), max_size=5), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_every_box_of_a_picture_has_a_vector_of_length_1(boxes: list[tuple[float, ...]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = np.array(boxes, np.float32).reshape(-1, 4)
    table[:, 2:] = np.minimum(table[:, :2] + table[:, 2:] + 0.5, (96, 64))
    table[:, :2] = np.minimum(table[:, :2], table[:, 2:] - 0.25)
    picture = rng.integers(0, 256, (64, 96, 3), np.uint8)
    vectors = embeddings(picture, table, rng.random((5, 4, 6), np.float32), 8, HALF)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(boxes), 3 * 8 * 4 * 4 + 5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_map_is_read_as_roi_align_does() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((3, 9, 12), np.float32)
    boxes = np.array([[10, 6, 60, 40], [120, 90, 190, 143], [30, 30, 33, 34]], np.float32)
    place = Place((0.5, 0.5), (4, 2))
    inside = torch.from_numpy(boxes * 0.5 + np.array([4, 2, 4, 2], np.float32))
    wanted = roi_align(
        torch.from_numpy(features)[None], [inside], 1, 1 / 8, _appearance.POINTS, aligned=True
    ).flatten(1)
    np.testing.assert_allclose(_appearance._pooled(features, boxes, 8, place), wanted, atol=1e-5)


def test_the_same_vehicle_later_is_likelier_than_any_other(frames: list[Frame]) -> None:
    detector = load_detector(RELEASED, embeddings=True)
    before, after = detector.detect(frames)
    assert before.embeddings is not None
    assert after.embeddings is not None
    overlap = iou(before.boxes, after.boxes)
    same = [(i, int(overlap[i].argmax())) for i in range(len(before)) if overlap[i].max() > 0.3]
    cosines = before.embeddings @ after.embeddings.T
    assert len(same) >= 2
    assert [int(cosines[i].argmax()) for i, _ in same] == [j for _, j in same]


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_boxes_stay_and_both_kinds_of_file_agree(frames: list[Frame], runtime: str) -> None:
    """Eight bits against thirty-two, so not to the last digit; the boxes with and without are the same."""
    plain = load_detector(RELEASED, runtime=runtime).detect(frames[:1])[0]
    found = load_detector(RELEASED, runtime=runtime, embeddings=True).detect(frames[:1])[0]
    assert plain.embeddings is None
    assert found.embeddings is not None
    np.testing.assert_array_equal(plain.boxes, found.boxes)
    np.testing.assert_array_equal(plain.scores, found.scores)
    torch_one = load_detector("smaller_vgg_rep_medium", runtime="torch", device="cpu", embeddings=True)
    other = torch_one.detect(frames[:1])[0]
    assert other.embeddings is not None
    overlap = iou(found.boxes, other.boxes)
    near = np.flatnonzero(overlap.max(1) > 0.8)
    assert len(near) >= 2
    cosines = (found.embeddings[near] * other.embeddings[overlap[near].argmax(1)]).sum(1)
    assert cosines.min() > 0.95


def test_a_model_that_names_no_map_has_no_embeddings(tmp_path: Path) -> None:
    about = load_detector(RELEASED)
    model = Path(about.sidecar).with_suffix(".onnx")  # type: ignore[attr-defined]
    said = Path(about.sidecar).read_text()  # type: ignore[attr-defined]
    copy = tmp_path / "model.onnx"
    copy.write_bytes(model.read_bytes())
    lines = [line for line in said.splitlines() if not line.startswith("features")]
    copy.with_suffix(".toml").write_text("\n".join(lines))
    assert load_detector(str(copy)).class_names == about.class_names
    with pytest.raises(UsageError, match="names no features"):
        load_detector(str(copy), embeddings=True)
    wrong = [
        *lines[: lines.index("[output]") + 1],
        'features = "stages.9"',
        *lines[lines.index("[output]") + 1 :],
    ]
    copy.with_suffix(".toml").write_text("\n".join(wrong))
    with pytest.raises(WeightsError, match=r"model\.onnx has no value 'stages\.9"):
        load_detector(str(copy), embeddings=True)


def test_a_faster_rcnn_has_none(random_weights: tuple[Path, str]) -> None:
    with pytest.raises(UsageError, match="one-stage"):
        load_detector(str(random_weights[0]), embeddings=True)
