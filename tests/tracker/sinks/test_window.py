"""``--show`` where there is nothing to show on: one line, and the process lives on."""

from __future__ import annotations

import pytest

from tracker.errors import NoDisplayError, SinkError
from tracker.sinks.window import Config, build, check_display
from tracker.types import RunInfo


def test_without_a_display_it_is_said(monkeypatch: pytest.MonkeyPatch, run_info: RunInfo) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    sink = build(Config())
    with pytest.raises(SinkError, match="neither DISPLAY nor WAYLAND_DISPLAY is set"):
        sink.open(run_info)
    sink.close(False)


def test_a_display_that_is_gone_does_not_abort_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":7077")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(NoDisplayError, match="cannot open a window on display ':7077'"):
        check_display()
