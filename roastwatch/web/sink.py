"""The program's own HTTP API as a sink: states, events, metrics, instructions and commands.

Bound to this machine unless set otherwise; beyond it a token or sign-in is needed. Every request
passes the guards of web/guards.py first; its data passes `inbound`, the one check of input.
"""

import asyncio
import contextlib
import errno
import itertools
import logging
import secrets
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.http import HttpProcessingError
from pydantic import Field, SecretStr, model_validator

from roastwatch.channel import Events, Feed, Latest
from roastwatch.errors import LostError
from roastwatch.option_types import Host
from roastwatch.options import Options
from roastwatch.sinks.arming import ArmingRequests
from roastwatch.sinks.sink import Finding, Sink, SinkContext
from roastwatch.supervise import Background, retry_forever
from roastwatch.vocabulary import (
    HeardPop,
    LevelNow,
    RoastEvent,
    Snapshot,
    SpectrogramColumns,
)
from roastwatch.web.access import Access
from roastwatch.web.accounts import Accounts, Role
from roastwatch.web.agents import AgentDoor, need_library
from roastwatch.web.announcement import announced
from roastwatch.web.api import Api, Known
from roastwatch.web.check import check_port
from roastwatch.web.curve import Curves
from roastwatch.web.entity_list import EntityLists
from roastwatch.web.entity_values import EntityValues
from roastwatch.web.guards import is_loopback
from roastwatch.web.identity import service_id
from roastwatch.web.ingress import Ingress, IngressOptions
from roastwatch.web.listener import ConnectionLimits, Listener
from roastwatch.web.live import Live
from roastwatch.web.live_client import LiveClients
from roastwatch.web.page_files import page_files
from roastwatch.web.welcome import announce, phone_address, show_new

_KEPT = 200
_IDLE_S = 10.0
"""A connection is closed if its request headers are incomplete for this long."""
_POPS_WAITING = 256
_LEVELS_WAITING = 64
_LEVEL_EVERY_S = 0.2
_COLUMNS_WAITING = 64
_log = logging.getLogger(__name__)


class RestOptions(Options):
    """The HTTP API."""

    host: Host = Field("127.0.0.1", description="Address to serve on; 0.0.0.0: every network.")
    port: int = Field(8099, description="TCP port to serve on.", ge=1, le=65535)
    more_ports: int = Field(
        0,
        description="If the port is in use, one of this many following ones is taken; 0: wait "
        "until it is free.",
        ge=0,
        le=1000,
    )
    token: SecretStr | None = Field(
        None,
        description="Bearer token of machines that may do all; this or sign_in is required beyond "
        "this machine.",
    )
    viewer_token: SecretStr | None = Field(
        None, description="Bearer token of machines that may only read, such as Prometheus."
    )
    agent_token: SecretStr | None = Field(
        None,
        description="Bearer token of agents, such as `roastwatch mcp`: they read, mark, lower heat "
        "and stop, but never arm or confirm that a person is there.",
    )
    mcp: bool = Field(
        False,
        description="Offers MCP to agents over HTTP, at /api/v1/mcp; needs the extra mcp.",
    )
    sign_in: bool = Field(
        False,
        description="Lets people sign in with a password; one for operators and one for viewers "
        "are created at the first start and shown once, in the terminal or else in a file beside "
        "the roast log.",
    )
    ingress: IngressOptions | None = Field(
        None,
        description="People whom Home Assistant signs in: for its app, which sets this; null: "
        "headers of an ingress are ignored.",
    )
    announce: bool = Field(
        True,
        description="Announces the API in the network, so that Home Assistant finds it, if others "
        "can reach it and the extra `network` is installed.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="More host names to accept, such as roaster.lan; addresses, "
        "localhost and this machine's own name are always allowed.",
    )

    @model_validator(mode="after")
    def _guarded_beyond_this_machine(self) -> "RestOptions":
        operable = self.token is not None or self.sign_in or self.ingress is not None
        if not operable and not is_loopback(self.host):
            raise ValueError(
                f"set a token (token_file) or sign_in: true to serve on {self.host}, "
                "or host 127.0.0.1"
            )
        before = [self.token]
        for name, secret in (
            ("viewer_token", self.viewer_token),
            ("agent_token", self.agent_token),
        ):
            if secret is None:
                continue
            if not operable:
                raise ValueError(f"{name}: set a token or sign_in: true for operators too")
            if secret in before:
                raise ValueError(f"{name}: use another one for each purpose")
            before.append(secret)
        return self


class RestSink(Sink):
    """Serves until cancelled; a port in use is retried and shown as a problem."""

    Options = RestOptions

    def __init__(self, options: RestOptions, context: SinkContext) -> None:
        """Make it.

        Raises:
            MissingExtraError: `mcp` is set, and its library is not installed.
        """
        if options.mcp:
            need_library()
        self._options = options
        self._context = context
        self._kept: deque[RoastEvent] = deque(maxlen=_KEPT)
        self._latest: Latest[dict[str, Snapshot]] = Latest()
        self._arming = ArmingRequests()
        self._lists = EntityLists(context)
        entities = EntityValues(
            self._lists,
            lambda station: self._arming.waits(station, time.monotonic()),
            context.said,
        )
        self._live = Live(context.stations, context.titles, entities)
        self._announced: int | None = None
        """The port whose address was logged."""
        self._curves = Curves()
        self._id = ""

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Keep the newest events, and serve them."""
        self._latest = latest
        async with asyncio.TaskGroup() as group:
            group.create_task(retry_forever(self._context.part, self._serve), name="rest:serve")
            group.create_task(self._show(), name="rest:states")
            if self._context.pops is not None:
                group.create_task(self._show_pops(self._context.pops), name="rest:pops")
            if self._context.levels is not None:
                group.create_task(self._show_levels(self._context.levels), name="rest:levels")
            if self._context.spectrogram is not None:
                seen = self._show_spectrogram(self._context.spectrogram)
                group.create_task(seen, name="rest:spectrogram")
            async for event in events:
                self._kept.append(event)
                self._live.event(event)

    async def check(self) -> Sequence[Finding]:
        """Whether the port is free, or used by a running roastwatch."""
        return [await check_port(self._options.host, self._options.port)]

    async def _show(self) -> None:
        async for snapshots in self._latest.changes():
            self._live.show(snapshots)
            self._curves.show(snapshots)

    async def _show_pops(self, feed: Feed[HeardPop]) -> None:
        """Pops that come together are sent together."""
        with feed.listen(_POPS_WAITING) as waiting:
            while True:
                pops = [await waiting.get()]
                while len(waiting):
                    pops.append(await waiting.get())
                for _station, group in itertools.groupby(pops, key=lambda pop: pop.station):
                    self._live.pops(list(group))

    async def _show_levels(self, feed: Feed[LevelNow]) -> None:
        """At most five a second, also where a recording is played fast."""
        with feed.listen(_LEVELS_WAITING) as waiting:
            while True:
                newest = {}
                level = await waiting.get()
                newest[level.station] = level
                while len(waiting):
                    level = await waiting.get()
                    newest[level.station] = level
                for level in newest.values():
                    self._live.level(level)
                await asyncio.sleep(_LEVEL_EVERY_S)

    async def _show_spectrogram(self, feed: Feed[SpectrogramColumns]) -> None:
        """Only while a client wants it; the detector makes it for nobody else."""
        while True:
            await self._live.watched.wait()
            with feed.listen(_COLUMNS_WAITING) as waiting:
                while self._live.watched.is_set():
                    self._live.columns(await waiting.get())

    async def _serve(self) -> None:
        options, (api, accounts, created) = self._options, await self._api()
        agents, working = api.agents, Background(self._context.part)
        runner = web.AppRunner(
            api.application(
                (options.host, *options.allowed_hosts), await asyncio.to_thread(page_files)
            ),
            access_log=None,
            logger=_http_log(),
            keepalive_timeout=_IDLE_S,
            lingering_time=0.5,
            auto_decompress=False,
            shutdown_timeout=1.0,
        )
        await runner.setup()
        assert runner.server is not None
        listener = api.listener = Listener(
            runner.server, self._context.part.count, ConnectionLimits(head_within_s=_IDLE_S)
        )
        try:
            port = options.port
            try:
                port = await self._open(listener)
            finally:  # they are stored already, and a later try does not know them
                if created and accounts is not None:
                    place = phone_address(options.host, port)
                    show_new(created, accounts.new_code(), place, self._file("passwords"))
            if port != self._announced:
                announce(options.host, port)
                self._announced = port
            self._context.part.running()
            if agents is not None:
                running = self._context.part.running
                working.keep(lambda: agents.serve(port, running), "rest:mcp")
            async with self._announcement(port):
                await asyncio.Event().wait()
        finally:
            await working.close()
            await listener.close()
            await runner.cleanup()

    def _announcement(self, port: int) -> contextlib.AbstractAsyncContextManager[object]:
        if not self._options.announce:
            return contextlib.nullcontext()
        return announced(self._id, self._context.instance, self._options.host, port)

    async def _open(self, listener: Listener) -> int:
        """Listen; returns the port.

        Raises:
            LostError: no port is free.
        """
        options, process = self._options, self._context.process
        ports = range(options.port, min(options.port + options.more_ports, 65535) + 1)
        before = process.page_port if process else 0
        for port in sorted(ports, key=lambda port: port != before):  # an open page waits there
            try:
                await listener.open(options.host, port)
            except OSError as error:
                last = error
                if error.errno != errno.EADDRINUSE:
                    break
            else:
                if process:
                    process.page_port = port
                return port
        raise LostError(
            f"The API can't serve on {options.host}:{options.port} ({last.strerror})."
        ) from last

    async def _api(self) -> tuple[Api, Accounts | None, dict[Role, str]]:
        """The API; if people sign in, their passwords exist before it listens anywhere.

        Returns:
            It, who may sign in, and the passwords that were created and are to be shown.
        """
        options, instance = self._options, self._context.instance
        tokens = {
            role: secret.get_secret_value()
            for role, secret in (
                (Role.OPERATOR, options.token),
                (Role.VIEWER, options.viewer_token),
            )
            if secret is not None
        }
        accounts, created = await self._accounts() if options.sign_in else (None, {})
        agents = options.agent_token.get_secret_value() if options.agent_token else None
        own = secrets.token_urlsafe(32) if options.mcp else None
        ingress = Ingress(options.ingress) if options.ingress else None
        access = Access(tokens, accounts, f"roastwatch_{instance}", agents, own, ingress)
        self._id = await asyncio.to_thread(service_id, self._context.folder, instance)
        known = Known(
            lambda: self._latest.value or {},
            self._kept,
            self._curves,
            self._arming,
            self._lists,
            self._id,
        )
        door = None if own is None else AgentDoor(options.host, options.allowed_hosts, own)
        api = Api(self._context, known, access, LiveClients(self._live), door)
        return api, accounts, created

    async def _accounts(self) -> tuple[Accounts, dict[Role, str]]:
        """Passwords and sessions, and the passwords that were created and are to be shown.

        Raises:
            SettingsError: their file can't be read.
        """
        accounts = await asyncio.to_thread(Accounts, self._file("json"))
        return accounts, await accounts.create_missing()

    def _file(self, suffix: str) -> Path | None:
        folder = self._context.folder
        return folder / f"web-{self._options.port}.{suffix}" if folder is not None else None


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
