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


def repeating(request: web.Request, value: Any, status: int = 200) -> web.Response:
    """A value as JSON with an ETag, compressed if that pays; 304 if the client has it already."""
    body = json_text(value).encode("utf-8", "backslashreplace")
    tag = hashlib.blake2b(body, digest_size=16).hexdigest()
    headers = {
        "ETag": f'W/"{tag}"',  # weak: the same for the compressed body
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding, Authorization, Cookie",
    }
    known = request.if_none_match or ()
    if status == 200 and any(one.value == tag for one in known):
        return web.Response(status=304, headers=headers)
    answer = web.Response(
        body=body, status=status, headers=headers, content_type="application/json", charset="utf-8"
    )
    if len(body) >= _COMPRESSED_FROM:
        answer.enable_compression()
    return answer
