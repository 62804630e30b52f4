"""A GStreamer RTSP server that plays one file, for the Python that has GStreamer's bindings.

Usage: python3 rtsp_server.py PORT FILE [CODEC]. Prints `ready` when it listens. All clients hear
the same sound, which begins with the first and goes on like that of a camera.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PAYLOADS = {
    "l16": "audioconvert ! audio/x-raw,format=S16BE ! rtpL16pay",
    "aac": "audioconvert ! avenc_aac ! rtpmp4apay",
    "opus": "audioconvert ! audioresample ! opusenc ! rtpopuspay",
    "pcma": "audioconvert ! audioresample ! audio/x-raw,rate=8000 ! alawenc ! rtppcmapay",
}


def main() -> None:
    port, path, codec = sys.argv[1], sys.argv[2], (sys.argv[3:] or ["l16"])[0]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( filesrc location={path} ! wavparse ! {PAYLOADS[codec]} name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    server.get_mount_points().add_factory("/roaster", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
