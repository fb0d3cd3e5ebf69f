"""From what the cells see to distinct objects, and from a weight file to the right detector."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from detectors import load_detector
from detectors.catalog import find_detector
from detectors.errors import WeightsError
from detectors.networks.assignment import Cells
from detectors.registry import Registry
from detectors.zoo._weights import Description, build_network, save_weights
from detectors.zoo.one_stage import MOST_DETECTIONS, born_score_of, distinct

CAR, PERSON = 0, 1


def said(boxes: torch.Tensor, scores: torch.Tensor) -> tuple[Cells, torch.Tensor, torch.Tensor]:
    """Return cells of stride 8 in the middle of these boxes, with what they must say to mean them."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    distance = torch.cat([centres - boxes[:, :2], boxes[:, 2:] - centres], 1) / 8
    sides = distance + torch.log(-torch.expm1(-distance))  # softplus, backwards
    return Cells(centres, torch.full((len(boxes),), 8.0)), scores.logit(), sides


def rows(*of_cells: tuple[list[float], list[float]]) -> tuple[Cells, torch.Tensor, torch.Tensor]:
    boxes, scores = zip(*of_cells, strict=True)
    return said(torch.tensor(boxes), torch.tensor(scores))


def test_an_object_is_said_once_a_class() -> None:
    seen = rows(
        ([0.0, 0, 20, 20], [0.6, 0.05]),
        ([1.0, 0, 21, 20], [0.9, 0.3]),
        ([60.0, 0, 80, 20], [0.1, 0.7]),
        ([90.0, 0, 95, 20], [0.1, 0.2]),
    )
    boxes, scores, labels = distinct(*seen, 0.25, 0.6)
    assert scores.tolist() == pytest.approx([0.9, 0.7, 0.3])
    assert labels.tolist() == [CAR, PERSON, PERSON]
    assert boxes[:, 0].tolist() == pytest.approx([1.0, 60.0, 1.0], abs=1e-4)


def test_nothing_and_too_much() -> None:
    boxes, scores, labels = distinct(*rows(([0.0, 0, 20, 20], [0.1, 0.2])), 0.25, 0.6)
    assert (boxes.shape, scores.shape, labels.shape) == ((0, 4), (0,), (0,))
    left = torch.arange(2000.0)[:, None] * 10
    crowd = said(torch.cat([left, left * 0, left + 9, left * 0 + 9], 1), torch.rand(2000, 2))
    boxes, scores, _ = distinct(*crowd, 0.0, 0.6)
    assert len(boxes) == MOST_DETECTIONS
    assert (scores.diff() <= 0).all()
    assert scores[0] == crowd[1].sigmoid().max()
    assert not len(distinct(*crowd, 1.0, 0.6)[0])


def test_a_weight_file_says_which_detector_runs_it(tmp_path: Path) -> None:
    about = Description("one_stage", "smaller_vgg_rep_nano", ("car", "person"), (0,), (96, 64), 0.3)
    file = tmp_path / "mine.pt"
    save_weights(file, build_network(about), about)
    assert find_detector(str(file)).component == "one_stage"
    detector = load_detector(str(file), device="cpu")
    assert detector.class_names == ("car", "person")
    with pytest.raises(WeightsError, match="are of a one_stage, not of a faster_rcnn"):
        Registry("detectors.zoo", "detector").build("faster_rcnn", {"weights": str(file)})


@pytest.mark.parametrize(("score", "born"), [(0.3, 0.4), (0.35, 0.45), (0.95, 1.0)])
def test_a_track_starts_from_surer_detections(score: float, born: float) -> None:
    about = Description("one_stage", "smaller_vgg_rep_nano", ("car", "person"), (0,), (64, 32), score)
    assert born_score_of(about) == born
