"""One client of `/api/v1/live`: a WebSocket, its outbox, and what it may send."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

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
_SNAPSHOTS, _WITHIN_S = 10, 10.0
"""How many snapshots a client may request in which time."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a client is disconnected."""

    code: WSCloseCode
    sentence: str


class LiveClients:
    """The open WebSockets of one server."""

    def __init__(self, live: Live, most: int = 32) -> None:
        self._live = live
        self._most = most
        self._open: set[web.WebSocketResponse] = set()

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
        outbox = self._live.join()
        self._open.add(socket)
        sending = asyncio.create_task(self._send(socket, outbox, allowed), name="live:send")
        try:
            await _receive(socket, outbox)
        finally:
            self._open.discard(socket)
            self._live.leave(outbox)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return socket

    async def close(self) -> None:
        """The server ends: say so to everybody."""
        ends = b"roastwatch has ended"
        closing = (one.close(code=WSCloseCode.GOING_AWAY, message=ends) for one in list(self._open))
        await asyncio.gather(*closing, return_exceptions=True)

    async def _send(
        self, socket: web.WebSocketResponse, outbox: LiveOutbox, allowed: Callable[[], bool]
    ) -> None:
        with contextlib.suppress(ClientConnectionError, ConnectionError):
            while not socket.closed:
                message: str | None
                try:
                    async with asyncio.timeout(_BEAT_S):
                        message = await outbox.take()
                except TimeoutError:
                    message = beat()
                if not allowed():
                    await _refuse(socket, _Refusal(WSCloseCode.POLICY_VIOLATION, "Sign in again."))
                    return
                await socket.send_str(self._live.snapshot() if message is None else message)


async def _receive(socket: web.WebSocketResponse, outbox: LiveOutbox) -> None:
    """Read requests until the client goes, or sends what is not one."""
    loop = asyncio.get_running_loop()
    since_s, number = loop.time(), 0
    async for message in socket:
        if loop.time() - since_s > _WITHIN_S:
            since_s, number = loop.time(), 0
        number += 1
        refusal = _refusal(message.type, message.data)
        if refusal is None and number > _SNAPSHOTS:
            said = f"Request at most {_SNAPSHOTS} snapshots in {_WITHIN_S:.0f} s."
            refusal = _Refusal(WSCloseCode.POLICY_VIOLATION, said)
        if refusal is not None:
            with contextlib.suppress(ClientConnectionError, ConnectionError):
                await _refuse(socket, refusal)
            return
        outbox.start_over()


def _refusal(kind: WSMsgType, data: object) -> _Refusal | None:
    """Why a message is not accepted; None: it requests a snapshot."""
    if kind is not WSMsgType.TEXT or not isinstance(data, str):
        return _Refusal(WSCloseCode.UNSUPPORTED_DATA, "Send JSON as text.")
    try:
        asked = inbound.json_object(
            data, "The message", inbound.InboundLimits(size=LONGEST_MESSAGE)
        )
        inbound.one_of(asked.get("type"), "type", ("snapshot",))
    except BadInputError as error:
        return _Refusal(WSCloseCode.POLICY_VIOLATION, str(error))
    return None


async def _refuse(socket: web.WebSocketResponse, refusal: _Refusal) -> None:
    await socket.send_str(refused(refusal.sentence))
    await socket.close(code=refusal.code, message=refusal.sentence.encode()[:120])
