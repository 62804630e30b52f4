"""The files of the page, as the build hook made them from web/; read once and served from memory.

Only the paths in the table are answered, so no path leads out of the folder. Nothing in it needs
sign-in: the page itself shows the form.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from roastwatch.web.guards import Handler, refusal

PAGE = Path(__file__).with_name("page")
"""Where web/build.py puts the page."""
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
_CODINGS = {"br": ".br", "gzip": ".gz"}
"""The best first."""
_IMMUTABLE = "public, max-age=31536000, immutable"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types svelte-trusted-html",
    )
)
_SECURE = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of the page, in each coding that the build made."""

    bodies: Mapping[str, bytes]
    """By coding; `identity` is always there."""
    tag: str
    content_type: str
    cache: str

    def answer(self, request: web.Request) -> web.Response:
        """The file in the best coding that the client takes; 304 if it has it already."""
        headers = {
            "ETag": f'W/"{self.tag}"',
            "Cache-Control": self.cache,
            "Vary": "Accept-Encoding",
            **_SECURE,
        }
        if any(one.value in (self.tag, "*") for one in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        coding = _coding(request.headers.get("Accept-Encoding", ""), self.bodies)
        if coding != "identity":
            headers["Content-Encoding"] = coding
        headers["Content-Type"] = self.content_type
        return web.Response(body=self.bodies[coding], headers=headers)


def page_files(folder: Path = PAGE) -> dict[str, PageFile]:
    """The files of the page by their path on the server; empty if it was not built."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _TYPES or not path.is_file():
            continue
        bodies = {"identity": path.read_bytes()}
        for coding, suffix in _CODINGS.items():
            packed = path.with_name(path.name + suffix)
            if packed.exists():
                bodies[coding] = packed.read_bytes()
        below = path.relative_to(folder)
        found["/" if below.as_posix() == "index.html" else f"/{below.as_posix()}"] = PageFile(
            bodies,
            hashlib.blake2b(bodies["identity"], digest_size=16).hexdigest(),
            _TYPES[path.suffix],
            _IMMUTABLE if below.parts[0] == "assets" else "no-cache",  # the build names by content
        )
    return found


def add_page(app: web.Application, files: Mapping[str, PageFile]) -> None:
    """Serve the page, or say at its address how to build it."""

    def serve(file: PageFile) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            return file.answer(request)

        return answer

    async def missing(_request: web.Request) -> web.StreamResponse:
        said = "The page is not built: `python3 web/build.py` in a checkout builds it."
        return refusal(404, said)

    for path, file in files.items():
        app.router.add_get(path, serve(file))
    if "/" not in files:
        app.router.add_get("/", missing)


def _coding(accepted: str, bodies: Mapping[str, bytes]) -> str:
    """The best coding that a client accepts and the file has."""
    takes = {}
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        takes[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((one for one in _CODINGS if takes.get(one) and one in bodies), "identity")
