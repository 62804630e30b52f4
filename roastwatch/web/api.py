"""The handlers of the API's routes, and the application that they make."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from roastwatch.sinks.arming import ArmingRequests
from roastwatch.sinks.sink import SinkContext
from roastwatch.vocabulary import RoastEvent, Snapshot
from roastwatch.web import guards, openapi
from roastwatch.web.access import Access
from roastwatch.web.accounts import Role
from roastwatch.web.agents import MCP_PATH, AgentDoor
from roastwatch.web.answers import repeating, tagged
from roastwatch.web.curve import Curves
from roastwatch.web.entity_list import EntityLists
from roastwatch.web.listener import Listener
from roastwatch.web.live_client import LiveClients
from roastwatch.web.metrics import exposition, registry
from roastwatch.web.page_files import PageFile, add_page
from roastwatch.web.pairing import Pairing
from roastwatch.web.plans.pages import PlanPages
from roastwatch.web.roasts.pages import RoastPages
from roastwatch.web.route import BYTES, Route
from roastwatch.web.routes import ROUTES
from roastwatch.web.rows import event_row, state_row
from roastwatch.web.sign_in import SignIn
from roastwatch.web.station_requests import StationRequests
from roastwatch.web.upkeep.pages import UpkeepPages


@dataclass(slots=True)
class Known:
    """What the API can show now."""

    snapshots: Callable[[], Mapping[str, Snapshot]]
    events: deque[RoastEvent]
    """The newest last."""
    curves: Curves = field(default_factory=Curves)
    arming: ArmingRequests = field(default_factory=ArmingRequests)
    """Requests to arm that wait for their confirmation."""
    lists: EntityLists | None = None
    """What each station has, as `live` says it; None: nothing is known yet."""
    service_id: str = ""


class Api:
    """Answers the requests of one server."""

    def __init__(
        self,
        context: SinkContext,
        known: Known,
        access: Access,
        clients: LiveClients,
        agents: AgentDoor | None = None,
    ) -> None:
        """`agents`: serves MCP; None: it is not offered."""
        self.agents = agents
        self._context = context
        self._known = known
        self._access = access
        self._clients = clients
        self._lists = known.lists or EntityLists(context)
        self._requests = StationRequests(
            context, access, known.snapshots, known.arming, clients.live.show_entities
        )
        self._pictures: dict[str, bytes] = {}
        self._registry = registry(known.snapshots)
        self.roasts = RoastPages(context, known.snapshots)
        """The pages of recorded roasts."""
        self._plans = PlanPages(context, known.snapshots)
        self.upkeep = UpkeepPages(context, known.snapshots, access)
        self.listener: Listener | None = None
        """What accepts the connections, as soon as it listens."""

    def application(
        self, allowed_hosts: tuple[str, ...], page: Mapping[str, PageFile] | None = None
    ) -> web.Application:
        """The application: every route, and the files of the page, with the guards before it."""
        page = page or {}
        open_paths = {path for one in ROUTES if one.needs is None for path in _paths(one)}
        open_paths |= {"/", *page}
        uploads = {one.full_path for one in ROUTES if one.body_media == BYTES}
        app = web.Application(
            middlewares=[
                guards.errors_as_json,
                guards.hosts(*allowed_hosts, under_any=self._access.by_ingress),
                self._access.middleware(open_paths, self._trust),
                guards.no_foreign_page_changes_anything(uploads, {MCP_PATH}),
            ],
            client_max_size=guards.LARGEST_BODY,
        )
        handlers = self._handlers()
        for route in ROUTES:
            handler = self._for_role(route, handlers[route.name])
            for path in _paths(route):
                if route.method == "GET":
                    app.router.add_get(path, handler, allow_head=route.name != "live")
                else:
                    app.router.add_route(route.method, path, handler)
        if self.agents is not None:
            for method in ("GET", "POST", "DELETE"):
                app.router.add_route(method, MCP_PATH, self._mcp)
        add_page(app, page)

        async def close(_app: web.Application) -> None:
            await self._clients.close()
            await self.roasts.close()
            self._plans.close()

        app.on_shutdown.append(close)
        return app

    def _handlers(self) -> dict[str, guards.Handler]:
        process = self._context.process
        sign_in = SignIn(
            self._access, setting_up=process is not None and process.trials is not None
        )
        pairing = Pairing(
            self._access, sign_in, self._context.instance, self._known.service_id, self._clients
        )
        return {
            "health": self._health,
            "metrics": self._metrics,
            "stations": self._stations,
            "station": self._station,
            "curve": self._curve,
            "events": self._events,
            "live": self._live,
            "entities": self._entities,
            "instruct": self._busy(self._requests.instruct),
            "command": self._busy(self._requests.command),
            "set": self._busy(self._requests.set),
            "station_picture": self._busy(self._picture),
            "sign_in": sign_in.sign_in,
            "sign_out": sign_in.sign_out,
            "password": sign_in.password,
            "me": sign_in.me,
            "pair": pairing.pair,
            "pairing_code": pairing.code,
            "programs": pairing.programs,
            "revoke_program": pairing.revoke,
            "openapi": self._openapi,
            "live_schema": self._live_schema,
            **{name: self._busy(one) for name, one in self.roasts.handlers().items()},
            **{name: self._busy(one) for name, one in self._plans.handlers().items()},
            **{name: self._busy(one) for name, one in self.upkeep.handlers().items()},
        }

    def _for_role(self, route: Route, handler: guards.Handler) -> guards.Handler:
        """The handler of a route, for those who may."""
        if route.needs is not Role.OPERATOR:
            return handler

        async def guarded(request: web.Request) -> web.StreamResponse:
            caller = self._access.caller(request)
            if caller is None or caller.role is not Role.OPERATOR:
                return guards.refusal(403, "A viewer can't do this: sign in as operator.")
            if caller.agent and not route.agents:
                return guards.refusal(403, "An agent can't do this: only a person may.")
            if caller.program and route.people:
                return guards.refusal(403, "A paired program can't do this: only a person may.")
            return await handler(request)

        return guarded

    def _busy(self, handler: guards.Handler) -> guards.Handler:
        """A handler that takes a while: its connection is not closed meanwhile."""

        async def busy(request: web.Request) -> web.StreamResponse:
            if self.listener is None:
                return await handler(request)
            with self.listener.busy(request.transport):
                return await handler(request)

        return busy

    def _trust(self, request: web.Request) -> None:
        if self.listener is not None:
            self.listener.trust(request.transport)

    async def _mcp(self, request: web.Request) -> web.StreamResponse:
        caller = self._access.caller(request)
        if caller is None or caller.session_id is not None:
            return guards.refusal(401, "An MCP client signs in by a token: see agent_token.")
        assert self.agents is not None
        if self.listener is None or self.agents.full:
            return guards.refusal(503, "Too many MCP requests at once: end another one.")
        with self.listener.busy(request.transport):
            return await self.agents.answered(request)

    async def _health(self, request: web.Request) -> web.Response:
        """The problems; to others than known callers only their number, as they name devices."""
        snapshots = self._known.snapshots().values()
        problems = [part.problem for one in snapshots for part in one.parts if part.problem]
        shown = problems if self._access.caller(request) is not None else len(problems)
        return web.json_response({"problems": shown}, status=200 if snapshots else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = exposition(self._registry, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _stations(self, request: web.Request) -> web.Response:
        snapshots = self._known.snapshots()
        return repeating(request, {name: state_row(one) for name, one in snapshots.items()})

    async def _station(self, request: web.Request) -> web.Response:
        snapshot = self._known.snapshots().get(request.match_info["station"])
        return (
            self._requests.no_station()
            if snapshot is None
            else repeating(request, state_row(snapshot))
        )

    async def _curve(self, request: web.Request) -> web.Response:
        station = request.match_info["station"]
        if station not in self._context.stations:
            return self._requests.no_station()
        return repeating(request, self._known.curves.row(station))

    async def _entities(self, request: web.Request) -> web.Response:
        snapshots = self._known.snapshots().values()
        return repeating(request, self._lists.document(self._known.service_id, snapshots))

    async def _picture(self, request: web.Request) -> web.Response:
        station, draw = request.match_info["station"], self._context.picture
        if station not in self._context.stations:
            return self._requests.no_station()
        drawn = await draw(station) if draw is not None else None
        if drawn is not None:  # after the roast the last one stays
            self._pictures[station] = drawn
        if station not in self._pictures:
            return guards.refusal(404, "There is no picture: no roast is in progress.")
        return tagged(request, self._pictures[station], media="image/png")

    async def _events(self, request: web.Request) -> web.Response:
        return repeating(request, [event_row(event) for event in self._known.events])

    async def _live(self, request: web.Request) -> web.StreamResponse:
        caller = self._access.caller(request)
        if caller is None:  # the session ended just now
            return self._access.unknown()
        if guards.foreign(request):
            return guards.refusal(403, "Connect from a page of this API, not of another site.")
        if not web.WebSocketResponse().can_prepare(request):
            said = "This path takes a WebSocket only."
            return guards.refusal(426, said, Upgrade="websocket")
        if self._clients.full or self.listener is None:
            return guards.refusal(503, "Too many live connections: close another one.")
        with self.listener.busy(request.transport):
            return await self._clients.serve(request, lambda: self._access.still(caller))

    async def _openapi(self, request: web.Request) -> web.Response:
        return repeating(request, openapi.document())

    async def _live_schema(self, request: web.Request) -> web.Response:
        return repeating(request, openapi.live_schema())


def _paths(route: Route) -> tuple[str, ...]:
    return (route.full_path, *((route.old_path,) if route.old_path else ()))
