"""A network layer by layer: sizes, windows, parameters, multiply-adds and receptive fields."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from detectors.classifiers.geometry import Field, Window
from detectors.classifiers.tracing import Step, Trace
from detectors.errors import ProjectError, UsageError

BYTES = 4  # of a value in single precision


@dataclass(frozen=True, slots=True)
class Row:
    """A layer.

    Attributes:
        name: of the module in the network; with the operation in brackets where that is no module.
        kind: of the module or operation.
        shape: of its output for one picture, such as (64, 224, 224); empty where it was not run.
        windows: down and across; None where nothing slides.
        trainable: parameters that training changes.
        fixed: those that it does not: frozen ones, and a batch normalisation's running means and variances.
        macs: multiply-adds of convolutions, dense layers and attention, for one picture.
        fields: receptive field down and across; None where windows do not describe it.
        new: whether its output takes memory of its own.
        notes: what does not fit, and what is unusual.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    windows: tuple[Window, Window] | None
    trainable: int
    fixed: int
    macs: int
    fields: tuple[Field, Field] | None
    new: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """All layers of a network, in the order in which they finish.

    Attributes:
        rows: one a layer; a layer that is called twice has two, the second without parameters.
    """

    rows: tuple[Row, ...]

    @property
    def trainable(self) -> int:
        """Parameters that training changes."""
        return sum(row.trainable for row in self.rows)

    @property
    def fixed(self) -> int:
        """Parameters that it does not change."""
        return sum(row.fixed for row in self.rows)

    @property
    def parameters(self) -> int:
        """All of them."""
        return self.trainable + self.fixed

    @property
    def macs(self) -> int:
        """Multiply-adds for one picture."""
        return sum(row.macs for row in self.rows)

    @property
    def weight_bytes(self) -> int:
        """Memory of all parameters in single precision."""
        return self.parameters * BYTES

    @property
    def activation_bytes(self) -> int:
        """Memory of all outputs for one picture in single precision: what training has to keep."""
        return sum(math.prod(row.shape) * BYTES for row in self.rows if row.new and row.shape)


def summarise(net: nn.Module, shape: Sequence[int], run: Callable[[Tensor], object] | None = None) -> Summary:
    """Run a network on a picture without values and return what its layers did.

    Args:
        net: on the "meta" device, so that nothing is allocated or computed.
        shape: of the picture: channels, height, width.
        run: calls the network; None for ``net`` itself.

    Raises:
        UsageError: the picture does not fit the network.
    """
    net.eval()
    picture = torch.empty(1, *shape, device="meta")
    trace = Trace(net, picture)
    try:
        with torch.no_grad(), trace:
            (run or net)(picture)
    except ProjectError:
        raise
    except (RuntimeError, AssertionError, ValueError, IndexError) as exc:
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise UsageError(f"a picture of {'x'.join(map(str, shape))} does not fit: {reason}") from exc
    return Summary(tuple(_rows(net, trace.steps)))


def _rows(net: nn.Module, steps: Sequence[Step]) -> Iterator[Row]:
    seen: set[int] = set()
    called = {id(step.module) for step in steps}
    for step in steps:
        leaf = step.module is None or not any(True for _ in step.module.children())
        trainable, fixed = _parameters(step.module, seen, called)
        if (leaf and not isinstance(step.module, nn.Identity)) or trainable or fixed or step.macs:
            yield Row(
                step.name or "(network)",
                step.kind,
                step.shape[1:],
                step.windows,
                trainable,
                fixed,
                step.macs,
                step.fields,
                step.new and leaf,
                (*_unusual(step), *step.notes),
            )
    for name, module in net.named_modules():
        if id(module) not in called and not isinstance(module, nn.Identity):
            trainable, fixed = _parameters(module, seen, called)
            if trainable or fixed:
                notes = ("not run: for training alone",)
                yield Row(name, type(module).__name__, (), None, trainable, fixed, 0, None, False, notes)


def _parameters(module: nn.Module | None, seen: set[int], called: set[int]) -> tuple[int, int]:
    """Count what belongs to the module itself, once: what training changes, and what it does not."""
    if module is None:
        return 0, 0
    owners = [module]
    if isinstance(module, nn.MultiheadAttention):  # uses the weights of its parts without calling them
        owners += [part for part in module.children() if id(part) not in called]
    own = [p for owner in owners for p in owner.parameters(recurse=False) if id(p) not in seen]
    counts: list[Any] = [(p.numel(), p.requires_grad) for p in own]
    if (
        isinstance(module, _NormBase)
        and module.running_mean is not None
        and id(module.running_mean) not in seen
    ):
        counts.append((2 * module.running_mean.numel(), False))
        seen.add(id(module.running_mean))
    seen.update(map(id, own))
    return sum(n for n, learns in counts if learns), sum(n for n, learns in counts if not learns)


def _unusual(step: Step) -> Iterator[str]:
    groups = getattr(step.module, "groups", 1)
    if isinstance(groups, int) and groups > 1:
        yield f"{groups} groups"
    if step.windows is not None and max(window.dilation for window in step.windows) > 1:
        yield f"dilation {_both(window.dilation for window in step.windows)}"


def _both(values: Iterator[float]) -> str:
    """Return what is down and across, once where it is the same."""
    down, across = values
    return f"{down:g}" if down == across else f"{down:g}x{across:g}"


HEAD = ("layer", "kind", "output", "kernel", "stride", "padding", "trainable", "fixed", "multiply-adds")
HEAD_FIELD = ("field", "jump", "note")
_TEXT = (0, 1, 11)  # columns that begin at the left


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as texts, for the columns of ``HEAD`` and ``HEAD_FIELD``."""
    kernel = stride = padding = field = jump = ""
    if row.windows is not None:
        kernel = "x".join(str(window.kernel) for window in row.windows)
        stride = _both(window.stride for window in row.windows)
        padding = _both(window.padding for window in row.windows)
    if row.fields is not None:
        field = _both(one.size for one in row.fields)
        jump = _both(one.jump for one in row.fields) if len(row.shape) == 3 else ""
    output, notes = "x".join(map(str, row.shape)), "; ".join(row.notes)
    counts = (str(row.trainable), str(row.fixed), str(row.macs))
    return (row.name, row.kind, output, kernel, stride, padding, *counts, field, jump, notes)


def write_csv(summary: Summary, stream: TextIO) -> None:
    """Write the table as CSV, with plain numbers."""
    writer = csv.writer(stream)
    writer.writerow([*HEAD, *HEAD_FIELD])
    writer.writerows(map(cells, summary.rows))


def as_text(summary: Summary) -> str:
    """Return the table and the totals for reading."""
    table: list[tuple[str, ...]] = [(*HEAD, *HEAD_FIELD)]
    for row in summary.rows:
        texts = list(cells(row))
        texts[6:9] = [f"{int(text):,}" if int(text) else "" for text in texts[6:9]]
        table.append(tuple(texts))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [_line(texts, widths) for texts in table]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join([*lines, lines[1], *totals(summary)])


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    aligned = [
        text.ljust(width) if place in _TEXT else text.rjust(width)
        for place, (text, width) in enumerate(zip(texts, widths, strict=True))
    ]
    return "  ".join(aligned).rstrip()


def totals(summary: Summary) -> list[str]:
    """Return the last lines of a table."""
    return [
        f"parameters     {summary.parameters:,}: {summary.trainable:,} trainable, {summary.fixed:,} not",
        f"multiply-adds  {summary.macs:,} a picture",
        f"memory         {summary.weight_bytes / 2**20:.1f} MiB of weights, "
        f"{summary.activation_bytes / 2**20:.1f} MiB of outputs a picture, in single precision",
    ]
