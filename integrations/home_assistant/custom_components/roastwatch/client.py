"""A client of the service's HTTP API and its live WebSocket. It knows nothing of Home Assistant."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

_ANSWERS_WITHIN = aiohttp.ClientTimeout(total=10.0)
_FORWARDED_WITHIN = aiohttp.ClientTimeout(total=150.0, sock_connect=10.0)
"""An import may take 120 s."""
DEFAULT_PATH = "/api/v1"
_API = "api/v1/"
_BEAT_S = 4.0
"""A service that answers no ping within 1.5 times this is lost; a killed one closes at once."""
_LONGEST_MESSAGE = 8 * 1024 * 1024


class ServiceError(Exception):
    """The service did not do what was asked."""


class CannotConnectError(ServiceError):
    """Nothing answers there, or it is not roastwatch."""


class AuthenticationError(ServiceError):
    """The password, the code or the token is not accepted."""


class TooManyAttemptsError(ServiceError):
    """Too many wrong passwords: the service wants a pause."""


class TooOldError(ServiceError):
    """The service lacks what this integration asks for."""


class RequestRefusedError(ServiceError):
    """The service refused a request; the text is its sentence for people."""

    def __init__(self, sentence: str, status: int, code: str = "other") -> None:
        """`code` says why, the same in every language."""
        super().__init__(sentence)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service answers."""

    host: str
    port: int
    ssl: bool = False
    verify_ssl: bool = True
    path: str = DEFAULT_PATH

    @property
    def url(self) -> URL:
        """The base of its API."""
        scheme = "https" if self.ssl else "http"
        base = URL.build(scheme=scheme, host=self.host.strip("[]"), port=self.port)
        return base.joinpath(*(part for part in self.path.split("/") if part))


@dataclass(frozen=True, slots=True)
class Described:
    """One entity as the service describes it."""

    key: str
    platform: str
    name: Mapping[str, str]
    """Language → name."""
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    category: str | None = None
    enabled: bool = True
    precision: int | None = None
    options: tuple[str, ...] = ()
    minimum: float = 0.0
    maximum: float = 100.0
    step: float = 1.0

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """From the service's list; null is what an entity has not."""
        found = {key: value for key, value in row.items() if value is not None}
        return cls(
            key=str(row["key"]),
            platform=str(row["platform"]),
            name=dict(row["name"]),
            unit=found.get("unit"),
            device_class=found.get("device_class"),
            state_class=found.get("state_class"),
            category=found.get("entity_category"),
            enabled=bool(found.get("enabled_by_default", True)),
            precision=found.get("precision"),
            options=tuple(str(one) for one in found.get("options", ())),
            minimum=float(found.get("minimum", 0.0)),
            maximum=float(found.get("maximum", 100.0)),
            step=float(found.get("step", 1.0)),
        )


@dataclass(frozen=True, slots=True)
class StationListing:
    """A station with its device and its entities."""

    name: str
    title: str
    revision: str
    """Changes with the list, and only with it."""
    device: Mapping[str, Any]
    entities: Mapping[str, Described]
    undecided: frozenset[str] = frozenset()
    """Keys of which the service does not know yet whether the station has them."""

    @classmethod
    def read(cls, name: str, row: Mapping[str, Any]) -> Self:
        """From the service's list."""
        entities = [Described.read(one) for one in row["entities"]]
        return cls(
            name=name,
            title=str(row.get("title") or name),
            revision=str(row.get("revision", "")),
            device=row.get("device") or {},
            entities={one.key: one for one in entities},
            undecided=frozenset(row.get("undecided") or ()),
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """What a service offers."""

    service_id: str
    instance: str
    version: str
    stations: Mapping[str, StationListing] = field(default_factory=dict)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """From the service's answer."""
        stations = {name: StationListing.read(name, one) for name, one in row["stations"].items()}
        return cls(str(row["id"]), str(row["instance"]), str(row["version"]), stations)


@dataclass(frozen=True, slots=True)
class Paired:
    """What a service gave for a password or a pairing code."""

    token: str
    instance: str
    role: str


class Client:
    """Talks with one service."""

    def __init__(
        self, session: aiohttp.ClientSession, address: Address, token: str | None = None
    ) -> None:
        self._session = session
        self.address = address
        self._token = token

    async def pair(self, secret: Mapping[str, str], name: str) -> Paired:
        """Exchange a password (`{"password": …}`) or a code (`{"code": …}`) for a token.

        Raises:
            ServiceError: CannotConnect, Authentication, TooManyAttempts, TooOld or RequestRefused.
        """
        try:
            found = await self._json("POST", "pair", {**secret, "name": name}, newer=True)
        except RequestRefusedError as error:
            if error.status == 403:
                raise AuthenticationError(str(error)) from error
            raise
        try:
            return Paired(str(found["token"]), str(found["instance"]), str(found.get("role", "")))
        except KeyError as error:
            raise CannotConnectError("The answer is not roastwatch's.") from error

    async def listing(self) -> Listing:
        """The stations and their entities.

        Raises:
            ServiceError: as for `pair`.
        """
        found = await self._json("GET", "entities", newer=True)
        try:
            return Listing.read(found)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CannotConnectError("The answer is not roastwatch's.") from error

    async def set(self, station: str, key: str, value: float | str | bool | None = None) -> None:
        """Set or press an entity, and wait for its outcome.

        Raises:
            ServiceError: as for `pair`; RequestRefused has the reason.
        """
        await self._json("POST", f"stations/{station}/set/{key}", {"value": value})

    async def instruct(self, station: str, kind: str, value: float | str | None = None) -> None:
        """Give an instruction, and wait for its outcome.

        Raises:
            ServiceError: as for `set`.
        """
        body: dict[str, Any] = {"kind": kind}
        if value is not None:
            body["value"] = value
        await self._json("POST", f"stations/{station}/instruct", body, query={"wait": "2"})

    async def picture(self, station: str) -> bytes | None:
        """The picture of the roast so far, PNG; None: there is none.

        Raises:
            ServiceError: as for `pair`.
        """
        try:
            async with self._session.get(
                self._path(f"stations/{station}/picture"),
                headers=self._headers(),
                timeout=_ANSWERS_WITHIN,
                ssl=self._ssl(),
            ) as answer:
                return await answer.read() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CannotConnectError(str(error) or type(error).__name__) from error

    async def roasts(self, **asked: str | int) -> dict[str, Any]:
        """A page of recorded roasts, the newest first.

        Args:
            asked: what the service's list takes, such as `station`, `limit` and `offset`.

        Raises:
            ServiceError: as for `pair`.
        """
        return await self._json("GET", "roasts", query={key: str(v) for key, v in asked.items()})

    async def roast(self, roast_id: str) -> dict[str, Any]:
        """One recorded roast: its events, and where there is sound.

        Raises:
            ServiceError: as for `pair`.
        """
        return await self._json("GET", f"roasts/{roast_id}", query={"points": "2"})

    def forward(
        self, method: str, path: str, headers: Mapping[str, str], **more: Any
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """A request to any path of the service, such as `` (the page) or `api/v1/me`.

        Args:
            method: of HTTP.
            path: below the page, not quoted.
            headers: sent in addition to the token.
            more: `params` and `data`, as aiohttp takes them.
        """
        return self._session.request(
            method,
            self._below_page(path),
            headers={**headers, **self._headers()},
            timeout=_FORWARDED_WITHIN,
            ssl=self._ssl(),
            allow_redirects=False,
            **more,
        )

    def forward_socket(
        self, path: str, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        """A WebSocket at any path of the service."""
        return self._session.ws_connect(
            self._below_page(path),
            headers={**headers, **self._headers()},
            heartbeat=_BEAT_S,
            max_msg_size=_LONGEST_MESSAGE,
            ssl=self._ssl(),
        )

    async def live(self) -> AsyncGenerator[dict[str, Any], None]:
        """The messages of the live WebSocket, until it ends.

        Raises:
            ServiceError: CannotConnect, Authentication or TooOld.
        """
        try:
            async with self._session.ws_connect(
                self._path("live"),
                headers=self._headers(),
                heartbeat=_BEAT_S,
                max_msg_size=_LONGEST_MESSAGE,
                ssl=self._ssl(),
            ) as socket:
                await socket.send_json({"type": "subscribe", "entities": True})
                async for message in socket:
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        continue
                    found = message.json()
                    if isinstance(found, dict):
                        yield found
        except aiohttp.WSServerHandshakeError as error:
            raise _error(error.status, {}, newer=True) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise CannotConnectError(str(error) or type(error).__name__) from error

    async def _json(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        newer: bool = False,
    ) -> dict[str, Any]:
        """The answer; `newer`: services from before this integration lack the path."""
        try:
            async with self._session.request(
                method,
                self._path(path),
                json=body,
                params=query,
                headers=self._headers(),
                timeout=_ANSWERS_WITHIN,
                ssl=self._ssl(),
                allow_redirects=False,
            ) as answer:
                found = await answer.json() if answer.content_type == "application/json" else {}
                if answer.status >= 300:
                    raise _error(answer.status, found, newer=newer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise CannotConnectError(str(error) or type(error).__name__) from error
        return found if isinstance(found, dict) else {}

    def _path(self, path: str) -> URL:
        return self.address.url.joinpath(path)

    def _below_page(self, path: str) -> URL:
        """A path below the page, which is served two levels above the API (`/api/v1`)."""
        if path.startswith(_API) and ".." not in path.split("/"):
            return self.address.url.joinpath(quote(path.removeprefix(_API)), encoded=True)
        return self.address.url.parent.parent.joinpath(quote(path), encoded=True)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _ssl(self) -> bool:
        return self.address.verify_ssl


def _error(status: int, answer: object, *, newer: bool) -> ServiceError:
    found = answer if isinstance(answer, dict) else {}
    sentence = str(found.get("error") or f"The service answered {status}.")
    match status:
        case 401:
            return AuthenticationError(sentence)
        case 404 | 405 if newer:
            return TooOldError(sentence)
        case 429:
            return TooManyAttemptsError(sentence)
        case 400 | 403 | 404 | 409 | 503 if found.get("error"):
            return RequestRefusedError(sentence, status, str(found.get("code") or "other"))
    return CannotConnectError(sentence)


async def wait_before_retry(attempt: int, longest_s: float) -> None:
    """A pause that doubles with each failed attempt."""
    await asyncio.sleep(min(longest_s, 0.5 * 2 ** min(attempt, 10)))
