"""The source `stream`: RTSP, and whatever else FFmpeg can open by its address."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import numpy as np
from pydantic import Field, SecretStr, field_validator

from roastwatch.audio.ffmpeg_libraries import libraries
from roastwatch.audio.network.arrivals import Arrivals, Piece
from roastwatch.audio.network.source import NetworkOptions, NetworkSource
from roastwatch.errors import LostError, MissingExtraError
from roastwatch.supervise import NEAR, Backoff, ComponentHealth

SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "srt", "udp", "rtp", "tcp")
"""What an address may begin with: nothing that reads files of this computer."""
_PROTOCOLS = "rtsp,rtsps,rtp,rtmp,rtmps,srt,udp,tcp,tls,http,https,httpproxy,crypto"
_OPENS_S = 10.0
"""Cameras take seconds to start, and the kind of the sound is found out from its first seconds."""
_JUMP_S = 0.02
"""Time stamps that are off by less are rounded, and not a loss."""
_LONGEST_LOSS_S = 60.0


class StreamOptions(NetworkOptions):
    """A stream by its address: an IP camera, a phone, Icecast, MediaMTX."""

    url: str = Field(
        description="Address, such as rtsp://camera.local:554/stream1 or "
        "http://phone.local:8080/audio.wav, without user and password.",
        min_length=1,
    )
    user: str | None = Field(None, description="User name at the camera; empty: none.")
    password: SecretStr | None = Field(None, description="Password at the camera; empty: none.")
    transport: str = Field(
        "tcp",
        description="How RTSP carries the sound: tcp loses nothing, udp is for cameras without it.",
        pattern="^(tcp|udp)$",
    )

    @field_validator("url")
    @classmethod
    def _only_the_network(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not parts.hostname:
            raise ValueError(
                f"write an address that begins with {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}, "
                "such as rtsp://camera.local/stream1"
            )
        if parts.username or parts.password:
            raise ValueError("write user and password as `user` and `password`, not in `url`")
        return url

    @property
    def address(self) -> str:
        """The address with user and password: a secret."""
        if self.user is None:
            return self.url
        secret = self.password.get_secret_value() if self.password else ""
        parts = urlsplit(self.url)
        login = f"{quote(self.user, safe='')}:{quote(secret, safe='')}"
        host = f"{login}@{parts.netloc}"
        return urlunsplit((parts.scheme, host, parts.path, parts.query, parts.fragment))


class _Player:
    """An open stream; a thread decodes it, because FFmpeg blocks."""

    def __init__(self, av: Any, options: StreamOptions, name: str, count: Callable[..., None]):
        self.silent_text = (
            f"{name}: it stopped sending sound; check the device and its network. roastwatch "
            "opens it again."
        )
        self._av = av
        self._options = options
        self._name = name
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._wanted = True
        self._opened: asyncio.Future[tuple[int, int]] = self._loop.create_future()
        self._ended = asyncio.Event()
        self.rate_hz = self.channels = 0
        self.arrivals: Arrivals

    async def open(self) -> None:
        """Start the thread, and wait for the first sound.

        Raises:
            LostError: there is none.
        """
        threading.Thread(target=self._run, name="stream", daemon=True).start()
        try:
            self.rate_hz, self.channels = await asyncio.shield(self._opened)
        except asyncio.CancelledError:
            self._wanted = False
            raise

    async def close(self) -> None:
        """See `source.Connection`. The thread notices it within `lost_after_s`."""
        self._wanted = False
        self._opened.cancel()
        await self._ended.wait()

    def _run(self) -> None:
        try:
            reason = self._play()
        except Exception as error:  # noqa: BLE001 - whatever FFmpeg raises is why it was lost
            reason = _reason(error, self._av)
        self._call(self._end, f"{self._name}: {reason}; check its address and its network.")

    def _call(self, function: Callable[..., None], *values: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *values)
        except RuntimeError:  # the loop was closed meanwhile
            self._wanted = False

    def _end(self, reason: str) -> None:
        if not self._opened.done():
            self._opened.set_exception(LostError(reason))
        elif not self._opened.cancelled() and not self._opened.exception():
            self.arrivals.end(reason)
        self._ended.set()

    def _begin(self, rate_hz: int, channels: int) -> None:
        if not self._opened.done():
            self.arrivals = Arrivals(rate_hz, self._count)
            self._opened.set_result((rate_hz, channels))

    def _put(self, piece: Piece) -> None:
        if not self._opened.cancelled():
            self.arrivals.put(piece)

    def _play(self) -> str:
        """In the thread: decode until it ends; returns why it did."""
        options = self._options
        wanted = {
            "protocol_whitelist": _PROTOCOLS,
            "rtsp_transport": options.transport,
            "fflags": "nobuffer",
            "allowed_media_types": "audio",
        }
        limits = (_OPENS_S, options.lost_after_s)
        with self._av.open(options.address, options=wanted, timeout=limits) as container:
            if not container.streams.audio:
                return "it has no sound"
            self._decode(container, container.streams.audio[0])
        return "it ended"

    def _decode(self, container: Any, stream: Any) -> None:
        resampler: Any = None
        due_s: float | None = None
        for packet in container.demux(stream):
            if not self._wanted:
                return
            try:
                frames = packet.decode()
            except self._av.error.FFmpegError:
                self._count("packets_damaged", 1)
                continue
            for frame in frames:
                now_s = time.monotonic()
                if resampler is None:
                    resampler = self._av.AudioResampler("flt", frame.layout, frame.rate)
                    self._call(self._begin, int(frame.rate), len(frame.layout.channels))
                at_s = None if frame.pts is None else float(frame.pts * frame.time_base)
                missing_s = 0.0
                if at_s is not None and due_s is not None:
                    missing_s = at_s - due_s
                if not _JUMP_S < missing_s < _LONGEST_LOSS_S:
                    missing_s = 0.0
                due_s = None if at_s is None else at_s + frame.samples / frame.rate
                missing = round(missing_s * frame.rate)
                frame.pts = None
                for made in resampler.resample(frame):
                    heard = made.to_ndarray().reshape(-1, len(made.layout.channels))
                    piece = Piece(heard.astype(np.float32), now_s, missing)
                    missing = 0
                    self._call(self._put, piece)


class StreamMicrophone(NetworkSource):
    """A stream that FFmpeg opens. See `source.NetworkSource`."""

    Options = StreamOptions

    def __init__(
        self, options: StreamOptions, part: ComponentHealth, backoff: Backoff = NEAR
    ) -> None:
        """Nothing is opened before the context is entered."""
        super().__init__(options, part, backoff)
        self._options = options
        parts = urlsplit(options.url)  # what follows a question mark may be a secret
        self.name = f"The stream {parts.scheme}://{parts.netloc}{parts.path}"

    async def _connect(self) -> _Player:
        try:
            av = libraries()
        except ImportError as error:
            raise MissingExtraError("The source `stream` (PyAV)", "network") from error
        player = _Player(av, self._options, self.name, self._part.count)
        await player.open()
        return player


def _reason(error: Exception, av: Any) -> str:
    """Why FFmpeg failed, without the address, which holds the password."""
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return "user or password is wrong"
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return "no answer"
    text = getattr(error, "strerror", None) or type(error).__name__
    return " ".join(str(text).split()).strip(" .").lower()[:100]
