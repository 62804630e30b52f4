"""A phone with the companion app: its push service, and its presses. Speaks the real API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.home_assistant.running import Talk

_LIMITS = {
    "rateLimits": {
        "successful": 1,
        "errors": 0,
        "maximum": 500,
        "remaining": 499,
        "resetsAt": "2030-01-01T00:00:00.000Z",
    }
}


@dataclass
class Phone:
    """What was pushed to it, and what it answers."""

    talk: Talk
    name: str
    webhook: str = ""
    pushed: list[dict[str, Any]] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    """Statuses that its push service answers first."""

    @property
    def service(self) -> str:
        """What Home Assistant calls it."""
        return f"notify.mobile_app_{self.name}"

    async def press(self, action: str) -> None:
        """Press a button of a notification."""
        said = {"event_type": "mobile_app_notification_action", "event_data": {"action": action}}
        path = f"/api/webhook/{self.webhook}"
        async with self.talk.session.post(
            path, json={"type": "fire_event", "data": said}
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def device_id(self) -> str:
        """Its id in the device registry."""
        devices = await self.talk.call("config/device_registry/list")
        found: str = next(device["id"] for device in devices if device["name"] == self.name)
        return found


@asynccontextmanager
async def phone(talk: Talk, name: str) -> AsyncIterator[Phone]:
    """Register a phone at Home Assistant, with a push service of its own."""
    found = Phone(talk, name)

    async def push(request: web.Request) -> web.Response:
        if found.failures:
            return web.Response(status=found.failures.pop(0))
        found.pushed.append(await request.json())
        return web.json_response(_LIMITS, status=201)

    app = web.Application()
    app.router.add_post("/push", push)
    async with served(app) as port:
        registered = await talk.post(
            "/api/mobile_app/registrations",
            {
                "device_id": name,
                "app_id": "io.home-assistant.test",
                "app_name": "Test",
                "app_version": "1",
                "device_name": name,
                "manufacturer": "Test",
                "model": "Phone",
                "os_name": "Android",
                "os_version": "15",
                "supports_encryption": False,
                "app_data": {"push_token": "t", "push_url": f"http://127.0.0.1:{port}/push"},
            },
        )
        found.webhook = registered["webhook_id"]
        yield found


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[int]:
    """Serve on a free port, which is given."""
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server: Any = site._server
        yield server.sockets[0].getsockname()[1]
    finally:
        await runner.cleanup()
