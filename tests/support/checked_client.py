"""A client of the API that checks each answer against the OpenAPI document."""

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema

from roastwatch.vocabulary import Phase, Snapshot
from roastwatch.web.openapi import document
from tests.support.http import serving

TOKEN = {"Authorization": "Bearer beans"}
BYTES = {"Content-Type": "application/octet-stream"}
IDLE = {"kitchen": Snapshot("kitchen", datetime.now(UTC))}
ROASTING = {"kitchen": Snapshot("kitchen", datetime.now(UTC), Phase.ROASTING, roast_id="now")}


class Client:
    """Asks, and checks each answer against the OpenAPI document."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def __call__(
        self, method: str, path: str, status: int = 200, template: str = "", **given: Any
    ) -> Any:
        if method != "GET" and "json" not in given and "data" not in given:
            given["json"] = {}
        async with self._session.request(method, "/api/v1" + path, **given) as answer:
            text = await answer.text()
            assert answer.status == status, text
            found = json.loads(text)
        responses = document()["paths"][template or path.partition("?")[0]][method.lower()]
        schema = responses["responses"][str(status)]["content"]["application/json"]["schema"]
        whole = schema | {"components": document()["components"]}
        jsonschema.Draft202012Validator(whole).validate(found)
        return found


@contextlib.asynccontextmanager
async def client(
    folder: Path | None, snapshots: dict[str, Snapshot] | None = None
) -> AsyncIterator[Client]:
    log = folder / "roasts.db" if folder else None
    async with (
        serving(snapshots=snapshots or IDLE, folder=folder, log=log) as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        yield Client(session)
