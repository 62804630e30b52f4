"""JSON answers that a client asks for again and again: tagged, so that they are sent once."""

import hashlib
import json
from typing import Any

from aiohttp import web

_COMPRESSED_FROM = 1024
"""Bytes; a shorter answer fits in a packet anyway."""


def json_text(value: Any) -> str:
    """A value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def json_bytes(value: Any) -> bytes:
    """A value as the body of an answer; callable in any thread, for values that take a while."""
    return json_text(value).encode("utf-8", "backslashreplace")


def repeating(request: web.Request, value: Any, status: int = 200) -> web.Response:
    """A value as JSON with an ETag, compressed if that pays; 304 if the client has it already."""
    return tagged(request, json_bytes(value), status)


def tagged(
    request: web.Request, body: bytes, status: int = 200, media: str = "application/json"
) -> web.Response:
    """A body with an ETag; JSON is compressed if that pays. 304 if the client has it already."""
    tag = hashlib.blake2b(body, digest_size=16).hexdigest()
    headers = {
        "ETag": f'W/"{tag}"',  # weak: the same for the compressed body
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding, Authorization, Cookie",
    }
    known = request.if_none_match or ()
    if status == 200 and any(one.value == tag for one in known):
        return web.Response(status=304, headers=headers)
    is_json = media == "application/json"
    answer = web.Response(
        body=body,
        status=status,
        headers=headers,
        content_type=media,
        charset="utf-8" if is_json else None,
    )
    if is_json and len(body) >= _COMPRESSED_FROM:
        answer.enable_compression()
    return answer
