"""What another busy program does to the CNN on torch, with threads that spin and with threads that sleep.

    python benchmarks/threads.py

Prints the median time of one look in four cases, each in a process of its own: with and without one busy
process a core beside it, waiting actively and passively (OMP_WAIT_POLICY).
"""

from __future__ import annotations

import os
import subprocess
import sys

LOOK = """
import statistics, time
import numpy as np
from detectors import Frame, load_detector
detector = load_detector("smaller_vgg", runtime="torch")
frame = Frame(np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8))
times = []
for _ in range(15):
    began = time.perf_counter()
    detector.detect([frame])
    times.append(time.perf_counter() - began)
print(f"{1000 * statistics.median(times):.0f}")
"""
BUSY = "while True: pass"


def look_ms(policy: str) -> str:
    """Return the median time of a look in ms."""
    environment = {**os.environ, "OMP_WAIT_POLICY": policy}
    done = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def main() -> None:
    """Print the four medians."""
    for busy in (0, os.cpu_count() or 1):
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(busy)]
        try:
            for policy in ("ACTIVE", "PASSIVE"):
                print(
                    f"{busy} busy processes beside it, {policy.lower()} waiting: {look_ms(policy)} ms a look"
                )
        finally:
            for other in others:
                other.kill()


if __name__ == "__main__":
    main()
