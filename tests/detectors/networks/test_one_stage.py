"""The one-stage network: its boxes, its losses, and that it can learn."""

from __future__ import annotations

import torch
from torchvision.ops import box_iou

from detectors.networks.one_stage import OneStage, boxes_of, cells_of
from detectors.networks.smaller_vgg_rep import SmallerVGGRep
from detectors.networks.targets import Target

TINY = ((4, 1), (6, 1), (8, 1), (8, 1), (8, 1))


def network() -> OneStage:
    torch.manual_seed(0)
    return OneStage(SmallerVGGRep(TINY), 3, (0, 1), channels=8, depth=1)


def example() -> tuple[torch.Tensor, list[Target]]:
    """Return a light square on dark ground."""
    picture = torch.full((1, 3, 64, 96), 40.0)
    picture[:, :, 16:40, 32:64] = 220.0
    target = Target(
        boxes=torch.tensor([[32.0, 16.0, 64.0, 40.0]]),
        labels=torch.tensor([2]),
        ignore=torch.zeros(0, 4),
        regions=torch.tensor([[0.0, 0.0, 96.0, 64.0]]),
        annotated=torch.ones(1, 3, dtype=torch.bool),
    )
    return picture, [target]


def test_what_every_cell_sees() -> None:
    net = network().eval()
    with torch.inference_mode():
        seen = net(example()[0])
    assert seen.shape == (1, 8 * 12 + 4 * 6 + 2 * 3, 4 + 3)
    boxes, scores = seen[..., :4], seen[..., 4:]
    assert (boxes[..., 2:] > boxes[..., :2]).all()
    assert ((scores > 0) & (scores < 0.05)).all()  # a new network calls nearly nothing an object


def test_distances_are_in_strides() -> None:
    cells = cells_of((32, 32), torch.device("cpu"))
    far = torch.full((1, len(cells.centres), 4), 30.0)  # softplus of 30 is 30
    boxes = boxes_of(cells.centres, cells.strides, far)[0]
    torch.testing.assert_close(boxes[0], torch.tensor([4 - 240.0, 4 - 240, 4 + 240, 4 + 240]))
    torch.testing.assert_close(boxes[16], torch.tensor([8 - 480.0, 8 - 480, 8 + 480, 8 + 480]))


def test_one_picture_is_learnt() -> None:
    net = network().train()
    pictures, targets = example()
    optimizer = torch.optim.AdamW(net.parameters())
    for step in range(100):
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - step / 100)
        losses = net(pictures, targets)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    for _ in range(50):  # the statistics of the normalisation follow
        net(pictures, targets)
    with torch.inference_mode():
        seen = net.eval()(pictures)[0]
    best = seen[:, 4:].amax(1).argmax()
    assert seen[best, 4:].argmax() == 1
    assert seen[best, 5] > 0.5
    assert box_iou(seen[best : best + 1, :4], targets[0]["boxes"]) > 0.7
