"""A network to be looked into, with what has to be known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from detectors.networks.faster_rcnn import Dense

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A network to be looked into.

    Attributes:
        name: what it is, for people.
        kind: "classifier", "one_stage" or "faster_rcnn" (detectors), or "backbone".
        net: the module, in evaluation mode.
        body: name of the submodule before whose end its maps are; "" for the network itself.
        head: name of the submodule that holds a classifier's dense layers; "" where there are none.
        shape: of its picture: channels, height, width.
        class_names: in the order of its outputs; None where they are not known.
        normalisation: of the pixels, see ``detectors.classifiers.pixels``.
        random: whether its weights are random.
        fit: how a picture becomes a classifier's square, see ``detectors.classifiers.pixels.squared``.
    """

    name: str
    kind: Literal["classifier", "one_stage", "faster_rcnn", "backbone"]
    net: nn.Module
    body: str
    head: str
    shape: Shape
    class_names: tuple[str, ...] | None
    normalisation: str
    random: bool
    fit: Literal["stretch", "crop"] = "stretch"

    @property
    def run(self) -> Callable[[Tensor], object]:
        """What calls every layer once it can: of a Faster R-CNN also without any proposal."""
        return _both_stages(self.net) if self.kind == "faster_rcnn" else self.net


def _both_stages(net: nn.Module) -> Callable[[Tensor], object]:
    """Return a call of all layers of a Faster R-CNN, with as many proposals as there may be."""
    whole: Any = net

    def run(pictures: Tensor) -> object:
        outputs = Dense(whole)(pictures)
        side = whole.roi_heads.box_roi_pool.output_size
        number = whole.rpn.post_nms_top_n()
        proposals = outputs[0].new_empty(number, outputs[0].shape[1], *side)
        return whole.roi_heads.box_predictor(whole.roi_heads.box_head(proposals))

    return run
