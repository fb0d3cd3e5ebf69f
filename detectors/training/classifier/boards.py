"""Curves for TensorBoard, where it is installed."""

from __future__ import annotations

from pathlib import Path

from detectors.errors import UsageError
from detectors.registry import is_installed
from detectors.training.classifier.epochs import Epoch


class Board:
    """Writes an epoch's figures as scalars.

    Args:
        folder: of the event files: ``tensorboard --logdir FOLDER`` shows them.

    Raises:
        UsageError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        """Open the event file."""
        self.check()
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    @staticmethod
    def check() -> None:
        """Raise UsageError where TensorBoard is not installed."""
        if not is_installed("tensorboard"):
            raise UsageError("--tensorboard needs TensorBoard: pip install tensorboard")

    def write(self, epoch: Epoch) -> None:
        """Add the figures of an epoch."""
        scalars = {
            "loss/train": epoch.train_loss,
            "loss/val": epoch.val_loss,
            "accuracy/train": epoch.train_accuracy,
            "accuracy/val": epoch.val_accuracy,
            "rate": epoch.rate,
        }
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, epoch.epoch)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
