"""Last layers that scikit-learn has trained: a linear one, and decision trees."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LinearHead(nn.Module):
    """Logits as a linear function of the features: logistic regression, linear SVM.

    Args:
        features: values a picture.
        classes: number of classes.
    """

    def __init__(self, features: int, classes: int) -> None:
        """Set it up, all zero."""
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes) for features float (N, ...)."""
        logits: Tensor = self.linear(x.flatten(1))
        return logits


class TreesHead(nn.Module):
    """Log probabilities as the mean of decision trees (Breiman, "Random Forests", 2001), or of one.

    Args:
        trees: number of trees.
        nodes: of the largest one; the others' places behind their last node are not used.
        depth: of the deepest one.
        classes: number of classes.
    """

    def __init__(self, trees: int, nodes: int, depth: int, classes: int) -> None:
        """Set it up, all zero."""
        super().__init__()
        self.depth = depth
        for name, kind in (("left", torch.int64), ("right", torch.int64), ("feature", torch.int64)):
            self.register_buffer(name, torch.zeros((trees, nodes), dtype=kind))
        self.register_buffer("threshold", torch.zeros((trees, nodes)))
        self.register_buffer("share", torch.zeros((trees, nodes, classes)))

    def forward(self, x: Tensor) -> Tensor:
        """Return float (N, classes), whose softmax are the probabilities, for features float (N, ...)."""
        x = x.flatten(1)
        left, right, feature = (self.get_buffer(name) for name in ("left", "right", "feature"))
        tree = torch.arange(len(left), device=x.device)
        node = torch.zeros((len(x), len(left)), dtype=torch.int64, device=x.device)
        for _ in range(self.depth):  # a leaf is its own child
            below = x.gather(1, feature[tree, node]) <= self.get_buffer("threshold")[tree, node]
            node = torch.where(below, left[tree, node], right[tree, node])
        share: Tensor = self.get_buffer("share")[tree, node].mean(1)
        return share.clamp_min(1e-6).log()
