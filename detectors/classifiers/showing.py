"""What a network makes of one picture: its first filters, its maps, its answer, and where it looked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from detectors.classifiers.grad_cam import caught, grad_cam
from detectors.classifiers.opened import Opened
from detectors.classifiers.pixels import squared, to_input
from detectors.errors import DataError, UnknownNameError, UsageError
from detectors.networks.faster_rcnn import Dense, decide
from detectors.networks.one_stage import STRIDES, OneStage, boxes_of, cells_of
from detectors.opencv import load_cv2
from detectors.zoo._letterbox import input_size

cv2 = load_cv2()

#: Layers that are shown unless others are asked for, at most.
LAYERS = 6
#: Answers that are named, at most.
BEST = 3
#: Side of a proposal, in pixels, that torchvision's pooling takes from the level of stride 16.
_CANONICAL_PX = 224

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a network says.

    Attributes:
        best: class names and probabilities, the one that is explained first.
        score: of that one, a scalar with its history, before a softmax where there is one.
        box: float32 (4,) xyxy in pixels of the input; None of a classifier.
        stride: of the maps that saw it, in pixels; None of a classifier.
    """

    best: tuple[tuple[str, float], ...]
    score: Tensor
    box: NDArray[np.float32] | None = None
    stride: int | None = None

    @property
    def said(self) -> str:
        """Names and probabilities as a text."""
        return ", ".join(
            f"{name} {share:.2f}" if share >= 0.1 else f"{name} {share:.2g}" for name, share in self.best
        )


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """All that a sheet shows.

    Attributes:
        picture: uint8 (H, W, 3) BGR, as the network gets it.
        filters: float32 (N, kernel, kernel, 3 or 1), BGR, of the first layer.
        filters_of: name of that layer.
        maps: float32 (C, h, w) by layer.
        heat: float32 (h, w) in [0, 1], see ``grad_cam``; None where no layer has maps to explain by.
        heat_of: name of its layer.
        answer: see ``Answer``.
    """

    picture: Image
    filters: NDArray[np.float32]
    filters_of: str
    maps: Mapping[str, NDArray[np.float32]]
    heat: NDArray[np.float32] | None
    heat_of: str
    answer: Answer


def read_image(path: Path) -> Image:
    """Return a picture's pixels, uint8 (H, W, 3) BGR.

    Raises:
        DataError: the file is missing or no picture.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as exc:
        raise DataError(f"picture {path} cannot be read: {exc.strerror}") from exc
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if image is None:
        raise DataError(f"{path} is no picture that can be read")
    return np.asarray(image, np.uint8)


def show(network: Opened, image: Image, layers: Sequence[str] = (), class_name: str | None = None) -> Shown:
    """Show a network a picture.

    Args:
        network: opened with its weights.
        image: uint8 (H, W, 3) BGR.
        layers: whose maps are to be returned; none for the last of each size, at most ``LAYERS``.
        class_name: whose score is explained, or its number; None for the strongest.

    Raises:
        UsageError: there is no such layer or class, or the network sees nothing.
    """
    if network.kind == "backbone":
        raise UsageError(f"{network.name} names nothing: give a classifier or a detector")
    pixels = _pixels(network, image)
    chosen = None if class_name is None else _class_index(network, class_name)
    sizes, first = _first_look(network, pixels, chosen)
    names = list(layers) or _spread(sizes)
    heat_of = _explaining(network, sizes, first)
    with torch.enable_grad(), caught(network.net, [*names, *([heat_of] if heat_of else [])]) as outputs:
        answer = _answer(network, _as_input(network, pixels).requires_grad_(), chosen)
        local = answer.box is not None
        heat = grad_cam(outputs[heat_of], answer.score, local=local) if heat_of else None
    filters, filters_of = _filters(network)
    maps = {name: np.asarray(outputs[name][0].detach().float().numpy(), np.float32) for name in names}
    return Shown(_seen(pixels), filters, filters_of, maps, heat, heat_of, answer)


def _pixels(network: Opened, image: Image) -> Image:
    """Return the picture as uint8 (C, H, W) of the size that the network takes."""
    channels, height, width = network.shape
    if network.kind == "classifier":
        return squared(image, height, channels, network.fit)
    size = input_size(image.shape[1], image.shape[0], height * width)
    smaller = size[0] < image.shape[1]
    fitted = cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.ascontiguousarray(fitted.transpose(2, 0, 1))


def _seen(pixels: Image) -> Image:
    rows = pixels.transpose(1, 2, 0)
    return np.ascontiguousarray(np.repeat(rows, 3, 2) if rows.shape[2] == 1 else rows)


def _as_input(network: Opened, pixels: Image) -> Tensor:
    batch = torch.from_numpy(pixels)[None]
    # a detector of the project takes the mean away itself
    return to_input(batch, network.normalisation) if network.kind == "classifier" else batch.float()


def _class_index(network: Opened, wanted: str) -> int:
    names = network.class_names
    if names is not None and wanted in names:
        return names.index(wanted)
    number = int(wanted) if wanted.isascii() and wanted.isdigit() else -1
    count = len(names) if names is not None else _outputs(network)
    if names is not None and number < 0:
        raise UnknownNameError("class", wanted, names)
    if not 0 <= number < count:
        raise UsageError(f"--class must be a number from 0 to {count - 1}, not '{wanted}'")
    return number


def _outputs(network: Opened) -> int:
    dense = [m for m in network.net.get_submodule(network.head).modules() if isinstance(m, nn.Linear)]
    return dense[-1].out_features


def _first_look(
    network: Opened, pixels: Image, chosen: int | None
) -> tuple[dict[str, tuple[str, tuple[int, ...]]], Answer]:
    """Return kind and output shape (C, h, w) of the layers that return maps, and the answer."""
    sizes: dict[str, tuple[str, tuple[int, ...]]] = {}

    def note(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, arguments: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
                sizes.pop(name, None)  # to the end
                sizes[name] = (type(module).__name__, tuple(output.shape[1:]))

        return hook

    prefix = f"{network.body}." if network.body else ""
    below = (network.head, "aux", "Aux") if network.head else ()
    handles = [
        module.register_forward_hook(note(name))
        for name, module in network.net.named_modules()
        if name and name.startswith(prefix) and not (below and name.startswith(below))
    ]
    try:
        with torch.no_grad():
            answer = _answer(network, _as_input(network, pixels), chosen)
    finally:
        for handle in handles:
            handle.remove()
    return sizes, answer


def _spread(sizes: Mapping[str, tuple[str, tuple[int, ...]]]) -> list[str]:
    """Return the last layer of each size of map, from fine to coarse; of more than ``LAYERS`` some."""
    last = {shape[1:]: name for name, (_, shape) in sizes.items()}
    names = sorted(last.values(), key=list(sizes).index)
    if len(names) <= LAYERS:
        return names
    return [names[round(i * (len(names) - 1) / (LAYERS - 1))] for i in range(LAYERS)]


def _explaining(network: Opened, sizes: Mapping[str, tuple[str, tuple[int, ...]]], answer: Answer) -> str:
    """Return the layer whose maps explain the answer; "" where there is none.

    Of a detector the stage whose maps saw the object; of a classifier what is as large as the output of the
    last convolution and stands last, so behind its ReLU. What has one convolution alone, as a transformer,
    has no maps behind which stands a score.
    """
    if answer.stride is not None:
        stages = cast("nn.ModuleList", network.net.get_submodule(f"{network.body}.stages"))
        return f"{network.body}.stages.{len(stages) - len(STRIDES) + STRIDES.index(answer.stride)}"
    convolutions = [name for name, (kind, _) in sizes.items() if "Conv" in kind]
    if len(convolutions) < 2:
        return ""
    wanted = sizes[convolutions[-1]][1][1:]
    return [name for name, (_, shape) in sizes.items() if shape[1:] == wanted][-1]


def _answer(network: Opened, pictures: Tensor, chosen: int | None) -> Answer:
    if network.kind == "classifier":
        return _named(network, network.net(pictures), chosen)
    size = (int(pictures.shape[3]), int(pictures.shape[2]))
    look = _one_stage if network.kind == "one_stage" else _two_stages
    return look(network, pictures, size, chosen)


def _named(network: Opened, logits: Tensor, chosen: int | None) -> Answer:
    shares = logits[0].detach().softmax(0)
    order = shares.argsort(descending=True).tolist()
    if chosen is not None:
        order = [chosen, *(place for place in order if place != chosen)]
    names = network.class_names or tuple(f"class {place}" for place in range(len(shares)))
    best = tuple((names[place], float(shares[place])) for place in order[:BEST])
    return Answer(best, logits[0, order[0]])


def _one_stage(network: Opened, pictures: Tensor, size: tuple[int, int], chosen: int | None) -> Answer:
    net = cast("OneStage", network.net)
    logits, sides = net.dense(pictures)
    among = logits[0].detach() if chosen is None else logits[0, :, chosen : chosen + 1].detach()
    cell, label = divmod(int(among.argmax()), among.shape[1])
    label = label if chosen is None else chosen
    cells = cells_of(size, logits.device)
    box = boxes_of(cells.centres[cell : cell + 1], cells.strides[cell : cell + 1], sides[0, cell : cell + 1])
    name = cast("tuple[str, ...]", network.class_names)[label]
    probability = float(logits[0, cell, label].detach().sigmoid())
    corners = np.asarray(box[0].detach().numpy(), np.float32)
    return Answer(((name, probability),), logits[0, cell, label], corners, int(cells.strides[cell]))


def _two_stages(network: Opened, pictures: Tensor, size: tuple[int, int], chosen: int | None) -> Answer:
    net: Any = network.net
    found = decide(net, Dense(net)(pictures), size)[0]
    names = cast("tuple[str, ...]", network.class_names)
    rows = [row for row, label in enumerate(found["labels"].tolist()) if chosen in (None, label - 1)]
    if not rows:
        what = "nothing" if chosen is None else f"no {names[chosen]}"
        raise UsageError(f"{network.name} sees {what} on this picture: choose another --image or --class")
    best = max(rows, key=found["scores"].tolist().__getitem__)
    box = np.asarray(found["boxes"][best].detach().numpy(), np.float32)
    side = math.sqrt(max(float((box[2] - box[0]) * (box[3] - box[1])), 1.0))
    level = min(max(math.floor(4 + math.log2(side / _CANONICAL_PX)), 3), 5)
    score = found["scores"][best]
    name = names[int(found["labels"][best]) - 1]
    return Answer(((name, float(score.detach())),), score, box, STRIDES[level - 3])


def _filters(network: Opened) -> tuple[NDArray[np.float32], str]:
    """Return the first convolution's weights as small BGR or grey pictures, and its name."""
    name, first = next((n, m) for n, m in network.net.named_modules() if isinstance(m, nn.Conv2d))
    weights = first.weight.detach().float().numpy().transpose(0, 2, 3, 1)
    if weights.shape[3] == 3:
        return weights[..., ::-1] if network.normalisation == "imagenet" else weights, name
    return weights[..., :1], name
