"""The settings as forms: shown with masked secrets, checked, saved, and applied by a restart.

They are read and written by `roastwatch settings` in a process of its own: it imports every plugin.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.sinks.sink import HostProcess, SinkContext
from roastwatch.vocabulary import Phase, Snapshot
from roastwatch.web import guards
from roastwatch.web.answers import repeating
from roastwatch.web.roasts import processes
from roastwatch.web.roasts.asking import Asked
from roastwatch.web.roasts.door import BusyError, NotNowError, NotThereError

Snapshots = Callable[[], Mapping[str, Snapshot]]
HOT_C = 60.0
"""From here on a roaster counts as hot: below any limit of its interlocks."""
_WITHIN_S = 90.0
_RESTART_AFTER_S = 0.3
"""So that the answer is on its way."""
_NO_FILE = "This roastwatch runs without a settings file: start it with `roastwatch run`."
_LARGEST = 1 << 20


class SettingsPages:
    """Answers the requests for settings; one at a time works on the file."""

    def __init__(self, context: SinkContext, snapshots: Snapshots) -> None:
        self._process = context.process
        self._snapshots = snapshots
        self._schema: dict[str, Any] | None = None
        self._file = asyncio.Lock()
        self._waiting = 0
        self._began_with = _stamp(context.process)

    async def schema(self, request: web.Request) -> web.Response:
        """The JSON schemas of all options."""
        Asked(request, ())
        if self._process is None or self._process.settings is None:
            raise NotThereError(_NO_FILE)
        if self._schema is None:
            self._schema = await self._run(asyncio.Lock(), "--schema")
        return repeating(request, self._schema)

    async def show(self, request: web.Request) -> web.Response:
        """The settings file with masked secrets."""
        Asked(request, ())
        return self._shown(await self._form("show"))

    async def check(self, request: web.Request) -> web.Response:
        """What would be wrong with the file if it held these values."""
        values = _values(await guards.json_body(request))
        found = await self._form("check", values=values)
        return web.json_response({"problems": _rows(found["problems"])})

    async def save(self, request: web.Request) -> web.Response:
        """Check the values and save them; `If-Match` names the file that was shown."""
        values = _values(await guards.json_body(request))
        tags = request.headers.getall("If-Match", [])
        if len(tags) != 1:
            raise BadInputError("Send the tag of the settings that were shown as If-Match.")
        frozen = any(map(_busy_roaster, self._snapshots().values()))
        tag = tags[0].removeprefix("W/").strip('"')
        found = await self._form("save", values=values, tag=tag, frozen=frozen)
        match found["outcome"]:
            case "saved":
                return self._shown(found)
            case "wrong":
                said = {"error": found["said"], "problems": _rows(found["problems"])}
                return web.json_response(said, status=422)
            case "changed":
                return guards.refusal(412, found["said"])
            case "frozen":
                raise NotNowError(found["said"])
        raise NotNowError(found["said"])

    async def restart(self, request: web.Request) -> web.Response:
        """Start the service again; never during a roast, or with a roaster that is armed or hot."""
        await guards.json_body(request)
        process = self._process
        if process is None or process.restart is None:
            raise NotThereError(_NO_FILE)
        for one in self._snapshots().values():
            if one.phase is not Phase.IDLE:
                raise NotNowError("A roast is in progress: restart when it has ended.")
            if _busy_roaster(one):
                raise NotNowError("A roaster is armed or hot: disarm it and let it cool first.")
        asyncio.get_running_loop().call_later(_RESTART_AFTER_S, process.restart)
        return web.json_response({"restarting": True}, status=202)

    def _shown(self, found: dict[str, Any]) -> web.Response:
        if found["outcome"] not in ("shown", "saved"):
            raise NotNowError(found["said"])
        body = {
            "file": str(self._path),
            "values": found["values"],
            "problems": _rows(found["problems"]),
            "restart_needed": _stamp(self._process) != self._began_with,
        }
        headers = {"ETag": f'"{found["tag"]}"', "Cache-Control": "no-store"}
        return web.json_response(body, headers=headers)

    @property
    def _path(self) -> Path:
        process: HostProcess | None = self._process
        if process is None or process.settings is None:
            raise NotThereError(_NO_FILE)
        return process.settings

    async def _form(self, form: str, **given: Any) -> dict[str, Any]:
        content = json.dumps(given).encode()
        return await self._run(self._file, "--form", form, self._path, given=content)

    async def _run(
        self, lock: asyncio.Lock, *arguments: str | Path, given: bytes = b""
    ) -> dict[str, Any]:
        """The JSON that `roastwatch settings` prints.

        Raises:
            BusyError: too many wait, or it takes too long.
        """
        if self._waiting >= 4:
            raise BusyError("Too many requests at once: try again.")
        self._waiting += 1
        try:
            async with (
                lock,
                asyncio.timeout(_WITHIN_S),
                processes.running("settings", *arguments, reads=True) as child,
            ):
                end = await processes.ended(child, given=given)
        except TimeoutError as error:
            raise BusyError("The settings take too long to read: try again.") from error
        finally:
            self._waiting -= 1
        if end.status:
            raise NotNowError(end.sentence)
        found: dict[str, Any] = inbound.json_object(
            end.output, "The answer", inbound.InboundLimits(size=_LARGEST)
        )
        return found


def _stamp(process: HostProcess | None) -> tuple[int, int] | None:
    """Tells the settings file from a later one; None: there is no file."""
    if process is None or process.settings is None:
        return None
    try:
        found = process.settings.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _values(body: dict[str, Any]) -> dict[str, Any]:
    values = body.get("values")
    if not isinstance(values, dict):
        raise BadInputError("values is an object: the tree of the settings file.")
    return values


def _rows(found: list[list[str]]) -> list[dict[str, str]]:
    return [{"path": path, "message": message} for path, message in found]


def _busy_roaster(snapshot: Snapshot) -> bool:
    """Whether the roaster of a station is armed, stopped in an emergency, or hot."""
    state, reading = snapshot.roaster, snapshot.reading
    if state is None:
        return False
    probes = (reading.bean_temp_c, reading.environment_temp_c) if reading is not None else ()
    hottest = max((one for one in probes if one is not None), default=None)
    return state.armed or state.emergency or (hottest is not None and hottest >= HOT_C)
