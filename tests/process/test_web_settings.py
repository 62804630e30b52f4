"""Settings over HTTP: read and saved by a process of their own, and applied by a restart."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from roastwatch.printing.recent_log import RecentLog
from roastwatch.sinks.sink import HostProcess
from roastwatch.vocabulary import Phase, Reading, RoasterState, Snapshot
from tests.support.checked_client import TOKEN, Client
from tests.support.http import serving

NOW = datetime.now(UTC)
TEXT = "# mine\nstations: [{name: kitchen, source: demo, roaster: {type: simulated}}]\nsinks: []\n"
HOT = {
    "kitchen": Snapshot(
        "kitchen",
        NOW,
        reading=Reading("kitchen", 0.0, bean_temp_c=90.0),
        roaster=RoasterState(connected=True, armed=False),
    )
}


async def test_settings_are_shown_changed_and_applied(tmp_path: Path) -> None:
    file = tmp_path / "roastwatch.yaml"
    file.write_text(TEXT)
    restarted = asyncio.Event()
    process = HostProcess(RecentLog(), file, restarted.set)
    async with (
        serving(process=process, snapshots=HOT) as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        ask = Client(session)
        async with session.get("/api/v1/settings") as answer:
            before, found = {"If-Match": answer.headers["ETag"]}, await answer.json()
        assert (found["file"], found["restart_needed"]) == (str(file), False)
        body = {"values": found["values"]}
        await ask("PUT", "/settings", 400, json=body)
        body["values"]["language"] = "de"
        async with session.put("/api/v1/settings", json=body, headers=before) as answer:
            after, found = {"If-Match": answer.headers["ETag"]}, await answer.json()
        assert found["restart_needed"]
        assert file.read_text().startswith("# mine\n")
        await ask("PUT", "/settings", 412, json=body, headers=before)
        body["values"]["stations"][0]["roaster"] = {"type": "simulated", "drum_c": 100}
        hot = await ask("PUT", "/settings", 409, json=body, headers=after)
        assert "armed or hot" in hot["error"]
        await ask("POST", "/restart", 409)
        roasting = Snapshot("kitchen", NOW, Phase.ROASTING, roast_id="now")
        api.latest.set({"kitchen": roasting})
        assert "roast is in progress" in (await ask("POST", "/restart", 409))["error"]
        assert not restarted.is_set()
        api.latest.set({"kitchen": Snapshot("kitchen", NOW)})
        await ask("POST", "/restart", 202)
        await asyncio.wait_for(restarted.wait(), 5)


async def test_only_an_operator_who_is_a_person_sees_or_changes_settings(tmp_path: Path) -> None:
    process = HostProcess(RecentLog(), tmp_path / "roastwatch.yaml")
    viewer = {"Authorization": "Bearer look"}
    async with (
        serving(process=process, viewer_token="look") as api,
        aiohttp.ClientSession(api.url) as session,
    ):
        ask = Client(session)
        for headers in (viewer, TOKEN | {"Roastwatch-Agent": "me"}):
            await ask("PUT", "/settings", 403, json={"values": {}}, headers=headers)
            await ask("POST", "/restart", 403, headers=headers)
            await ask("POST", "/support", 403, headers=headers)
        await ask("GET", "/settings", 403, headers=viewer)
        await ask("POST", "/restart", 404, headers=TOKEN)


async def test_without_a_settings_file_there_is_nothing_to_change() -> None:
    async with (
        serving() as api,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        ask = Client(session)
        assert "roastwatch run" in (await ask("GET", "/settings", 404))["error"]
