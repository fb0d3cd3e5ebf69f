"""Which cell learns what: by hand on a grid of a few cells."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from detectors.networks.assignment import Assigned, Loss, varifocal
from detectors.networks.one_stage import cells_of
from detectors.networks.targets import UNANNOTATED_WEIGHT, Target

CAR, BUS, PERSON = 0, 1, 2  # 0-based; labels are one more
UNKNOWN = 4  # label of a vehicle of unknown class
SIDE = 64
CELLS = cells_of((64, 64), torch.device("cpu"))
LOSS = Loss(3, (CAR, BUS))


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
        regions=torch.tensor([[0.0, 0.0, SIDE, SIDE]]),
        annotated=torch.tensor([annotated]),
    )


def guess(size: float = 1.0) -> Tensor:
    """Return a box of ``size`` strides around each cell."""
    half = CELLS.strides[:, None] * size / 2
    return torch.cat([CELLS.centres - half, CELLS.centres + half], 1)


def assign(wanted: Target, scores: Tensor | None = None, boxes: Tensor | None = None) -> Assigned:
    scores = torch.full((len(CELLS.strides), 3), 0.1) if scores is None else scores
    boxes = guess(2.0) if boxes is None else boxes
    got = LOSS.assign(CELLS, scores[None], boxes[None], [wanted])
    return Assigned(got.scores[0], got.weights[0], got.cells, got.objects)


def test_cells_cover_the_picture() -> None:
    assert CELLS.centres.shape == (64 + 16 + 4, 2)
    assert CELLS.centres[0].tolist() == [4.0, 4.0]
    assert CELLS.centres[1].tolist() == [12.0, 4.0]  # x runs first, as in the flattened map
    assert CELLS.centres[-1].tolist() == [48.0, 48.0]
    assert CELLS.strides.unique().tolist() == [8.0, 16.0, 32.0]


def test_cells_in_the_box_learn_its_class() -> None:
    box = [16.0, 16, 40, 40]
    got = assign(target([box], [BUS + 1]))
    assert 0 < len(got.cells) <= 10
    centres = CELLS.centres[got.cells]
    assert ((centres > 16) & (centres < 40)).all()
    assert (got.scores[got.cells, BUS] > 0).all()
    assert got.scores.sum() == got.scores[got.cells, BUS].sum()


def test_the_best_cell_is_to_say_how_well_its_box_fits() -> None:
    box = [16.0, 16, 40, 40]
    boxes = guess(1.0)
    boxes[3 * 8 + 3] = torch.tensor([16.0, 16, 40, 34])  # IoU 0.75
    got = assign(target([box], [CAR + 1]), boxes=boxes)
    assert got.scores.max().item() == pytest.approx(0.75, abs=1e-5)
    assert got.scores[:, CAR].argmax() == 3 * 8 + 3


def test_a_box_between_the_cells_is_learnt_all_the_same() -> None:
    got = assign(target([[7.0, 7, 9, 9]], [PERSON + 1]))  # 2 px, between four cells of stride 8
    assert len(got.cells) > 0
    assert (got.scores[got.cells, PERSON] > 0).all()


def test_a_cell_in_two_boxes_goes_to_the_one_it_overlaps_most() -> None:
    inner, outer = [24.0, 24, 40, 40], [0.0, 0, 64, 64]
    got = assign(target([outer, inner], [BUS + 1, CAR + 1]))
    middle = 3 * 8 + 3
    assert middle in got.cells
    assert got.objects[got.cells == middle].tolist() == [1]
    assert len(got.cells.unique()) == len(got.cells)


def test_an_unknown_vehicle_is_what_its_cell_takes_it_for() -> None:
    scores = torch.full((len(CELLS.strides), 3), 0.1)
    scores[:, BUS], scores[:, PERSON] = 0.4, 0.9
    got = assign(target([[16.0, 16, 40, 40]], [UNKNOWN]), scores)
    assert (got.scores[got.cells, BUS] > 0).all()
    assert not got.scores[:, [CAR, PERSON]].any()


def test_what_background_says() -> None:
    got = assign(target([[16.0, 16, 40, 40]], [CAR + 1], [[48.0, 0, 64, 64]], (True, True, False)))
    ignored = CELLS.centres[:, 0] >= 48
    assert not got.weights[ignored].any()
    learning = torch.zeros_like(ignored)
    learning[got.cells] = True
    rest = ~ignored & ~learning
    assert (got.weights[rest][:, [CAR, BUS]] == 1).all()
    assert torch.allclose(got.weights[rest][:, PERSON], torch.tensor(UNANNOTATED_WEIGHT))
    assert (got.weights[learning] == 1).all()


def test_an_empty_picture_has_only_negatives() -> None:
    got = assign(target([], []))
    assert not got.scores.any()
    assert len(got.cells) == 0
    losses = LOSS(CELLS, torch.zeros(1, 84, 3), guess()[None], [target([], [])])
    assert losses["loss_box"] == 0
    assert losses["loss_class"] > 0


def test_of_two_boxes_in_one_place_the_first_is_learnt() -> None:
    box = [16.0, 16, 40, 40]
    got = assign(target([box, box], [BUS + 1, CAR + 1]))
    assert set(got.objects.tolist()) == {0}
    assert len(got.cells.unique()) == len(got.cells)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), number=st.integers(1, 4))
def test_a_batch_learns_what_its_pictures_learn_alone(seed: int, number: int) -> None:
    torch.manual_seed(seed)
    targets = [random_target() for _ in range(number)]
    scores, shift = torch.rand(number, 84, 3), 8 * torch.rand(number, 84, 4)
    boxes = guess(2.0) + shift
    batch = LOSS.assign(CELLS, scores, boxes, targets)
    first = 0
    for row, alone in enumerate(targets):
        got = LOSS.assign(CELLS, scores[row : row + 1], boxes[row : row + 1], [alone])
        here = batch.cells // 84 == row
        torch.testing.assert_close(batch.scores[row], got.scores[0])  # vectorised powers round otherwise
        assert torch.equal(batch.weights[row], got.weights[0])
        assert torch.equal(batch.cells[here] % 84, got.cells)
        assert torch.equal(batch.objects[here] - first, got.objects)
        first += len(alone["boxes"])


def random_target() -> Target:
    number = int(torch.randint(0, 6, ()))
    corners = 48 * torch.rand(number, 2)
    boxes = torch.cat([corners, corners + 4 + 30 * torch.rand(number, 2)], 1).tolist()
    labels = torch.randint(1, UNKNOWN + 1, (number,)).tolist()
    ignore = [[0.0, 0, 20, 20]] if number % 2 else []
    return target(boxes, labels, ignore, (True, number > 2, False))


def test_varifocal_by_hand() -> None:
    logits = torch.tensor([[0.0, 2.0]])
    loss = varifocal(logits, torch.tensor([[0.6, 0.0]]), torch.tensor([[1.0, 0.5]]))
    sure = 1 / (1 + torch.tensor(-2.0).exp())
    by_hand = 0.6 * torch.tensor(2.0).log() - 0.75 * sure**2 * 0.5 * (1 - sure).log()
    torch.testing.assert_close(loss, by_hand)
