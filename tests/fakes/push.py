"""Push services as small HTTP servers that take only what each one's own protocol allows."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import apprise
import pytest
from aiohttp import web

HANGS = 0
"""Instead of a status: take the request and never answer it."""

TOKEN = "123456789:abcdefghijklmnopqrstuvwxyz_-ABCDEFG"


@dataclass(frozen=True)
class Taken:
    """A message that a service took."""

    title: str
    text: str


Understand = Callable[[str, str], Taken | None]


def ntfy(path: str, body: str) -> Taken | None:
    """JSON to the root, with a topic (https://docs.ntfy.sh/publish/#publish-as-json)."""
    said = json.loads(body)
    if path != "/" or said.get("topic") != "roasts":
        return None
    return Taken(said["title"], said["message"])


def pushover(path: str, body: str) -> Taken | None:
    """A form with token, user and message (https://pushover.net/api)."""
    form = {key: values[0] for key, values in parse_qs(body).items()}
    if path != "/1/messages.json" or form.get("token") != "t" * 30 or form.get("user") != "u" * 30:
        return None
    return Taken(form.get("title", ""), form["message"])


def telegram(path: str, body: str) -> Taken | None:
    """sendMessage of a bot (https://core.telegram.org/bots/api#sendmessage)."""
    said = json.loads(body)
    if path != f"/bot{TOKEN}/sendMessage" or str(said.get("chat_id")) != "12315544":
        return None
    return Taken("", said["text"])


@dataclass
class PushService:
    """One of them on a port of this machine."""

    understand: Understand
    url: str = ""
    troubles: list[int] = field(default_factory=list)
    """Statuses that it answers first, or HANGS."""
    taken: list[Taken] = field(default_factory=list)
    refused: int = 0
    malformed: list[str] = field(default_factory=list)


_TIMES_OUT = "cto=2&rto=0.3"


@asynccontextmanager
async def serving(name: str, patch: pytest.MonkeyPatch) -> AsyncIterator[PushService]:
    """Serve ntfy, pushover or telegram, and have apprise find it here."""
    service = PushService({"ntfy": ntfy, "pushover": pushover, "telegram": telegram}[name])
    ended = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        body = await request.text()
        trouble = service.troubles.pop(0) if service.troubles else None
        if trouble is not None:
            service.refused += 1
            if trouble == HANGS:
                await ended.wait()
            return web.Response(status=trouble or 503)
        taken = service.understand(request.path, body)
        if taken is None:
            service.malformed.append(f"{request.method} {request.path} {body}")
            return web.Response(status=400)
        service.taken.append(taken)
        return web.json_response({"ok": True, "status": 1, "result": {"message_id": 1}})

    app = web.Application()
    app.router.add_post("/{rest:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        here = f"127.0.0.1:{runner.addresses[0][1]}"
        service.url = {
            "ntfy": f"ntfy://{here}/roasts?{_TIMES_OUT}",
            "pushover": f"pover://{'u' * 30}@{'t' * 30}?{_TIMES_OUT}",
            "telegram": f"tgram://{TOKEN}/12315544/?{_TIMES_OUT}",
        }[name]
        # The addresses of these are fixed: the boundary of the protocol is where the fake stands.
        manager: Any = apprise.plugins.N_MGR
        for plugin in manager.plugins():
            if plugin.__name__ == "NotifyPushover":
                patch.setattr(plugin, "notify_url", f"http://{here}/1/messages.json")
            elif plugin.__name__ == "NotifyTelegram":
                patch.setattr(plugin, "notify_url", f"http://{here}/bot")
        yield service
    finally:
        ended.set()
        await runner.cleanup()
