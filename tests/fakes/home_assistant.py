"""Home Assistant's REST and WebSocket APIs on a port, as far as a sink uses them, with no manners.

It fires on its bus what is posted to it, as the real one does, and sends raw frames on demand.
(https://developers.home-assistant.io/docs/api/websocket)
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import WSMsgType, web


@dataclass
class FakeHomeAssistant:
    """Those who are connected, and what was fired."""

    url: str = ""
    sockets: dict[web.WebSocketResponse, dict[str, int]] = field(default_factory=dict)
    fired: list[tuple[str, Any]] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    """Those it has, such as `notify.mobile_app_pixel`."""
    called: Callable[[str, Any], None] = lambda _service, _data: None
    """Called with each call of a service: its name and its data."""
    takes_s: Callable[[Any], float] = lambda _data: 0.0
    """How long a call of a service takes, by its data."""
    connections: int = 0

    @property
    def heard(self) -> bool:
        """Whether somebody is subscribed."""
        return any(self.sockets.values())

    async def fire(self, event_type: str, data: Any) -> None:
        """An event on the bus, to all who subscribed to its type."""
        for socket, subscribed in list(self.sockets.items()):
            if event_type in subscribed:
                event = {
                    "event_type": event_type,
                    "data": data,
                    "origin": "REMOTE",
                    "time_fired": datetime.now(UTC).isoformat(),
                    "context": {"id": "01", "parent_id": None, "user_id": None},
                }
                message = {"id": subscribed[event_type], "type": "event", "event": event}
                await socket.send_str(json.dumps(message))

    async def send(self, text: str) -> None:
        """A raw frame to everybody."""
        for socket in list(self.sockets):
            if not socket.closed:
                await socket.send_str(text)

    async def _post(self, request: web.Request) -> web.Response:
        data = await request.json()
        self.fired.append((request.match_info["type"], data))
        await self.fire(request.match_info["type"], data)
        return web.json_response({"message": "fired"})

    async def _services(self, _request: web.Request) -> web.Response:
        rows = [service.split(".") for service in self.services]
        return web.json_response([{"domain": one, "services": {name: {}}} for one, name in rows])

    async def _call(self, request: web.Request) -> web.Response:
        service = f"{request.match_info['domain']}.{request.match_info['name']}"
        if service not in self.services:
            return web.json_response({"message": "Service not found."}, status=400)
        data = await request.json()
        if (takes_s := self.takes_s(data)) > 0.0:
            await asyncio.sleep(takes_s)
        self.called(service, data)
        return web.json_response([])

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        self.sockets[socket] = {}
        try:
            await socket.send_json({"type": "auth_required", "ha_version": "2026.11.0"})
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    break
                await self._answer(socket, json.loads(frame.data))
        finally:
            del self.sockets[socket]
        return socket

    async def _answer(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        match message["type"]:
            case "auth":
                await socket.send_json({"type": "auth_ok", "ha_version": "2026.11.0"})
                return
            case "ping":
                await socket.send_json({"id": message["id"], "type": "pong"})
                return
            case "subscribe_events":
                self.sockets[socket][message["event_type"]] = message["id"]
        done = {"id": message["id"], "type": "result", "success": True, "result": None}
        await socket.send_json(done)


@asynccontextmanager
async def home_assistant() -> AsyncIterator[FakeHomeAssistant]:
    """It runs, on a port of this machine."""
    fake = FakeHomeAssistant()

    async def ok(_request: web.Request) -> web.Response:
        return web.json_response({"state": "RUNNING", "message": "API running."})

    app = web.Application()
    app.add_routes(
        [
            web.get("/api/", ok),
            web.get("/api/config", ok),
            web.get("/api/services", fake._services),
            web.post("/api/services/{domain}/{name}", fake._call),
            web.post("/api/events/{type}", fake._post),
            web.get("/api/websocket", fake._socket),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        for socket in list(fake.sockets):
            await asyncio.wait_for(socket.close(), 5)
        await runner.cleanup()
