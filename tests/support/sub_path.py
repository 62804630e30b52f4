"""A reverse proxy below a path, such as an ingress: it buffers answers and cuts idle sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType, web

PREFIX = "/api/hassio_ingress/h7Kq"
_HOP = {"connection", "upgrade", "host", "content-length", "transfer-encoding", "content-encoding"}


@dataclass
class SubPath:
    """What the proxy did."""

    url: str
    cut: int = 0
    """Sockets that were closed because nothing came through them."""


@contextlib.asynccontextmanager
async def sub_path(target: str, port: int, idle_s: float) -> AsyncIterator[SubPath]:
    """Serve `target` below PREFIX; a WebSocket without a message for `idle_s` is cut."""
    found = SubPath(f"http://127.0.0.1:{port}{PREFIX}/")
    async with aiohttp.ClientSession(auto_decompress=False) as client:

        async def answer(request: web.Request) -> web.StreamResponse:
            path = request.raw_path.removeprefix(PREFIX)
            headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
            headers["X-Forwarded-Host"] = request.host
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await _socket(request, client, target + path, headers)
            async with client.request(
                request.method, target + path, headers=headers, data=await request.read()
            ) as said:
                body = await said.read()  # buffered: nothing is passed on before all is there
                kept = {"content-length", "transfer-encoding", "connection"}
                passed = {k: v for k, v in said.headers.items() if k.lower() not in kept}
                return web.Response(status=said.status, body=body, headers=passed)

        async def _socket(
            request: web.Request, session: aiohttp.ClientSession, url: str, headers: dict[str, str]
        ) -> web.WebSocketResponse:
            headers = {
                k: v for k, v in headers.items() if not k.lower().startswith("sec-websocket")
            }
            ours = web.WebSocketResponse(timeout=1.0)
            async with session.ws_connect(
                url, headers=headers, timeout=aiohttp.ClientWSTimeout(ws_close=1)
            ) as theirs:
                await ours.prepare(request)
                to_server = asyncio.create_task(_pass(ours, theirs))
                try:
                    async with asyncio.timeout(None) as idle:
                        async for message in theirs:
                            idle.reschedule(asyncio.get_running_loop().time() + idle_s)
                            await _send(ours, message)
                except TimeoutError:
                    found.cut += 1
                finally:
                    to_server.cancel()
                    await asyncio.gather(to_server, return_exceptions=True)
            await ours.close()
            return ours

        app = web.Application()
        app.router.add_route("*", PREFIX + "/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield found
        finally:
            await runner.cleanup()


async def _pass(ours: web.WebSocketResponse, theirs: ClientWebSocketResponse) -> None:
    async for message in ours:
        await _send(theirs, message)


async def _send(
    to: web.WebSocketResponse | ClientWebSocketResponse, message: aiohttp.WSMessage
) -> None:
    if message.type is WSMsgType.TEXT:
        await to.send_str(message.data)
    elif message.type is WSMsgType.BINARY:
        await to.send_bytes(message.data)
