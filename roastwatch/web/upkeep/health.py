"""What is known of the service's health: components, counters, models, log, support bundle."""

import asyncio
import json
import os
import platform
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from roastwatch import __version__
from roastwatch.errors import BadInputError
from roastwatch.sinks.sink import SinkContext
from roastwatch.vocabulary import Snapshot
from roastwatch.web import guards
from roastwatch.web.access import Access
from roastwatch.web.accounts import Role
from roastwatch.web.answers import repeating
from roastwatch.web.metrics import COUNTERS, statuses
from roastwatch.web.roasts import processes
from roastwatch.web.roasts.asking import Asked
from roastwatch.web.roasts.door import BusyError, NotThereError

Snapshots = Callable[[], Mapping[str, Snapshot]]
_BUNDLE_WITHIN_S = 180.0
_NO_PROCESS = "This roastwatch keeps no log lines: it runs inside another program."


class Health:
    """Answers the requests of the page Health."""

    def __init__(self, context: SinkContext, snapshots: Snapshots, access: Access) -> None:
        self._context = context
        self._access = access
        self._snapshots = snapshots
        self._started_at = datetime.now(UTC)
        self._packing = False

    async def diagnostics(self, request: web.Request) -> web.Response:
        """Components, counters, models and versions."""
        language = Asked(request, ("language",)).word("language", ("en", "de"), "en")
        state, caller = self._state(language), self._access.caller(request)
        if caller is None or caller.role is not Role.OPERATOR:
            state["settings"] = None
        return repeating(request, state)

    async def log(self, request: web.Request) -> web.Response:
        """The latest log lines."""
        Asked(request, ())
        if self._context.process is None:
            raise NotThereError(_NO_PROCESS)
        return repeating(request, {"lines": self._context.process.log.lines})

    async def support(self, request: web.Request) -> web.Response:
        """A support bundle; one is made at a time."""
        body = await guards.json_body(request)
        sound = body.get("sound", False)
        if not isinstance(sound, bool):
            raise BadInputError("sound is true or false.")
        if self._context.process is None:
            raise NotThereError(_NO_PROCESS)
        if self._packing:
            raise BusyError("A support bundle is being made already: try again.")
        self._packing = True
        try:
            content = await self._pack(sound=sound)
        finally:
            self._packing = False
        name = f"roastwatch-support-{datetime.now(UTC):%Y-%m-%d}.zip"
        return web.Response(
            body=content,
            content_type="application/zip",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
            },
        )

    async def _pack(self, *, sound: bool) -> bytes:
        process = self._context.process
        known = {"state": self._state("en"), "log": process.log.lines if process else []}
        with tempfile.TemporaryDirectory(prefix="roastwatch-") as folder:
            file = Path(folder, "support.zip")
            command: list[str | Path] = ["support", "--running", "--to", file]
            if process is not None and process.settings is not None:
                command += ["--settings", process.settings]
            if sound:
                command.append("--sound")
            try:
                async with (
                    asyncio.timeout(_BUNDLE_WITHIN_S),
                    processes.running(*command, reads=True) as child,
                ):
                    end = await processes.ended(child, given=json.dumps(known).encode())
            except TimeoutError as error:
                raise BusyError("The support bundle took too long: try again.") from error
            if end.status:
                raise BadInputError(end.sentence)
            return await asyncio.to_thread(file.read_bytes)

    def _state(self, language: str) -> dict[str, Any]:
        snapshots = self._snapshots()
        process = self._context.process
        return {
            "version": __version__,
            "python": platform.python_version(),
            "system": f"{os.uname().sysname} {os.uname().release}, {os.uname().machine}",
            "started_at": self._started_at.isoformat(),
            "settings": str(process.settings) if process and process.settings else None,
            "components": self._components(snapshots, language),
            "models": [
                {"station": name, "name": one.detector, **asdict(one.model)}
                for name, one in snapshots.items()
                if one.model is not None
            ],
        }

    def _components(self, snapshots: Mapping[str, Snapshot], language: str) -> list[dict[str, Any]]:
        found = dict(statuses(snapshots))
        return [
            {
                "station": station,
                "name": name,
                "state": one.state.value,
                "problem": self._context.said(one.problem, language) if one.problem else None,
                "counters": [
                    {"name": counter, "value": value, "help": COUNTERS.get(counter, "")}
                    for counter, value in one.counters
                ],
            }
            for (station, name), one in found.items()
        ]
