"""What this machine's processor is and can do."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path


@cache
def _facts() -> dict[str, str]:
    """Return what Linux says of the first processor; elsewhere nothing."""
    try:
        first = Path("/proc/cpuinfo").read_text("utf-8").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def name() -> str:
    """Return the processor's name."""
    return _facts().get("model name") or platform.processor() or platform.machine()


def has(flag: str) -> bool:
    """Whether the processor has an instruction set, named as in ``/proc/cpuinfo``, such as "amx_bf16"."""
    return flag in _facts().get("flags", "").split()


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def fast_bf16() -> bool:
    """Whether networks run faster in bfloat16 than in float32.

    With AMX, and with AMD's AVX-512 BF16: there OpenVINO takes 0.5 to 0.6 and torch 0.7 to 0.8 of the time
    (benchmarks/runtimes.py). Another processor with AVX-512 BF16 and without AMX was measured to be slower
    with it, those with neither emulate it at a tenth of the speed.
    """
    by_amd = _facts().get("vendor_id") == "AuthenticAMD"
    return has("amx_bf16") or (by_amd and has("avx512_bf16"))
