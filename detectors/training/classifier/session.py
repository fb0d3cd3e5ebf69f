"""What a classifier's training leaves in its folder, so that it can be read and taken up again."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from detectors.errors import DataError, UsageError
from detectors.training.classifier.boards import Board
from detectors.training.classifier.epochs import Epoch, Fitting
from detectors.training.curves import append_row, cut_rows
from detectors.training.request import CHECKPOINT
from detectors.zoo._weights import write_file

#: Seconds between two checkpoints: those of a big network take long to write.
SAVE_EVERY_S = 60


class Session:
    """The folder of one training: checkpoint, table of epochs, TensorBoard's file.

    Args:
        folder: that it is.
        settings: by name, what may not differ between the sessions of one training.
        tensorboard: write for it, too.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], tensorboard: bool = False) -> None:
        """Nothing is written yet."""
        self.folder, self.settings, self.tensorboard = folder, dict(settings), tensorboard
        self.epochs: list[Epoch] = []
        self._saved, self._board = 0.0, None if not tensorboard else Board(folder)

    def begin(self, resume: bool, recipe: str) -> None:
        """Make the folder, without what an earlier training has left unless it is taken up again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            for name in ("curve.csv", CHECKPOINT):
                (self.folder / name).unlink(missing_ok=True)
        if recipe:
            (self.folder / "recipe.toml").write_text(recipe, "utf-8")

    def note(self, epoch: Epoch, fitting: Fitting) -> None:
        """Write an epoch's figures, and now and then a checkpoint."""
        self.epochs.append(epoch)
        append_row(self.folder / "curve.csv", asdict(epoch))
        if self._board:
            self._board.write(epoch)
        if time.monotonic() - self._saved > SAVE_EVERY_S:
            self.save(fitting)

    def save(self, fitting: Fitting) -> None:
        """Write the checkpoint.

        Raises:
            DetectorError: it cannot be written.
        """
        write_file(self.folder / CHECKPOINT, {**fitting.state(), "settings": self.settings})
        self._saved = time.monotonic()

    def end(self, fitting: Fitting) -> None:
        """Write the last checkpoint, and close TensorBoard's file."""
        self.save(fitting)
        if self._board:
            self._board.close()

    def read(self) -> dict[str, Any]:
        """Return the checkpoint.

        Raises:
            DataError: it is damaged.
            UsageError: it was begun with other settings.
        """
        file = self.folder / CHECKPOINT
        try:
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
            begun = state["settings"]
        except Exception as exc:  # torch.load raises whatever its readers raise
            raise DataError(f"cannot resume from {file}: it is damaged ({type(exc).__name__})") from exc
        for name, asked in self.settings.items():
            if begun.get(name) != asked:
                raise UsageError(f"{self.folder} was begun with another {name}: resume it with that")
        return state

    def take_up(self, fitting: Fitting, state: dict[str, Any], first: bool) -> None:
        """Put the checkpoint into the training; rows of epochs behind it go, for they are done again.

        Raises:
            DataError: it is damaged.
        """
        try:
            fitting.go_on(state)
        except (RuntimeError, KeyError, ValueError, TypeError) as exc:
            raise DataError(f"cannot resume from {self.folder}: {type(exc).__name__}") from exc
        table = self.folder / "curve.csv"
        if first and table.exists():
            cut_rows(table, fitting.epoch)
            self.epochs = _read_epochs(table) if table.exists() else []


def _read_epochs(table: Path) -> list[Epoch]:
    with table.open(newline="") as stream:
        return [
            Epoch(
                epoch=int(row["epoch"]),
                best=row["best"] == "True",
                **{name: float(row[name]) for name in row if name not in ("epoch", "best")},
            )
            for row in csv.DictReader(stream)
        ]
