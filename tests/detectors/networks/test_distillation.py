"""A network learns from what another one sees in the same cells."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou

from detectors.networks.distillation import Soft, soft_losses
from detectors.networks.one_stage import OneStage
from detectors.networks.smaller_vgg_rep import SmallerVGGRep
from detectors.networks.targets import Target

TINY = ((4, 1), (6, 1), (8, 1), (8, 1), (8, 1))
BOX = (32.0, 16.0, 64.0, 40.0)


def cells(score: float, box: tuple[float, ...] = BOX) -> Soft:
    """Return two cells: in the first, teachers see the second of three classes; in the other, nothing."""
    scores = torch.tensor([[[0.0, score, 0.0], [0.0, 0.0, 0.0]]])
    return Soft(scores, torch.tensor([[box, (0.0, 0.0, 8.0, 8.0)]]))


def gradients(student: Soft, teachers: Soft) -> tuple[Tensor, Tensor]:
    logits = torch.logit(student.scores, 1e-4).requires_grad_()
    boxes = student.boxes.clone().requires_grad_()
    torch.stack(list(soft_losses(logits, boxes, teachers).values())).sum().backward()
    assert logits.grad is not None
    assert boxes.grad is not None
    return logits.grad, boxes.grad


def test_who_sees_the_same_has_nothing_to_learn() -> None:
    logits, boxes = gradients(cells(0.8), cells(0.8))
    assert logits.abs().max() < 1e-6
    assert boxes.abs().max() < 1e-6


@pytest.mark.parametrize("own", [0.1, 0.4, 0.95])
def test_a_score_goes_to_the_teachers(own: float) -> None:
    logits, _ = gradients(cells(own), cells(0.7))
    assert torch.sign(logits[0, 0, 1]) == (1 if own > 0.7 else -1)
    assert logits[0, 1].abs().max() < 1e-6


def test_a_box_is_taught_where_teachers_are_sure() -> None:
    wide = (32.0, 16.0, 80.0, 40.0)
    _, boxes = gradients(cells(0.7, wide), cells(0.7))
    assert boxes[0, 0, 2] > 0, "a smaller right side is a smaller loss"
    assert (boxes[0, 1] == 0).all()
    _, boxes = gradients(cells(0.05, wide), cells(0.05))
    assert (boxes == 0).all()


def test_who_is_surer_teaches_more() -> None:
    wide = (32.0, 16.0, 80.0, 40.0)
    both = Soft(torch.tensor([[[0.9], [0.3]]]), torch.tensor([[BOX, BOX]]))
    own = Soft(both.scores, torch.tensor([[wide, wide]]))
    _, boxes = gradients(own, both)
    assert boxes[0, 0, 2] == pytest.approx(9 * boxes[0, 1, 2].item())


def test_nothing_seen_is_no_division_by_nothing() -> None:
    losses = soft_losses(torch.full((1, 2, 3), -9.0), torch.zeros(1, 2, 4), cells(0.0))
    assert all(torch.isfinite(value) for value in losses.values())


def network(seed: int) -> OneStage:
    torch.manual_seed(seed)
    return OneStage(SmallerVGGRep(TINY), 3, (0, 1), channels=8, depth=1)


def unlabelled() -> tuple[Tensor, list[Target]]:
    """Return a light square on dark ground, of which no label says anything."""
    picture = torch.full((1, 3, 64, 96), 40.0)
    picture[:, :, 16:40, 32:64] = 220.0
    nothing = torch.zeros(0, 4)
    target = Target(
        boxes=nothing,
        labels=torch.zeros(0, dtype=torch.int64),
        ignore=nothing,
        regions=torch.tensor([[0.0, 0.0, 96.0, 64.0]]),
        annotated=torch.zeros(1, 3, dtype=torch.bool),
    )
    return picture, [target]


def test_a_picture_without_labels_is_learnt_from_what_teachers_see() -> None:
    net, (picture, targets) = network(1), unlabelled()
    blank = torch.zeros(1, 8 * 12 + 4 * 6 + 2 * 3, 3)
    boxes = torch.tensor(BOX).expand(1, blank.shape[1], 4)
    scores = blank.clone()
    place = 3 * 12 + 5  # the cell of stride 8 about (44, 28)
    scores[0, place, 2] = 0.8
    soft = Soft(scores, boxes)
    with torch.inference_mode():
        before = box_iou(net.eval()(picture)[0, place : place + 1, :4], torch.tensor([BOX]))
    net.train()
    optimizer = torch.optim.AdamW(net.parameters())
    for step in range(100):
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - step / 100)
        losses = net(picture, targets, soft)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    assert losses["loss_class"] == 0, "labels say nothing here, not even that nothing is there"
    for _ in range(50):  # the statistics of the normalisation follow
        net(picture, targets)
    with torch.inference_mode():
        seen = net.eval()(picture)[0]
    best = int(seen[:, 4:].amax(1).argmax())
    assert best == place
    assert seen[best, 6] == pytest.approx(0.8, abs=0.15)
    assert box_iou(seen[best : best + 1, :4], torch.tensor([BOX])) > 0.5 > before
