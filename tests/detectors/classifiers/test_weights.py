"""Weight files of classifiers, what a network takes over from others, and what it makes of a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from detectors.classifiers.features import features_of, probabilities_of
from detectors.classifiers.models import Built, Options, build_model
from detectors.classifiers.pixels import squared, to_input
from detectors.classifiers.starting import last_layer, start_from
from detectors.classifiers.weights import Classifier, load_classifier, save_classifier
from detectors.errors import DetectorError, UsageError, WeightsError
from detectors.zoo._weights import Description, build_network, save_weights

NAMES = ("bus", "car", "truck")
SMALL = Options(size=32)
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 3, 32, 32), np.uint8)


def classifier(name: str = "smaller_vgg", options: Options = SMALL, seed: int = 0) -> Classifier:
    torch.manual_seed(seed)
    return Classifier(build_model(name, len(NAMES), options), NAMES, "crop")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("smaller_vgg", SMALL),
        ("smaller_vgg", Options(size=32, batch_norm=False, dropout=0.1)),
        ("lenet5", Options(size=32, activation="tanh", pooling="max")),
        ("resnet18", SMALL),
    ],
)
def test_what_is_written_reads_back(tmp_path: Path, name: str, options: Options) -> None:
    made = classifier(name, options)
    save_classifier(tmp_path / "w.pt", made)
    read = load_classifier(tmp_path / "w.pt")
    assert (read.class_names, read.fit, read.built.name) == (NAMES, "crop", name)
    assert read.built.options == options
    given, found = (probabilities_of(one.built, IMAGES) for one in (made, read))
    assert np.abs(given - found).max() < 2e-3  # weights are stored in half precision
    assert np.allclose(found.sum(1), 1, atol=1e-5)


def detector_file(path: Path, backbone: str) -> Path:
    torch.manual_seed(3)
    description = Description("one_stage", backbone, ("car",), (0,), (64, 64), 0.3)
    save_weights(path, build_network(description), description)
    return path


@pytest.mark.parametrize("name", ["smaller_vgg", "smaller_vgg_rep_nano"])
def test_a_detectors_stack_is_taken_and_the_dense_layers_stay(tmp_path: Path, name: str) -> None:
    file = detector_file(tmp_path / "d.pt", name)
    built = classifier(name).built
    before = {key: value.clone() for key, value in built.net.state_dict().items()}
    assert not start_from(built, str(file), NAMES)
    saved = torch.load(file, weights_only=True)["weights"]
    for key, value in built.net.state_dict().items():
        wanted = saved[key].to(value.dtype) if key.startswith("body.") else before[key]
        assert torch.equal(value, wanted), key


def test_of_other_classes_all_but_the_last_layer_is_taken(tmp_path: Path) -> None:
    save_classifier(tmp_path / "w.pt", classifier(seed=1))
    for names in (NAMES, ("a", "b", "c"), ("a", "b")):
        torch.manual_seed(2)
        built = build_model("smaller_vgg", len(names), SMALL)
        before = {key: value.clone() for key, value in built.net.state_dict().items()}
        assert start_from(built, str(tmp_path / "w.pt"), names) == (names == NAMES)
        saved = torch.load(tmp_path / "w.pt", weights_only=True)["weights"]
        for key, value in built.net.state_dict().items():
            kept = key.startswith("classifier.4.") and names != NAMES
            assert torch.equal(value, before[key] if kept else saved[key].to(value.dtype)), key


def test_tensors_as_torchvision_has_them(tmp_path: Path) -> None:
    """Those of 1,000 classes, with auxiliary outputs or without, in a network of three."""
    torch.manual_seed(0)
    for name in ("resnet18", "mobilenet_v3_small"):
        net = torchvision.models.get_model(name, num_classes=1000)
        torch.save(net.state_dict(), tmp_path / "t.pth")
        built = classifier(name).built
        assert not start_from(built, str(tmp_path / "t.pth"), NAMES)
        kept = [key for key in net.state_dict() if not key.startswith(last_layer(built) + ".")]
        own = built.net.state_dict()
        assert all(torch.equal(own[key], net.state_dict()[key]) for key in kept)
    with pytest.raises(WeightsError, match="do not fit resnet18: they differ at"):
        start_from(classifier("resnet18").built, str(tmp_path / "t.pth"), NAMES)


def wrong(folder: Path, kind: str) -> Built:
    """Write what cannot be begun from, and return a network that is asked to."""
    file = folder / "w.pt"
    if kind == "other detector":
        detector_file(file, "smaller_vgg_rep_nano")
    elif kind == "other network":
        save_classifier(file, classifier("lenet5", Options(size=32)))
    elif kind == "no weights":
        file.write_text("these are no weights")
    elif kind == "no tensors":
        torch.save({"weights": [1, 2]}, file)
    return classifier().built


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "w.pt are missing"),
        ("no weights", "w.pt cannot be read: damaged, or no weights"),
        ("no tensors", "w.pt hold no tensors by name"),
        ("other network", "w.pt are of lenet5: give --model lenet5"),
        (
            "other detector",
            "w.pt are of a detector on smaller_vgg_rep_nano: give --model smaller_vgg_rep_nano",
        ),
    ],
)
def test_what_cannot_be_begun_from_is_said(tmp_path: Path, kind: str, words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        start_from(wrong(tmp_path, kind), str(tmp_path / "w.pt"), NAMES)


def test_nobody_publishes_weights_of_our_own() -> None:
    with pytest.raises(UsageError, match="nobody publishes weights of smaller_vgg"):
        start_from(classifier().built, "published", NAMES)


def test_published_weights_that_lie_in_the_cache_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no network the file can be put there."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights = torchvision.models.get_model_weights("mobilenet_v3_small").DEFAULT
    file = tmp_path / "hub" / "checkpoints" / weights.url.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    net = torchvision.models.get_model("mobilenet_v3_small")
    torch.save(net.state_dict(), file)
    built = classifier("mobilenet_v3_small").built
    assert not start_from(built, "published", NAMES)
    assert torch.equal(built.net.state_dict()["features.0.0.weight"], net.state_dict()["features.0.0.weight"])


@pytest.mark.parametrize("content", ["detector", "text", "cut"])
def test_what_is_no_classifier_is_said(tmp_path: Path, content: str) -> None:
    file = tmp_path / "w.pt"
    if content == "detector":
        detector_file(file, "smaller_vgg_rep_nano")
    elif content == "text":
        file.write_text("nothing")
    else:
        save_classifier(file, classifier("lenet5", Options(size=32)))
        file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(
        DetectorError, match="of a detector" if content == "detector" else "damaged"
    ) as caught:
        load_classifier(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "size", "values"), [("smaller_vgg", 64, 4 * 224), ("resnet18", 64, 512), ("lenet5", 28, 400)]
)
def test_features_are_what_comes_into_the_dense_layers(name: str, size: int, values: int) -> None:
    built = classifier(name, Options(size=size)).built
    images = RNG.integers(0, 256, (3, 3, size, size), np.uint8)
    features = features_of(built, images, batch=2)
    assert features.shape == (3, values)
    with torch.inference_mode():
        logits = built.net.get_submodule(built.head)(torch.from_numpy(features))
    assert np.allclose(torch.softmax(logits, 1).numpy(), probabilities_of(built, images), atol=1e-5)


def test_pictures_become_square() -> None:
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, 20:60] = 255
    assert squared(wide, 32).shape == (3, 32, 32)
    assert squared(wide, 32, channels=1).shape == (1, 32, 32)
    assert squared(wide, 32, fit="crop").min() == 255  # the middle alone
    assert squared(wide, 32).mean() == pytest.approx(127.5, abs=4)


def test_values_are_those_that_the_networks_were_trained_on() -> None:
    image = torch.tensor([30, 60, 90], dtype=torch.uint8).view(1, 3, 1, 1)  # blue, green, red
    assert torch.allclose(to_input(image, "own").flatten(), torch.tensor([30, 60, 90]) / 255 - 0.45)
    wanted = torchvision.transforms.functional.normalize(
        image.flip(1)[0] / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    )
    assert torch.allclose(to_input(image, "imagenet")[0], wanted)
