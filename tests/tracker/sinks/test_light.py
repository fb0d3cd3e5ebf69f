"""The sinks' package is light: what needs OpenCV or PyAV is imported when it is used."""

from __future__ import annotations

import subprocess
import sys


def test_plain_sinks_import_neither_opencv_nor_pyav() -> None:
    code = (
        "import sys, tracker.sinks, tracker.sinks.csv, tracker.sinks.mot, tracker.sinks.run_json, "
        "tracker.sinks.video, tracker.sinks.window, "
        "tracker.sinks.evidence, tracker.sinks.background; "
        "print(sorted({'av', 'cv2', 'torch', 'supervision'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
