"""What a run looked like: one HTML page with figures and tables, and the figures as PNG files."""

from __future__ import annotations

from tracker.report.page import write_report

__all__ = ["write_report"]
