"""A detector that begins with what other weights know: other classes, a classifier's, a body that rests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from detectors.classifiers.models import Options, build_model
from detectors.classifiers.weights import Classifier, save_classifier
from detectors.errors import DataError, WeightsError
from detectors.training.detector import prepare
from detectors.training.engine import Training
from detectors.training.request import Request, Schedule
from detectors.zoo._weights import Description, build_network, load_weights, save_weights

SIZE = (64, 64)


@pytest.fixture
def folder(make_set: Callable[..., Path]) -> Path:
    return make_set("tiny", [[{"category": "car", "bbox": [10 + 20 * n, 30, 40, 24]}] for n in range(3)])


def request(folder: Path, out: Path, **more: object) -> Request:
    fields: dict[str, object] = {
        "schedule": Schedule(steps=2, batch=2, warmup=1),
        "class_names": ("car", "person"),
        "input_size": SIZE,
        "backbone": "smaller_vgg_rep_small",
        "device": "cpu",
        "precision": "fp32",
        "workers": 0,
    }
    return Request((folder,), out, **(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("architecture", "layer", "first"),
    [("one_stage", "to_logits", 0), ("faster_rcnn", "roi_heads.box_predictor.logits", 1)],
)
def test_classes_are_taken_over_by_their_names(
    folder: Path, tmp_path: Path, architecture: str, layer: str, first: int
) -> None:
    """Of weights with other classes; what the new ones have of their own begins anew."""
    description = Description(architecture, "smaller_vgg", ("bus", "car", "person"), (0, 1), SIZE, 0.3)
    save_weights(tmp_path / "start.pt", build_network(description), description)
    saved = load_weights(tmp_path / "start.pt")[1]
    names = ("person", "bicycle", "car")
    more = {"architecture": architecture, "backbone": "smaller_vgg", "class_names": names}
    begun = prepare(request(folder, tmp_path / "mine", start=tmp_path / "start.pt", **more))
    own = begun.net.state_dict()
    for key, value in saved.items():
        if not key.startswith(layer):
            assert torch.equal(own[key], value), key
            continue
        assert torch.equal(own[key][:first], value[:first])
        assert torch.equal(own[key][first], value[first + 2]), "person"
        assert torch.equal(own[key][first + 2], value[first + 1]), "car"
        assert not torch.equal(own[key][first + 1], value[first]), "a bicycle is no bus"


def test_a_class_of_ones_own_that_nothing_shows_is_said(folder: Path, tmp_path: Path) -> None:
    asked = request(folder, tmp_path / "mine", class_names=("car", "tractor"))
    with pytest.raises(DataError, match="class 'tractor' of --classes has no box in the train split"):
        prepare(asked)


def test_a_classifiers_stack_is_taken(folder: Path, tmp_path: Path) -> None:
    built = build_model("smaller_vgg", 2, Options(size=64))
    save_classifier(tmp_path / "kinds.pt", Classifier(built, ("a", "b")))
    asked = request(folder, tmp_path / "mine", start=tmp_path / "kinds.pt", backbone="smaller_vgg")
    body = prepare(asked).net.get_submodule("body").state_dict()
    for key, value in built.net.get_submodule("body").state_dict().items():
        torch.testing.assert_close(body[key], value, rtol=1e-3, atol=1e-3)
    with pytest.raises(WeightsError, match="are of a classifier smaller_vgg, not on smaller_vgg_rep_nano"):
        prepare(replace(asked, backbone="smaller_vgg_rep_nano"))


def test_the_stack_rests_while_the_head_warms_up(folder: Path, tmp_path: Path) -> None:
    description = Description("one_stage", "smaller_vgg_rep_small", ("car", "person"), (0,), SIZE, 0.3)
    save_weights(tmp_path / "start.pt", build_network(description), description)
    schedule = Schedule(steps=4, batch=2, warmup=1, warm_share=0.5, body_rate=0.25)
    asked = request(folder, tmp_path / "mine", start=tmp_path / "start.pt", schedule=schedule, freeze=1)
    training = prepare(asked)
    seen = []

    def note(training: Training, losses: dict[str, float]) -> None:
        state = training.net.state_dict()
        seen.append({key: value.clone() for key, value in state.items() if value.is_floating_point()})

    before = {key: value.clone() for key, value in training.net.state_dict().items()}
    training.run(note)

    def moved(step: int, prefix: str) -> bool:
        old = seen[step - 1] if step else before
        return any(not torch.equal(seen[step][key], old[key]) for key in seen[0] if key.startswith(prefix))

    assert [moved(step, "to_sides.") for step in range(4)] == [True] * 4
    assert [moved(step, "body.stages.1.") for step in range(4)] == [False, False, True, True]
    assert [moved(step, "body.stages.0.") for step in range(4)] == [False] * 4, "frozen all the time"
    rates = {group["share"]: group["lr"] for group in training.optimizer.param_groups}
    assert rates[0.25] == pytest.approx(rates[1.0] / 4)
