"""What AdamW is given of a network, and the moving average of its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from detectors.training.request import Schedule


def moving_average(decay: float) -> Callable[..., None]:
    """Return the averaging of the weights, over a third of the steps so far until ``decay`` is longer.

    With the full decay from the first step on, a short training would release its random start.
    """

    def update(averaged: Any, current: Any, number: Tensor) -> None:
        steps = float(number)
        step_decay = min(decay, (1 + steps) / (4 + steps))
        get_ema_multi_avg_fn(step_decay)(averaged, current, number)  # type: ignore[no-untyped-call]

    return update


def parameter_groups(net: nn.Module, body: nn.Module, schedule: Schedule) -> list[dict[str, Any]]:
    """Return groups of what learns: decay is for matrices and kernels, not for biases and normalisation.

    The body has groups of its own where it learns more slowly; ``share`` is of the learning rate.
    """
    slow = {id(p) for p in body.parameters()} if schedule.body_rate != 1 else set()
    learning = [p for p in net.parameters() if p.requires_grad]
    parts = [(1.0, [p for p in learning if id(p) not in slow])]
    parts += [(schedule.body_rate, [p for p in learning if id(p) in slow])] if slow else []
    return [
        {"params": [p for p in some if (p.ndim > 1) == heavy], "weight_decay": decay, "share": share}
        for share, some in parts
        for heavy, decay in ((True, schedule.decay), (False, 0.0))
    ]
