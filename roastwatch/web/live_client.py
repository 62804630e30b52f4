"""One client of `/api/v1/live`: a WebSocket, its outbox, and what it may send."""

import asyncio
import contextlib
import socket as sockets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientConnectionError, WSCloseCode, WSMsgType, web

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.web.live import Live, LiveOutbox, beat, refused

LONGEST_MESSAGE = 1024
"""Bytes of a client's message."""
_BEAT_S = 10.0
"""A message is sent at least this often."""
_PING_S = 15.0
"""A client that answers no ping within half of this is disconnected."""
_BUFFERED = 16 * 1024
"""Bytes that are written before the connection is asked whether it can take more."""
_UNSENT = 16 * 1024
"""Bytes that the kernel takes beyond what is on its way. By default it takes megabytes, so that an
event would wait behind them on a slow line."""
_REQUESTS = {"snapshot": "Request at most {} snapshots in {:.0f} s.",
             "subscribe": "Subscribe at most {} times in {:.0f} s."}  # fmt: skip
"""What a client may send, and the refusal of too many."""
_SUBJECTS = ("spectrogram", "entities")
"""What a client may subscribe to."""
_MOST, _WITHIN_S = 10, 10.0
"""How many of each kind a client may send in which time."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a client is disconnected."""

    code: WSCloseCode
    sentence: str


_ENDED = _Refusal(WSCloseCode.POLICY_VIOLATION, "Sign in again.")


class LiveClients:
    """The open WebSockets of one server."""

    def __init__(self, live: Live, most: int = 32) -> None:
        self.live = live
        self._most = most
        self._open: dict[web.WebSocketResponse, Callable[[], bool]] = {}
        """Each with whether it is still allowed."""

    @property
    def full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self._open) >= self._most

    async def serve(
        self, request: web.Request, allowed: Callable[[], bool]
    ) -> web.WebSocketResponse:
        """Serve one client until it goes, or is `allowed` no longer."""
        socket = web.WebSocketResponse(
            heartbeat=_PING_S,
            max_msg_size=LONGEST_MESSAGE,
            writer_limit=_BUFFERED,
            compress=False,
            timeout=1.0,
        )
        await socket.prepare(request)
        _hold_little(request.transport)
        outbox = self.live.join()
        self._open[socket] = allowed
        sending = asyncio.create_task(
            self._send(socket, request.transport, outbox, allowed), name="live:send"
        )
        try:
            await self._receive(socket, outbox)
        finally:
            del self._open[socket]
            self.live.leave(outbox)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return socket

    async def close(self) -> None:
        """The server ends: say so to everybody."""
        ends = b"roastwatch has ended"
        closing = (one.close(code=WSCloseCode.GOING_AWAY, message=ends) for one in list(self._open))
        await asyncio.gather(*closing, return_exceptions=True)

    async def turn_away(self) -> None:
        """Disconnect those whose session or token has ended."""
        ended = [socket for socket, allowed in self._open.items() if not allowed()]
        refusing = (_refuse(socket, _ENDED) for socket in ended)
        await asyncio.gather(*refusing, return_exceptions=True)

    async def _send(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        outbox: LiveOutbox,
        allowed: Callable[[], bool],
    ) -> None:
        with contextlib.suppress(ClientConnectionError, ConnectionError):
            while not socket.closed:
                message: str | bytes | None
                try:
                    async with asyncio.timeout(_BEAT_S):
                        message = await outbox.take()
                except TimeoutError:
                    message = beat()
                if not allowed():
                    await _refuse(socket, _ENDED)
                    return
                if isinstance(message, bytes):
                    if transport is None or not transport.get_write_buffer_size():
                        await socket.send_bytes(message)
                    else:  # the line is slow: the next event must not wait behind it
                        outbox.frames_dropped += 1
                    continue
                if message is None:
                    message = self.live.snapshot()
                    self.live.give_entities(outbox)
                await socket.send_str(message)

    async def _receive(self, socket: web.WebSocketResponse, outbox: LiveOutbox) -> None:
        """Read requests until the client goes, or sends what is not one."""
        loop = asyncio.get_running_loop()
        since_s, numbers = loop.time(), Counter[str]()
        async for message in socket:
            if loop.time() - since_s > _WITHIN_S:
                since_s, numbers = loop.time(), Counter()
            request = _request(message.type, message.data)
            if not isinstance(request, _Refusal):
                kind = request["type"]
                numbers[kind] += 1
                if numbers[kind] <= _MOST:
                    if kind == "snapshot":
                        outbox.start_over()
                    else:
                        self._subscribe(outbox, request)
                    continue
                said = _REQUESTS[kind].format(_MOST, _WITHIN_S)
                request = _Refusal(WSCloseCode.POLICY_VIOLATION, said)
            with contextlib.suppress(ClientConnectionError, ConnectionError):
                await _refuse(socket, request)
            return

    def _subscribe(self, outbox: LiveOutbox, request: dict[str, Any]) -> None:
        """Begin or end what a request names; the rest stays as it is."""
        if "spectrogram" in request:
            self.live.watch(outbox, wanted=request["spectrogram"])
        if "entities" in request:
            self.live.watch_entities(outbox, wanted=request["entities"])


def _hold_little(transport: asyncio.Transport | None) -> None:
    """Let what is not on its way yet wait in the outbox, where its order is known."""
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is not None and hasattr(sockets, "TCP_NOTSENT_LOWAT"):
        with contextlib.suppress(OSError):
            sock.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NOTSENT_LOWAT, _UNSENT)


def _request(kind: WSMsgType, data: object) -> dict[str, Any] | _Refusal:
    """What a client asks for, or why it is not accepted."""
    if kind is not WSMsgType.TEXT or not isinstance(data, str):
        return _Refusal(WSCloseCode.UNSUPPORTED_DATA, "Send JSON as text.")
    try:
        asked = inbound.json_object(
            data, "The message", inbound.InboundLimits(size=LONGEST_MESSAGE)
        )
        inbound.one_of(asked.get("type"), "type", tuple(_REQUESTS))
        if asked["type"] == "subscribe":
            _check_subjects({name: asked[name] for name in _SUBJECTS if name in asked})
    except BadInputError as error:
        return _Refusal(WSCloseCode.POLICY_VIOLATION, str(error))
    return asked


def _check_subjects(named: dict[str, Any]) -> None:
    if not named:
        raise BadInputError(f"Subscribe to {' or '.join(_SUBJECTS)}.")
    for name, wanted in named.items():
        if not isinstance(wanted, bool):
            raise BadInputError(f"{name} must be true or false.")


async def _refuse(socket: web.WebSocketResponse, refusal: _Refusal) -> None:
    await socket.send_str(refused(refusal.sentence))
    await socket.close(code=refusal.code, message=refusal.sentence.encode()[:120])
