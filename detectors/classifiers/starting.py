"""Transfer: fill a network with what another training has learnt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from detectors.classifiers.models import OWN, TIMM, Built
from detectors.classifiers.weights import KIND, as_floats, read_file
from detectors.errors import UsageError, WeightsError
from detectors.zoo._weights import ARCHITECTURES

PUBLISHED = "published"


def start_from(built: Built, source: str, class_names: tuple[str, ...]) -> bool:
    """Fill a network from weights, and return whether its last layer was filled, too.

    Of a classifier with other classes everything but the last layer is taken; of a detector on the same
    stack of convolutions that stack.

    Args:
        built: the network.
        source: path of a weight file: a classifier's, a detector's, or tensors by name as torchvision's
            networks have them; or "published" for the weights that torchvision or timm publish.
        class_names: of the network.

    Raises:
        UsageError: nobody publishes weights of this network.
        WeightsError: they are of another network, cannot be read, or cannot be fetched.
    """
    if source == PUBLISHED:
        return _fill(built, _published(built), "the published weights")
    content = read_file(Path(source))
    what = f"weights {source}"
    if content.get("kind") == KIND:
        if content["model"] != built.name:
            raise WeightsError(f"{what} are of {content['model']}: give --model {content['model']}")
        same = tuple(content["class_names"]) == class_names and not content.get("learner")
        return _fill(built, as_floats(content["weights"]), what, last=same)
    if "architecture" in content:
        _fill_body(built, content, what)
        return False
    tensors = content.get("state_dict", content)
    if not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise WeightsError(f"{what} hold no tensors by name")
    return _fill(built, as_floats(tensors), what)


def last_layer(built: Built) -> str:
    """Return the name of the layer whose outputs are the classes."""
    head = built.net.get_submodule(built.head)
    inner = [name for name, module in head.named_modules() if isinstance(module, nn.Linear)][-1]
    return f"{built.head}.{inner}" if inner else built.head


def _fill(built: Built, tensors: Mapping[str, Tensor], what: str, last: bool = True) -> bool:
    """Put the tensors into the network, and return whether none of its layers begins anew."""
    own = built.net.state_dict()
    anew = _begin_anew(built, tensors, last)
    wanted = {key for key in own if not key.startswith(anew)}
    # published weights come with the auxiliary outputs, or without them
    kept = {k: v for k, v in tensors.items() if not k.startswith(anew) and (k in wanted or not _auxiliary(k))}
    missing = {key for key in wanted - set(kept) if not _auxiliary(key)}
    surplus = set(kept) - wanted
    shapes = {key for key in wanted & set(kept) if kept[key].shape != own[key].shape}
    for differing in (missing, surplus, shapes):
        if differing:
            raise WeightsError(f"{what} do not fit {built.name}: they differ at {min(differing)}")
    built.net.load_state_dict({**own, **kept})
    return not anew


def _begin_anew(built: Built, tensors: Mapping[str, Tensor], last: bool) -> tuple[str, ...]:
    """Return how the names begin of layers that the tensors do not fill; none if they have the classes."""
    name = last_layer(built)
    if f"{name}.weight" not in tensors:  # a learner on features took the place of the dense layers
        return (f"{built.head}.",)
    if last and tensors[f"{name}.weight"].shape == built.net.get_submodule(name).weight.shape:
        return ()
    layers = built.net.named_modules()
    auxiliary = [key for key, layer in layers if _auxiliary(key) and isinstance(layer, nn.Linear)]
    return (f"{name}.", *(f"{key}." for key in auxiliary))


def _auxiliary(key: str) -> bool:
    return key.startswith(("aux", "Aux"))


def _fill_body(built: Built, content: Mapping[str, object], what: str) -> None:
    backbone, architecture = str(content.get("backbone")), str(content["architecture"])
    if built.name != backbone or built.name not in OWN or architecture not in ARCHITECTURES:
        raise WeightsError(f"{what} are of a detector on {backbone}: give --model {backbone}")
    prefix = ARCHITECTURES[architecture].body + "."
    tensors = content["weights"]
    assert isinstance(tensors, Mapping)
    body = {k.removeprefix(prefix): v for k, v in as_floats(tensors).items() if k.startswith(prefix)}
    try:
        built.net.get_submodule("body").load_state_dict(body)
    except RuntimeError as exc:
        raise WeightsError(f"{what} do not fit {built.name}") from exc


def _published(built: Built) -> Mapping[str, Tensor]:
    try:
        if built.name.startswith(TIMM):
            return _published_by_timm(built)
        if built.name in OWN:
            raise UsageError(f"nobody publishes weights of {built.name}: --from takes a weight file")
        weights = torchvision.models.get_model_weights(_published_name(built))
        if not len(weights):
            raise UsageError(f"torchvision publishes no weights of {built.name}")
        tensors: Mapping[str, Tensor] = weights.DEFAULT.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as exc:  # URLError is an OSError; a wrong digest is a RuntimeError
        where = Path(torch.hub.get_dir()) / "checkpoints"
        reason = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise WeightsError(
            f"the published weights of {built.name} cannot be fetched: {reason}; where there is no network, "
            f"put the file into {where}, or give its path to --from"
        ) from exc
    return tensors


def _published_name(built: Built) -> str:
    if built.options.batch_norm is None:
        return built.name
    return built.name.removesuffix("_bn") + ("_bn" if built.options.batch_norm else "")


def _published_by_timm(built: Built) -> Mapping[str, Tensor]:
    import timm

    net = timm.create_model(built.name.removeprefix(TIMM), pretrained=True, in_chans=built.channels)
    tensors: Mapping[str, Tensor] = net.state_dict()
    return tensors
