"""The tools and resources that agents get over MCP. The only file that imports `mcp`.

Each tool is a request to the running service, so it passes the same sign-in, roles and interlocks
as any other. Annotations say what changes the world; the service does not rely on them.
"""

import contextlib
import hashlib
import json
import logging
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    MutableMapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Annotated, Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations
from pydantic import Field

from roastwatch import __version__
from roastwatch.errors import RoastwatchError
from roastwatch.mcp import acting, looking
from roastwatch.mcp.api import Credentials, ServiceApi
from roastwatch.mcp.watch import Watch
from roastwatch.supervise import Background, ComponentHealth
from roastwatch.vocabulary import Actuator, InstructionKind, Level

_INSTRUCTIONS = """\
roastwatch detects first crack in a coffee roast by its sound, and controls the roaster behind \
interlocks. A person must be with the roaster: only they can arm it and confirm being there. You \
may look, mark events, lower heat and set fan, drum and cooling while it is armed. Raising heat \
and dropping are refused unless the person's settings allow them. A refusal is a sentence: pass it \
on to the person, and do not try another way. `emergency_stop` is always allowed; use it if \
anything looks wrong. All that you request is recorded in the roast log under your name."""

Station = Annotated[str, Field(description="Name of the station, as in `list_stations`.")]
Percent = Annotated[float, Field(description="Percent.", ge=0, le=100)]
RoastId = Annotated[str, Field(description="Id of a roast, as in `list_roasts`.")]
Seconds = Annotated[float, Field(description="Wait at most this long, seconds.", ge=0, le=3600)]

_LOOKS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_MARKS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
_SETS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
_DROPS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
)


@dataclass(frozen=True, slots=True)
class AgentLink:
    """The connection of one agent's server to the service."""

    api: ServiceApi
    watch: Watch


def made(url: str, credentials: Credentials) -> "MCPServer[AgentLink]":
    """The server of one agent; it connects when it runs, and again after an outage."""
    bus = InMemorySubscriptionBus()

    @contextlib.asynccontextmanager
    async def connected(_server: "MCPServer[AgentLink]") -> AsyncIterator[AgentLink]:
        publishing = Background(ComponentHealth("mcp"))
        async with ServiceApi(url, credentials) as api:
            watch = Watch(api)

            def changed(station: str) -> None:
                update = ResourceUpdated(uri=uri_of(station))
                publishing.run(bus.publish(update), "publish")

            watch.changed = changed
            try:
                async with watch.running():
                    yield AgentLink(api, watch)
            finally:
                await publishing.close()

    server: MCPServer[AgentLink] = MCPServer(
        "roastwatch",
        title="roastwatch",
        version=__version__,
        instructions=_INSTRUCTIONS,
        lifespan=connected,
        subscriptions=bus,
        log_level="WARNING",
    )
    _add_looking(server)
    _add_marking(server)
    _add_control(server)
    return server


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What agents over HTTP may use: sessions, seconds without a request, bytes of a request."""

    sessions: int
    idle_s: float
    body: int


class HttpServer:
    """The server of all agents over streamable HTTP, as an ASGI application while it runs.

    The caller has checked the token of each request that it passes on.
    """

    def __init__(self, url: str, token: str, names: Sequence[str], limits: SessionLimits) -> None:
        """Serve once.

        Args:
            url: of the API, without its path.
            token: reads the API.
            names: the hosts by which clients may call it, with any port.
            limits: of its sessions.
        """
        logging.getLogger("mcp").setLevel(logging.WARNING)  # not each session, in the service's log
        hosts = [f"{name}{port}" for name in names for port in ("", ":*")]
        server = made(url, Credentials(token))
        server.streamable_http_app(
            session_idle_timeout=limits.idle_s,
            max_sessions=limits.sessions,
            max_request_body_size=limits.body,
            transport_security=TransportSecuritySettings(
                allowed_hosts=hosts,
                allowed_origins=[f"{way}://{one}" for way in ("http", "https") for one in hosts],
            ),
        )
        self._sessions = server.session_manager

    def running(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Connect to the API, and serve while the context is open."""
        return self._sessions.run()

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer a request; a session is open only to the token that began it."""
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        owner = hashlib.blake2b(sent, digest_size=16).hexdigest()
        scope["user"] = AuthenticatedUser(AccessToken(token=owner, client_id=owner, scopes=[]))
        await self._sessions.handle_request(scope, receive, send)


def uri_of(station: str) -> str:
    """The resource of a station."""
    return f"roastwatch://stations/{station}"


def _link(ctx: Context[AgentLink]) -> AgentLink:
    """The connection, with the name of the agent that calls."""
    link: AgentLink = ctx.request_context.lifespan_context
    params = ctx.session.client_params
    name = params.client_info.name if params and params.client_info else ""
    request = ctx.request_context.request  # None: over standard input
    sent = request.headers.get("authorization") if request is not None else None
    return AgentLink(link.api.acting_for(name, sent), link.watch)


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """What the service refuses is a sentence for the agent."""
    try:
        yield
    except RoastwatchError as error:
        raise ToolError(str(error)) from error


def _progress(ctx: Context[AgentLink]) -> looking.Progress:
    async def report(done_s: float, of_s: float, sentence: str) -> None:
        await ctx.report_progress(done_s, of_s, sentence)

    return report


def _add_looking(server: "MCPServer[AgentLink]") -> None:
    @server.tool(title="List stations", annotations=_LOOKS)
    async def list_stations(ctx: Context[AgentLink]) -> dict[str, Any]:
        """Every station (a roaster with its microphone) with all its present values."""
        with _sentences():
            return await looking.stations(_link(ctx).api)

    @server.tool(title="Show a station", annotations=_LOOKS)
    async def show_station(ctx: Context[AgentLink], station: Station) -> dict[str, Any]:
        """One station's values and the events of its latest roast."""
        with _sentences():
            return await looking.station(_link(ctx).watch, station)

    @server.tool(title="Wait for first crack", annotations=_LOOKS)
    async def wait_for_first_crack(
        ctx: Context[AgentLink],
        station: Station,
        timeout_s: Seconds = 900.0,
        level: Annotated[
            Level, Field(description="Return from this certainty on; `possible` is a hint only.")
        ] = Level.FIRST_CRACK,
    ) -> dict[str, Any]:
        """Wait until first crack is detected in the present roast, or the time is over.

        Reports progress each second. Returns at once if the roast has had it already.
        """
        with _sentences():
            watch = _link(ctx).watch
            return await looking.wait_for_first_crack(
                watch, station, timeout_s, level, _progress(ctx)
            )

    @server.tool(title="Watch a roast", annotations=_LOOKS)
    async def watch_roast(
        ctx: Context[AgentLink],
        station: Station,
        for_s: Seconds = 30.0,
        until: Annotated[
            str | None, Field(description="Return at this event_type, such as `drop`.")
        ] = None,
    ) -> dict[str, Any]:
        """Watch a station for some seconds, and return what happened. Reports progress."""
        with _sentences():
            watch = _link(ctx).watch
            return await looking.watch_roast(watch, station, for_s, until, _progress(ctx))

    @server.tool(title="Read events", annotations=_LOOKS)
    async def read_events(
        ctx: Context[AgentLink],
        station: Annotated[str | None, Field(description="Only those of this station.")] = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
    ) -> list[dict[str, Any]]:
        """The latest events of all stations, oldest first."""
        with _sentences():
            return await looking.events(_link(ctx).api, station, limit)

    @server.tool(title="List roasts", annotations=_LOOKS)
    async def list_roasts(
        ctx: Context[AgentLink],
        search: Annotated[str, Field(description="Words in title, bean or notes.")] = "",
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
    ) -> dict[str, Any]:
        """The roasts in the roast log with their figures, newest first."""
        with _sentences():
            return await looking.roasts(_link(ctx).api, search, limit)

    @server.tool(title="Read a roast", annotations=_LOOKS)
    async def read_roast(
        ctx: Context[AgentLink],
        roast_id: RoastId,
        points: Annotated[
            int, Field(description="The most points of each curve; 0: no curves.", ge=0, le=500)
        ] = 0,
    ) -> dict[str, Any]:
        """One roast from the log: events, figures, notes and commands, and curves on request."""
        with _sentences():
            return await looking.roast(_link(ctx).api, roast_id, points)

    @server.tool(title="Compare roasts", annotations=_LOOKS)
    async def compare_roasts(
        ctx: Context[AgentLink],
        roast_ids: Annotated[
            list[str], Field(description="The first is compared with.", min_length=2, max_length=8)
        ],
    ) -> dict[str, Any]:
        """The figures of 2 to 8 roasts side by side, with the differences to the first."""
        with _sentences():
            return await looking.compare(_link(ctx).api, roast_ids)

    @server.resource(
        "roastwatch://stations/{station}",
        name="station",
        title="A station",
        mime_type="application/json",
        description="A station's values and the events of its latest roast. Can be subscribed to.",
    )
    async def read_station(station: str, ctx: Context[AgentLink]) -> str:
        try:
            return json.dumps(await looking.station(_link(ctx).watch, station))
        except RoastwatchError as error:
            raise ResourceError(str(error)) from error


def _add_marking(server: "MCPServer[AgentLink]") -> None:
    def mark(kind: InstructionKind, name: str, title: str, does: str) -> None:
        async def marks(ctx: Context[AgentLink], station: Station) -> dict[str, Any]:
            link = _link(ctx)
            with _sentences():
                return await acting.instruct(link.api, link.watch, station, kind)

        server.tool(name, title=title, description=does, annotations=_MARKS)(marks)

    mark(
        InstructionKind.START, "begin_roast", "Begin a roast",
        "Mark that the beans went in just now: the roast begins. Refused during a roast.",
    )  # fmt: skip
    mark(
        InstructionKind.UNDER_WAY, "mark_under_way", "Roast under way",
        "Mark that a roast is running already, with an unknown start.",
    )  # fmt: skip
    mark(
        InstructionKind.FIRST_CRACK_NOW, "mark_first_crack", "First crack now",
        "Mark that first crack begins now, or confirm the one that was detected.",
    )  # fmt: skip
    mark(
        InstructionKind.NOT_A_CRACK, "reject_first_crack", "Not a crack",
        "Mark that the detected first crack was a false alarm: it is withdrawn.",
    )  # fmt: skip

    @server.tool(title="Confirm first crack", annotations=_MARKS)
    async def confirm_first_crack(
        ctx: Context[AgentLink],
        station: Station,
        event_id: Annotated[
            str | None, Field(description="Which one; without it, that of the present roast.")
        ] = None,
    ) -> dict[str, Any]:
        """Confirm the detected first crack: it becomes certain and keeps its time."""
        link = _link(ctx)
        with _sentences():
            kind = InstructionKind.CONFIRM_CRACK
            return await acting.instruct(link.api, link.watch, station, kind, event_id)

    @server.tool(title="Add a note", annotations=_MARKS)
    async def add_note(
        ctx: Context[AgentLink],
        station: Station,
        text: Annotated[str, Field(description="One line.", min_length=1, max_length=255)],
    ) -> dict[str, Any]:
        """Add a note to the log of the roast in progress."""
        link = _link(ctx)
        with _sentences():
            return await acting.instruct(link.api, link.watch, station, InstructionKind.NOTE, text)


def _add_control(server: "MCPServer[AgentLink]") -> None:
    def sets(actuator: Actuator, name: str, does: str) -> None:
        async def sets_it(
            ctx: Context[AgentLink], station: Station, percent: Percent
        ) -> dict[str, Any]:
            with _sentences():
                return await acting.set_actuator(_link(ctx).api, station, actuator, percent)

        title = f"Set the {actuator.value}"
        server.tool(name, title=title, description=does, annotations=_SETS)(sets_it)

    after = "Interlocks may limit or refuse it; the result says so."
    sets(
        Actuator.HEATER, "set_heat",
        f"Lower the heat. Raising it is refused unless the person's settings allow it. {after}",
    )  # fmt: skip
    sets(Actuator.FAN, "set_fan", f"Set the fan. {after}")
    sets(Actuator.DRUM, "set_drum", f"Set the drum's speed. {after}")
    sets(Actuator.COOLING, "set_cooling", f"Set the cooling of the dropped beans. {after}")

    @server.tool(title="Drop the beans", annotations=_DROPS)
    async def drop_beans(ctx: Context[AgentLink], station: Station) -> dict[str, Any]:
        """End the roast: heat off, and the beans out. Can't be undone.

        Refused unless the person's settings allow it.
        """
        link = _link(ctx)
        with _sentences():
            return await acting.instruct(link.api, link.watch, station, InstructionKind.DROP)

    @server.tool(title="Ask for arming", annotations=_MARKS)
    async def ask_to_arm(ctx: Context[AgentLink], station: Station) -> dict[str, Any]:
        """Ask for the roaster to be armed. Only a person can arm it: pass the answer on to them."""
        link = _link(ctx)
        with _sentences():
            return await acting.instruct(link.api, link.watch, station, InstructionKind.ARM)

    @server.tool(title="Emergency stop", annotations=_SETS)
    async def emergency_stop(ctx: Context[AgentLink], station: Station) -> dict[str, Any]:
        """Heat off at once, drum and cooling on, until a person arms again. Always allowed.

        If `heat_is_off` is not true, tell the person to pull the plug.
        """
        link = _link(ctx)
        with _sentences():
            return await acting.emergency_stop(link.api, link.watch, station)
