"""MCP over HTTP: where agents reach the service without a program of their own.

The MCP server has no rights of its own. Each tool is a request to this API that carries the token
of the agent's request, so roles, the rules for agents and the interlocks hold as for any other. It
reads what is live with a token that this program has made for itself and that only reads.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from roastwatch.errors import MissingExtraError
from roastwatch.web.asgi import AsgiApp, answered
from roastwatch.web.guards import LARGEST_BODY, foreign, host_name, json_body, own_names, refusal
from roastwatch.web.route import BASE
from roastwatch.web.welcome import network

MCP_PATH = BASE + "/mcp"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """How many agents may be connected, and what they may do at once."""

    sessions: int = 16
    idle_s: float = 600.0
    """A session without a request for this long ends."""
    requests: int = 32
    """At once; each tool that waits and each subscription is one."""


def need_library() -> None:
    """Import the MCP server.

    Raises:
        MissingExtraError: its library is not installed.
    """
    try:
        import roastwatch.mcp.server  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("The setting `mcp`", "mcp") from error


class AgentDoor:
    """Answers the requests of MCP clients while `serve` runs."""

    def __init__(
        self, host: str, names: Iterable[str], token: str, limits: AgentLimits | None = None
    ) -> None:
        """Serve under some names only.

        Args:
            host: the address that is served on.
            names: more names and addresses by which clients may call it.
            token: reads the API.
            limits: of what agents do at once.
        """
        self._own = _EVERYWHERE.get(host, host)
        here = ["127.0.0.1", "::1", *(network() if host in _EVERYWHERE else [host])]
        self._names = own_names(*here, *names)
        self._token = token
        self._limits = limits or AgentLimits()
        self._app: AsgiApp | None = None
        self._closing = asyncio.Event()
        self._requests = 0

    @property
    def full(self) -> bool:
        """Whether there is no room for one more request."""
        return self._requests >= self._limits.requests

    async def serve(self, port: int, started: Callable[[], None]) -> None:
        """Serve until cancelled.

        Args:
            port: of the API.
            started: called as soon as it serves.
        """
        from roastwatch.mcp.server import HttpServer, SessionLimits

        address = f"[{self._own}]" if ":" in self._own else self._own
        names = [f"[{one}]" if ":" in one else one for one in sorted(self._names)]
        limits = SessionLimits(self._limits.sessions, self._limits.idle_s, LARGEST_BODY)
        server = HttpServer(f"http://{address}:{port}", self._token, names, limits)
        async with server.running():
            self._closing.clear()
            self._app = server
            started()
            try:
                await asyncio.Event().wait()
            finally:
                self._app = None
                self._closing.set()

    async def answered(self, request: web.Request) -> web.StreamResponse:
        """The answer to a request of a client that may make it.

        Raises:
            BadInputError: its body is no JSON object.
        """
        if foreign(request):
            return refusal(403, "A web page of another site can't be an MCP client.")
        name = host_name(request.headers["Host"])
        if name not in self._names:
            said = f"MCP is not served as {name}: add it to allowed_hosts in the settings."
            return refusal(403, said)
        body = b""
        if request.method == "POST":
            await json_body(request)
            body = await request.read()
        if self._app is None:
            return refusal(503, "MCP starts: try again in a moment.")
        self._requests += 1
        try:
            return await answered(self._app, request, body, self._closing)
        finally:
            self._requests -= 1
