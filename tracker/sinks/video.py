"""``annotated.mp4``: the picture with boxes, labels and trails, with the time stamps of the source.

H.264, VP9 or AV1 in MP4 with the index in front (fast start), 8 bit 4:2:0, so that browsers play it. The
size is the source's; an odd width or height gets one more column or row, because 4:2:0 needs even
sides. The video begins at zero with the first frame. Drawing and encoding run in a thread behind a short
queue, beside the tracking.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tracker.errors import SinkError
from tracker.sinks._blur import Blur
from tracker.sinks._draw import Annotator
from tracker.sinks._encode import Encoder, check_codec
from tracker.sinks._files import discard, draft, prepare, publish, sink_error, writing
from tracker.types import FrameResult, RunInfo, SourceInfo

_WAITING_BYTES = 64_000_000
_LEAST_WAITING = 2  # with one, tracking and encoding would often wait for each other


@dataclass(frozen=True, slots=True)
class Config:
    """Where to write, with which codec, how long trails are, in seconds, and whether people are hidden.

    With ``blur``, people and number plates that are known are hidden beneath the boxes and labels.
    At most ``queue_frames`` frames wait to be encoded, and no more than fit into 64 MB (but 2 always may).
    """

    path: str = "annotated.mp4"
    codec: Literal["h264", "vp9", "av1"] = "h264"
    trail_s: float = 1.5
    queue_frames: int = 4
    blur: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: trails of a negative or endless length, or a queue that could hold nothing.
        """
        if not 0 <= self.trail_s < float("inf"):
            raise ValueError(f"trail_s must be at least 0 and finite, not {self.trail_s}")
        if self.queue_frames < 1:  # queue.Queue takes that for no limit
            raise ValueError(f"queue_frames must be at least 1, not {self.queue_frames}")


class VideoSink:
    """Draws and encodes behind the tracking; renames the file when it is finished."""

    def __init__(self, config: Config) -> None:
        """Nothing is written before ``open``."""
        self._config = config
        self._path = Path(config.path)
        self._queue: queue.Queue[FrameResult | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._told = False
        self._end_s: float | None = None
        self._complete = False

    def open(self, run: RunInfo) -> None:
        """See that the file can be written, and start the thread.

        Raises:
            SinkError: it cannot, or the codec is missing.
        """
        check_codec(self._config.codec)
        prepare(self._path)
        with writing(self._path):
            draft(self._path).touch()
        self._queue = queue.Queue(queue_length(self._config.queue_frames, run.source))
        self._end_s = run.source.duration_s
        encoder = Encoder(draft(self._path), self._config.codec, run.source.rate_fps)
        annotator = Annotator(run.class_names, self._config.trail_s, run.scene)
        blur = Blur(run.class_names) if self._config.blur else None
        self._thread = threading.Thread(
            target=self._work, args=(blur, annotator, encoder), name="video sink", daemon=True
        )
        self._thread.start()

    def write(self, result: FrameResult) -> None:
        """Hand one frame over; waits while the queue is full.

        Raises:
            SinkError: a frame before could not be written.
        """
        if self._failure is not None:
            self._tell(self._failure)
        if self._thread is not None:
            self._queue.put(result)

    def close(self, completed: bool) -> None:
        """Finish the file and give it its final name, also when the run was broken off.

        Raises:
            SinkError: it could not be written; the draft is removed then.
        """
        if self._thread is None:
            return
        thread, self._thread = self._thread, None
        self._end_s = self._end_s if completed else None
        try:
            self._queue.put(None)
            thread.join()
            if self._failure is not None and not self._told:
                self._tell(self._failure)
            if self._complete:
                publish(self._path)
        finally:
            discard(self._path)

    def _tell(self, failure: Exception) -> None:
        self._told = True
        if isinstance(failure, SinkError):
            raise failure
        raise sink_error(self._path, failure) from failure

    def _work(self, blur: Blur | None, annotator: Annotator, encoder: Encoder) -> None:
        """Hide, draw and encode until None comes (in the thread)."""
        try:
            while (result := self._queue.get()) is not None:
                shown = result if blur is None else blur.blurred(result)
                encoder.add(annotator.draw(shown), result.frame.time_s)
            self._complete = encoder.close(self._end_s)
        except Exception as exc:
            # Whatever it was is raised where the run can be stopped: at the next write, or at close.
            self._failure = exc
            encoder.abandon()
            while result is not None:
                result = self._queue.get()


def queue_length(most: int, source: SourceInfo) -> int:
    """Return how many frames may wait: ``most``, or fewer where those would take more than 64 MB."""
    frame_bytes = max(3 * source.width * source.height, 1)
    return min(most, max(_LEAST_WAITING, _WAITING_BYTES // frame_bytes))


def build(config: Config) -> VideoSink:
    """Build the sink."""
    return VideoSink(config)
