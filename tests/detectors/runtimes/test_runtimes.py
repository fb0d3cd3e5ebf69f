"""The same network on every runtime sees the same boxes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from detectors import Detections, Frame, load_detector
from detectors.errors import DetectorError, UsageError
from detectors.runtimes import choice, processor
from detectors.runtimes.choice import FOR_MODELS, choose, open_model, open_module
from detectors.zoo._weights import Description, build_network, save_weights

SAMPLE = Path(__file__).parents[3] / "sample_videos" / "road.mp4"
WAYS = [("torch", "bf16"), ("onnxruntime", "fp32"), ("openvino", "fp32"), ("openvino", "bf16")]
#: A pixel of the source; half precision has three digits, and boxes are some 100 pixels large.
NEAR_PX = {"fp32": 0.1, "bf16": 1.0}


@pytest.fixture(scope="module")
def noise() -> list[Frame]:
    """Return frames of three shapes, in which a random network sees something everywhere."""
    rng = np.random.default_rng(0)
    shapes = [(90, 160, 3), (120, 90, 3), (90, 160, 3), (64, 96, 3)]
    return [Frame(rng.integers(0, 256, shape, np.uint8)) for shape in shapes]


@pytest.fixture(scope="module")
def road_frame() -> Frame:
    """Return a frame of the sample."""
    with av.open(str(SAMPLE)) as video:
        picture = next(frame for frame in video.decode(video=0) if (frame.time or 0) >= 5)
    return Frame(picture.to_ndarray(format="bgr24"))


@pytest.fixture(scope="module", params=["faster_rcnn", "one_stage"])
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of random weights whose scores differ enough to be told apart."""
    return write_weights(tmp_path_factory.mktemp("weights") / "w.pt", request.param)


@pytest.fixture(scope="module")
def one_stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the weights of one head, for what has nothing to do with heads."""
    return write_weights(tmp_path_factory.mktemp("weights") / "w.pt", "one_stage")


def write_weights(file: Path, head: str) -> Path:
    about = Description(head, "smaller_vgg_rep_nano", ("car", "bus", "person"), (0, 1), (96, 64), 0.3)
    state = torch.get_rng_state()
    torch.manual_seed(1)
    net = build_network(about)
    torch.set_rng_state(state)
    save_weights(file, net, about)
    return file


def seen(
    weights: str, frames: list[Frame], runtime: str, precision: str, **options: object
) -> list[Detections]:
    detector = load_detector(weights, runtime=runtime, precision=precision, device="cpu", **options)
    assert (detector.runtime, detector.precision) == (runtime, precision)  # type: ignore[attr-defined]
    return detector.detect(frames)


# in bf16, scores of random networks lie closer together than can be told apart: see the next test
@pytest.mark.parametrize(("runtime", "precision"), [way for way in WAYS if way[1] == "fp32"])
def test_random_networks_say_the_same(
    weights: Path, noise: list[Frame], runtime: str, precision: str
) -> None:
    expected = seen(str(weights), noise, "torch", "fp32", score=0.005)
    answers = seen(str(weights), noise, runtime, precision, score=0.005)
    assert sum(map(len, expected)) > 20
    for answer, wanted in zip(answers, expected, strict=True):
        assert answer.labels.tolist() == wanted.labels.tolist()
        np.testing.assert_allclose(answer.boxes, wanted.boxes, atol=NEAR_PX[precision])
        np.testing.assert_allclose(answer.scores, wanted.scores, atol=1e-3)


@pytest.mark.parametrize(("runtime", "precision"), WAYS)
def test_released_weights_see_the_same_vehicles(road_frame: Frame, runtime: str, precision: str) -> None:
    expected = seen("smaller_vgg", [road_frame], "torch", "fp32", score=0.7)[0]
    answer = seen("smaller_vgg", [road_frame], runtime, precision, score=0.6)[0]
    assert len(expected) >= 3
    for box, label in zip(expected.boxes, expected.labels, strict=True):
        apart = np.abs(answer.boxes - box).max(1)
        assert apart.min() < NEAR_PX[precision]
        assert answer.labels[apart.argmin()] == label


def test_where_the_time_goes(weights: Path, noise: list[Frame]) -> None:
    detector = load_detector(str(weights), device="cpu")
    assert detector.stage_s == {"letterbox": 0, "network": 0, "boxes": 0}  # type: ignore[attr-defined]
    detector.detect(noise)
    before = dict(detector.stage_s)  # type: ignore[attr-defined]
    assert all(seconds > 0 for seconds in before.values())
    detector.detect(noise[:1])
    assert all(detector.stage_s[stage] > before[stage] for stage in before)  # type: ignore[attr-defined]


def test_threads_are_taken(weights: Path, noise: list[Frame]) -> None:
    for runtime in ("onnxruntime", "openvino"):
        one = seen(str(weights), noise, runtime, "fp32", threads=1)
        own = seen(str(weights), noise, runtime, "fp32")
        assert [len(answer) for answer in one] == [len(answer) for answer in own]
    with pytest.raises(UsageError, match=r"threads must lie in 0\.\.256"):
        load_detector(str(weights), threads=-1)


def test_the_choice_follows_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "fast_bf16", lambda: False)
    assert choose("auto", "auto", "cpu") == ("openvino", "fp32")
    assert choose("auto", "auto", "cuda") == ("torch", "fp32")
    assert choose("torch", "bf16", "cpu") == ("torch", "bf16")
    monkeypatch.setattr(choice, "fast_bf16", lambda: True)
    assert choose("auto", "auto", "cpu") == ("openvino", "bf16")
    assert choose("onnxruntime", "auto", "cpu") == ("onnxruntime", "fp32")
    monkeypatch.setattr(choice, "is_installed", lambda name: name != "openvino")
    assert choose("auto", "auto", "cpu") == ("onnxruntime", "fp32")
    assert choose("auto", "bf16", "cpu") == ("torch", "bf16")
    with pytest.raises(UsageError, match="openvino is not installed here: pip install openvino"):
        choose("openvino", "auto", "cpu")
    assert choose("auto", "auto", "cpu", FOR_MODELS) == ("onnxruntime", "fp32")
    monkeypatch.setattr(choice, "is_installed", lambda name: name == "torch")
    with pytest.raises(UsageError, match="none of openvino, onnxruntime can be used here: pip install open"):
        choose("auto", "auto", "cpu", FOR_MODELS)


def test_a_runtime_that_is_broken_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text("raise ImportError('libtbb.so.12: no such file')")
    script = (
        "from detectors.errors import UsageError; from detectors.runtimes.choice import choose; "
        "print(choose('auto', 'fp32', 'cpu'))\n"
        "try: choose('openvino', 'fp32', 'cpu')\n"
        "except UsageError as exc: print(exc)"
    )
    places = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": places}
    )
    assert done.stdout.splitlines() == [
        "('onnxruntime', 'fp32')",
        "runtime 'openvino' cannot be used here: libtbb.so.12: no such file",
    ]


def test_a_runtime_of_the_processor_means_the_processor(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert load_detector(str(weights), runtime="openvino").runtime == "openvino"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("openvino", "auto", "cuda"), "openvino runs on the processor"),
        (("onnxruntime", "bf16", "cpu"), "onnxruntime has no bf16: choose fp32"),
        (("openvino", "fp16", "cpu"), "openvino has no fp16: choose fp32 or bf16"),
        (("auto", "fp16", "cpu"), "fp16 needs device=cuda"),
    ],
)
def test_what_does_not_go_together(asked: tuple[str, str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        choose(*asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_no_model(runtime: str, tmp_path: Path) -> None:
    file = tmp_path / "no.onnx"
    file.write_bytes(b"this is no model")
    with pytest.raises(DetectorError, match=r"cannot run this model: .+"):
        open_model(file, runtime=runtime, precision="fp32")


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_model_says_what_it_takes_and_returns(runtime: str, tmp_path: Path) -> None:
    one = helper.make_tensor_value_info("one", TensorProto.UINT8, ("n", 3, 32, "width"))
    two = helper.make_tensor_value_info("two", TensorProto.UINT8, (1,))
    sums = helper.make_tensor_value_info("sums", TensorProto.UINT8, None)
    for inputs, node in (([one], ("Identity", ["one"])), ([one, two], ("BitwiseOr", ["one", "two"]))):
        graph = helper.make_graph([helper.make_node(*node, ["sums"])], "test", inputs, [sums])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
        (tmp_path / f"{len(inputs)}.onnx").write_bytes(model.SerializeToString())
    session = open_model(tmp_path / "1.onnx", runtime=runtime, precision="fp32")
    assert session.input_shape == (None, 3, 32, None)
    assert session.input_type == np.uint8
    assert session.output_names == ("sums",)
    with pytest.raises(DetectorError, match="takes 2 inputs; only pictures can be given to it"):
        open_model(tmp_path / "2.onnx", runtime=runtime, precision="fp32")


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_pictures_that_do_not_fit(runtime: str) -> None:
    session = open_module(
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU()),
        ["features"],
        (32, 16),
        runtime=runtime,
        precision="fp32",
    )
    (features,) = session(np.zeros((2, 10, 12, 3), np.uint8))
    assert features.shape == (2, 4, 8, 10)
    with pytest.raises(DetectorError, match="cannot run this model"):
        session(np.zeros((1, 10, 12, 4), np.uint8))


def test_a_signal_after_openvino_does_no_harm(one_stage: Path) -> None:
    """Its plugin takes back the stack for signals that it gave to the thread in which it was made."""
    script = (
        "import gc, numpy, signal, subprocess, sys, threading; from detectors import Frame, load_detector; "
        "signal.signal(signal.SIGCHLD, lambda *_: print('a child has ended')); "
        f"detector = load_detector({str(one_stage)!r}, runtime='openvino', device='cpu'); "
        "detector.detect([Frame(numpy.zeros((64, 96, 3), numpy.uint8))]); "
        "last = [detector]; del detector; gc.collect(); "
        "thread = threading.Thread(target=last.clear); thread.start(); thread.join(); "
        "subprocess.run([sys.executable, '-c', ''])"
    )
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "a child has ended" in done.stdout


def test_openvino_tells_nobody(one_stage: Path) -> None:
    script = (
        "import sys; from detectors import load_detector; "
        f"load_detector({str(one_stage)!r}, runtime='openvino', device='cpu'); "
        "print([name for name in sys.modules if name.startswith('openvino_telemetry') and sys.modules[name]])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("vendor", "flags", "fast"),
    [
        ("GenuineIntel", "avx512f avx512_bf16 amx_bf16", True),
        ("GenuineIntel", "avx512f avx512_bf16", False),
        ("AuthenticAMD", "avx512f avx512_bf16", True),
        ("AuthenticAMD", "avx512f", False),
        ("", "", False),
    ],
)
def test_where_bf16_is_fast(monkeypatch: pytest.MonkeyPatch, vendor: str, flags: str, fast: bool) -> None:
    facts = {"vendor_id": vendor, "flags": flags}
    monkeypatch.setattr(processor, "_facts", lambda: facts)
    assert processor.fast_bf16() == fast
