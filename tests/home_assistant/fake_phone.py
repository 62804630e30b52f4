"""A companion app that takes pushes and presses buttons, over the app's own API."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from tests.home_assistant.running import Talk


class FakePhone:
    """Registered at a real Home Assistant; its push service is this process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.service = f"notify.mobile_app_{name}"
        self.pushed: list[dict[str, Any]] = []
        self.failures: list[int] = []
        """Statuses that the push service answers first."""
        self._webhook = ""

    async def _push(self, request: web.Request) -> web.Response:
        if self.failures:
            return web.Response(status=self.failures.pop(0))
        self.pushed.append(await request.json())
        return web.json_response({"rateLimits": {}}, status=201)

    def alerts(self) -> list[dict[str, Any]]:
        """What a person sees: neither the live notification nor its clearing."""
        return [
            one
            for one in self.pushed
            if one["message"] != "clear_notification" and not one["data"].get("live_update")
        ]

    @contextlib.asynccontextmanager
    async def registered(self, talk: Talk) -> AsyncIterator["FakePhone"]:
        """Serving pushes, and known to Home Assistant."""
        app = web.Application()
        app.router.add_post("/push", self._push)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port = runner.addresses[0][1]
            registration = {
                "device_id": self.name,
                "app_id": "io.homeassistant.companion.android",
                "app_name": "Home Assistant",
                "app_version": "2026.11",
                "device_name": self.name,
                "manufacturer": "Test",
                "model": "Fake",
                "os_name": "Android",
                "os_version": "16",
                "supports_encryption": False,
                "app_data": {"push_token": "t", "push_url": f"http://127.0.0.1:{port}/push"},
            }
            known = await talk.post("/api/mobile_app/registrations", registration)
            self._webhook = known["webhook_id"]
            yield self
        finally:
            await runner.cleanup()

    async def press(self, talk: Talk, action: str) -> None:
        """A button of a notification, as the app reports it."""
        fired = {
            "event_type": "mobile_app_notification_action",
            "event_data": {"action": action, "device_id": self.name},
        }
        path = f"/api/webhook/{self._webhook}"
        async with talk.session.post(path, json={"type": "fire_event", "data": fired}) as answer:
            assert answer.status == 200, await answer.text()
