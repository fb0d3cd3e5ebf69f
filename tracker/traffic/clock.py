"""The video's time on a real clock, and intervals that begin at full quarters of an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from detectors.frame import Frame
from tracker.scene.model import Scene

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: So many full seconds are remembered as texts: to write one takes much longer than to add to a moment.
_MOST_SECONDS = 100


class Clock:
    """Tells what time it was at a moment of the video, if that is known.

    Args:
        start: moment of the video's time 0, with its time zone; None where it is not known.
        zone: in which times are shown and days begin; None for that of ``start``.
    """

    def __init__(self, start: datetime | None = None, zone: tzinfo | None = None) -> None:
        """Remember both."""
        self._zone = zone or (start.tzinfo if start else None) or UTC
        self.start = start.astimezone(self._zone) if start else None
        self._start = start.astimezone(UTC) if start else None
        self._start_us = (self._start - _EPOCH) // timedelta(microseconds=1) if self._start else 0
        self._seconds: dict[int, tuple[str, str]] = {}

    @classmethod
    def of(cls, scene: Scene | None, first: Frame) -> Clock:
        """Return the clock of a run: by the scene's start, or else by the first frame's moment of capture."""
        start = scene.start if scene else None
        if start is None and first.wall_time is not None:
            start = first.wall_time - timedelta(seconds=first.time_s)
        return cls(start, ZoneInfo(scene.time_zone) if scene and scene.time_zone else None)

    def at(self, time_s: float) -> datetime | None:
        """Return the local time at ``time_s`` seconds of the video; None where it is not known."""
        if self._start is None:
            return None
        # through UTC: local times jump where summer time begins or ends
        return (self._start + timedelta(seconds=time_s)).astimezone(self._zone)

    def text(self, time_s: float) -> str:
        """Return the local time in ISO 8601 to the millisecond; empty where it is not known."""
        if self._start is None:
            return ""
        # in whole numbers, and rounded as timedelta does it: that itself takes half as long again
        whole_s = int(time_s)
        since_us = self._start_us + whole_s * 1_000_000 + round((time_s - whole_s) * 1e6)
        second, rest_us = divmod(since_us, 1_000_000)
        until_second, zone = self._seconds.get(second) or self._write_second(second)
        return f"{until_second}.{rest_us // 1000:03d}{zone}"

    def _write_second(self, second: int) -> tuple[str, str]:
        """Return a full second since 1970 in ISO 8601, as it stands before and behind the milliseconds."""
        text = (_EPOCH + timedelta(seconds=second)).astimezone(self._zone).isoformat()
        if len(self._seconds) >= _MOST_SECONDS:  # events come nearly in order
            self._seconds.clear()
        self._seconds[second] = text[:19], text[19:]
        return self._seconds[second]

    def interval(self, time_s: float, length_s: float) -> tuple[float, float]:
        """Return beginning and end, in seconds of the video, of the interval that holds ``time_s``.

        Intervals are counted from local midnight, or from the video's time 0 where no clock is known.

        Args:
            time_s: a moment of the video.
            length_s: of the intervals, a divisor of a day.
        """
        local = self.at(time_s)
        if self.start is None or local is None:
            begin = time_s // length_s * length_s
            return begin, begin + length_s
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        whole = (local.replace(tzinfo=None) - midnight) // timedelta(seconds=length_s)
        begins = midnight + whole * timedelta(seconds=length_s)
        return self._video_time(begins), self._video_time(begins + timedelta(seconds=length_s))

    def _video_time(self, local: datetime) -> float:
        """Return the moment of the video at a local time without a zone."""
        assert self._start is not None
        moment = local.replace(tzinfo=self._zone).astimezone(UTC)
        return (moment - self._start).total_seconds()
