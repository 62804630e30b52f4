"""Serves Artisan, which connects by itself: its "WebSocket" device.

Artisan asks for values and sets the marks that it is sent. Its buttons and sliders send commands,
which pass the interlocks as those of any person do.
"""

import asyncio
import errno
import re
from collections.abc import Sequence
from functools import partial

from roastwatch.channel import Events, Latest
from roastwatch.errors import BadInputError
from roastwatch.sinks.artisan import refusals
from roastwatch.sinks.artisan.aset import websocket_settings
from roastwatch.sinks.artisan.channels import row
from roastwatch.sinks.artisan.commands import Request, answer
from roastwatch.sinks.artisan.marks import Marks
from roastwatch.sinks.artisan.options import ArtisanOptions
from roastwatch.sinks.artisan.server import Client, Server
from roastwatch.sinks.sink import Finding, Sink, SinkContext
from roastwatch.supervise import retry_forever
from roastwatch.vocabulary import (
    Command,
    Instruction,
    InstructionKind,
    Level,
    Outcome,
    RoastEvent,
    Snapshot,
)

PATH = "WebSocket"


class ArtisanSink(Sink):
    """Serves until cancelled; a port in use is retried and shown as a problem."""

    Options = ArtisanOptions
    sends_at_once = True

    def __init__(self, options: ArtisanOptions, context: SinkContext) -> None:
        self._options = options
        self._context = context
        self._part = context.part
        self._latest: Latest[dict[str, Snapshot]] = Latest()
        level = Level(options.mark_first_crack)
        self._marks = {name: Marks(level) for name in context.stations}
        self._refusals = refusals.Refusals()
        paths = {PATH: context.stations[0]}
        paths |= {f"{PATH}/{name}": name for name in context.stations}
        token = options.token.get_secret_value() if options.token is not None else None
        self._server = Server(
            paths, token, self._part.count, self._handle, self._welcome, self._settings_file
        )

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Serve, and mark events as they come."""
        self._latest = latest
        serve = partial(
            self._server.serve, self._options.host, self._options.port, self._part.running
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(retry_forever(self._part, serve), name="artisan:serve")
            group.create_task(self._follow(latest), name="artisan:states")
            async for event in events:
                self._mark(event)

    async def check(self) -> Sequence[Finding]:
        """Listen for a moment, as the sink will."""
        place = f"{self._options.host}:{self._options.port}"
        try:
            server = await asyncio.get_running_loop().create_server(
                asyncio.Protocol, self._options.host, self._options.port
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                said = f"{place} is in use: by a running roastwatch, or set another port"
                return [Finding(None, said)]
            return [
                Finding(False, f"{place} can't be served ({error.strerror}): set host and port")
            ]
        server.close()
        await server.wait_closed()
        return [Finding(True, f"{place} is free: Artisan will be served there")]

    def _mark(self, event: RoastEvent) -> None:
        marks = self._marks.get(event.station)
        message = marks.due(event) if marks is not None else None
        if message is None:
            return
        for client in self._server.clients:
            if client.station == event.station:
                client.put(message)
                self._part.count("events_told")

    def _welcome(self, client: Client) -> None:
        for message in self._marks[client.station].young():
            client.put(message)

    async def _follow(self, latest: Latest[dict[str, Snapshot]]) -> None:
        async for snapshots in latest.changes():
            for shown in snapshots.values():
                self._refusals.follow(shown)

    async def _handle(self, client: Client, asked: Request) -> None:
        """Carry out one request, and answer it."""
        if asked.wish is None:
            shown = (self._latest.value or {}).get(client.station)
            values = row(shown, self._refusals.code(client.station)) if shown is not None else {}
            if asked.number is not None:
                client.put({"id": asked.number, "data": values})
            return
        self._part.count("wishes")
        ok, sentence = await self._carry_out(client.station, asked.wish)
        if not ok:
            self._part.count("wishes_refused")
        if asked.number is not None:
            client.put(answer(asked.number, ok, sentence))

    async def _carry_out(self, station: str, wish: Instruction | Command) -> tuple[bool, str]:
        """Whether it was accepted, and a sentence for Artisan's message line."""
        if not self._allows(wish):
            return False, "Refused: `control: false` in the settings of roastwatch."
        if isinstance(wish, Instruction):
            words = wish.kind.value.replace("_", " ")
            if self._marks[station].echoes(wish.kind):
                return True, f"{words}: already marked"
            self._context.requests.instruct(wish)
            return True, f"{words}: sent"
        result = await self._context.requests.command(wish)
        if result.outcome is Outcome.APPLIED:
            shown = wish.target if result.applied is None else result.applied
            return True, f"{wish.actuator.value}: {shown:.0f} %"
        code = refusals.code(result)
        self._refusals.note(station, code)
        reason = result.reason or f"{wish.actuator.value}: {result.outcome.value}"
        return not code, reason

    def _allows(self, wish: Instruction | Command) -> bool:
        stops = isinstance(wish, Instruction) and wish.kind is InstructionKind.EMERGENCY_STOP
        return self._options.control or stops

    def _settings_file(self, host_and_port: str, path: str) -> str:
        """Artisan's settings for the address under which it was asked for."""
        if not re.fullmatch(r"[A-Za-z0-9.:\[\]-]{1,255}", host_and_port):
            raise BadInputError("The Host header is not an address.")
        host, colon, port = host_and_port.rpartition(":")
        if not colon or not port.isdecimal():
            host, port = host_and_port, "80"
        return websocket_settings(host, int(port), path)
