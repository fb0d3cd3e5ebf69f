"""Feature extraction: what a network makes of the pictures, and a quick learner on that."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from detectors.classifiers.models import Built
from detectors.networks.feature_heads import LinearHead, TreesHead

#: Inverse strengths of the regularisation that are tried out, on a fifth of the training pictures.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
TREES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A learner that has learnt.

    Attributes:
        head: takes features to logits.
        shape: arguments of the head's class.
        seconds: that it took, without the features.
        note: what was chosen.
    """

    head: nn.Module
    shape: tuple[int, ...]
    seconds: float
    note: str


def learn(name: str, features: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> Learnt:
    """Train a learner of scikit-learn's on features.

    Args:
        name: "logistic", "svm" (linear), "tree" or "forest".
        features: float32 (N, D).
        labels: int64 (N,), each class at least once.
        seed: of what is drawn.
    """
    began = time.monotonic()
    classes = int(labels.max()) + 1
    if name in ("logistic", "svm"):
        head, note = _linear(name, features, labels, seed)
        shape: tuple[int, ...] = (features.shape[1], classes)
    else:
        head, shape, note = _trees(name, features, labels, seed)
    return Learnt(head, shape, time.monotonic() - began, note)


def with_learnt(built: Built, learnt: Learnt) -> Built:
    """Return the network with the learner in the place of its dense layers."""
    kind = "linear" if isinstance(learnt.head, LinearHead) else "trees"
    setattr(built.net, built.head, learnt.head)
    return replace(built, learner=(kind, *learnt.shape))


def _linear(
    name: str, features: NDArray[np.float32], labels: NDArray[np.int64], seed: int
) -> tuple[nn.Module, str]:
    mean, spread = features.mean(0), features.std(0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    standard = (features - mean) / spread
    strength = _best_strength(name, standard, labels, seed)
    fitted = _classifier(name, strength, seed).fit(standard, labels)
    weight, bias = fitted.coef_, fitted.intercept_
    if len(weight) == 1:  # of two classes: the second one's logit over the first one's
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    head = LinearHead(features.shape[1], len(weight))
    with torch.no_grad():
        head.linear.weight.copy_(torch.from_numpy(weight / spread))
        head.linear.bias.copy_(torch.from_numpy(bias - (weight / spread) @ mean))
    return head, f"C {strength:g}"


def _classifier(name: str, strength: float, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    if name == "svm":
        return LinearSVC(C=strength, random_state=seed, max_iter=5000)
    return LogisticRegression(C=strength, max_iter=1000)


def _best_strength(name: str, standard: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> float:
    """Try strengths on a fifth of the training pictures; the smallest where there are too few to try."""
    from sklearn.model_selection import train_test_split

    few = np.bincount(labels)
    if few[few > 0].min() < 5:
        return STRENGTHS[1]
    rows = np.arange(len(labels))
    learnt, tried = train_test_split(rows, test_size=0.2, stratify=labels, random_state=seed)
    scores = [
        _classifier(name, strength, seed)
        .fit(standard[learnt], labels[learnt])
        .score(standard[tried], labels[tried])
        for strength in STRENGTHS
    ]
    return STRENGTHS[int(np.argmax(scores))]


def _trees(
    name: str, features: NDArray[np.float32], labels: NDArray[np.int64], seed: int
) -> tuple[nn.Module, tuple[int, ...], str]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    if name == "forest":
        forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=2).fit(features, labels)
        trees = [tree.tree_ for tree in forest.estimators_]
    else:
        single = DecisionTreeClassifier(min_samples_leaf=5, random_state=seed).fit(features, labels)
        trees = [single.tree_]
    classes = int(labels.max()) + 1
    shape = (len(trees), max(t.node_count for t in trees), max(t.max_depth for t in trees), classes)
    head = TreesHead(*shape)
    for row, tree in enumerate(trees):
        _plant(head, row, tree)
    return head, shape, f"{len(trees)} tree(s), at most {shape[2]} questions"


def _plant(head: TreesHead, row: int, tree: Any) -> None:
    """Copy one of scikit-learn's trees; its leaves become their own children."""
    nodes = np.arange(tree.node_count)
    leaf = tree.children_left < 0
    values = {
        "left": np.where(leaf, nodes, tree.children_left),
        "right": np.where(leaf, nodes, tree.children_right),
        "feature": np.where(leaf, 0, tree.feature),
        # single values are compared with thresholds in double precision: rounded down, the same side is taken
        "threshold": _rounded_down(tree.threshold),
        "share": (tree.value[:, 0] / tree.value[:, 0].sum(1, keepdims=True)).astype(np.float32),
    }
    for name, value in values.items():
        head.get_buffer(name)[row, : len(nodes)] = torch.from_numpy(value)


def _rounded_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    single = values.astype(np.float32)
    return np.where(single > values, np.nextafter(single, np.float32(-np.inf)), single)
