"""What is to be ignored teaches the network nothing, and what is not annotated teaches it little."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from detectors.networks import faster_rcnn
from detectors.networks.faster_rcnn import build_faster_rcnn, partial_cross_entropy
from detectors.networks.smaller_vgg import SmallerVGG
from detectors.networks.targets import Target, annotated_at, covered_by

TINY = ((4,), (4,), (6, 6), (8,), (8,), (8,))
CAR, BUS, PERSON = 0, 1, 2  # 0-based; labels are one more
UNKNOWN = 4  # label of a vehicle of unknown class
SIZE = (96, 128)


@pytest.fixture
def net() -> Any:
    torch.manual_seed(0)
    return build_faster_rcnn(SmallerVGG(TINY), 3, (CAR, BUS), channels=8, hidden=16)


def target(
    boxes: list[list[float]],
    labels: list[int],
    ignore: list[list[float]] | None = None,
    annotated: tuple[bool, bool, bool] = (True, True, True),
) -> Target:
    return Target(
        boxes=torch.tensor(boxes).reshape(-1, 4).float(),
        labels=torch.tensor(labels, dtype=torch.int64),
        ignore=torch.tensor(ignore or []).reshape(-1, 4).float(),
        regions=torch.tensor([[0.0, 0.0, SIZE[1], SIZE[0]]]),
        annotated=torch.tensor([annotated]),
    )


def pictures(number: int = 1) -> Tensor:
    return torch.rand(number, 3, *SIZE, generator=torch.Generator().manual_seed(1)) * 255


def log_softmax(row: list[float], classes: list[int]) -> float:
    return math.log(sum(math.exp(row[c]) for c in classes))


def test_partial_cross_entropy_by_hand() -> None:
    rows = [[0.5, 1.0, -2.0, 0.3], [2.0, -1.0, 0.0, 0.7]]
    wanted = torch.tensor([[False, True, False, False], [False, True, True, False]])
    allowed = torch.tensor([[True, True, False, True], [True, True, True, True]])
    by_hand = [
        log_softmax(rows[0], [0, 1, 3]) - log_softmax(rows[0], [1]),
        log_softmax(rows[1], [0, 1, 2, 3]) - log_softmax(rows[1], [1, 2]),
    ]
    loss = partial_cross_entropy(torch.tensor(rows), wanted, allowed)
    assert float(loss) == pytest.approx(sum(by_hand) / 2, abs=1e-5)


def test_with_everything_known_it_is_the_cross_entropy() -> None:
    logits = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(20) % 4
    wanted = torch.nn.functional.one_hot(labels, 4).bool()
    loss = partial_cross_entropy(logits, wanted, torch.ones_like(wanted))
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, labels))


def test_class_masks(net: Any) -> None:
    labels = torch.tensor([0, 0, CAR + 1, PERSON + 1, UNKNOWN])
    known = torch.tensor([[True, True, True], [True, True, False], *[[True, False, False]] * 3])
    wanted, allowed = net.roi_heads.class_masks(labels, known)
    assert wanted.int().tolist() == [
        [1, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 1],
        [0, 1, 1, 0],
    ]
    assert allowed.int().tolist() == [[1, 1, 1, 1], [1, 1, 1, 0], *[[1, 1, 1, 1]] * 3]


def test_a_class_that_takes_no_part_in_the_loss_gets_no_gradient(net: Any) -> None:
    logits = torch.randn(6, 4, requires_grad=True)
    known = torch.tensor([True, True, False]).repeat(6, 1)
    partial_cross_entropy(
        logits, *net.roi_heads.class_masks(torch.zeros(6, dtype=torch.int64), known)
    ).backward()
    assert logits.grad is not None
    assert not logits.grad[:, PERSON + 1].any()
    assert (logits.grad[:, [CAR + 1, BUS + 1]] > 0).all()
    assert (logits.grad[:, 0] < 0).all()


def person_gradient(net: Any, annotated: tuple[bool, bool, bool]) -> Tensor:
    """Return how an empty picture would move the weights of person; the same proposals every time."""
    torch.manual_seed(1)  # which proposals are sampled
    net.zero_grad(set_to_none=True)
    losses = net.train()(pictures(), [target([], [], annotated=annotated)])
    losses["loss_classifier"].backward()
    return net.roi_heads.box_predictor.logits.weight.grad[PERSON + 1].clone()


@pytest.mark.parametrize("share", [0.0, faster_rcnn.UNANNOTATED_WEIGHT, 1.0])
def test_background_says_its_share_against_a_class_that_was_not_annotated(
    net: Any, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr(faster_rcnn, "UNANNOTATED_WEIGHT", share)
    where_annotated = person_gradient(net, (True, True, True))
    assert where_annotated.any()
    torch.testing.assert_close(person_gradient(net, (True, True, False)), share * where_annotated)


def test_a_vehicle_of_unknown_class_only_asks_for_some_vehicle(net: Any) -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    masks = net.roi_heads.class_masks(torch.tensor([UNKNOWN]), torch.ones(1, 3, dtype=torch.bool))
    partial_cross_entropy(logits, *masks).backward()
    assert logits.grad is not None
    car, bus = logits.grad[0, [CAR + 1, BUS + 1]]
    assert car == bus
    assert car < 0


def test_what_is_annotated_goes_by_the_place_of_the_centre() -> None:
    where = target([], [])
    where["regions"] = torch.tensor([[0.0, 0, 50, 96], [50.0, 0, 100, 96]])
    where["annotated"] = torch.tensor([[True, True, False], [True, False, True]])
    boxes = torch.tensor([[0.0, 0, 20, 20], [40.0, 0, 70, 20], [110.0, 0, 128, 20], [40.0, 0, 60, 20]])
    known = annotated_at(boxes, where).int().tolist()
    assert known == [[1, 1, 0], [1, 0, 1], [1, 1, 1], [1, 0, 1]]
    assert annotated_at(torch.zeros(0, 4), where).shape == (0, 3)


def test_covered_means_more_than_half() -> None:
    regions = torch.tensor([[0.0, 0, 10, 10], [20.0, 0, 40, 10]])
    boxes = torch.tensor(
        [[0.0, 0, 10, 10], [5.0, 0, 15, 10], [4.0, 0, 14, 10], [8.0, 0, 28, 10], [50.0, 0, 60, 9]]
    )
    assert covered_by(boxes, regions).tolist() == [True, False, True, False, False]
    assert covered_by(boxes, regions[:0]).tolist() == [False] * 5
    assert covered_by(boxes[:0], regions).shape == (0,)


IGNORED = [0.0, 0.0, 64.0, 96.0]


def anchors() -> Tensor:
    x, y = torch.meshgrid(torch.arange(0.0, 112, 8), torch.arange(0.0, 80, 8), indexing="ij")
    corner = torch.stack([x.flatten(), y.flatten()], 1)
    return torch.cat([corner, corner + 16], 1)


def test_ignore_regions_are_no_background_for_the_rpn(net: Any) -> None:
    known = target([[8, 8, 24, 24], [96, 40, 112, 56]], [1, 2], ignore=[IGNORED])
    (labels,), _ = net.rpn.assign_targets_to_anchors([anchors()], [known])
    inside = covered_by(anchors(), torch.tensor([IGNORED]))
    assert not ((labels == 0) & inside).any()
    assert ((labels == 1) & inside).any(), "an annotated object in an ignore region is still one"
    assert ((labels == 0) & ~inside).any()
    assert ((labels == 1) & ~inside).any()


def test_where_vehicles_are_not_all_annotated_the_rpn_learns_no_background(net: Any) -> None:
    known = target([[8, 8, 24, 24]], [1], annotated=(True, False, True))
    (labels,), _ = net.rpn.assign_targets_to_anchors([anchors()], [known])
    assert set(labels.unique().tolist()) == {-1.0, 1.0}


def test_ignore_regions_are_no_background_for_the_box_head(net: Any) -> None:
    known = target([[8, 8, 24, 24]], [1], ignore=[IGNORED])
    sampled, _, (labels,), _ = net.roi_heads.select_training_samples([anchors()], [known])
    inside = covered_by(sampled[0], torch.tensor([IGNORED]))
    assert not ((labels == 0) & inside).any()
    assert (labels == 0).any()
    assert (labels == 1).any()


@pytest.mark.parametrize(
    "known",
    [
        target([], []),
        target([], [], annotated=(False, False, False)),
        target([], [], ignore=[[0, 0, 128, 96]]),
        target([[10, 10, 40, 30], [60, 20, 80, 70]], [1, UNKNOWN]),
        target([[0, 0, 128, 96]], [3]),
    ],
    ids=["nothing there", "nothing known", "all ignored", "unknown vehicle", "one as large as the picture"],
)
def test_losses_are_finite_and_can_be_followed(net: Any, known: Target) -> None:
    losses = net.train()(pictures(), [known])
    assert set(losses) == {"loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg"}
    total = sum(losses.values())
    total.backward()
    assert torch.isfinite(total)
    for parameter in net.parameters():
        assert parameter.grad is None or torch.isfinite(parameter.grad).all()


def test_classes_without_vehicles_can_be_trained() -> None:
    net = build_faster_rcnn(SmallerVGG(TINY), 3, (), channels=8, hidden=16).train()
    losses = net(pictures(), [target([[10, 10, 40, 30]], [3])])
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_evaluation_gives_boxes_in_the_picture(net: Any) -> None:
    net.roi_heads.score_thresh = 0.0
    with torch.inference_mode():
        found = net.eval()(pictures(2))
    assert len(found) == 2
    for one in found:
        assert set(one) == {"boxes", "labels", "scores"}
        assert len(one["boxes"]) == len(one["labels"]) == len(one["scores"]) > 0
        assert (one["boxes"] >= 0).all()
        assert (one["boxes"] <= torch.tensor([SIZE[1], SIZE[0]] * 2)).all()
        assert set(one["labels"].tolist()) <= {1, 2, 3}
        assert (one["scores"].diff() <= 0).all()
