"""An RTSP server for tests and benchmarks: plays MP4 files (H.264) at their own speed to whoever connects.

    /usr/bin/python3 rtsp_server.py PORT NAME=FILE...

Run by the system's Python, which has GStreamer's bindings (apt-get install gir1.2-gst-rtsp-server-1.0
python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-bad). Prints "ready" once it listens.
"""

from __future__ import annotations

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")

from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PLAY = "( filesrc location={} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=0 )"


def main() -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    for argument in sys.argv[2:]:
        name, _, path = argument.partition("=")
        factory = GstRtspServer.RTSPMediaFactory.new()
        factory.set_launch(PLAY.format(path))
        server.get_mount_points().add_factory(f"/{name}", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
