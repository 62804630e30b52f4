"""The program's own HTTP API: states, events, metrics, instructions and commands.

Bound to this machine unless told otherwise; beyond it a token is needed. What changes something
takes JSON only and refuses other origins, so that no web page can press a button by itself.
"""

import asyncio
import hmac
import ipaddress
import json
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic import Field, SecretStr, model_validator

from roastwatch.channel import Events, Latest
from roastwatch.entities import ENTITIES
from roastwatch.errors import LostError
from roastwatch.option_types import Host
from roastwatch.options import Options
from roastwatch.sinks.rest_check import check_port
from roastwatch.sinks.sink import Finding, Told
from roastwatch.supervise import retry_forever
from roastwatch.vocabulary import (
    Actuator,
    Command,
    Instruction,
    InstructionKind,
    Origin,
    RoastEvent,
    Snapshot,
)

_KEPT = 200
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RestOptions(Options):
    """The HTTP API."""

    host: Host = Field("127.0.0.1", description="Address to serve on; 0.0.0.0: every network.")
    port: int = Field(8099, description="TCP port to serve on.", ge=1, le=65535)
    token: SecretStr | None = Field(
        None, description="Bearer token that every request must carry; needed beyond this machine."
    )

    @model_validator(mode="after")
    def _a_token_beyond_this_machine(self) -> "RestOptions":
        if self.token is None and not _is_loopback(self.host):
            raise ValueError(f"set a token (token_file) to serve on {self.host}, or host 127.0.0.1")
        return self


class RestSink:
    """Serves until cancelled; a port in use is retried and shown as a problem."""

    Options = RestOptions

    def __init__(self, options: RestOptions, told: Told) -> None:
        self._options = options
        self._told = told
        self._kept: deque[RoastEvent] = deque(maxlen=_KEPT)
        self._latest: Latest[dict[str, Snapshot]] = Latest()

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Keep the newest events, and serve them."""
        self._latest = latest
        async with asyncio.TaskGroup() as group:
            group.create_task(retry_forever(self._told.part, self._serve), name="rest:serve")
            async for event in events:
                self._kept.append(event)

    async def check(self) -> Sequence[Finding]:
        """Whether the port is free, or held by a roastwatch that runs."""
        return [await check_port(self._options.host, self._options.port)]

    async def _serve(self) -> None:
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            host, port = self._options.host, self._options.port
            try:
                await web.TCPSite(runner, host, port).start()
            except OSError as error:
                raise LostError(
                    f"The API can't serve on {host}:{port} ({error.strerror})."
                ) from error
            self._told.part.running()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=65_536)
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/metrics", self._metrics),
                web.get("/api/stations", self._stations),
                web.get("/api/events", self._events),
                web.post("/api/stations/{station}/instruct", self._instruct),
                web.post("/api/stations/{station}/command", self._command),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        token = self._options.token
        if token is not None and request.path != "/health":
            given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
            if not hmac.compare_digest(given, token.get_secret_value().encode()):
                return _refusal(401, "Send the token as `Authorization: Bearer TOKEN`.")
        if request.method == "POST":
            if request.headers.get("Origin") or request.content_type != "application/json":
                return _refusal(415, "Send JSON as application/json, and not from a web page.")
            if request.match_info.get("station") not in self._told.stations:
                known = ", ".join(self._told.stations)
                return _refusal(404, f"There is no such station: {known}.")
        return await handler(request)

    async def _health(self, _request: web.Request) -> web.Response:
        snapshots = (self._latest.value or {}).values()
        problems = [p.problem for s in snapshots for p in s.parts if p.problem]
        return web.json_response({"problems": problems}, status=200 if snapshots else 503)

    async def _stations(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {name: _values(snapshot) for name, snapshot in (self._latest.value or {}).items()}
        )

    async def _events(self, _request: web.Request) -> web.Response:
        rows = (asdict(event) for event in self._kept)
        return web.json_response(
            [_plain({key: row[key] for key in row if key != "known_s"}) for row in rows]
        )

    async def _metrics(self, _request: web.Request) -> web.Response:
        lines = []
        for name, snapshot in (self._latest.value or {}).items():
            for key, value in _values(snapshot).items():
                if isinstance(value, bool | int | float):
                    lines.append(f'roastwatch_{key}{{station="{name}"}} {float(value):g}')
        return web.Response(text="\n".join(sorted(lines)) + "\n")

    async def _instruct(self, request: web.Request) -> web.Response:
        body = await _body(request)
        try:
            kind = InstructionKind(str(body.get("kind")))
        except ValueError:
            return _refusal(400, f"kind is one of {', '.join(InstructionKind)}.")
        value = body.get("value")
        if value is not None and not isinstance(value, str | int | float):
            return _refusal(400, "value is a number or a text.")
        self._told.requests.instruct(
            Instruction(
                request.match_info["station"],
                kind,
                Origin.PERSON,
                datetime.now(UTC),
                value,
                by=f"rest {request.remote}",
            )
        )
        return web.json_response({"accepted": kind.value}, status=202)

    async def _command(self, request: web.Request) -> web.Response:
        body = await _body(request)
        percent = body.get("percent")
        if (
            isinstance(percent, bool)
            or not isinstance(percent, int | float)
            or not 0 <= percent <= 100
        ):
            return _refusal(400, "percent is a number from 0 to 100.")
        try:
            actuator = Actuator(str(body.get("actuator")))
        except ValueError:
            return _refusal(400, f"actuator is one of {', '.join(Actuator)}.")
        result = await self._told.requests.command(
            Command(
                uuid.uuid4().hex,
                request.match_info["station"],
                actuator,
                float(percent),
                Origin.PERSON,
                time.monotonic(),
            )
        )
        done = result.outcome.value in ("applied", "limited")
        return web.json_response(_plain(asdict(result)), status=200 if done else 409)


def _values(snapshot: Snapshot) -> dict[str, Any]:
    rows = (row for row in ENTITIES if row.value_of is not None and row.offered(snapshot))
    return {row.key: _plain(row.value(snapshot)) for row in rows}


def _plain(value: Any) -> Any:
    """JSON's own types: dates as ISO 8601, infinities as null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:
        return None
    return value


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        text = json.dumps({"error": "The body must be a JSON object."})
        raise web.HTTPBadRequest(text=text, content_type="application/json")
    return body


def _refusal(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
