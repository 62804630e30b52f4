"""Roasts as files: imported, exported, and as a picture."""

import asyncio
import contextlib
import importlib.util
import json
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from roastwatch import inbound
from roastwatch.errors import BadInputError, MissingExtraError
from roastwatch.records import formats
from roastwatch.records.file_name import file_stem
from roastwatch.roastlog.store import Store
from roastwatch.web.answers import tagged
from roastwatch.web.roasts import processes
from roastwatch.web.roasts.asking import Asked, moment
from roastwatch.web.roasts.door import (
    BusyError,
    LogDoor,
    NotInstalledError,
    NotNowError,
    NotThereError,
    TooLargeError,
    TooSlowError,
)
from roastwatch.web.route import BYTES

LARGEST_UPLOAD = formats.LARGEST_BYTES
_TOO_LARGE = f"A roast's file may have at most {LARGEST_UPLOAD // 2**20} MB."
_UPLOAD_WITHIN_S = 120.0
_IMPORT_WITHIN_S = 120.0
_DISCARD_WITHIN_S = 20.0
_PICTURE_WITHIN_S = 60.0
_PIECE = 256 * 1024
_WAITING = 3
"""Pictures that may wait for one another."""


class Files:
    """Answers requests for files; one is imported and one picture drawn at a time."""

    def __init__(self, log: LogDoor) -> None:
        self._log = log
        self._importing = False
        self._drawing = asyncio.Lock()
        self._wanted = 0

    async def take(self, request: web.Request, roasting: bool) -> web.Response:
        """Import a roast from the bytes of a file."""
        try:
            return await self._take(request, roasting)
        except (BadInputError, NotThereError, NotNowError, BusyError):
            await _discard(request)  # else its sender gets no sentence
            raise

    async def _take(self, request: web.Request, roasting: bool) -> web.Response:
        asked = Asked(request, ("name", "saved_at"))
        name = asked.text("name", 255)
        if name is None or not (name := _plain(name)):
            raise BadInputError("name is missing: give the file's name.")
        saved_at = asked.text("saved_at", 40)
        saved_s = None if saved_at is None else moment(saved_at, "saved_at").timestamp()
        path = self._log.path
        if roasting:
            raise NotNowError("A roast is in progress: import when it has ended.")
        if self._importing:
            raise BusyError("Another file is being imported: try again.")
        self._importing = True
        try:
            with tempfile.TemporaryDirectory(prefix="roastwatch-") as folder:
                file = Path(folder, name)
                await _receive(request, file)
                if saved_s is not None:
                    os.utime(file, (saved_s, saved_s))
                return await self._import(path, file)
        finally:
            self._importing = False

    async def _import(self, log: Path, file: Path) -> web.Response:
        try:
            async with (
                asyncio.timeout(_IMPORT_WITHIN_S),
                processes.running("roasts", "import", "--log", log, "--json", file) as process,
            ):
                end = await processes.ended(process)
        except TimeoutError as error:
            raise BadInputError("The file takes too long to read: it is not imported.") from error
        lines = end.output.splitlines()
        if not lines:
            raise BadInputError(end.sentence)
        row = json.loads(lines[0])
        if row["outcome"] in ("refused", "skipped"):
            raise BadInputError(row["said"])
        kept = {key: row[key] for key in ("outcome", "roast_id", "said", "warnings")}
        return web.json_response(kept)

    async def export(self, request: web.Request) -> web.Response:
        """A roast in one of the formats."""
        asked = Asked(request, ("format", "fahrenheit"))
        format_ = asked.word("format", sorted(formats.WRITERS), "json")
        fahrenheit = bool(asked.flag("fahrenheit"))
        if fahrenheit and format_ == "json":
            raise BadInputError("Our own JSON is always in °C: choose another format for °F.")
        roast_id = request.match_info["roast_id"]
        name, content = await self._log.call(_written, roast_id, format_, fahrenheit)
        answer = tagged(request, content, media=BYTES)
        answer.headers["Content-Disposition"] = _attachment(name)
        return answer

    async def picture(self, request: web.Request) -> web.Response:
        """A picture of a roast."""
        asked = Asked(request, ("theme", "size", "fahrenheit"))
        options = [
            "--theme", asked.word("theme", ("light", "dark"), "light"),
            "--size", asked.word("size", ("paper", "phone", "small"), "phone"),
            *(["--fahrenheit"] if asked.flag("fahrenheit") else []),
        ]  # fmt: skip
        roast_id = request.match_info["roast_id"]
        name = await self._log.call(_name, roast_id)
        if importlib.util.find_spec("matplotlib") is None:
            raise NotInstalledError(str(MissingExtraError("A picture", "plots")))
        if self._wanted > _WAITING:
            raise BusyError("Too many pictures at once: try again.")
        self._wanted += 1
        try:
            async with self._drawing:
                content = await self._draw(options, roast_id)
        finally:
            self._wanted -= 1
        answer = tagged(request, content, media="image/png")
        answer.headers["Content-Disposition"] = _attachment(name + ".png").replace(
            "attachment", "inline"
        )
        return answer

    async def _draw(self, options: list[str], roast_id: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="roastwatch-") as folder:
            file = Path(folder, "roast.png")
            command = ["roasts", "plot", "--log", str(self._log.path), "--to", str(file)]
            try:
                async with (
                    asyncio.timeout(_PICTURE_WITHIN_S),
                    processes.running(*command, *options, "--", roast_id) as process,
                ):
                    end = await processes.ended(process)
            except TimeoutError as error:
                raise BusyError("The picture took too long: try again.") from error
            if end.status:
                raise BadInputError(end.sentence)
            return await asyncio.to_thread(file.read_bytes)


async def _receive(request: web.Request, file: Path) -> None:
    """Write the body of a request to a file as it comes.

    Raises:
        TooLargeError: it has too many bytes.
        TooSlowError: it did not arrive in time.
        BadInputError: it is empty.
    """
    if (request.content_length or 0) > LARGEST_UPLOAD:
        raise TooLargeError(_TOO_LARGE)
    size = 0
    try:
        async with asyncio.timeout(_UPLOAD_WITHIN_S):
            with file.open("xb") as target:
                while piece := await request.content.read(_PIECE):
                    size += len(piece)
                    if size > LARGEST_UPLOAD:
                        raise TooLargeError(_TOO_LARGE)
                    await asyncio.to_thread(target.write, piece)
    except TimeoutError as error:
        raise TooSlowError(f"The file must arrive within {_UPLOAD_WITHIN_S:.0f} s.") from error
    if not size:
        raise BadInputError(f"{file.name} is empty.")


async def _discard(request: web.Request) -> None:
    """Read what is left of a body of a usual size."""
    if not 0 < (request.content_length or 0) <= LARGEST_UPLOAD:
        return
    with contextlib.suppress(TimeoutError, web.RequestPayloadError):
        async with asyncio.timeout(_DISCARD_WITHIN_S):
            while await request.content.read(_PIECE):
                pass


def _plain(name: str) -> str:
    """A file's name without folders, short enough for any file system."""
    last = inbound.text(name, "name", 255, 1).replace("\\", "/").rpartition("/")[2].strip()
    kept = "" if last in (".", "..") else last
    return kept if len(kept.encode()) <= 200 else kept[-50:]


def _written(store: Store, roast_id: str, format_: str, fahrenheit: bool) -> tuple[str, bytes]:
    record = store.record_exactly(roast_id)
    suffix, write = formats.WRITERS[format_]
    text = write(record, fahrenheit=True) if fahrenheit else write(record)
    return file_stem(record) + suffix, text.encode("utf-8", "replace")


def _name(store: Store, roast_id: str) -> str:
    return file_stem(store.record_exactly(roast_id))


def _attachment(name: str) -> str:
    """A header with a file's name (RFC 6266)."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
