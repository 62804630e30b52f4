"""Answers a request of the HTTP server by an ASGI application.

aiohttp-asgi does the same, but never tells the application that a client has left: one that waits
for this, as a stream of events does, would wait without a pause.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from aiohttp import web

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
_LOOK_EVERY_S = 0.25
"""How often it is checked whether a client that waits for an answer has left."""
_OF_THE_CONNECTION = (b"connection", b"keep-alive", b"transfer-encoding", b"upgrade")


async def answered(
    app: AsgiApp, request: web.Request, body: bytes, closing: asyncio.Event
) -> web.StreamResponse:
    """What an application answers; sent as it comes.

    Args:
        app: the application.
        request: the request; its body was read already.
        body: its body.
        closing: when set, the application learns that the client has left.
    """
    exchange = _Exchange(request, body, closing)
    try:
        await app(_scope(request), exchange.receive, exchange.send)
    finally:
        exchange.done.set()
    if exchange.answer is None:  # it had no time to answer before the client left
        return web.Response(status=503)
    return exchange.answer


class _Exchange:
    """One request and its answer, as the messages of ASGI."""

    def __init__(self, request: web.Request, body: bytes, closing: asyncio.Event) -> None:
        self._request = request
        self._body: bytes | None = body
        self._closing = closing
        self.done = asyncio.Event()
        self.answer: web.StreamResponse | None = None

    async def receive(self) -> Message:
        """The body; then, once the client has left or has its answer, that it has left."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        while not (self.done.is_set() or self._closing.is_set() or self._gone()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self.done.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Send the head of the answer, or a piece of it."""
        if message["type"] == "http.response.start":
            self.answer = web.StreamResponse(status=message["status"])
            for name, value in message.get("headers", ()):
                if name.lower() not in _OF_THE_CONNECTION:
                    self.answer.headers.add(name.decode("latin-1"), value.decode("latin-1"))
            return
        if message["type"] != "http.response.body" or self.answer is None:
            raise RuntimeError(f"{message['type']} comes too early, or is unknown.")
        if self.done.is_set():
            return
        try:
            if not self.answer.prepared:
                await self.answer.prepare(self._request)
            if message.get("body"):
                await self.answer.write(message["body"])
            if not message.get("more_body", False):
                await self.answer.write_eof()
                self.done.set()
        except ConnectionError:  # the client has left: `receive` says so
            self.done.set()

    def _gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()


def _scope(request: web.Request) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.raw_path.partition("?")[0].encode("ascii", "ignore"),
        "query_string": request.query_string.encode("utf-8", "replace"),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": (request.remote or "", 0),
        "server": None,
    }
