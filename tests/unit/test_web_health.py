"""The page Health over HTTP: components, models, log lines, and who may see them."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from roastwatch.printing.recent_log import RecentLog
from roastwatch.sinks.sink import HostProcess
from roastwatch.vocabulary import ComponentState, ComponentStatus, ModelCard, Snapshot
from tests.support.checked_client import TOKEN, Client
from tests.support.http import serving

PROBLEM = "This station has no roaster to drive."
PARTS = (
    ComponentStatus("kitchen-microphone", ComponentState.RUNNING, None, (("times_lost", 2.0),)),
    ComponentStatus("mqtt", ComponentState.RETRYING, PROBLEM),
)
CARD = ModelCard("pops-v4", "synthesised roasts", 16_000, 0.1, 0.3, 0.77)
KITCHEN = {
    "kitchen": Snapshot("kitchen", datetime.now(UTC), parts=PARTS, detector="pops", model=CARD)
}
VIEWER = {"Authorization": "Bearer look"}


@contextlib.asynccontextmanager
async def asking(
    process: HostProcess | None = None, headers: dict[str, str] = TOKEN
) -> AsyncIterator[Client]:
    async with (
        serving(snapshots=KITCHEN, process=process, viewer_token="look") as api,
        aiohttp.ClientSession(api.url, headers=headers) as session,
    ):
        yield Client(session)


async def test_every_component_is_shown_with_its_state_and_counters() -> None:
    async with asking() as ask:
        found = await ask("GET", "/diagnostics")
        german = await ask("GET", "/diagnostics?language=de")
    microphone, mqtt = found["components"]
    assert (microphone["station"], microphone["name"]) == ("kitchen", "microphone")
    assert [(one["name"], one["value"]) for one in microphone["counters"]] == [("times_lost", 2.0)]
    assert (mqtt["station"], mqtt["state"], mqtt["problem"]) == ("", "retrying", PROBLEM)
    assert german["components"][1]["problem"].startswith("Diese Station hat keinen Röster")
    (model,) = found["models"]
    assert (model["name"], model["model_id"], model["pop_threshold"]) == ("pops", "pops-v4", 0.77)


async def test_only_an_operator_sees_log_lines_and_the_settings_file(tmp_path: Path) -> None:
    log = RecentLog()
    log.write("2026-11-29T12:00:00Z INFO it runs\n")
    process = HostProcess(log, tmp_path / "my.yaml")
    async with asking(process) as ask:
        assert (await ask("GET", "/log"))["lines"] == ["2026-11-29T12:00:00Z INFO it runs"]
        assert (await ask("GET", "/diagnostics"))["settings"] == str(tmp_path / "my.yaml")
    async with asking(process, VIEWER) as ask:
        await ask("GET", "/log", 403)
        await ask("POST", "/support", 403)
        assert (await ask("GET", "/diagnostics"))["settings"] is None


async def test_without_a_process_of_its_own_there_are_no_log_lines() -> None:
    async with asking() as ask:
        await ask("GET", "/log", 404)
        await ask("POST", "/support", 404)
        await ask("POST", "/support", 400, json={"sound": "yes"})
