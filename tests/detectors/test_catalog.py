"""Detectors are found by name or path."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from detectors import catalog, load_detector
from detectors.catalog import build_detector, find_detector, weights_file
from detectors.errors import UnknownNameError, UsageError, WeightsError
from detectors.runtimes.choice import choose
from detectors.zoo._weights import Description, build_network, save_weights


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand a folder of our own in for the installed package of weights."""
    monkeypatch.setattr(catalog.resources, "files", lambda package: tmp_path)
    return tmp_path


RELEASED = """
[smaller_vgg]
file = "small.pt"
sha256 = "abc"
architecture = "faster_rcnn"
classes = ["car", "bus"]
input_size = [96, 64]
"""


def test_a_released_name(shelf: Path) -> None:
    (shelf / "manifest.toml").write_text(RELEASED)
    choice = find_detector("smaller_vgg")
    assert choice.component == "faster_rcnn"
    assert choice.options == {"weights": str(shelf / "small.pt"), "sha256": "abc"}
    assert choice.facts == {"name": "smaller_vgg", "weights": "small.pt", "sha256": "abc"}
    assert choice.class_names == ("car", "bus")
    with pytest.raises(WeightsError, match=r"small\.pt are missing"):
        load_detector("smaller_vgg")


def test_an_unknown_name_gives_the_nearest(shelf: Path) -> None:
    (shelf / "manifest.toml").write_text(RELEASED)
    with pytest.raises(UnknownNameError, match="unknown detector 'smaler_vgg': did you mean smaller_vgg"):
        find_detector("smaler_vgg")
    with pytest.raises(
        UnknownNameError, match=r"there is fasterrcnn_.*, replay, retinanet_.*, smaller_vgg, ssd"
    ):
        find_detector("zzz")


def test_what_was_chosen_by_itself_is_known(tmp_path: Path) -> None:
    about = Description("one_stage", "smaller_vgg_rep_nano", ("car", "person"), (0,), (96, 64), 0.3)
    save_weights(tmp_path / "mine.pt", build_network(about), about)
    loaded = build_detector(find_detector(str(tmp_path / "mine.pt")), {"runtime": "torch", "device": "cpu"})
    assert loaded.options["runtime"] == "torch"
    assert loaded.options["precision"] == choose("torch", "auto", "cpu")[1]
    assert (loaded.options["score"], loaded.options["threads"]) == (0.3, 0)
    loaded = build_detector(find_detector(str(tmp_path / "mine.pt")), {})
    assert loaded.options["runtime"] == loaded.detector.runtime != "auto"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "component", "options"),
    [
        ("a/mine.pt", "faster_rcnn", {"weights": "a/mine.pt"}),
        ("mine.PT", "faster_rcnn", {"weights": "mine.PT"}),
        ("det/det.txt", "replay", {"path": "det/det.txt"}),
        ("runs/tracks.csv", "replay", {"path": "runs/tracks.csv"}),
        ("replay:boxes", "replay", {"path": "boxes"}),
        ("yolox.onnx", "onnx", {"path": "yolox.onnx"}),
        ("a/MINE.ONNX", "onnx", {"path": "a/MINE.ONNX"}),
    ],
)
def test_paths(name: str, component: str, options: dict[str, object]) -> None:
    choice = find_detector(name)
    assert (choice.component, choice.options) == (component, options)


def test_the_facts_of_a_weight_file_hold_its_digest(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"road")
    digest = sha256(b"road").hexdigest()
    assert find_detector(str(tmp_path / "mine.pt")).facts["sha256"] == digest


@pytest.mark.parametrize("name", ["replay", "replay:"])
def test_replay_needs_a_file(name: str) -> None:
    with pytest.raises(UsageError, match="replay needs a file of boxes"):
        find_detector(name)


@pytest.mark.parametrize("prefix", ["", "torchvision:"])
def test_a_network_of_torchvision(prefix: str) -> None:
    for name in catalog.TORCHVISION:
        choice = find_detector(prefix + name)
        assert (choice.component, choice.options) == ("torchvision", {"network": name})
        assert choice.facts == {"name": name}


def test_a_network_of_torchvision_with_weights_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    for name in ("ssd300_vgg16", "torchvision:ssd300_vgg16"):
        assert find_detector(f"{name}=a=b.pt").options == {"network": "ssd300_vgg16", "weights": "a=b.pt"}
        path.write_bytes(b"road")
        digest = sha256(b"road").hexdigest()
        facts = {"name": "ssd300_vgg16", "weights": str(path), "sha256": digest}
        assert find_detector(f"{name}={path}").facts == facts
        with pytest.raises(UsageError, match="no weights behind"):
            find_detector(f"{name}=")


def test_a_network_that_torchvision_does_not_have() -> None:
    for name in ("ssdlite320_mobilenet_v3_larg", "torchvision:ssdlite320_mobilenet"):
        with pytest.raises(UnknownNameError, match=r"did you mean .*ssdlite320_mobilenet_v3_large"):
            find_detector(name)
    for name in ("torchvision", "torchvision:"):
        with pytest.raises(UsageError, match=r"needs a network: .*fcos_resnet50_fpn"):
            find_detector(name)


def test_names_are_looked_up_without_torch() -> None:
    code = (
        "import sys; from detectors.catalog import find_detector; "
        "find_detector('ssd300_vgg16'); find_detector('replay:x'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "manifest cannot be read"),
        (b"[half\n", "manifest cannot be read"),
        (b"\xff\xfe", "manifest cannot be read"),
        (b'[smaller_vgg]\nfile = "small.pt"\n', "does not say architecture, sha256, classes, input_size of"),
        (b'smaller_vgg = "small.pt"\n', "wrong about 'smaller_vgg': it must be a table"),
    ],
)
def test_a_damaged_manifest(shelf: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (shelf / "manifest.toml").write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        find_detector("smaller_vgg")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("classes", '"car"', "classes must be a list of names"),
        ("classes", "[]", "classes must be a list of names"),
        ("classes", '["car", 3]', "classes must be a list of names"),
        ("input_size", "512", r"input_size must be \[width, height\] in pixels"),
        ("input_size", "[512]", "input_size must be"),
        ("input_size", "[512.5, 288]", "input_size must be"),
        ("input_size", "[0, 288]", "input_size must be"),
        ("architecture", '"yolo"', "architecture must be a kind of detector that this program has"),
        ("architecture", "[1]", "architecture must be"),
        ("file", "7", "file must be a name"),
        ("sha256", '""', "sha256 must be a digest"),
        ("backbone", "1", "backbone must be a name"),
        ("use", "1", "use must be a text"),
        ("measured", "0.5", "measured must be a table"),
    ],
)
def test_an_entry_that_is_wrong(shelf: Path, key: str, value: str, words: str) -> None:
    rows = [row for row in RELEASED.strip().splitlines() if not row.startswith(key)]
    (shelf / "manifest.toml").write_text("\n".join([*rows, f"{key} = {value}"]))
    with pytest.raises(WeightsError, match=f"wrong about 'smaller_vgg': {words}") as caught:
        find_detector("smaller_vgg")
    assert "\n" not in str(caught.value)


def test_a_bad_entry_leaves_the_others_usable(shelf: Path) -> None:
    (shelf / "manifest.toml").write_text("[half]\nclasses = 3\n" + RELEASED)
    assert find_detector("smaller_vgg").class_names == ("car", "bus")
    with pytest.raises(WeightsError, match=r"does not say .* of 'half'"):
        find_detector("half")


def test_the_manifest_and_the_file_must_name_the_same_classes(shelf: Path) -> None:
    """The digest alone would pass: the file is what it was, and the manifest is what was changed."""
    net_classes = ("car", "bus")
    description = Description("faster_rcnn", "smaller_vgg", net_classes, (0, 1), (96, 64), 0.4)
    digest = save_weights(shelf / "small.pt", build_network(description), description)
    content = RELEASED.replace('"abc"', f'"{digest}"')
    (shelf / "manifest.toml").write_text(content)
    assert load_detector("smaller_vgg", device="cpu").class_names == net_classes
    for listed in ('"bus", "car"', '"car", "bus", "tram"', '"car"'):
        (shelf / "manifest.toml").write_text(content.replace('"car", "bus"', listed))
        with pytest.raises(WeightsError, match=r"weights of another class list .*: car, bus, not"):
            load_detector("smaller_vgg", device="cpu")


def test_what_is_released_can_be_found() -> None:
    for name in catalog.manifest():
        choice = find_detector(name)
        assert choice.component in catalog.ZOO.names()
        assert len(str(choice.options["sha256"])) == 64
        (file,) = set(choice.options) & {"weights", "path"}
        assert Path(str(choice.options[file])).is_file()


def test_what_is_released_has_the_classes_that_the_manifest_says() -> None:
    for name, entry in catalog.manifest().items():
        assert load_detector(name, device="cpu").class_names == catalog.released(name, entry).classes


def test_weights_to_begin_from_are_released_ones_or_a_file() -> None:
    assert weights_file("mine.pt") == Path("mine.pt")
    assert weights_file("smaller_vgg_rep_small").is_file()
    with pytest.raises(UsageError, match="neither learns nor teaches: give smaller_vgg_rep_small"):
        weights_file("smaller_vgg_rep_small_int8")
