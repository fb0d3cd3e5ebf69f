"""What the manifest will say of weights: where they come from, what they reach, and how to see it again."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from detectors.dataset import Picture
from detectors.evaluation import Precision, figures
from detectors.training.distributed import ALONE, Group
from detectors.training.engine import Training
from detectors.training.request import Request
from detectors.training.settings import NOTHING
from detectors.training.timing import time_a_look
from detectors.zoo._weights import load_weights

#: Flags of the training that mean something only where there is one already.
_SECOND_TIME = ("--resume", "--overwrite")
#: What people write into an entry, which another training does not make wrong.
_LASTING = ("use", "sources")


def describe_weights(
    request: Request,
    training: Training,
    sha256: str,
    validation: Sequence[Picture],
    precisions: Mapping[str, Precision],
) -> dict[str, object]:
    """Return the manifest's entry of weights that were trained and written.

    Args:
        request: what was asked for.
        training: at its end.
        sha256: of the weight file.
        validation: pictures of the val split, on which a look is timed; without them those of the training.
        precisions: on the val split; empty where there is none.
    """
    timed = time_a_look(request.file, request.device, validation or training.examples.pictures)
    entry: dict[str, object] = {
        "architecture": request.architecture,
        "backbone": request.backbone,
        "file": request.file.name,
        "sha256": sha256,
        "classes": list(request.class_names),
        "input_size": list(request.input_size),
        "normalisation": "BGR, value / 255 - 0.45, letterboxed with grey 114",
        "score": load_weights(request.file)[0].score,
        "data": sorted(sets_of(request, training)),
        "pictures_seen": training.step * training.schedule.batch,
        "training_minutes": round(training.seconds / 60, 1),
        "trained": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": training_command(sys.argv[1:], training.settings.get("--from"), training.group),
        "commit": _commit(),
    }
    if precisions:
        entry["measured_by"] = measuring_command(request)
    return entry | {"measured": {**figures(precisions, request.class_names), **timed}}


def sets_of(request: Request, training: Training) -> set[str]:
    """Return the names of the sets that were learnt from; one of weight 0 was not."""
    names = {picture.set_name for picture in training.examples.pictures}
    return {name for name in names if request.set_weights.get(name, 1.0) > 0}


def lasting_keys(data: Sequence[str], earlier: object) -> tuple[str, ...]:
    """Return which keys of an earlier entry stay when its weights are trained again on the sets ``data``.

    The rights in the pictures are those that somebody wrote down, unless there are other pictures now.
    """
    known = earlier.get("data") if isinstance(earlier, Mapping) else None
    same = isinstance(known, list) and set(data) <= set(known)
    return (*_LASTING, "data_rights") if same else _LASTING


def training_command(arguments: Sequence[str], start: str | None, group: Group = ALONE) -> str:
    """Return the command that trains such weights in a clean folder.

    Args:
        arguments: behind ``track``.
        start: weights that the training began from, in whichever session.
        group: processes of the last session.
    """
    kept = [argument for argument in arguments if argument not in _SECOND_TIME]
    said = any(argument.partition("=")[0] == "--from" for argument in arguments)
    if start not in (None, NOTHING) and "--resume" in arguments and not said:
        kept += ["--from", start]
    return shlex.join([*_launcher(group), "track", *kept])


def _launcher(group: Group) -> list[str]:
    if group.world == 1:
        return []
    machines = -(-group.world // group.local_world)
    nodes = ["--nnodes", str(machines)] if machines > 1 else []
    return ["torchrun", "--no-python", *nodes, "--nproc-per-node", str(group.local_world)]


def measuring_command(request: Request) -> str:
    """Return the command that prints the precision again."""
    data = [word for folder in request.data for word in ("--data", str(folder))]
    return shlex.join(["track", "evaluate", "detector", *data, "--detector", str(request.file)])


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"
