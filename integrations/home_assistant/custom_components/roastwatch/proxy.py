"""Requests of a person's browser, passed on to the service with the token that stays here."""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
from aiohttp import hdrs, web
from homeassistant.components.http import KEY_HASS
from homeassistant.core import HomeAssistant
from yarl import URL

from .const import DOMAIN, LOGGER
from .hub import Hub, RoastwatchConfigEntry

_SENT: Final = (
    hdrs.ACCEPT,
    hdrs.ACCEPT_LANGUAGE,
    hdrs.CONTENT_LENGTH,
    hdrs.CONTENT_TYPE,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_RANGE,
    hdrs.RANGE,
)
"""What the service gets of a browser's headers: no cookie, no token, no name of an agent."""
_KEPT_BACK: Final = frozenset(
    one.lower()
    for one in (
        hdrs.CONNECTION,
        hdrs.CONTENT_ENCODING,
        hdrs.CONTENT_LENGTH,
        hdrs.DATE,
        hdrs.KEEP_ALIVE,
        hdrs.SERVER,
        hdrs.SET_COOKIE,
        hdrs.TRANSFER_ENCODING,
        hdrs.WWW_AUTHENTICATE,
    )
)
_COMPRESSED: Final = ("text/", "application/json", "application/javascript", "image/svg")
_PIECE: Final = 64 * 1024
_LONGEST_REQUEST: Final = 64 * 1024
_BEAT_S: Final = 20.0
_LOOK_EVERY_S: Final = 1.0
_READING: Final = (hdrs.METH_GET, hdrs.METH_HEAD)
_SITES: Final = ("same-origin", "none")


def is_foreign(request: web.Request) -> bool:
    """Whether a browser sent a request for a page of another site.

    Browsers name the site's relation over HTTPS, where a proxy may have changed the host.
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in _SITES
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is not None and URL(origin).authority != URL(f"http://{request.host}").authority


def refusal(status: int, sentence: str) -> web.Response:
    """An error as the service says it.

    It is returned, never raised: Home Assistant would count it as a wrong password.
    """
    return web.json_response({"error": sentence}, status=status)


async def forward(
    request: web.Request,
    hub: Hub,
    path: str,
    *,
    operates: bool,
    query: dict[str, str] | None = None,
) -> web.StreamResponse:
    """Answer a request with what the service answers.

    Args:
        request: of the browser.
        hub: the service.
        path: below its page, such as `api/v1/me`.
        operates: False: the service takes the person for a viewer.
        query: instead of the request's own.

    Raises:
        aiohttp.ClientError: the service does not answer (also TimeoutError and OSError).
        ConnectionResetError: the connection broke within the answer.
    """
    if request.method not in _READING and not operates:
        return refusal(403, "A viewer can't do this: ask an administrator of Home Assistant.")
    headers = _headers(request, operates=operates)
    headers[hdrs.ACCEPT_ENCODING] = "identity"  # it is compressed here, for the browser
    body = {} if request.method in _READING else {"data": request.content}
    params = request.query if query is None else query
    async with hub.client.forward(request.method, path, headers, params=params, **body) as found:
        kept = {key: value for key, value in found.headers.items() if _passes(key)}
        if request.method == hdrs.METH_HEAD or found.status in (204, 304):
            return web.Response(status=found.status, headers=kept)
        answer = web.StreamResponse(status=found.status, headers=kept)
        if found.status == 200 and found.content_type.startswith(_COMPRESSED):
            answer.enable_compression()
        else:
            answer.content_length = found.content_length
        await answer.prepare(request)
        try:
            async for piece in found.content.iter_chunked(_PIECE):
                await answer.write(piece)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ConnectionResetError(str(error)) from error
        await answer.write_eof()
        return answer


async def forward_socket(
    request: web.Request,
    entry: RoastwatchConfigEntry,
    path: str,
    still: Callable[[], bool],
    *,
    operates: bool,
) -> web.StreamResponse:
    """Connect a browser's WebSocket with the service's, until either ends or the entry is unloaded.

    Args:
        request: of the browser.
        entry: of the service.
        path: below its page.
        still: whether the person may still do this; asked every few seconds.
        operates: False: the service takes the person for a viewer.

    Raises:
        aiohttp.ClientError: the service does not answer (also TimeoutError and OSError).
    """
    hass: HomeAssistant = request.app[KEY_HASS]
    headers = _headers(request, operates=operates)
    async with entry.runtime_data.client.forward_socket(path, headers) as service:
        browser = web.WebSocketResponse(heartbeat=_BEAT_S, max_msg_size=_LONGEST_REQUEST)
        await browser.prepare(request)
        work = (_pass_on(browser, service), _pass_on(service, browser), _while(still))
        ways = [
            entry.async_create_background_task(hass, one, f"{DOMAIN} panel")  # ends with the entry
            for one in work
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
        code = service.close_code if service.closed else None
        await browser.close(code=code or aiohttp.WSCloseCode.GOING_AWAY)
        return browser


async def _pass_on(
    one: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    other: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    try:
        async for message in one:
            if message.type is aiohttp.WSMsgType.TEXT:
                await other.send_str(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                await other.send_bytes(message.data)
    except (aiohttp.ClientError, ConnectionError, RuntimeError) as error:
        LOGGER.debug("A connection of the panel ended: %s", error)


async def _while(still: Callable[[], bool]) -> None:
    while still():  # noqa: ASYNC110 - rights end in ways that nothing announces
        await asyncio.sleep(_LOOK_EVERY_S)


def _headers(request: web.Request, *, operates: bool) -> dict[str, str]:
    found = {str(key): request.headers[key] for key in _SENT if key in request.headers}
    return found if operates else found | {"Roastwatch-Role": "viewer"}


def _passes(header: str) -> bool:
    return header.lower() not in _KEPT_BACK
