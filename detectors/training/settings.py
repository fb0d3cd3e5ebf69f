"""What decides the examples and the network of a training, to tell a resumed one from another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from detectors.dataset import Picture
from detectors.training.request import CHECKPOINT, Request, weights_at
from detectors.zoo._weights import sha256_of

#: What a training began from that had no weights to begin from.
NOTHING = "nothing"
#: What checkpoints mean that were written before there were these flags, or before they were written down.
_UNSAID = {"--teacher": "none", "--from": NOTHING}


def settings_of(request: Request, pictures: Sequence[Picture]) -> dict[str, str]:
    """Return by flag what may not differ between the sessions of one training; pictures as a digest.

    A later session need not say ``--from``; the first one's word stands.
    """
    weights = [f"{name}={value:g}" for name, value in sorted(request.set_weights.items()) if value != 1]
    settings = {
        "--head": request.architecture,
        "--backbone": request.backbone,
        "--size": "x".join(map(str, request.input_size)),
        "--seed": str(request.seed),
        "--mosaic": f"{request.mosaic_share:g}",
        "--paste": f"{request.paste_share:g}",
        "--cut-out": f"{request.cut_out_share:g}",
        "--freeze": str(request.freeze),
        "--weight": ", ".join(weights) or "none",
        "--teacher": ", ".join(sha256_of(file)[:16] for file in request.teachers) or "none",
        "--data": f"{len(pictures)} pictures, digest {pictures_digest(pictures)}",
    }
    if request.resume and not request.start:
        return settings
    return settings | {"--from": str(request.start) if request.start else NOTHING}


def difference(begun: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """Return in words what a training was begun with other than asked; nothing where it can go on.

    Args:
        begun: settings of the first session; empty in checkpoints from before they were written down.
        asked: of this one.
    """
    for flag, now in asked.items():
        before = begun.get(flag, _UNSAID.get(flag, now)) if begun else now
        # weights may lie elsewhere now, and the checkpoint has what came of them
        same = Path(before).name == Path(now).name if flag == "--from" else before == now
        if not same:
            return f"another {flag} ({before}, not {now})"
    return ""


def begun_backbone(out: Path) -> str | None:
    """Return the backbone of the training that is to be resumed; None where there is none to read.

    Args:
        out: as ``--out`` says.
    """
    file = weights_at(out).with_suffix(".training") / CHECKPOINT
    try:
        state = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        return str(state["settings"]["--backbone"])
    except Exception:  # whatever is wrong with the checkpoint is said where it is resumed
        return None


def pictures_digest(pictures: Sequence[Picture]) -> str:
    """Return a digest of names and labels, in their order: by it examples are drawn, wherever files lie."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.set_name}/{picture.path.name}\n".encode())
        if not picture.annotated.any():  # without labels, nothing else tells one picture from another
            digest.update(f"{picture.size}".encode())
        for array in (picture.boxes, picture.labels, picture.ignore, picture.annotated):
            digest.update(array.tobytes())
    return digest.hexdigest()[:12]
