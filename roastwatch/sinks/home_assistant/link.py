"""One connection to Home Assistant's REST and WebSocket APIs: the only user of its library.

homeassistant-api's WebSocket client answers one task at a time, so it does nothing here but
listen; all that we do goes over REST, where requests don't wait for one another.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPMethod
from types import TracebackType
from typing import Any, Self

import niquests
from homeassistant_api import AsyncClient, AsyncWebsocketClient
from homeassistant_api.errors import (
    EndpointNotFoundError,
    HomeassistantAPIError,
    InternalServerError,
    RequestError,
    UnauthorizedError,
)
from homeassistant_api.models import State

from roastwatch import inbound
from roastwatch.errors import BadInputError, LostError
from roastwatch.inbound import Mishaps
from roastwatch.sinks.home_assistant.options import HomeAssistantOptions
from roastwatch.supervise import together

logging.getLogger("homeassistant_api").setLevel(logging.WARNING)  # it logs each pong
_TIMEOUT_S = 5.0
_ASK_EVERY_S = 10.0


class HomeAssistantLink:
    """Connected while entered. `LostError` means retry later, `BadInputError` refused."""

    def __init__(self, options: HomeAssistantOptions) -> None:
        """Nothing is opened yet.

        Raises:
            SettingsError: there is no token.
        """
        self._url, token = options.door()
        self._token = token
        self._verify = options.verify_tls
        self._client: AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Connect without waiting: a Home Assistant that is still starting counts as lost."""
        client = AsyncClient(
            self._url,
            self._token,
            session=_session(),
            verify_ssl=self._verify,
            global_request_kwargs={"timeout": _TIMEOUT_S},
        )
        try:
            with _said(self._url):
                await client.__aenter__()
                state = (await client.get_config()).get("state")
        except BaseException:
            await client.__aexit__(None, None, None)
            raise
        self._client = client
        if state not in (None, "RUNNING"):
            await self.__aexit__(None, None, None)
            raise LostError(f"Home Assistant at {self._url} is starting.")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.__aexit__(kind, error, trace)

    async def fire(self, event_type: str, message: dict[str, Any]) -> None:
        """Fire an event on the bus."""
        with _said(self._url):
            await self._do().request(
                f"events/{event_type}",
                method=HTTPMethod.POST,
                json=message,
            )

    async def call(self, service: str, message: dict[str, Any]) -> None:
        """Call a service such as `scene.turn_on`.

        Raises:
            BadInputError: there is no such service, or it takes no such thing.
        """
        domain, _, name = service.partition(".")
        with _said(self._url, service):
            await self._do().request(
                f"services/{domain}/{name}",
                method=HTTPMethod.POST,
                json=message,
            )

    async def set_state(self, entity_id: str, state: str, attributes: dict[str, Any]) -> None:
        """Show a state under an entity id (it is not in the registry)."""
        with _said(self._url):
            await self._do().set_state(
                State(entity_id=entity_id, state=state, attributes=attributes)
            )

    async def entities(self) -> set[str]:
        """The existing entity ids."""
        with _said(self._url):
            return {state.entity_id for state in await self._do().get_states()}

    async def services(self) -> set[str]:
        """The existing services, as `domain.name`."""
        with _said(self._url):
            rows = await self._do().request("services")
        return {f"{row['domain']}.{name}" for row in rows for name in row["services"]}

    async def listen(
        self,
        event_type: str,
        deal: Callable[[dict[str, Any]], Awaitable[None]],
        mishaps: Mishaps,
    ) -> None:
        """Pass on the events of a type as they are fired; ends by LostError only.

        An error in one of them is counted and logged by `mishaps`, and the next one follows.
        """
        socket = AsyncWebsocketClient(f"{self._url}/websocket", self._token, session=_session())
        with _said(self._url):
            await asyncio.wait_for(socket.__aenter__(), _TIMEOUT_S)
        try:
            await together(self._receive(socket, event_type, deal, mishaps), self._watch(socket))
        finally:
            with contextlib.suppress(Exception):  # it may block on a silent network
                await asyncio.wait_for(socket.__aexit__(None, None, None), 1.0)

    async def _receive(
        self,
        socket: AsyncWebsocketClient,
        event_type: str,
        deal: Callable[[dict[str, Any]], Awaitable[None]],
        mishaps: Mishaps,
    ) -> None:
        with _said(self._url):
            async with socket.listen_events(event_type) as fired:
                async for event in fired:
                    with mishaps.contained(f"An event {event_type}"):
                        data = inbound.checked(event.data, "It")  # type: ignore[union-attr]
                        await deal(dict(data))
        raise LostError(f"Home Assistant at {self._url} closed the connection.")

    async def _watch(self, socket: AsyncWebsocketClient) -> None:
        """A silent network closes no connection: check regularly that it still answers."""
        while True:
            await asyncio.sleep(_ASK_EVERY_S)
            with _said(self._url):
                async with asyncio.timeout(_TIMEOUT_S):
                    number = await socket.send("ping")
            await asyncio.sleep(_TIMEOUT_S)
            if socket._ping_responses.pop(number).end is None:
                raise LostError(f"Home Assistant at {self._url} no longer answers.")

    def _do(self) -> AsyncClient:
        if self._client is None:
            raise LostError(f"Home Assistant at {self._url} is not connected.")
        return self._client


@contextlib.asynccontextmanager
async def administering(
    options: HomeAssistantOptions,
) -> AsyncIterator[Callable[[str, dict[str, Any]], Awaitable[Any]]]:
    """Commands of Home Assistant's WebSocket, one at a time: type and fields to the result.

    Raises:
        SettingsError: there is no token.
        LostError: it can't be reached, or refuses the token or a command.
    """
    url, token = options.door()
    socket = AsyncWebsocketClient(f"{url}/websocket", token, session=_session())

    async def ask(kind: str, fields: dict[str, Any]) -> Any:
        with _said(url):
            async with asyncio.timeout(_TIMEOUT_S):
                return (await socket.recv_result(await socket.send(kind, **fields))).result

    with _said(url):
        await asyncio.wait_for(socket.__aenter__(), _TIMEOUT_S)
    try:
        yield ask
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(socket.__aexit__(None, None, None), 1.0)


def _session() -> niquests.AsyncSession:
    """A client that contacts nobody else: by default it contacts the certificate's issuer."""
    return niquests.AsyncSession(revocation_configuration=None)


@contextlib.contextmanager
def _said(url: str, service: str = "") -> Any:
    """Turns the library's errors into ours, with sentences."""
    try:
        yield
    except UnauthorizedError as error:
        raise LostError(
            f"Home Assistant at {url} refuses the token: make a new long-lived access token."
        ) from error
    except (RequestError, EndpointNotFoundError) as error:
        if service:
            raise BadInputError(
                f"Home Assistant refuses {service}: does it exist there, and with these fields? "
                f"({_short(error)})"
            ) from error
        raise LostError(f"Home Assistant at {url} refuses ({_short(error)}).") from error
    except InternalServerError as error:
        if service:
            raise BadInputError(f"{service} failed in Home Assistant ({_short(error)}).") from error
        raise LostError(f"Home Assistant at {url} fails ({_short(error)}).") from error
    except (
        HomeassistantAPIError,
        niquests.exceptions.RequestException,
        OSError,
        TypeError,
        ValueError,  # for data that the library does not expect, as are the next two
        AttributeError,
        RecursionError,
    ) as error:
        if isinstance(error, TimeoutError | json.JSONDecodeError):
            raise LostError(f"Home Assistant at {url} does not answer in time.") from error
        raise LostError(f"Home Assistant at {url} does not answer ({_short(error)}).") from error
    except KeyError as error:
        raise LostError(f"Home Assistant at {url} does not answer in time.") from error


def _short(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:160]
