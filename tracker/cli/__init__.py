"""The command line: ``track``. Every command is one file; all heavy imports happen when a command runs."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run ``track`` and exit: 0 done, 1 failure, 2 wrong usage, 130 interrupted.

    Whatever goes wrong is one line on standard error; ``--debug`` shows the traceback.
    """
    from tracker.cli.app import run_app

    # a service manager's stop is a Ctrl-C: files are closed and valid
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    sys.exit(run_app(sys.argv[1:]))
