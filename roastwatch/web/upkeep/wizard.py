"""The first-run wizard: what it may try while there are no settings yet."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from roastwatch.errors import BadInputError
from roastwatch.sinks.sink import HeardMicrophone, SinkContext, Trials
from roastwatch.web import guards
from roastwatch.web.roasts.asking import Asked
from roastwatch.web.roasts.door import BusyError, NotThereError

_MOST = 4


class WizardPages:
    """Answers the requests of the wizard; few at a time."""

    def __init__(self, context: SinkContext) -> None:
        self._context = context
        self._busy = 0

    async def microphones(self, request: web.Request) -> web.Response:
        """The microphones of this computer and of the network."""
        Asked(request, ())
        trials = self._trials()
        with self._one_of_few():
            found = await trials.microphones()
        return _fresh(asdict(found))

    async def listen(self, request: web.Request) -> web.Response:
        """Begin to listen to a source."""
        source = _object(await guards.json_body(request), "source")
        trials = self._trials()
        with self._one_of_few():
            await trials.listen(source)
        return _fresh(self._row(trials.heard(), "en"), status=202)

    async def heard(self, request: web.Request) -> web.Response:
        """What was heard so far."""
        language = Asked(request, ("language",)).word("language", ("en", "de"), "en")
        return _fresh(self._row(self._trials().heard(), language))

    async def try_sink(self, request: web.Request) -> web.Response:
        """Connect to a broker, Home Assistant or phone once."""
        language = Asked(request, ("language",)).word("language", ("en", "de"), "en")
        sink = _object(await guards.json_body(request), "sink")
        trials = self._trials()
        with self._one_of_few():
            found = await trials.try_sink(sink)
        said = self._context.said
        rows = [{"good": one.good, "text": said(one.text, language)} for one in found]
        return _fresh({"findings": rows})

    def _trials(self) -> Trials:
        process = self._context.process
        if process is None or process.trials is None:
            raise NotThereError("roastwatch is set up: change it in its settings.")
        return process.trials

    @contextlib.contextmanager
    def _one_of_few(self) -> Iterator[None]:
        if self._busy >= _MOST:
            raise BusyError("Too many requests at once: try again.")
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def _row(self, heard: HeardMicrophone, language: str) -> dict[str, Any]:
        said = self._context.said
        return asdict(heard) | {
            "problem": said(heard.problem, language) if heard.problem else "",
            "limits": [said(one, language) for one in heard.limits],
        }


def _object(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = body.get(key)
    if not isinstance(found, dict):
        raise BadInputError(f"{key} is an object, as in the settings file.")
    return found


def _fresh(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})
