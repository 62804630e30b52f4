"""The program's own HTTP API: states, events, metrics, instructions and commands.

Bound to this machine unless set otherwise; beyond it a token is needed. Every request passes the
guards of rest/guards.py first; its data passes `inbound`, the one check of input.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError
from pydantic import Field, SecretStr, model_validator

from roastwatch.channel import Events, Latest
from roastwatch.entities import ENTITIES
from roastwatch.errors import LostError
from roastwatch.files.json_values import json_safe
from roastwatch.option_types import Host
from roastwatch.options import Options
from roastwatch.sinks import incoming as asking
from roastwatch.sinks.rest import guards as http_guards
from roastwatch.sinks.rest.check import check_port
from roastwatch.sinks.rest.listener import ConnectionLimits, Listener
from roastwatch.sinks.rest.metrics import exposition, registry
from roastwatch.sinks.sink import Finding, Sink, SinkContext
from roastwatch.supervise import retry_forever
from roastwatch.vocabulary import RoastEvent, Snapshot

_KEPT = 200
_IDLE_S = 10.0
"""A connection is closed if its request headers are incomplete for this long."""
_COMMANDS_AT_ONCE = 16


class RestOptions(Options):
    """The HTTP API."""

    host: Host = Field("127.0.0.1", description="Address to serve on; 0.0.0.0: every network.")
    port: int = Field(8099, description="TCP port to serve on.", ge=1, le=65535)
    token: SecretStr | None = Field(
        None, description="Bearer token of every request; required beyond this machine."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="More host names to accept, such as roaster.lan; addresses, "
        "localhost and this machine's own name are always allowed.",
    )

    @model_validator(mode="after")
    def _a_token_beyond_this_machine(self) -> "RestOptions":
        if self.token is None and not http_guards.is_loopback(self.host):
            raise ValueError(f"set a token (token_file) to serve on {self.host}, or host 127.0.0.1")
        return self


class RestSink(Sink):
    """Serves until cancelled; a port in use is retried and shown as a problem."""

    Options = RestOptions

    def __init__(self, options: RestOptions, context: SinkContext) -> None:
        self._options = options
        self._context = context
        self._kept: deque[RoastEvent] = deque(maxlen=_KEPT)
        self._latest: Latest[dict[str, Snapshot]] = Latest()
        self._listener: Listener | None = None
        self._commands = 0
        self._registry = registry(lambda: self._latest.value or {})

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Keep the newest events, and serve them."""
        self._latest = latest
        async with asyncio.TaskGroup() as group:
            group.create_task(retry_forever(self._context.part, self._serve), name="rest:serve")
            async for event in events:
                self._kept.append(event)

    async def check(self) -> Sequence[Finding]:
        """Whether the port is free, or used by a running roastwatch."""
        return [await check_port(self._options.host, self._options.port)]

    async def _serve(self) -> None:
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            logger=_http_log(),
            keepalive_timeout=_IDLE_S,
            lingering_time=0.5,
            auto_decompress=False,
            shutdown_timeout=1.0,
        )
        await runner.setup()
        assert runner.server is not None
        listener = self._listener = Listener(
            runner.server, self._context.part.count, ConnectionLimits(head_within_s=_IDLE_S)
        )
        try:
            host, port = self._options.host, self._options.port
            try:
                await listener.open(host, port)
            except OSError as error:
                raise LostError(
                    f"The API can't serve on {host}:{port} ({error.strerror})."
                ) from error
            self._context.part.running()
            await asyncio.Event().wait()
        finally:
            await listener.close()
            await runner.cleanup()

    def _application(self) -> web.Application:
        options = self._options
        guards = [
            http_guards.errors_as_json,
            http_guards.hosts(options.host, *options.allowed_hosts),
        ]
        if options.token is not None:
            secret = options.token.get_secret_value()
            guards.append(http_guards.token(secret, ("/health",), self._trust))
        guards.append(http_guards.no_web_page_changes_anything)
        app = web.Application(middlewares=guards, client_max_size=http_guards.LARGEST_BODY)
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

    def _trust(self, request: web.Request) -> None:
        if self._listener is not None:
            self._listener.trust(request.transport)

    async def _health(self, request: web.Request) -> web.Response:
        """The problems; without the token only their number, as the texts name devices."""
        snapshots = (self._latest.value or {}).values()
        problems = [p.problem for s in snapshots for p in s.parts if p.problem]
        token = self._options.token
        knows = token is None or http_guards.carries(request, token.get_secret_value())
        shown = problems if knows else len(problems)
        return web.json_response({"problems": shown}, status=200 if snapshots else 503)

    async def _stations(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {name: _values(snapshot) for name, snapshot in (self._latest.value or {}).items()}
        )

    async def _events(self, _request: web.Request) -> web.Response:
        rows = (asdict(event) for event in self._kept)
        return web.json_response(
            [json_safe({key: row[key] for key in row if key != "known_s"}) for row in rows]
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = exposition(self._registry, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _instruct(self, request: web.Request) -> web.Response:
        station = request.match_info["station"]
        if station not in self._context.stations:
            return self._no_station()
        body = await http_guards.json_body(request)
        instruction = asking.instruction(station, body, by=f"rest {request.remote}")
        self._context.requests.instruct(instruction)
        return web.json_response({"accepted": instruction.kind.value}, status=202)

    async def _command(self, request: web.Request) -> web.Response:
        station = request.match_info["station"]
        if station not in self._context.stations:
            return self._no_station()
        command = asking.command(station, await http_guards.json_body(request))
        if self._commands >= _COMMANDS_AT_ONCE or self._listener is None:
            return http_guards.refusal(503, "Too many commands at once: try again.")
        self._commands += 1
        try:
            with self._listener.busy(request.transport):
                result = await self._context.requests.command(command)
        finally:
            self._commands -= 1
        done = result.outcome.value in ("applied", "limited")
        return web.json_response(json_safe(result), status=200 if done else 409)

    def _no_station(self) -> web.Response:
        known = ", ".join(self._context.stations)
        return http_guards.refusal(404, f"There is no such station: {known}.")


def _values(snapshot: Snapshot) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for row in ENTITIES:
        if row.value_of is None or not row.offered(snapshot):
            continue
        found[row.key] = json_safe(row.value(snapshot))
        more = row.attributes_of(snapshot) if row.attributes_of else {}
        found |= {f"{row.key}_{name}": value for name, value in more.items()}
    return found


class _OneLine(logging.Filter):
    """Invalid HTTP of clients is logged in one line, without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if isinstance(error, HttpProcessingError | web.RequestPayloadError | UnicodeError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = "A client sent invalid HTTP (%s)", (type(error).__name__,)
        return True


def _http_log() -> logging.Logger:
    log = logging.getLogger(f"{__name__}.http")
    if not log.filters:
        log.addFilter(_OneLine())
    return log
