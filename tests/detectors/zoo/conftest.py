"""Random weights of the released network's shape."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from detectors.zoo._weights import Description, build_network, save_weights

CLASSES = ("car", "bus", "person")


@pytest.fixture(scope="session")
def description() -> Description:
    return Description("faster_rcnn", "smaller_vgg", CLASSES, (0, 1), (96, 64), 0.4)


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory, description: Description) -> tuple[Path, str]:
    """Return a weight file and its sha256."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    net = build_network(description)
    torch.set_rng_state(state)
    path = tmp_path_factory.mktemp("weights") / "random.pt"
    return path, save_weights(path, net, description)
