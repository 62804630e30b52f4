"""A client of the HTTP API of a running roastwatch, for an agent.

It has no rights of its own: it sends its token or password, and names the agent, so that the
service applies the rules for agents whatever the token allows.
"""

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from roastwatch import inbound
from roastwatch.errors import BadInputError, LostError, RefusedError
from roastwatch.printing.printable import printable

AGENT = "Roastwatch-Agent"
"""The header in which an agent names itself (web/access.py)."""
_UNNAMED = "without a name"
_LONGEST_NAME = 60
_ANSWER_S = 30.0
_LARGEST = inbound.InboundLimits(size=8 * 1024 * 1024, whole_text=False)
"""A roast with all its curves has some 2 MiB."""
_LARGEST_MESSAGE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to sign in; both None: the API is open to programs of its machine."""

    token: str | None = None
    password: str | None = None


class ServiceApi:
    """The API at one address, inside an async context."""

    def __init__(self, url: str, credentials: Credentials, agent: str = "mcp") -> None:
        """`url` is that of the API without its path, such as http://127.0.0.1:8099."""
        self._base = url.rstrip("/") + "/api/v1/"
        self._url = url
        self._credentials = credentials
        token = credentials.token
        self._authorization = None if token is None else f"Bearer {token}"
        self.agent = agent
        self._session: aiohttp.ClientSession | None = None
        self._signing_in = asyncio.Lock()

    async def __aenter__(self) -> "ServiceApi":
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # the address may be a number
            timeout=aiohttp.ClientTimeout(total=_ANSWER_S),
            connector=aiohttp.TCPConnector(force_close=True),
        )
        return self

    async def __aexit__(self, *_raised: object) -> None:
        if self._session is not None:
            await self._session.close()

    def acting_for(self, agent: str, authorization: str | None = None) -> "ServiceApi":
        """This connection for the requests of one agent.

        Args:
            agent: the name by which the agent introduces itself.
            authorization: the header that it sent; None: the credentials of this connection.
        """
        found = copy.copy(self)
        found.agent = printable(agent, _LONGEST_NAME).strip() or _UNNAMED
        found._authorization = authorization or self._authorization
        return found

    def _headers(self) -> dict[str, str]:
        sent = {} if self._authorization is None else {"Authorization": self._authorization}
        return {AGENT: self.agent, **sent}

    async def get(self, path: str, **query: str | int) -> Any:
        """What a path answers.

        Raises:
            LostError: the service does not answer.
            RefusedError: it refuses; the text is its sentence.
        """
        _, found = await self._request("GET", path, query=query)
        return found

    async def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Send JSON; the status (409 is an answer, too) and what came back.

        Raises:
            LostError, RefusedError: as `get`.
        """
        return await self._request("POST", path, body=body, answers=(409,))

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        answers: tuple[int, ...] = (),
    ) -> tuple[int, Any]:
        for again in (True, False):
            status, found = await self._send(method, path, query, body)
            if status == 401 and again and self._credentials.password is not None:
                await self._sign_in(self._credentials.password)
                continue
            break
        if status < 400 or (status in answers and "error" not in found):
            return status, found
        said = found.get("error") if isinstance(found, dict) else None
        raise RefusedError(str(said or f"roastwatch answered with status {status}."))

    async def _sign_in(self, password: str) -> None:
        async with self._signing_in:
            status, found = await self._send("POST", "sign-in", None, {"password": password})
        if status != 200:
            raise RefusedError(f"Signing in to {self._url} failed: {found.get('error')}")

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
    ) -> tuple[int, Any]:
        assert self._session is not None
        try:
            async with self._session.request(
                method,
                self._base + path,
                params=query,
                json=body,
                headers=self._headers(),
                allow_redirects=False,
            ) as answer:
                raw = bytearray()
                async for piece in answer.content.iter_chunked(65_536):
                    raw += piece
                    if len(raw) > _LARGEST.size:
                        raise BadInputError("the answer is too large.")
                return answer.status, inbound.json_value(bytes(raw), "The answer", _LARGEST)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._lost(error) from error
        except BadInputError as error:
            raise LostError(f"{self._url} does not answer as roastwatch does: {error}") from error

    @contextlib.asynccontextmanager
    async def live(self) -> AsyncIterator["LiveMessages"]:
        """The live WebSocket.

        Raises:
            LostError, RefusedError: as `get`; LostError while it is open, too.
        """
        assert self._session is not None
        await self.get("me")  # signs in if needed, and says in a sentence why not
        try:
            async with self._session.ws_connect(
                self._base + "live",
                headers=self._headers(),
                heartbeat=15.0,
                max_msg_size=_LARGEST_MESSAGE,
            ) as socket:
                yield LiveMessages(socket)
        except (aiohttp.ClientError, OSError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> LostError:
        known = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        reason = getattr(known, "strerror", None) or str(known) or type(known).__name__
        return LostError(
            f"roastwatch does not answer at {self._url} ({reason}): start `roastwatch run` with "
            "the sink `rest`, or correct the address."
        )


class LiveMessages:
    """The messages of one live WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def next(self) -> dict[str, Any]:
        """The next message.

        Raises:
            LostError: the connection has ended.
        """
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise LostError("The live connection to roastwatch has ended.")
        limits = inbound.InboundLimits(size=_LARGEST_MESSAGE, whole_text=False)
        try:
            return inbound.json_object(message.data, "A live message", limits)
        except BadInputError as error:
            raise LostError(str(error)) from error

    async def again(self) -> None:
        """Request a snapshot: a change was missed."""
        await self._socket.send_json({"type": "snapshot"})
