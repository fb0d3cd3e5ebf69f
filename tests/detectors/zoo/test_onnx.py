"""Detectors in ONNX files: kinds of output, ways in, and what is said when model and sidecar disagree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from detectors import Frame, load_detector
from detectors.catalog import find_detector
from detectors.errors import DetectorError, UsageError, WeightsError
from detectors.runtimes import choice
from detectors.zoo._fit import fit_into, to_source
from detectors.zoo._sidecar import read_sidecar, write_sidecar

PEER = Path(__file__).resolve().parents[4] / "shared" / "peers" / "yolox_nano_coco.onnx"
SIZE = (64, 32)
TYPES = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16, np.uint8: TensorProto.UINT8}
#: In pixels of the input: a box, and the same again a pixel away and less sure; label of the model, score.
TRUCK, AGAIN = (8.0, 4.0, 40.0, 20.0), (9.0, 4.0, 41.0, 20.0)
SIDECAR = """
[input]
layout = "NCHW"
colours = "BGR"
fit = "stretch"
[output]
kind = "{kind}"
[classes]
1 = "truck"
3 = "person"
[detector]
score = 0.3
nms_iou = 0.5
born_score = 0.6
"""
Answers = dict[str, np.ndarray]


def write_model(
    path: Path, answers: Answers, shape: tuple[Any, ...] = (1, 3, 32, 64), number: type = np.float32
) -> Path:
    """Write a model that takes pictures of this shape and always gives the same answers."""
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))
        for name, value in answers.items()
    ]
    outputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in answers.items()
    ]
    images = helper.make_tensor_value_info("images", TYPES[number], shape)
    return save(path, nodes, images, outputs)


def save(path: Path, nodes: list[Any], images: Any, outputs: list[Any]) -> Path:
    graph = helper.make_graph(nodes, "test", [images], outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def on_grid(box: tuple[float, ...], stride: int, row: int, column: int) -> list[float]:
    """Return centre and size as YOLOX says them from a cell."""
    x1, y1, x2, y2 = box
    centre = [(x1 + x2) / 2 / stride - column, (y1 + y2) / 2 / stride - row]
    return [*centre, *np.log([(x2 - x1) / stride, (y2 - y1) / stride])]


def centred(box: tuple[float, ...]) -> list[float]:
    x1, y1, x2, y2 = box
    return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]


def yolox() -> Answers:
    cells = np.zeros((1, 32 + 8 + 2, 5 + 4), np.float32)
    cells[0, 32 + 1 * 4 + 2] = [*on_grid(TRUCK, 16, 1, 2), 0.9, 0, 1, 0, 0]
    cells[0, 1 * 8 + 3] = [*on_grid(AGAIN, 8, 1, 3), 0.8, 0, 0.9, 0, 0]
    cells[0, 40] = [0, 0, 0, 0, 0.9, 1, 0, 0, 0.2]
    return {"output": cells}


def yolov5() -> Answers:
    cells = np.zeros((1, 60, 5 + 4), np.float32)
    cells[0, 7] = [*centred(AGAIN), 0.8, 0, 0.9, 0, 0]
    cells[0, 50] = [*centred(TRUCK), 0.9, 0, 1, 0, 0]
    cells[0, 51] = [*centred(TRUCK), 0.9, 1, 0, 0, 0.2]
    return {"output0": cells}


def yolov8() -> Answers:
    cells = np.zeros((1, 42, 4 + 4), np.float32)
    cells[0, 7] = [*centred(AGAIN), 0, 0.72, 0, 0]
    cells[0, 40] = [*centred(TRUCK), 0.8, 0.9, 0, 0.2]
    return {"output0": np.ascontiguousarray(cells.transpose(0, 2, 1))}


def end_to_end() -> Answers:
    rows = [[*TRUCK, 0.9, 1], [*TRUCK, 0.9, 0], [*AGAIN, 0.2, 1], [0, 0, 0, 0, 0, 0]]
    return {"output0": np.array([rows], np.float32)}


def boxes_scores() -> Answers:
    scores = [[0.8, 0.9, 0, 0.2], [0, 0.72, 0, 0], [0.9, 0, 0.9, 0.29]]
    boxes = np.array([[TRUCK, AGAIN, (0, 0, 9, 9)]], np.float32)
    return {"scores": np.array([scores], np.float32), "boxes": boxes}


def torchvision() -> Answers:
    return {
        "boxes": np.array([TRUCK, AGAIN, TRUCK], np.float32),
        "labels": np.array([1, 1, 2], np.int64),
        "scores": np.array([0.9, 0.2, 0.9], np.float32),
    }


ANSWERS = {f.__name__: f for f in (yolox, yolov5, yolov8, end_to_end, boxes_scores, torchvision)}


def put(folder: Path, kind: str = "yolov8", said: str = "", **model: Any) -> Path:
    """Write a model with its sidecar."""
    path = write_model(folder / "any.onnx", ANSWERS[kind](), **model)
    path.with_suffix(".toml").write_text((said or SIDECAR).format(kind=kind))
    return path


def told(said: str, **changes: str) -> str:
    """Replace values of keys in a sidecar."""
    lines = [line for line in said.splitlines() if line.partition(" =")[0] not in changes]
    place = lines.index("[input]") + 1
    return "\n".join(lines[:place] + [f"{key} = {value}" for key, value in changes.items()] + lines[place:])


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("kind", ANSWERS)
def test_every_kind_of_output(tmp_path: Path, kind: str, runtime: str) -> None:
    detector = load_detector(str(put(tmp_path, kind)), runtime=runtime)
    assert detector.class_names == ("truck", "person")
    assert (detector.score, detector.born_score) == (0.3, 0.6)  # type: ignore[attr-defined]
    frame = Frame(np.zeros((64, 192, 3), np.uint8))  # three times as wide and twice as high as the input
    for seen in detector.detect([frame, frame]):
        np.testing.assert_allclose(seen.boxes, [[24, 8, 120, 40]], atol=1e-3)
        np.testing.assert_allclose(seen.scores, [0.9], atol=1e-6)
        assert seen.labels.tolist() == [0]


def test_classes_of_one_name_are_one_and_others_may_share_a_place(tmp_path: Path) -> None:
    path = put(tmp_path, said=SIDECAR.replace('3 = "person"', '0 = "truck"\n3 = "person"'))
    frame = Frame(np.zeros((32, 64, 3), np.uint8))
    for apart, labels in ((True, [0]), (False, [0, 1])):
        detector = load_detector(str(path), one_class_a_place=apart, score=0.1)
        assert detector.class_names == ("truck", "person")
        assert detector.detect([frame])[0].labels.tolist() == labels


def test_outputs_may_have_any_names_and_order(tmp_path: Path) -> None:
    answers = boxes_scores()
    path = write_model(
        tmp_path / "any.onnx", {"rubbish": answers["boxes"], **{f"my_{k}": v for k, v in answers.items()}}
    )
    beside = path.with_suffix(".toml")
    beside.write_text(SIDECAR.format(kind="boxes_scores"))
    with pytest.raises(WeightsError, match=r"outputs rubbish, my_scores, my_boxes: .* say which with names"):
        load_detector(str(path))
    named = SIDECAR.replace("[output]", '[output]\nnames = ["my_boxes", "my_scores"]')
    beside.write_text(named.format(kind="boxes_scores"))
    assert len(load_detector(str(path)).detect([Frame(np.zeros((32, 64, 3), np.uint8))])[0]) == 1


def echo(path: Path, shape: tuple[Any, ...], kind: type, layout: str) -> Path:
    """Write a model whose boxes are its first pixel's colours and score, so that what goes in comes out."""
    start, stop = ([0, 0, 0, 0], [1, 3, 1, 1]) if layout == "NCHW" else ([0, 0, 0, 0], [1, 1, 1, 3])
    constants = {"start": start, "stop": stop, "form": [1, 1, 3]}
    nodes = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value, np.int64)))
        for name, value in constants.items()
    ]
    nodes += [
        helper.make_node(
            "Constant", [], ["rest"], value=numpy_helper.from_array(np.array([[[30, 1, 0]]], np.float32))
        ),
        helper.make_node("Slice", ["images", "start", "stop"], ["pixel"]),
        helper.make_node("Cast", ["pixel"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["number", "form"], ["colours"]),
        helper.make_node("Concat", ["colours", "rest"], ["output0"], axis=2),
    ]
    images = helper.make_tensor_value_info("images", TYPES[kind], shape)
    return save(path, nodes, images, [helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, 1, 6))])


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(
    ("kind", "layout", "more", "expected"),
    [
        (np.float32, "NCHW", {}, (1, 2, 20)),
        (np.float32, "NHWC", {"colours": '"RGB"'}, (1, 2, 20)),
        (np.uint8, "NHWC", {}, (1, 2, 20)),
        (np.uint8, "NCHW", {"colours": '"RGB"'}, (1, 2, 20)),
        (np.float16, "NCHW", {"scale": "0.5"}, (0.5, 1, 10)),
        (np.float32, "NCHW", {"mean": "[-1, 1, 0]", "deviation": "[2, 1, 0.5]"}, (1, 1, 40)),
        (np.float32, "NHWC", {"colours": '"RGB"', "scale": "2", "mean": "[-10, 0, 0]"}, (12, 4, 40)),
    ],
)
def test_numbers_arrive_as_the_sidecar_says(
    tmp_path: Path, kind: type, layout: str, more: dict[str, str], expected: tuple[float, ...], runtime: str
) -> None:
    shape = (1, 3, 32, 64) if layout == "NCHW" else (1, 32, 64, 3)
    path = echo(tmp_path / "echo.onnx", shape, kind, layout)
    said = SIDECAR.replace('1 = "truck"', '0 = "truck"').format(kind="end_to_end")
    path.with_suffix(".toml").write_text(told(said, layout=f'"{layout}"', **more))
    colours = (20, 2, 1) if "RGB" in more.get("colours", "") else (1, 2, 20)
    detector = load_detector(str(path), runtime=runtime)
    (seen,) = detector.detect([Frame(np.full((32, 64, 3), colours, np.uint8))])
    wanted = [*expected, 30]  # left, top, right, bottom
    np.testing.assert_allclose(seen.boxes, [wanted], atol=0.02)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(40, 700),
    st.integers(40, 700),
    st.sampled_from([(416, 416), (512, 288), (96, 320)]),
    st.sampled_from(["top_left", "centre", "stretch"]),
    st.data(),
)
def test_boxes_find_back_to_the_source(
    width: int, height: int, size: tuple[int, int], fit: Any, data: st.DataObject
) -> None:
    """A bright block on black is looked for in the input, and its place taken back to the source."""
    left, top = data.draw(st.integers(0, width - 20)), data.draw(st.integers(0, height - 20))
    right, bottom = data.draw(st.integers(left + 20, width)), data.draw(st.integers(top + 20, height))
    image = np.zeros((height, width, 3), np.uint8)
    image[top:bottom, left:right] = 255
    canvas, place = fit_into(image, size, fit, pad=0)
    assert canvas.shape == (size[1], size[0], 3)
    rows, columns = np.nonzero(canvas[:, :, 0] > 127)
    found = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    # edges are found to a pixel of the input and, where the picture shrinks, to one of the source
    near = 1 / np.array(place.scale * 2) + 1
    assert (np.abs(to_source(found, place) - [left, top, right, bottom]) <= near).all()
    rounded = 0.5 / width + 0.5 / height  # sides are whole pixels
    assert fit == "stretch" or abs(place.scale[0] - place.scale[1]) <= rounded
    assert fit != "top_left" or place.offset == (0, 0)


def test_what_is_left_free_is_filled_evenly() -> None:
    image = np.full((50, 100, 3), 9, np.uint8)
    corner, _ = fit_into(image, (64, 64), "top_left", pad=114)
    assert (corner[:32] == 9).all()
    assert (corner[32:] == 114).all()
    middle, _ = fit_into(image, (64, 64), "centre", pad=0)
    assert (middle[16:48] == 9).all()
    assert (middle[:16] == 0).all()
    assert (middle[48:] == 0).all()


def test_an_open_model_gets_the_frames_own_shape(tmp_path: Path) -> None:
    path = put(tmp_path, "end_to_end", shape=(1, 3, "height", "width"))
    beside = path.with_suffix(".toml")
    with pytest.raises(
        WeightsError, match=r"any\.toml \[input\] needs size = \[width, height\]: any\.onnx leaves"
    ):
        load_detector(str(path))
    beside.write_text(told(beside.read_text(), size="[128, 64]"))
    detector: Any = load_detector(str(path))
    shapes = []
    model = detector._session
    detector._session = lambda batch: (shapes.append(batch.shape), model(batch))[1]
    detector.detect(
        [Frame(np.zeros(shape, np.uint8)) for shape in ((64, 128, 3), (300, 300, 3), (90, 40, 3))]
    )
    assert shapes == [(1, 3, 64, 128), (1, 3, 96, 96), (1, 3, 128, 64)]


def test_where_the_files_are_and_what_is_known_of_them(tmp_path: Path) -> None:
    path = put(tmp_path)
    choice = find_detector(str(path))
    assert (choice.component, choice.options) == ("onnx", {"path": str(path)})
    assert [len(str(choice.facts[key])) for key in ("sha256", "sidecar_sha256")] == [64, 64]
    other = path.with_suffix(".toml").rename(tmp_path / "other.txt")
    assert load_detector(str(path), sidecar=str(other)).sidecar == str(other)  # type: ignore[attr-defined]
    with pytest.raises(
        WeightsError, match=r"any\.toml is missing; it says how any\.onnx is used: \[input\] layout"
    ):
        load_detector(str(path))
    with pytest.raises(WeightsError, match=r"other\.txt is damaged"):
        load_detector(str(path), sidecar=str(other), sidecar_sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"model .*gone\.onnx is missing"):
        load_detector(str(tmp_path / "gone.onnx"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "[half", r"any\.toml cannot be read as TOML"),
        ("[input]", "[imput]", r"unknown \[imput\]: there is input, output, classes, detector"),
        ('layout = "NCHW"', "", r"any\.toml \[input\] needs layout"),
        ('"NCHW"', '"NWHC"', r"any\.toml \[input\]: layout must be one of NCHW, NHWC, not 'NWHC'"),
        ("colours", "colors", r"unknown option of .*any\.toml \[input\] 'colors': did you mean colours"),
        ('"stretch"', '"center"', "fit must be one of top_left, centre, stretch, not 'center'"),
        ('fit = "stretch"', "pad = 300", r"pad must lie in 0\.\.255"),
        ('fit = "stretch"', "mean = [1, 2]", "mean must have 3 values, not 2"),
        ('fit = "stretch"', "deviation = 0", "scale and deviation must be greater than 0"),
        ('fit = "stretch"', "size = [9, 64]", r"size must be \[width, height\], each in 32\.\.8192 pixels"),
        ('fit = "stretch"', "size = [64, 64]", r"size is 64x64, and any\.onnx takes 64x32"),
        ('"{kind}"', '"yolo"', "kind must be one of yolox, yolov5, .*torchvision, not 'yolo'"),
        ("[output]", '[output]\nnames = ["boxes"]', r"any\.onnx has no output 'boxes': there is output0"),
        ('1 = "truck"\n3 = "person"', "", r"needs \[classes\] with INDEX = \"name\""),
        ("1 =", "car =", r"\[classes\]: 'car' must be the model's index of a class"),
        ('"truck"', "7", r"\[classes\]: 1 must be a name, not 7"),
        ("3 =", "4 =", r"C is 4, and \[classes\] names 4; the first is 0"),
        ("score = 0.3", "score = 3", r"any\.toml \[detector\]: score and born_score must lie in \[0, 1\]"),
    ],
)
def test_a_sidecar_that_is_wrong(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = put(tmp_path, said=SIDECAR.replace(old, new) if old else new)
    with pytest.raises(WeightsError, match=words) as caught:
        load_detector(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "said", "words"),
    [
        (
            "yolov8",
            "yolov5",
            r"any\.onnx returns \(1, 8, 42\) for an input of 64x32: kind yolov5 is \(N, A, 5",
        ),
        ("yolov5", "yolov8", r"returns \(1, 60, 9\) .*: kind yolov8 is \(N, 4 \+ C, A\)"),
        ("yolov5", "yolox", r"kind yolox is .* at strides 8, 16, 32"),
        ("yolox", "end_to_end", r"kind end_to_end is \(N, K, 6\)"),
        ("end_to_end", "torchvision", r"outputs output0: kind torchvision is boxes \(K, 4\), labels"),
        (
            "torchvision",
            "boxes_scores",
            r"returns \(3, 4\), \(3,\).*: kind boxes_scores is boxes \(N, A, 4\)",
        ),
    ],
)
def test_a_model_that_answers_otherwise(tmp_path: Path, kind: str, said: str, words: str) -> None:
    path = put(tmp_path, kind)
    path.with_suffix(".toml").write_text(SIDECAR.format(kind=said))
    with pytest.raises(WeightsError, match=words) as caught:
        load_detector(str(path))
    assert "\n" not in str(caught.value)


def test_the_background_is_no_class(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"any\.toml \[classes\]: .* 0 is the background; the first is 1"):
        load_detector(str(put(tmp_path, "torchvision", said=SIDECAR.replace("1 =", "0 ="))))
    assert load_detector(str(put(tmp_path, "yolov8", said=SIDECAR.replace("1 =", "0 =")))).class_names


@pytest.mark.parametrize("content", [b"", b"a text", b"\x08half a model"])
def test_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path)
    path.write_bytes(content)
    with pytest.raises(DetectorError, match=r"any\.onnx(: | is no ONNX model)") as caught:
        load_detector(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("short", ["boxes", "labels", "scores"])
def test_lists_of_different_lengths(tmp_path: Path, short: str) -> None:
    path = put(tmp_path, "torchvision")
    write_model(path, {name: rows[: 2 if name == short else 3] for name, rows in torchvision().items()})
    with pytest.raises(WeightsError, match=r"kind torchvision is boxes \(K, 4\), labels"):
        load_detector(str(path))


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ({"shape": (1, 32, 64, 3)}, {}, r"takes \(1, 32, 64, 3\): that is not the layout NCHW"),
        ({"shape": (4, 3, 32, 64)}, {}, "takes 4 pictures at a time"),
        ({"number": np.uint8}, {"scale": "0.5"}, "scale, mean and deviation are for fractions"),
    ],
)
def test_a_model_that_wants_something_else(
    tmp_path: Path, model: dict[str, Any], more: dict[str, str], words: str
) -> None:
    with pytest.raises(WeightsError, match=words):
        load_detector(str(put(tmp_path, said=told(SIDECAR, **more), **model)))


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    path = str(put(tmp_path))
    for option, value in (("score", 2.0), ("nms_iou", 0.0), ("threads", -1)):
        with pytest.raises(UsageError, match=option):
            load_detector(path, **{option: value})
    with pytest.raises(UsageError, match="device must be one of auto, cpu, not 'cuda'"):
        load_detector(path, device="cuda")
    with pytest.raises(UsageError, match="openvino and onnxruntime have no fp16"):
        load_detector(path, precision="fp16")


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_model_keeps_its_digits_unless_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = str(put(tmp_path, kind))
    monkeypatch.setattr(choice, "fast_bf16", lambda: True)
    for asked, taken in (("auto", "fp32"), ("bf16", "bf16"), ("fp32", "fp32")):
        detector: Any = load_detector(path, precision=asked, runtime="openvino")
        assert detector.precision == taken


def test_of_the_released_ones_weights_alone_run_in_sixteen_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "fast_bf16", lambda: True)
    for name, taken in (("smaller_vgg_rep_nano_int8", "fp32"), ("smaller_vgg_rep_nano", "bf16")):
        detector: Any = load_detector(name, runtime="openvino", device="auto")
        assert detector.precision == taken


def test_a_sidecar_that_was_written_is_read_as_the_same() -> None:
    said = read_sidecar(told(SIDECAR, size="[64, 32]", mean="[1, 2, 3.5]").format(kind="yolox").encode(), "x")
    assert read_sidecar(write_sidecar(said).encode(), "y") == said


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_torch_is_not_needed(tmp_path: Path, runtime: str) -> None:
    code = (
        "import sys, numpy; from detectors import Frame, load_detector; "
        f"found = load_detector(sys.argv[1], runtime='{runtime}')"
        ".detect([Frame(numpy.zeros((40, 60, 3), numpy.uint8))]); "
        "sys.exit(len(found[0]) != 1 or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(put(tmp_path))], check=False).returncode == 0


@pytest.mark.skipif(
    not PEER.is_file(), reason=f"NOT TESTED on a model of others: {PEER} is not here (../shared)"
)
def test_yolox_nano_sees_a_car(tmp_path: Path) -> None:
    """The sample's vehicles are drawn, yet YOLOX-Nano, which never saw them, calls some of them cars."""
    import av

    sidecar = tmp_path / "yolox.toml"
    sidecar.write_text(
        '[input]\nlayout = "NCHW"\ncolours = "BGR"\n[output]\nkind = "yolox"\n[classes]\n2 = "car"\n'
    )
    sample = Path(__file__).parents[3] / "sample_videos" / "road.mp4"
    with av.open(str(sample)) as video:
        picture = next(frame for frame in video.decode(video=0) if (frame.time or 0) >= 5)
    frame = Frame(picture.to_ndarray(format="bgr24"))
    detector: Any = load_detector(str(PEER), sidecar=str(sidecar), score=0.4)
    (seen,) = detector.detect([frame])
    assert len(seen) >= 2
    half = Frame(cv2.resize(frame.image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    (smaller,) = detector.detect([half])
    apart = np.abs(smaller.boxes[:1, None] * 2 - seen.boxes).max(2)
    assert apart.min() < 12
