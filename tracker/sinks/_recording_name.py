"""What the parts of a recording are called, so that whoever removes old ones touches nothing else."""

from __future__ import annotations

import re
from datetime import datetime

#: Folder of the parts in the folder of a run.
RECORDING = "recording"
#: What ``recording_name`` makes. By name they are in the order of time.
RECORDING_NAME = re.compile(r"annotated-\d{8}T\d{6}Z(-\d{1,4})?\.mp4")


def recording_name(begin: datetime, number: int = 1) -> str:
    """Return the name of a part that begins at a moment in UTC, such as ``annotated-20261126T071500Z.mp4``.

    Args:
        begin: of the part, UTC.
        number: 2 for the second one of the same second, and so on.
    """
    return f"annotated-{begin:%Y%m%dT%H%M%S}Z{f'-{number}' if number > 1 else ''}.mp4"
