"""Whole trainings of a small network on simple shapes: learnt, transferred, taken up again, laid open."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from detectors.classifiers.features import features_of
from detectors.classifiers.models import Options, build_model
from detectors.classifiers.weights import load_classifier
from detectors.errors import DataError, DetectorError, UsageError
from detectors.training.classifier import kept_features
from detectors.training.classifier.augment import NONE, Augment, mixed
from detectors.training.classifier.epochs import AUXILIARY, Fitting, _loss
from detectors.training.classifier.figures import accuracy, by_class, confusion
from detectors.training.classifier.learners import learn
from detectors.training.classifier.pictures import Pictures, read_samples, split_pictures
from detectors.training.classifier.request import Request, Schedule
from detectors.training.classifier.samples import find_samples
from detectors.training.classifier.train import evaluate_on, train

SMALL = Options(size=28, activation="relu", pooling="max")
QUICK = Schedule(epochs=12, batch=12, rate=3e-3)
Shapes = Callable[..., Path]


def request(data: Path, out: Path, **more: Any) -> Request:
    fields = {"model": "lenet5", "options": SMALL, "schedule": QUICK, "augment": NONE, "device": "cpu"}
    return Request(data, out, **(fields | {"threads": 1, "val_share": 0.25, "precision": "fp32"} | more))


def sides(data: Path, size: int = 28) -> tuple[Pictures, Pictures]:
    samples, names = find_samples(data)
    return split_pictures(read_samples(samples, names, size), 0.25, 0)


def fitting(data: Path, schedule: Schedule, model: str = "lenet5", options: Options = SMALL) -> Fitting:
    torch.manual_seed(0)
    train_set, val = sides(data)
    return Fitting(build_model(model, 3, options), train_set, val, schedule, Augment(NONE, 28))


def test_shapes_are_learnt_and_everything_is_left(shapes: Shapes, tmp_path: Path) -> None:
    data, told = shapes(count=32), []
    asked = request(data, tmp_path / "mine", tensorboard=True)
    result = train(asked, told.append, 'model = "lenet5"\n')
    assert result is not None
    assert result.accuracy >= 0.8
    assert len(told) == result.facts["epochs"]
    folder = tmp_path / "mine.training"
    left = {"confusion.csv", "confusion.png", "curve.csv", "curve.png", "last.pt"}
    events, *others = sorted(folder.glob("events.out.tfevents.*"))
    assert not others
    assert {path.name for path in folder.iterdir()} == left | {events.name, "recipe.toml", "result.json"}
    assert b"accuracy/val" in events.read_bytes()
    facts = json.loads((folder / "result.json").read_text())
    assert facts["accuracy"] == pytest.approx(result.accuracy, abs=1e-4)
    assert facts["pictures"]["val"] == 24
    with (folder / "curve.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["epoch"]) for row in rows] == list(range(1, len(told) + 1))
    best = max((row for row in rows if row["best"] == "True"), key=lambda row: int(row["epoch"]))
    # the weights are those of the lowest validation loss, measured on the file in half precision
    assert float(best["val_accuracy"]) == pytest.approx(result.accuracy, abs=1 / 24 + 1e-6)
    with (folder / "confusion.csv").open(newline="") as stream:
        head, *counts = csv.reader(stream)
    assert head[1:] == ["disc", "frame", "stripes"]
    assert np.array([row[1:] for row in counts], int).tolist() == result.table.tolist()

    again = evaluate_on(load_classifier(tmp_path / "mine.pt"), tmp_path / "mine.pt", data, "all", "cpu")
    assert again.table.sum() == 96
    assert again.accuracy >= result.accuracy - 0.2
    (data / "disc").rename(data / "circle")
    with pytest.raises(DataError, match="has a class 'circle' that the weights do not know"):
        evaluate_on(load_classifier(tmp_path / "mine.pt"), tmp_path / "mine.pt", data, "all", "cpu")


@pytest.mark.parametrize(
    ("more", "mixup"), [({}, 0.0), ({"decay": "cosine"}, 0.0), ({"average": 0.9, "smooth": 0.1}, 0.3)]
)
def test_taken_up_again_it_is_one_training(
    more: dict[str, Any], mixup: float, shapes: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = shapes(count=8)
    how = {"schedule": replace(QUICK, epochs=4, plateau=1, **more), "augment": replace(NONE, mixup=mixup)}
    train(request(data, tmp_path / "whole", **how), lambda epoch: None)

    class StoppedError(Exception):
        """As Ctrl-C between two epochs."""

    def stop(epoch: Any) -> None:
        if epoch.epoch == 2:
            raise StoppedError

    parts = request(data, tmp_path / "parts", **how)
    monkeypatch.setattr("detectors.training.classifier.session.SAVE_EVERY_S", 0)
    with pytest.raises(StoppedError):
        train(parts, stop)
    with pytest.raises(UsageError, match="holds a training: --resume it"):
        train(parts, lambda epoch: None)
    with pytest.raises(UsageError, match="was begun with another --seed"):
        train(replace(parts, resume=True, seed=1), lambda epoch: None)
    train(replace(parts, resume=True), lambda epoch: None)
    whole, taken = (
        load_classifier(tmp_path / f"{name}.pt").built.net.state_dict() for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[key], taken[key]) for key in whole)
    rows = [
        (tmp_path / f"{name}.training" / "curve.csv").read_text().splitlines() for name in ("whole", "parts")
    ]
    assert [row.split(",")[3:] for row in rows[0]] == [row.split(",")[3:] for row in rows[1]]
    (tmp_path / "parts.training" / "last.pt").write_bytes(b"nothing")
    with pytest.raises(DataError, match="it is damaged"):
        train(replace(parts, resume=True), lambda epoch: None)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adadelta"])
def test_frozen_blocks_stay_and_the_optimizer_remembers(shapes: Shapes, optimizer: str) -> None:
    """First the last layers alone, then the last block too; the last layers' momentum goes on."""
    schedule = Schedule(optimizer=optimizer, epochs=3, batch=6, warm_epochs=1, thaw=1, thaw_rate=0.5)
    options = Options(size=28, batch_norm=True, activation="relu", pooling="max")
    run = fitting(shapes(count=4), schedule, options=options)
    names = {True: "features.0.", False: "features.4."}  # the first convolution stays, the second thaws
    before = {key: value.clone() for key, value in run.built.net.state_dict().items()}

    def moved(prefix: str) -> bool:
        state = run.built.net.state_dict()
        return any(not torch.equal(state[key], before[key]) for key in state if key.startswith(prefix))

    run.one_epoch()
    assert moved("classifier.")
    assert not moved("features."), "neither weights nor the normalisation's statistics"
    weight = run.built.net.get_parameter("classifier.1.weight")
    remembered = {key: value.clone() for key, value in run.optimizer.state[weight].items() if value.ndim}
    run._freeze(False)
    run._add_body(schedule.thaw_rate)
    for key, value in remembered.items():
        assert torch.equal(run.optimizer.state[weight][key], value)
    rates = [group["lr"] for group in run.optimizer.param_groups]
    assert rates == [schedule.first_rate] * 2 + [schedule.first_rate / 2] * 2
    run.schedule = replace(schedule, warm_epochs=0)
    run.one_epoch()
    assert moved(names[False])
    assert not moved(names[True])
    assert not moved("features.1."), "the first normalisation"


def test_the_rate_falls_along_half_a_cosine(shapes: Shapes, tmp_path: Path) -> None:
    """Also that of blocks which thaw later, as a share of the last layers'."""
    data = shapes(count=4)
    schedule = Schedule(epochs=4, batch=9, rate=0.01, decay="cosine", warm_epochs=1, thaw_rate=0.5)
    run = fitting(data, schedule)
    rates = [run.one_epoch().rate for _ in range(4)]
    assert rates == pytest.approx([0.01, 0.01 * (2 + 2**0.5) / 4, 0.005, 0.01 * (2 - 2**0.5) / 4])
    body = run.optimizer.param_groups[-1]["lr"]
    assert body == pytest.approx(rates[-1] / 2)
    begun = request(data, tmp_path / "mine", schedule=replace(schedule, warm_epochs=0))
    train(begun, lambda epoch: None)
    longer = replace(begun, resume=True, schedule=replace(begun.schedule, epochs=5))
    with pytest.raises(UsageError, match="was begun with another schedule"):
        train(longer, lambda epoch: None)


def test_the_rate_falls_on_a_plateau_and_the_end_comes_early(shapes: Shapes) -> None:
    run = fitting(shapes(count=4), Schedule(epochs=50, batch=9, rate=1e-12, plateau=2, patience=5))
    rates = []
    while not run.done:
        rates.append(run.one_epoch().rate)
    assert 5 <= run.epoch < 50
    assert run.epoch == run.best_epoch + 5
    assert min(rates) < 0.5 * rates[0]


def test_the_moving_average_is_what_is_validated_and_kept(shapes: Shapes) -> None:
    """Of a step an epoch: at first that of the first step, then a part of each."""
    run = fitting(shapes(count=4), Schedule(epochs=2, batch=9, rate=0.01, average=0.9))
    key = "features.0.weight"
    run.one_epoch()
    first = run.built.net.state_dict()[key].clone()
    torch.testing.assert_close(run.best[key], first)
    result = run.one_epoch()
    second = run.built.net.state_dict()[key].clone()
    assert run.average is not None
    averaged = run.average.module.state_dict()
    torch.testing.assert_close(averaged[key], 0.4 * first + 0.6 * second)
    assert not torch.allclose(averaged[key], second)
    run.built.net.load_state_dict(averaged)
    run.average = None
    assert run._validate() == (result.val_loss, result.val_accuracy)


def test_smoothed_labels_are_those_of_the_paper(shapes: Shapes) -> None:
    run = fitting(shapes(count=4), Schedule(smooth=0.3))
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    expected = F.cross_entropy(logits, labels, label_smoothing=0.3)
    torch.testing.assert_close(_loss(logits, run._targets(labels)), expected)


@pytest.mark.parametrize("mixup", [0.0, 0.2, 1.0])
def test_mixed_pictures_have_the_targets_of_both(mixup: float) -> None:
    """A picture is its own number everywhere, so that it tells how much of whom is in it."""
    own = torch.arange(6)
    images, targets = own.view(6, 1, 1, 1).expand(6, 3, 4, 4).float(), F.one_hot(own).float()
    torch.manual_seed(3)
    shown, said = mixed(images, targets, mixup)
    assert shown.shape == images.shape
    torch.testing.assert_close(said.sum(1), torch.ones(6))
    torch.testing.assert_close(shown[:, 0, 0, 0], said @ own.float())
    assert torch.equal(shown, images) == (mixup == 0)


def test_l1_and_l2_make_weights_smaller(shapes: Shapes) -> None:
    data = shapes(count=4)

    def size(**more: float) -> float:
        run = fitting(data, Schedule(epochs=3, batch=9, optimizer="sgd", rate=0.05, **({"l2": 0.0} | more)))
        while not run.done:
            run.one_epoch()
        return float(sum(p.detach().abs().sum() for p in run.built.net.parameters() if p.ndim > 1))

    plain = size()
    assert size(l1=3e-2) < 0.9 * plain
    assert size(l2=1.0) < 0.9 * plain


def test_googlenet_learns_with_its_second_outputs(shapes: Shapes) -> None:
    logits = torch.randn(4, 3)
    targets = F.one_hot(torch.tensor([0, 1, 2, 0])).float()
    alone = _loss(logits, targets)
    assert float(_loss((logits, logits, None), targets)) == pytest.approx(float(alone) * (1 + AUXILIARY))


@pytest.mark.parametrize("name", ["logistic", "svm", "tree", "forest"])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_learner_in_a_weight_file_names_as_scikit_learn_does(
    monkeypatch: pytest.MonkeyPatch, name: str, classes: int
) -> None:
    """The fitted estimator is caught on its way, and asked about pictures that it has not seen."""
    monkeypatch.setattr("detectors.training.classifier.learners.TREES", 7)
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    kinds = {
        "logistic": LogisticRegression,
        "svm": LinearSVC,
        "tree": DecisionTreeClassifier,
        "forest": RandomForestClassifier,
    }
    fitted: list[Any] = []
    original = kinds[name].fit

    def fit(self: Any, *arguments: Any, **more: Any) -> Any:
        fitted.append(self)
        return original(self, *arguments, **more)

    monkeypatch.setattr(kinds[name], "fit", fit)
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, 90)
    features = (rng.normal(3, 5, (90, 6)) + labels[:, None] * 4).astype(np.float32)
    new = (rng.normal(5, 7, (200, 6))).astype(np.float32)
    learnt = learn(name, features, labels, seed=0)
    with torch.inference_mode():
        shares = torch.softmax(learnt.head(torch.from_numpy(new)), 1).numpy()
    linear = name in ("logistic", "svm")
    seen = ((new - features.mean(0)) / features.std(0)).astype(np.float32) if linear else new
    # of a forest the trees' own fit is caught, too: the forest is the first
    estimator = fitted[-1] if name != "forest" else next(f for f in fitted if hasattr(f, "estimators_"))
    assert (shares.argmax(1) == estimator.predict(seen)).mean() >= 0.995
    if name != "svm":
        assert np.abs(shares - estimator.predict_proba(seen)).max() < 1e-3


def test_learners_on_features(shapes: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one finds the features of the first; of other pictures they are made anew."""
    computed: list[int] = []
    original = kept_features.features_of

    def noted(built: Any, images: Any, **more: Any) -> Any:
        computed.append(len(images))
        return original(built, images, **more)

    monkeypatch.setattr(kept_features, "features_of", noted)
    data = shapes(count=24)
    wanted = {"model": "smaller_vgg", "options": Options(size=64), "overwrite": True}
    for name in ("svm", "forest"):
        result = train(request(data, tmp_path / "mine", learner=name, **wanted), lambda epoch: None)
        assert result is not None
        assert result.accuracy > 0.5, "random stacks tell simple shapes apart, too"
        assert (result.facts["features"], result.facts["learner"]) == (896, name)
        assert computed == [54]
        read = load_classifier(tmp_path / "mine.pt")
        assert evaluate_on(read, tmp_path / "mine.pt", data, "all", "cpu").accuracy > 0.8
        assert features_of(read.built, np.zeros((1, 3, 64, 64), np.uint8)).shape == (1, 896)
    train(request(data, tmp_path / "mine", learner="tree", train_share=0.5, **wanted), lambda epoch: None)
    assert computed == [54, 27]


def test_figures() -> None:
    table = confusion(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), 3)
    assert table.tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]
    assert accuracy(table) == pytest.approx(0.6)
    one, two, three = by_class(table, ("a", "b", "c"))
    assert (one.precision, one.recall, one.pictures) == (0.5, 0.5, 2)
    assert two.precision == pytest.approx(2 / 3)
    assert (three.precision, three.pictures) == (None, 0)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"options": Options(size=8)}, "lenet5 takes pictures of 12 pixels at least, not 8"),
        ({"model": "smaller_vgg", "options": Options(size=16)}, "--size 16 does not go through smaller_vgg"),
        ({"schedule": Schedule(thaw=9)}, "lenet5 has 2 blocks before its last layers; thaw fewer"),
    ],
)
def test_what_does_not_fit_is_said_before_any_training(
    shapes: Shapes, tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        train(request(shapes(count=2), tmp_path / "mine", **more), print)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("mine*"))


def test_a_loss_that_is_not_finite_ends_it(shapes: Shapes, tmp_path: Path) -> None:
    wild = Schedule(epochs=3, batch=6, optimizer="sgd", rate=1e18)
    with pytest.raises(DetectorError, match="the loss is not finite in epoch"):
        train(request(shapes(count=4), tmp_path / "mine", schedule=wild), lambda epoch: None)


def test_a_training_in_bf16_learns_as_well(shapes: Shapes, tmp_path: Path) -> None:
    result = train(request(shapes(count=32), tmp_path / "mine", precision="bf16"), lambda _: None)
    assert result is not None
    assert result.facts["precision"] == "bf16"
    assert result.accuracy >= 0.8
    kept = torch.load(tmp_path / "mine.training" / "last.pt", weights_only=True)["net"]
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32}


@pytest.mark.parametrize(
    "fields",
    [
        {"out": Path("..")},
        {"device": "gpu"},
        {"fit": "squash"},
        {"precision": "fp16"},
        {"learner": "knn"},
        {"val_share": 0.0},
        {"train_share": 0.0},
        {"seed": -1},
        {"workers": -1},
        {"threads": 0},
        {"resume": True, "overwrite": True},
        {"schedule": Schedule(warm_epochs=2)},
    ],
)
def test_what_no_machine_can_do_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        Request(**({"data": Path("d"), "out": Path("o")} | fields))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"optimizer": "rmsprop"},
        {"decay": "linear"},
        {"epochs": 0},
        {"batch": 0},
        {"rate": 0.0},
        {"momentum": 1.0},
        {"average": 1.0},
        {"smooth": -0.1},
        {"l1": -1.0},
        {"l2": float("nan")},
        {"thaw": -1},
    ],
)
def test_a_schedule_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Schedule(**fields)
