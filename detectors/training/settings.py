"""What decides the examples and the network of a training, to tell a resumed one from another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from detectors.dataset import Picture
from detectors.training.request import Request
from detectors.zoo._weights import sha256_of

#: What a training began from that had no weights to begin from.
NOTHING = "nothing"


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


def pictures_digest(pictures: Sequence[Picture]) -> str:
    """Return a digest of names and labels, in their order: by it examples are drawn, wherever files lie."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.set_name}/{picture.path.name}\n".encode())
        for array in (picture.boxes, picture.labels, picture.ignore, picture.annotated):
            digest.update(array.tobytes())
    return digest.hexdigest()[:12]
