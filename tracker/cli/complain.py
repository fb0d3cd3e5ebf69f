"""One line on standard error, whatever the message holds."""

from __future__ import annotations

import sys


def complain(message: str) -> None:
    """Print ``track: message`` on one line of standard error."""
    print(f"track: {' '.join(message.split())}", file=sys.stderr)
