"""What the pages of roasts do in processes of their own: imports, pictures, learning."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from roastwatch.records import formats
from roastwatch.roastlog.store import Store
from roastwatch.supervise import ComponentHealth
from roastwatch.web.roasts.door import NotNowError
from roastwatch.web.roasts.learning import Learning, LearnState
from tests.support.checked_client import BYTES, IDLE, TOKEN, client
from tests.support.http import serving
from tests.support.recorded_roasts import recorded

ROAST = "/roasts/{roast_id}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recorded(tmp_path)
    return tmp_path


async def test_upload_is_imported_by_its_content(folder: Path) -> None:
    with Store(folder / "roasts.db") as store:
        text = formats.WRITERS["alog"][1](store.record("r0"))
        store.delete("r0")
    async with client(folder) as ask:
        url = "/roasts/import?name=..%2F..%2Fanything.txt&saved_at=2026-03-15T10:00:00Z"
        done = await ask("POST", url, data=text.encode(), headers=BYTES)
        assert done["outcome"] == "new"
        assert done["said"] == "imported."
        roast = await ask("GET", f"/roasts/{done['roast_id']}", template=ROAST)
        assert roast["source_file"] == "anything.txt"
        assert (await ask("POST", url, data=text.encode(), headers=BYTES))["outcome"] == "known"
        said = await ask("POST", url, 400, data=b"\x89PNG\0", headers=BYTES)
        assert said["error"] == "anything.txt is not a text file, so it contains no roast."


@pytest.mark.verify
async def test_picture_is_drawn_in_its_own_process(folder: Path) -> None:
    async with (
        serving(snapshots=IDLE, folder=folder, log=folder / "roasts.db") as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        async with session.get("/api/v1/roasts/r0/picture?size=small&theme=dark") as answer:
            assert answer.status == 200
            assert (await answer.read())[:8] == b"\x89PNG\r\n\x1a\n"
        async with session.get("/api/v1/roasts/none/picture") as answer:
            assert answer.status == 404


async def test_learning_pauses_for_a_roast_and_says_what_is_missing(folder: Path) -> None:
    roasting = [False]
    learning = Learning(folder, ComponentHealth("rest"), lambda: roasting[0])

    async def until(*states: LearnState) -> dict[str, object]:
        async with asyncio.timeout(120):
            while (shown := await learning.shown())["state"] not in states:
                await asyncio.sleep(0.01)
        return shown

    try:
        assert (await learning.shown())["state"] is LearnState.IDLE
        learning.start(None)
        with pytest.raises(NotNowError, match="already"):
            learning.start(None)
        roasting[0] = True
        await until(LearnState.PAUSED)
        roasting[0] = False
        shown = await until(LearnState.FAILED, LearnState.DONE)
        assert "at least 3 are needed" in str(shown["problem"])
        roasting[0] = True
        with pytest.raises(NotNowError, match="A roast is in progress"):
            learning.start(None)
        roasting[0] = False
        learning.start(None)
        learning.stop()
        assert (await until(LearnState.STOPPED))["outcome"] is None
    finally:
        await learning.close()
