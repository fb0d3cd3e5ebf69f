"""Write BGR pictures with time stamps to an MP4 file, through PyAV."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.opencv import load_cv2
from tracker.errors import SinkError

Image = NDArray[np.uint8]

TIME_BASE = Fraction(1, 90_000)

# Chosen by measurement (two busy cores, 768x432 and 1280x720; CPU ms a frame and Mbit/s at crf 23): veryfast
# 11.3 and 27 ms, 0.45 and 2.1 Mbit/s; superfast 8.5 and 20, 0.96 and 3.0; ultrafast 4.5 and 11.7, 0.93 and
# 5.2; ultrafast with the few tools below, which pay where the camera stands still, 5.5 and 14.2, 0.52 and
# 2.7. Finer chroma keeps thin coloured lines coloured, for a twentieth more.
_X264 = "cabac=1:mbtree=1:rc-lookahead=10:8x8dct=1:aq-mode=1:bframes=2:deblock=0,0:chroma-qp-offset=-4"
_CODECS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "ultrafast", "crf": "22", "x264-params": _X264}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "33", "b": "0"}),
    "av1": ("libsvtav1", {"preset": "12", "crf": "35"}),
}
#: How the container is written, by whether it is fragmented.
_HOW = {
    False: {"movflags": "+faststart"},
    True: {"movflags": "+frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"},
}
_FRAGMENT_S = 2.0
_BT601 = 6  # AVCOL_SPC_SMPTE170M
_LIMITED = 1  # AVCOL_RANGE_MPEG
_CHROMA = np.array([(112.0, -74.203, -37.797, 0), (-18.214, -93.786, 112.0, 0)], np.float32) / 255
_CHROMA[:, 3] = 128


def check_codec(codec: str) -> None:
    """See that PyAV has an encoder for ``codec``.

    Raises:
        SinkError: it has not.
    """
    import av

    name = _CODECS[codec][0]
    try:
        av.codec.Codec(name, "w")
    except (av.FFmpegError, ValueError) as exc:
        others = ", ".join(other for other in _CODECS if other != codec)
        raise SinkError(
            f"this PyAV has no encoder for {codec} ({name}): choose another codec ({others})"
        ) from exc


class Encoder:
    """One MP4 file being written; the first picture decides the size.

    A picture is encoded when the next one has come, because only then its duration is known: so a
    variable frame rate is kept, and the last picture can be given its time too.

    Args:
        path: of the file.
        codec: h264, vp9 or av1.
        rate_fps: nominal rate; None where it is not known.
        fragmented: written in pieces of two seconds, each of which can be played whatever happens to the
            rest; otherwise with one index in front, which is written last.

    Raises:
        av.FFmpegError, OSError: from all methods; the caller turns them into its own.
    """

    def __init__(self, path: Path, codec: str, rate_fps: float | None, fragmented: bool = False) -> None:
        """Nothing is written before the first picture."""
        self._path, self._fragmented = path, fragmented
        self._codec = codec
        self._rate_fps = rate_fps or 25.0
        self._file: Any = None
        self._stream: Any = None
        self._waiting: Any = None
        self._cv2 = load_cv2()
        self._first_s = 0.0
        self._step = round(1 / (self._rate_fps * TIME_BASE))
        self._durations: dict[int, int] = {}

    def add(self, image: Image, time_s: float) -> None:
        """Take a picture, uint8 (H, W, 3) BGR; the first one's time becomes the file's zero."""
        import av

        if self._file is None:
            self._start(image, time_s)
        pts = round((time_s - self._first_s) / TIME_BASE)
        if self._waiting is not None:
            # Time may stand still in a source (a repeated stamp), but never in a file.
            pts = max(pts, self._waiting.pts + 1)
            self._step = pts - self._waiting.pts
            self._encode(self._waiting)
        frame = av.VideoFrame.from_ndarray(self._planes(image), format="yuv420p")
        frame.pts, frame.time_base = pts, TIME_BASE
        self._waiting = frame

    def close(self, end_s: float | None = None) -> bool:
        """Finish the file and return whether there is one.

        Args:
            end_s: time at which the source ends, where it is known; the last picture is shown until then
                if that is at most three times as long as the one before it.
        """
        if self._file is None:
            return False
        if end_s is not None:
            left = round((end_s - self._first_s) / TIME_BASE) - self._waiting.pts
            self._step = left if 0 < left <= 3 * self._step else self._step
        self._encode(self._waiting)
        self._mux(self._stream.encode())
        self._file.close()
        return True

    def abandon(self) -> None:
        """Let go of a file that cannot be finished: closed now, or PyAV would try it when collected."""
        if self._file is not None:
            with contextlib.suppress(Exception):
                self._file.close()
        self._file = self._stream = self._waiting = None

    def _start(self, image: Image, time_s: float) -> None:
        import av

        # SVT-AV1 otherwise tells the terminal about itself.
        os.environ.setdefault("SVT_LOG", "1")
        name, options = _CODECS[self._codec]
        height, width = (size + size % 2 for size in image.shape[:2])
        self._first_s = time_s
        self._file = av.open(str(self._path), "w", format="mp4", options=_HOW[self._fragmented])
        rate = Fraction(self._rate_fps).limit_denominator(1001)
        if self._fragmented:
            options = {**options, "g": str(max(round(_FRAGMENT_S * self._rate_fps), 1))}
        self._stream = self._file.add_stream(
            name, rate=rate, width=width, height=height, time_base=TIME_BASE, options=dict(options)
        )
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.colorspace = _BT601
        self._stream.codec_context.color_range = _LIMITED

    def _planes(self, image: Image) -> Image:
        """Convert to yuv420p (H * 3/2, W); an odd side gets one more row or column."""
        cv2 = self._cv2
        width, height = self._stream.width, self._stream.height
        bottom, right = height - image.shape[0], width - image.shape[1]
        if (bottom, right) != (0, 0):
            if max(bottom, right) <= 1 and min(bottom, right) >= 0:
                image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
            else:
                image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        return to_yuv420(image)

    def _encode(self, frame: Any) -> None:
        self._durations[frame.pts] = self._step
        self._mux(self._stream.encode(frame))

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts, self._step)
            self._file.mux(packet)


def to_yuv420(image: Image) -> Image:
    """Convert BGR (H, W, 3), both even, to the planes of yuv420p (H * 3/2, W), BT.601, limited range.

    OpenCV's own conversion takes the colour of one pixel in four, which breaks thin coloured lines up; here
    it is the mean of the four. PyAV's reformat does the same and takes some three times as long.
    """
    cv2 = load_cv2()
    height, width = image.shape[:2]
    planes: Image = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
    half = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    chroma = cv2.transform(half, _CHROMA)
    planes[height:].reshape(2, -1)[:] = chroma.reshape(-1, 2).T
    return planes
