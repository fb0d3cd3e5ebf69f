"""A training can be broken off and taken up again, and says what is wrong."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from detectors.dataset import Picture, read_picture, read_sets, sampling_weights
from detectors.errors import DataError, DetectorError, UnknownNameError, UsageError, WeightsError
from detectors.networks.faster_rcnn import build_faster_rcnn
from detectors.networks.smaller_vgg import SmallerVGG
from detectors.networks.targets import unpacked
from detectors.training.augment import single
from detectors.training.curves import plot_curves
from detectors.training.detector import describe, prepare
from detectors.training.engine import Training
from detectors.training.examples import Examples, Kept, collate
from detectors.training.request import Request, Schedule
from detectors.zoo._weights import Description, build_network, save_weights, shift_logits

SIZE = (64, 64)
TINY = ((4,), (4,), (6,), (8,), (8,), (8,))


@pytest.fixture(autouse=True)
def _own_random_numbers() -> object:
    state = torch.get_rng_state()
    torch.manual_seed(0)
    yield
    torch.set_rng_state(state)


@pytest.fixture
def folder(make_set: Callable[..., Path]) -> Path:
    rows = [[{"category": "car", "bbox": [10 + 20 * n, 30, 40, 24]}] for n in range(3)]
    return make_set("tiny", rows)


@pytest.fixture
def pictures(folder: Path) -> list[Picture]:
    return read_sets([folder], "train", ("car", "person"))


def stream(pictures: list[Picture], seed: int = 0, mosaic_share: float = 0.5) -> Examples:
    return Examples(pictures, sampling_weights(pictures, 2), SIZE, seed, mosaic_share)


def training(pictures: list[Picture], folder: Path, workers: int = 0, **schedule: object) -> Training:
    torch.manual_seed(0)
    net = build_faster_rcnn(SmallerVGG(TINY), 2, (0,), channels=8, hidden=16)
    plan = Schedule(**({"steps": 6, "batch": 2, "warmup": 2} | schedule))  # type: ignore[arg-type]
    return Training(net, stream(pictures), plan, folder, workers=workers)


def quiet(training: Training, losses: dict[str, float]) -> None:
    """Report nothing."""


def test_an_example_depends_on_seed_and_number_alone(pictures: list[Picture]) -> None:
    one, two, other = stream(pictures), stream(pictures), stream(pictures, seed=1)
    for index in (5, 0, 3):
        (image, target), (again, target_again) = one[index], two[index]
        assert torch.equal(image, again)
        assert all(torch.equal(target[key], target_again[key]) for key in target)  # type: ignore[literal-required]
        assert not torch.equal(image, other[index][0])
    assert (image.shape, image.dtype) == ((3, 64, 64), torch.uint8)
    images, batch = collate([one[0], one[1]])
    targets = unpacked(batch, "cpu")
    assert images.shape == (2, 3, 64, 64)
    assert all((target["labels"] >= 1).all() for target in targets)


def test_targets_survive_the_way_to_the_device(pictures: list[Picture]) -> None:
    examples = stream(pictures, mosaic_share=0.5)
    wanted = [examples[index] for index in range(6)]
    images, batch = collate(wanted)
    assert torch.equal(images, torch.stack([image for image, _ in wanted]))
    for target, (_, same) in zip(unpacked(batch, "cpu"), wanted, strict=True):
        assert target.keys() == same.keys()
        assert all(torch.equal(target[key], same[key]) for key in same)  # type: ignore[literal-required]


def test_pictures_kept_in_memory_give_the_same_examples(pictures: list[Picture]) -> None:
    kept = Examples(pictures, sampling_weights(pictures, 2), SIZE, 0, 0.5, 0.5, 0.5, Kept(pictures))
    fresh = Examples(pictures, sampling_weights(pictures, 2), SIZE, 0, 0.5, 0.5, 0.5)
    for index in (*range(8), *range(8)):  # twice: nothing was drawn onto what is kept
        assert torch.equal(kept[index][0], fresh[index][0])


def test_more_pictures_than_memory_are_refused(
    pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detectors.training.examples._free_memory", lambda: 1000.0)
    with pytest.raises(UsageError, match="--cache needs"):
        Kept(pictures)


def test_mosaics_end_where_planned(pictures: list[Picture]) -> None:
    examples = stream(pictures, mosaic_share=1.0)
    examples.mosaic_until.value = 2
    assert [len(examples[index][1]["regions"]) for index in range(4)] == [4, 4, 1, 1]


def test_every_change_of_a_picture_depends_on_seed_and_number_alone(make_set: Callable[..., Path]) -> None:
    bus = [[{"category": "bus", "bbox": [30, 20, 60, 40]}]]
    cars = [
        {"category": "car", "bbox": [4 + 40 * n, 10 + 40 * m, 36, 30]} for n in range(3) for m in range(2)
    ]
    pictures = read_sets([make_set("buses", bus), make_set("cars", [cars])], "train", ("car", "bus"))

    def examples(paste: float, cut_out: float) -> Examples:
        return Examples(pictures, sampling_weights(pictures, 2), (128, 96), 0, 0.5, paste, cut_out)

    changed, again, plain = examples(1.0, 1.0), examples(1.0, 1.0), examples(0.0, 0.0)
    pasted = 0
    for index in (7, 2, 5, 0, 3, 1):
        (image, target), (image_again, target_again) = changed[index], again[index]
        assert torch.equal(image, image_again)
        assert all(torch.equal(target[key], target_again[key]) for key in target)  # type: ignore[literal-required]
        pasted += len(target["regions"]) - len(plain[index][1]["regions"])
    assert pasted > 0
    changed.mosaic_until.value = 0
    assert len(changed[0][1]["regions"]) == 1, "at the end pictures are whole, and nothing is pasted"


def test_what_is_learnt_is_seen_after_all_changes_together(make_set: Callable[..., Path]) -> None:
    bus = [{"category": "bus", "bbox": [30, 10, 60, 40]}]
    cars = [{"category": "car", "bbox": [2 + 32 * n, 2 + 24 * m, 30, 22]} for n in range(4) for m in range(2)]
    large = {"category": "car", "bbox": [2, 52, 80, 42]}  # no giant is pasted: this one lets buses be large
    pictures = read_sets(
        [make_set("buses", [bus]), make_set("cars", [[*cars, large]])], "train", ("car", "bus")
    )
    examples = Examples(pictures, sampling_weights(pictures, 2), (128, 96), 0, 0.0, 1.0, 1.0)
    learnt, hidden = 0, 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        before = single(pictures[1], read_picture, (128, 96), rng)
        after = examples.partly_hidden(before, True, rng)
        changed = (after.image != before.image).any(-1)
        kept = [row for row, box in enumerate(before.boxes) if (after.boxes == box).all(1).any()]
        for x1, y1, x2, y2 in before.boxes[kept].round().astype(int):
            # of a pasted object the margin changes pixels too, and hides little
            assert changed[y1:y2, x1:x2].mean() < 0.8
        learnt, hidden = learnt + len(kept), hidden + len(before.boxes) - len(kept)
    assert learnt > 100
    assert hidden > 0


def test_warm_up_then_a_cosine(pictures: list[Picture], tmp_path: Path) -> None:
    run = training(pictures, tmp_path, steps=100, warmup=10, rate=0.5)
    rates = []
    for step in range(101):
        run.step = step
        rates.append(run.rate())
    assert rates[0] == pytest.approx(0.05, rel=0.01)
    assert rates[4] == pytest.approx(0.25, rel=0.01)
    assert np.argmax(rates) in (9, 10)
    assert max(rates) <= 0.5
    assert rates[50] == pytest.approx(0.5 * (0.01 + 0.99 / 2))
    assert rates[100] == pytest.approx(0.005)
    assert (np.diff(rates[10:]) < 0).all()


def test_minutes_count_the_seconds_of_all_sessions(pictures: list[Picture], tmp_path: Path) -> None:
    run = training(pictures, tmp_path, steps=None, minutes=2.0)
    run.seconds = 90.0
    assert run.progress == 0.75
    run.seconds = 1e6
    assert run.progress == 1.0


class Broken(Exception):
    """Stands for the power that goes."""


def test_taken_up_again_it_ends_where_one_in_one_go_ends(pictures: list[Picture], tmp_path: Path) -> None:
    whole = training(pictures, tmp_path / "whole")
    whole.run(quiet)

    def break_off(run: Training, losses: dict[str, float]) -> None:
        if run.step == 4:  # its checkpoint is that of step 3
            raise Broken

    first = training(pictures, tmp_path / "parts")
    with pytest.raises(Broken):
        first.run(break_off, save_every_s=0)
    torch.rand(10)
    second = training(pictures, tmp_path / "parts")
    second.resume()
    assert second.step == 3
    second.run(quiet)

    for one, two in ((whole.net, second.net), (whole.average, second.average)):
        for (name, expected), value in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
            assert torch.equal(expected, value), name
    tables = []
    for part in ("whole", "parts"):
        with (tmp_path / part / "curve.csv").open(newline="") as text:
            tables.append([[row["step"], row["loss_classifier"]] for row in csv.DictReader(text)])
    assert tables[0] == tables[1]
    assert [step for step, _ in tables[0]] == list("123456")


def test_a_new_training_begins_a_new_curve(pictures: list[Picture], tmp_path: Path) -> None:
    for _ in range(2):
        training(pictures, tmp_path, steps=1).run(quiet)
    assert len((tmp_path / "curve.csv").read_text().splitlines()) == 2


def test_a_young_average_follows_and_an_old_one_is_slow(pictures: list[Picture], tmp_path: Path) -> None:
    run = training(pictures, tmp_path, ema=0.9)
    with torch.no_grad():
        weights, averaged = (next(net.parameters()) for net in (run.net, run.average.module))
        weights.zero_()
        run.average.update_parameters(run.net)
        weights.fill_(1.0)
        run.average.update_parameters(run.net)
        torch.testing.assert_close(averaged, torch.full_like(averaged, 0.6))
        run.average.n_averaged.fill_(10_000)
        run.average.update_parameters(run.net)
        torch.testing.assert_close(averaged, torch.full_like(averaged, 0.64))


def test_a_loss_that_is_not_finite_ends_the_training(pictures: list[Picture], tmp_path: Path) -> None:
    run = training(pictures, tmp_path)
    with torch.no_grad():
        run.net.roi_heads.box_predictor.logits.bias.fill_(float("nan"))
    with pytest.raises(DetectorError, match="not finite at step 0"):
        run.run(quiet)


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint", b"PK\x03\x04 cut"])
def test_what_cannot_be_resumed(pictures: list[Picture], tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot resume from .*last\.pt") as caught:
        training(pictures, tmp_path).resume()
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_network(pictures: list[Picture], tmp_path: Path) -> None:
    training(pictures, tmp_path, steps=1).run(quiet)
    net = build_faster_rcnn(SmallerVGG(TINY), 3, (0,), channels=8, hidden=16)
    other = Training(net, stream(pictures), Schedule(steps=2, batch=2), tmp_path, workers=0)
    with pytest.raises(DataError, match="cannot resume") as caught:
        other.resume()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"batch": 3}, "begun with --batch 2"),
        ({"steps": None, "minutes": 1.0}, "begun with --steps: resume it with --steps"),
    ],
)
def test_a_schedule_that_does_not_continue_the_one_that_was_begun(
    pictures: list[Picture], tmp_path: Path, schedule: dict[str, object], words: str
) -> None:
    training(pictures, tmp_path, steps=1).run(quiet)
    other = training(pictures, tmp_path, **schedule)
    before = {name: value.clone() for name, value in other.net.state_dict().items()}
    with pytest.raises(UsageError, match=words):
        other.resume()
    assert all(torch.equal(value, before[name]) for name, value in other.net.state_dict().items())


def test_minutes_are_not_resumed_by_steps(pictures: list[Picture], tmp_path: Path) -> None:
    training(pictures, tmp_path, steps=None, minutes=1e-6).run(quiet)
    with pytest.raises(UsageError, match="begun with --minutes"):
        training(pictures, tmp_path).resume()


def test_more_steps_may_be_asked_for(pictures: list[Picture], tmp_path: Path) -> None:
    training(pictures, tmp_path, steps=1).run(quiet)
    longer = training(pictures, tmp_path, steps=2, rate=1e-4)
    longer.resume()
    longer.run(quiet)
    assert longer.step == 2


def test_a_checkpoint_that_cannot_be_written_is_one_line(pictures: list[Picture], tmp_path: Path) -> None:
    (tmp_path / "last.pt").mkdir()
    with pytest.raises(DetectorError, match=r"^cannot write .*last\.pt: .*directory") as caught:
        training(pictures, tmp_path, steps=1).run(quiet)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "last.pt.part").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_picture_is_named_in_one_line(
    pictures: list[Picture], tmp_path: Path, workers: int
) -> None:
    for picture in pictures:
        picture.path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"^picture .*\.png is missing or damaged$"):
        training(pictures, tmp_path, workers).run(quiet)
    with pytest.raises(DataError, match="missing or damaged"):
        read_picture(pictures[0])


def request(folder: Path, out: Path, **more: object) -> Request:
    fields = {"class_names": ("car", "person"), "device": "cpu", "precision": "fp32", "input_size": SIZE}
    return Request((folder,), out, Schedule(steps=2), **(fields | more))  # type: ignore[arg-type]


def test_a_set_that_is_not_there_has_no_weight(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"set of --weight 'tinny': did you mean tiny\?"):
        prepare(request(folder, tmp_path / "mine", set_weights={"tiny": 2.0, "tinny": 2.0}))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 1}, r"another --seed \(0, not 1\): resume it with that$"),
        ({"mosaic_share": 0.25}, r"another --mosaic \(0.5, not 0.25\)"),
        ({"paste_share": 0.0}, r"another --paste \(0.3, not 0\)"),
        ({"cut_out_share": 0.1}, r"another --cut-out \(0.2, not 0.1\)"),
        ({"input_size": (96, 64)}, r"another --size \(64x64, not 96x64\)"),
        ({"set_weights": {"tiny": 0.5}}, r"another --weight \(none, not tiny=0.5\)"),
        ({"architecture": "faster_rcnn"}, r"another --head \(one_stage, not faster_rcnn\)"),
        ({"backbone": "smaller_vgg_rep_nano"}, r"another --backbone \(smaller_vgg_rep_small, not"),
    ],
)
def test_other_settings_are_not_resumed(
    folder: Path, tmp_path: Path, changed: dict[str, object], words: str
) -> None:
    prepare(request(folder, tmp_path / "mine")).save()
    with pytest.raises(UsageError, match=words):
        prepare(request(folder, tmp_path / "mine", resume=True, **changed))


def test_other_data_are_not_resumed(folder: Path, tmp_path: Path) -> None:
    prepare(request(folder, tmp_path / "mine")).save()
    moved = folder.parent.parent / "moved" / "tiny"
    shutil.copytree(folder, moved)
    assert prepare(request(moved, tmp_path / "mine", resume=True)).step == 0
    labels = moved / "labels.json"
    labels.write_text(labels.read_text().replace("[10, 30, 40, 24]", "[11, 30, 40, 24]"))
    with pytest.raises(UsageError, match=r"another --data \(3 pictures, digest \w+, not 3 pictures, "):
        prepare(request(moved, tmp_path / "mine", resume=True))


def test_a_checkpoint_that_does_not_say_its_settings_is_resumed(folder: Path, tmp_path: Path) -> None:
    begun = prepare(request(folder, tmp_path / "mine"))
    begun.settings = {}
    begun.save()
    state = torch.load(tmp_path / "mine.training" / "last.pt", weights_only=True)
    del state["settings"]
    torch.save(state, tmp_path / "mine.training" / "last.pt")
    assert prepare(request(folder, tmp_path / "mine", resume=True, seed=1)).settings["--seed"] == "1"


def test_where_a_training_began_is_known_after_it_was_resumed(folder: Path, tmp_path: Path) -> None:
    begun = prepare(request(folder, tmp_path / "mine"))
    begun.settings["--from"] = "start.pt"
    begun.save()
    assert prepare(request(folder, tmp_path / "mine", resume=True)).settings["--from"] == "start.pt"


def test_a_resumed_training_may_say_again_where_it_began(folder: Path, tmp_path: Path) -> None:
    """The same command with ``--resume``; the weights are not read again, and may be gone."""
    begun = prepare(request(folder, tmp_path / "mine"))
    begun.save()
    first, other = tmp_path / "first.pt", tmp_path / "other.pt"
    with pytest.raises(UsageError, match=r"another --from \(nothing, not .*first\.pt\)"):
        prepare(request(folder, tmp_path / "mine", resume=True, start=first))
    begun.settings["--from"] = str(first)
    begun.save()
    elsewhere = Path("elsewhere") / first.name
    again = prepare(request(folder, tmp_path / "mine", resume=True, start=elsewhere))
    assert again.settings["--from"] == str(first)
    for value, expected in zip(again.net.parameters(), begun.net.parameters(), strict=True):
        assert torch.equal(value, expected)
    with pytest.raises(UsageError, match=r"another --from .*other\.pt"):
        prepare(request(folder, tmp_path / "mine", resume=True, start=other))


def test_weights_to_begin_from(folder: Path, tmp_path: Path) -> None:
    description = Description("one_stage", "smaller_vgg_rep_small", ("car", "person"), (0,), SIZE, 0.3)
    net = build_network(description)
    save_weights(tmp_path / "start.pt", net, description)
    begun = prepare(request(folder, tmp_path / "mine", start=tmp_path / "start.pt"))
    for value, expected in zip(begun.net.state_dict().values(), net.state_dict().values(), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-3)
    assert begun.settings["--from"] == str(tmp_path / "start.pt")


def test_of_another_heads_weights_the_body_is_taken(folder: Path, tmp_path: Path) -> None:
    description = Description("faster_rcnn", "smaller_vgg", ("car", "lorry"), (0, 1), SIZE, 0.3)
    net = build_network(description)
    save_weights(tmp_path / "start.pt", net, description)
    network = {"architecture": "one_stage", "backbone": "smaller_vgg"}
    asked = request(folder, tmp_path / "mine", start=tmp_path / "start.pt", **network)
    begun = prepare(asked)
    body, given = begun.net.get_submodule("body"), net.get_submodule("backbone.body")
    for value, expected in zip(body.state_dict().values(), given.state_dict().values(), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-3)
    with pytest.raises(WeightsError, match="on 'smaller_vgg' do not fit this backbone"):
        prepare(replace(asked, backbone="smaller_vgg_rep_nano"))


def test_curves_are_drawn(tmp_path: Path) -> None:
    table = tmp_path / "curve.csv"
    rows = [f"{n},{n / 10},1e-3,{1 / n},{2 / n}" for n in range(1, 251)]
    table.write_text("\n".join(["step,seconds,rate,loss_classifier,loss_box_reg", *rows]) + "\n")
    plot_curves(table, tmp_path / "curve.png")
    image = cv2.imread(str(tmp_path / "curve.png"))
    assert image.shape[0] > 300
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 3
    table.write_text("step,seconds,rate,loss_classifier\n1,0.1,1e-3,0.5\n")
    plot_curves(table, tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 0


def test_frozen_stages_stay_and_the_rest_learns(folder: Path, tmp_path: Path) -> None:
    description = Description("one_stage", "smaller_vgg", ("car", "person"), (0,), SIZE, 0.3)
    save_weights(tmp_path / "start.pt", build_network(description), description)
    network = {"backbone": "smaller_vgg", "freeze": 2}
    asked = request(folder, tmp_path / "mine", start=tmp_path / "start.pt", **network)
    begun = prepare(asked)
    before = {name: value.clone() for name, value in begun.net.state_dict().items()}
    begun.run(quiet)
    changed = {name for name, value in begun.net.state_dict().items() if not torch.equal(value, before[name])}
    stages = {name for name in before if name.startswith(("body.stages.0.", "body.stages.1."))}
    assert stages
    assert not changed & stages  # its statistics neither
    assert any(name.startswith("body.stages.2.") for name in changed)
    with pytest.raises(UsageError, match="--freeze 6: smaller_vgg has 6 stages"):
        prepare(replace(asked, out=tmp_path / "other", freeze=6))


@pytest.mark.parametrize("head", ["one_stage", "faster_rcnn"])
def test_a_shift_is_added_to_the_logits_of_its_class(folder: Path, tmp_path: Path, head: str) -> None:
    asked = request(folder, tmp_path / "mine", architecture=head, shifts={"person": 0.5})
    net = build_network(describe(asked))
    layer = "to_logits" if head == "one_stage" else "roi_heads.box_predictor.logits"
    before = net.get_submodule(layer).bias.detach().clone()
    shift_logits(net, asked.architecture, asked.class_names, asked.shifts)
    moved = net.get_submodule(layer).bias.detach() - before
    assert moved.tolist() == pytest.approx([0.0, 0.5] if head == "one_stage" else [0.0, 0.0, 0.5])
    with pytest.raises(UnknownNameError, match="class of --shift 'persn': did you mean person"):
        replace(asked, shifts={"persn": 0.5})
