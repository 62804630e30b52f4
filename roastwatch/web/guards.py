"""Middlewares that every request passes before its handler: host, origin, JSON.

Each is small and knows nothing of roasting, so that they can protect any page or API of ours.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Middleware

from roastwatch import inbound
from roastwatch.errors import BadInputError

LARGEST_BODY = 65_536
_LONG_BODY = 1 << 20
_BODY_WITHIN_S = 5.0
_READING = ("GET", "HEAD", "OPTIONS")
_JSON, _BYTES = "application/json", "application/octet-stream"
_PORTS = {"http": ":80", "https": ":443"}
"""What a browser leaves out of an origin."""
_log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refusal(status: int, sentence: str, **headers: str) -> web.Response:
    """An error as JSON."""
    return web.json_response({"error": sentence}, status=status, headers=headers)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an invalid request with a sentence, never with a traceback."""
    answer = await _answered(request, handler)
    if answer.status >= 400 and not request.content.is_eof() and _is_long(request):
        request.protocol.force_close()  # else half a second of it is read and thrown away
    return answer


def _is_long(request: web.Request) -> bool:
    """Whether the body is too long for its sender to expect a sentence."""
    return request.content_length is None or request.content_length > _LONG_BODY


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadInputError as error:
        return refusal(400, str(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        allow = error.headers.get("Allow")
        return refusal(error.status, _sentence(error), **({"Allow": allow} if allow else {}))
    except (web.RequestPayloadError, HttpProcessingError):
        return refusal(400, "The body does not match its headers.")
    except ConnectionError:
        raise
    except Exception:  # noqa: BLE001 - the sender gets a sentence, the log the traceback
        _log.exception("A request could not be answered")
        return refusal(500, "Internal error of roastwatch: see its log.")


def own_names(*names: str) -> set[str]:
    """The names of this machine, and these."""
    here = socket.gethostname().lower()
    return {"localhost", here, f"{here}.local", *(name.lower().rstrip(".") for name in names)}


def hosts(
    *names: str, under_any: Callable[[web.Request], bool] = lambda _request: False
) -> Middleware:
    """Serve only under our own names, or under addresses.

    A web page elsewhere can have its own name point to this machine (DNS rebinding), and the
    browser then takes this API for a part of the page; its requests still carry the page's name.

    `under_any` says which requests are served under any name: a gateway has checked them.
    """
    known = own_names(*names)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if under_any(request):
            return await handler(request)
        named = request.headers.getall("Host", [])
        name = host_name(named[0]) if len(named) == 1 else None
        if name is None:
            return refusal(400, "Send one Host header with a name or an address.")
        if name in known or name.endswith(".localhost") or _is_address(name):
            return await handler(request)
        return refusal(403, f"This API is not served as {name}: see allowed_hosts in its settings.")

    return guard


def foreign(request: web.Request) -> bool:
    """Whether a browser sent the request for the page of another site.

    A page of our own has the origin that the request went to. Behind a proxy that is what the
    proxy was called by: a page can send `X-Forwarded-Host` to its own site only.
    """
    if request.headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin"):
        return True
    origins = request.headers.getall("Origin", [])
    if not origins:
        return False
    scheme, separator, place = origins[0].strip().lower().partition("://")
    if len(origins) != 1 or not separator or scheme not in _PORTS:
        return True
    ours = (request.headers.get("Host", ""), request.headers.get("X-Forwarded-Host", ""))
    usual = _PORTS[scheme]
    named = {name.partition(",")[0].strip().lower().removesuffix(usual) for name in ours}
    return place.removesuffix(usual) not in named - {""}


def no_foreign_page_changes_anything(
    uploads: Collection[str] = (), ended: Collection[str] = ()
) -> Middleware:
    """Requests that change something must be plain JSON, and not come from a foreign page.

    A file may be sent to the paths `uploads`, as bytes of no particular type, and DELETE to the
    paths `ended` without a body: a form of another site can't send that either.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method not in _READING:
            media = _BYTES if request.path in uploads else _JSON
            typed = request.content_type == media
            if request.method == "DELETE" and request.path in ended:
                typed = True
            if foreign(request) or not typed:
                what = "the file" if media == _BYTES else "JSON"
                said = f"Send {what} as {media}, and not from a web page of another site."
                return refusal(415, said)
            coding = request.headers.get("Content-Encoding", "identity").lower()
            if coding != "identity":
                return refusal(415, "Send it uncompressed.")
            if media == _JSON and _charset(request) not in ("", "utf-8", "utf8", "us-ascii"):
                return refusal(415, "Send the JSON as UTF-8, uncompressed.")
        return await handler(request)

    return guard


async def json_body(request: web.Request) -> dict[str, Any]:
    """The JSON object in a request.

    Raises:
        BadInputError: it is something else.
        web.HTTPException: it is too large, or comes too slowly.
    """
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            raw = await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    return inbound.json_object(raw, "The body", inbound.InboundLimits(size=LARGEST_BODY))


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sentence(error: web.HTTPException) -> str:
    match error.status:
        case 404:
            return "There is nothing at this path."
        case 405:
            return f"This path takes {error.headers.get('Allow', 'another method')}."
        case 408:
            return f"The body must arrive within {_BODY_WITHIN_S:.0f} s."
        case 413:
            return f"The body may have at most {LARGEST_BODY} bytes."
        case _:
            return f"{error.reason}."


def _charset(request: web.Request) -> str:
    return (request.charset or "").strip().lower()


def host_name(header: str) -> str | None:
    """The name in a Host header, without its port; None if it is invalid."""
    name, port = header.strip().lower(), ""
    if name.startswith("["):
        name, bracket, port = name[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return None
        port = port[1:]
    elif name.count(":") == 1:
        name, _, port = name.partition(":")
    fits = name.isascii() and name.isprintable() and 0 < len(name) <= 253
    if not fits or (port and not port.isdecimal()):
        return None
    return name.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
