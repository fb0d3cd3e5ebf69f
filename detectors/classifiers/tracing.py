"""A network run on no pixels at all, to see which layers it has and what each of them does.

On torch's "meta" device tensors have shapes and no values. Hooks say which module is at work; below them
every operation is seen, so that what a network computes without a module (an addition, ``F.max_pool2d``,
attention) counts as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakTensorKeyDictionary

from detectors.classifiers.geometry import Field, Window, left_over, output_size
from detectors.errors import UsageError

_ATEN = torch.ops.aten
#: Places of kernel, stride, padding, dilation and ceil mode in the arguments of a pooling.
_POOLINGS = {
    _ATEN.max_pool2d_with_indices.default: ("max_pool2d", (1, 2, 3, 4, 5)),
    _ATEN.max_pool2d.default: ("max_pool2d", (1, 2, 3, 4, 5)),
    _ATEN.avg_pool2d.default: ("avg_pool2d", (1, 2, 3, None, 4)),
}
_ENLARGING = (_ATEN.upsample_nearest2d.default, _ATEN.upsample_nearest2d.vec)
#: Attention: every place looks at every other, which no formula of windows describes.
_MIXING = (_ATEN.bmm.default, _ATEN._scaled_dot_product_flash_attention_for_cpu.default)
_WINDOWED = (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d)

Fields = tuple[Field, Field]  # down and across
Windows = tuple[Window, Window]


@dataclass(slots=True)
class Step:
    """One call of a layer.

    Attributes:
        name: of the module; with the operation behind it in brackets where that is not a module.
        kind: of the module or operation.
        module: None for an operation that is none.
        shape: of the first output, with the batch.
        windows: down and across; None where nothing slides.
        notes: what does not fit.
        macs: multiply-adds of all that it does itself.
        fields: of a value of its output; None where windows do not describe it.
        new: whether its output is memory of its own.
    """

    name: str
    kind: str
    module: nn.Module | None
    shape: tuple[int, ...] = ()
    windows: Windows | None = None
    notes: list[str] = field(default_factory=list)
    macs: int = 0
    fields: Fields | None = None
    new: bool = True


class Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]  # of torch's own __init_subclass__
    """What happened while a network ran within ``with``; ``steps`` in the order in which layers finished."""

    def __init__(self, net: nn.Module, picture: Tensor) -> None:
        """Put hooks on every module.

        Args:
            net: the network.
            picture: its input (N, C, H, W).
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[Step] = []
        self._known: Any = WeakTensorKeyDictionary()
        self._known[picture] = (Field(), Field())
        self._open = [Step("", type(net).__name__, net)]
        self._handles: list[Any] = []
        for name, module in net.named_modules():
            self._handles.append(module.register_forward_pre_hook(self._begin(name)))
            self._handles.append(module.register_forward_hook(self._end))

    def __exit__(self, *exc: Any) -> None:
        """Take the hooks away again."""
        for handle in self._handles:
            handle.remove()
        super().__exit__(*exc)  # type: ignore[no-untyped-call]

    def _begin(self, name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(module: nn.Module, arguments: tuple[Any, ...]) -> None:
            self._open.append(Step(name, type(module).__name__, module))
            _check_width(name, module, arguments)

        return hook

    def _end(self, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        step = self._open.pop()
        tensors = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)]
        if tensors:
            step.shape = tuple(tensors[0].shape)
            step.fields = self._known.get(tensors[0])
            step.new = not any(_same_memory(tensors[0], leaf) for leaf in tree_leaves(arguments))
        self.steps.append(step)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operation, and note its multiply-adds, its windows and the receptive field behind it."""
        kwargs = kwargs or {}
        found = _windows(func, args)
        step = self._at_work(found)
        if found is not None:
            _check_fit(step, args[0], found[1])
        out = func(*args, **kwargs)
        if func.overloadpacket in flop_registry:
            step.macs += int(flop_registry[func.overloadpacket](*args, **kwargs, out_val=out)) // 2
        results = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if results and any(leaf in self._known for leaf in inputs):
            known = [self._known[leaf] for leaf in inputs if leaf in self._known]
            followed = None not in known and func not in _MIXING
            fields = _fields(func, found, inputs, known, results[0]) if followed else None
            for result in results:
                self._known[result] = fields
            if step.module is None:
                step.shape, step.fields = tuple(results[0].shape), fields
        return out

    def _at_work(self, found: tuple[str, Windows] | None) -> Step:
        """Return the layer that computes this: a new one for a pooling that is no module."""
        step = self._open[-1]
        if found is None:
            return step
        if isinstance(step.module, _WINDOWED):
            step.windows = found[1]
            return step
        own = Step(f"{step.name}({found[0]})", found[0], None, windows=found[1])
        self.steps.append(own)
        return own


def _windows(func: Any, args: Sequence[Any]) -> tuple[str, Windows] | None:
    """Return the name and the windows of an operation that slides over a map; None for any other."""
    if func is _ATEN.convolution.default:
        _, weight, _, stride, padding, dilation, transposed = args[:7]
        if transposed or weight.ndim != 4:
            return None
        sides = [(weight.shape[2 + i], stride[i], padding[i], dilation[i], False) for i in (0, 1)]
        name = "conv2d"
    elif func in _POOLINGS:
        name, places = _POOLINGS[func]
        values = [args[place] if place is not None and place < len(args) else None for place in places]
        kernel, stride, padding, dilation = (_pair(value) for value in values[:4])
        kernel = cast("tuple[int, int]", kernel)
        stride, padding, dilation = stride or kernel, padding or (0, 0), dilation or (1, 1)
        sides = [(kernel[i], stride[i], padding[i], dilation[i], bool(values[4])) for i in (0, 1)]
    else:
        return None
    down, across = (Window(*side) for side in sides)
    return name, (down, across)


def _pair(value: Any) -> tuple[int, int] | None:
    """Return torch's one or two numbers as two; None for none."""
    if value is None or value == []:
        return None
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _fields(
    func: Any,
    found: tuple[str, Windows] | None,
    inputs: Sequence[Tensor],
    known: Sequence[Fields],
    out: Tensor,
) -> Fields:
    """Return what a value of the output sees: of several branches the most."""
    down, across = (_widest([fields[side] for fields in known]) for side in (0, 1))
    if found is not None:
        return down.through(found[1][0]), across.through(found[1][1])
    before = next(leaf for leaf in inputs if leaf.ndim == max(leaf.ndim for leaf in inputs))
    if before.ndim != 4:
        return down, across
    sizes = (before.shape[2], before.shape[3])
    if func is _ATEN._adaptive_avg_pool2d.default:
        return _shrunk(down, sizes[0], out.shape[2]), _shrunk(across, sizes[1], out.shape[3])
    if func in _ENLARGING:
        return down.enlarged(out.shape[2] / sizes[0]), across.enlarged(out.shape[3] / sizes[1])
    whole = out.ndim == 2 or (func is _ATEN.mean.dim and tuple(out.shape) == (*before.shape[:2], 1, 1))
    return (down.over(sizes[0]), across.over(sizes[1])) if whole else (down, across)


def _widest(fields: Sequence[Field]) -> Field:
    return Field(max(one.size for one in fields), max(one.jump for one in fields))


def _shrunk(before: Field, length: int, out: int) -> Field:
    """Return the field behind an adaptive pooling, whose windows differ in length: of the longest."""
    longest = max(-(-(i + 1) * length // out) - i * length // out for i in range(out))
    return Field(before.size + (longest - 1) * before.jump, before.jump * length / out)


def _check_fit(step: Step, before: Tensor, windows: Windows) -> None:
    """Note what no window reaches.

    Raises:
        UsageError: the map is smaller than the window.
    """
    notes = []
    for length, window in zip(before.shape[-2:], windows, strict=True):
        try:
            output_size(length, window)
        except UsageError as exc:
            size = "x".join(map(str, before.shape[-2:]))
            raise UsageError(f"the picture is too small: at {step.name}, a map of {size}, {exc}") from exc
        notes.append(_said(length, window))
    step.notes += [note for note in dict.fromkeys(notes) if note]


def _said(length: int, window: Window) -> str:
    exact = (length - window.span + 2 * window.padding) / window.stride + 1
    if exact == int(exact):
        return ""
    cut, padding = left_over(length, window)
    if cut:
        return f"{exact:g}: {cut} of {length} cut off"
    if padding:
        return f"{exact:g}: {padding} of the padding left over"
    return f"{exact:g}: the last window hangs over"


def _check_width(name: str, module: nn.Module, arguments: tuple[Any, ...]) -> None:
    """Say in the project's words what torch says of matrices.

    Raises:
        UsageError: a dense layer or a convolution gets another number of values than it is made for.
    """
    if not arguments or not isinstance(arguments[0], Tensor):
        return
    came, wanted = arguments[0].shape, None
    if isinstance(module, nn.Linear):
        wanted, got, what = module.in_features, came[-1], "values"
    elif isinstance(module, nn.Conv2d) and len(came) == 4:
        wanted, got, what = module.in_channels, came[1], "channels"
    if wanted is not None and wanted != got:
        raise UsageError(f"{name} is made for {wanted} {what} and gets {got}: give the network's own --input")


def _same_memory(out: Tensor, leaf: Any) -> bool:
    if not isinstance(leaf, Tensor):
        return False
    return bool(out.untyped_storage()._cdata == leaf.untyped_storage()._cdata)
