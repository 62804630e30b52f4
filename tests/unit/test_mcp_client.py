"""What `roastwatch mcp` sends to the HTTP API, and what it follows over the live WebSocket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from roastwatch.errors import BadInputError, LostError, RefusedError
from roastwatch.mcp import acting, looking
from roastwatch.mcp.api import Credentials, ServiceApi
from roastwatch.mcp.watch import StationView, Watch
from roastwatch.vocabulary import Actuator, EventKind, Level, Origin
from roastwatch.web import accounts
from roastwatch.web.rows import event_row
from tests.support.events import event, snapshot
from tests.support.http import Served, free_port, serving
from tests.unit.test_web_sign_in import SHOWN


async def quiet(_done: float, _of: float, _sentence: str) -> None:
    """Reports nothing."""


@contextlib.asynccontextmanager
async def followed(served: Served) -> AsyncIterator[Watch]:
    async with (
        ServiceApi(served.url, Credentials("beans"), "claude") as api,
        Watch(api).running() as watch,
    ):
        yield watch


async def test_an_agent_is_named_and_refused_with_a_sentence() -> None:
    async with serving() as served, ServiceApi(served.url, Credentials("beans"), "claude") as api:
        with pytest.raises(RefusedError, match="no roaster here"):
            await acting.set_actuator(api, "kitchen", Actuator.HEATER, 20)
        [command] = served.person.commands
        assert (command.origin, command.by) == (Origin.AGENT, "agent claude")
        with pytest.raises(RefusedError, match="There is no such station"):
            await acting.set_actuator(api, "cellar", Actuator.HEATER, 20)
        with pytest.raises(RefusedError, match="no name of a station"):
            await acting.set_actuator(api, "../sign-in", Actuator.HEATER, 20)
        with pytest.raises(BadInputError, match="no id of a roast"):
            await looking.roast(api, "../beans", 0)


async def test_a_wrong_token_or_no_service_is_said() -> None:
    async with serving() as served, ServiceApi(served.url, Credentials("guess")) as api:
        with pytest.raises(RefusedError, match="Bearer TOKEN"):
            await looking.stations(api)
    async with ServiceApi(f"http://127.0.0.1:{free_port()}", Credentials()) as api:
        with pytest.raises(LostError, match="start `roastwatch run`"):
            await looking.stations(api)


async def test_a_password_signs_in_and_the_agent_stays_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(accounts, "_N", 2**10)
    monkeypatch.setattr(accounts, "_P", 1)
    async with serving(folder=tmp_path, token=None, sign_in=True) as served:
        (file,) = tmp_path.glob("web-*.passwords")
        password = dict(SHOWN.findall(file.read_text()))["operator"]
        async with ServiceApi(served.url, Credentials(password=password)) as api:
            assert set(await looking.stations(api)) == {"kitchen"}
            await api.post("stations/kitchen/instruct", {"kind": "note", "value": "hello"})
            assert served.person.asked[0].origin is Origin.AGENT
        async with ServiceApi(served.url, Credentials(password="wrong")) as api:
            with pytest.raises(RefusedError, match="password is wrong"):
                await looking.stations(api)


async def test_the_wait_ends_with_first_crack_and_follows_changes() -> None:
    async with serving() as served, followed(served) as watch:
        reported: list[str] = []

        async def progress(_done: float, _of: float, sentence: str) -> None:
            reported.append(sentence)

        waiting = asyncio.create_task(
            looking.wait_for_first_crack(watch, "kitchen", 20, Level.FIRST_CRACK, progress)
        )
        while not reported:
            await asyncio.sleep(0)
        assert reported[0].startswith("roasting, 1:01")
        possible = event("c1", level=Level.POSSIBLE, station="kitchen")
        served.events.put(possible)
        served.events.put(replace(possible, level=Level.FIRST_CRACK))
        served.latest.set({"kitchen": snapshot("kitchen", elapsed_s=70.0)})
        found = await waiting
        assert (found["first_crack"], found["event"]["level"]) == (True, "first_crack")
        late = await looking.wait_for_first_crack(watch, "kitchen", 0, Level.CERTAIN, quiet)
        assert (late["first_crack"], late["event"]) == (False, None)
        with pytest.raises(RefusedError, match="There is no station cellar"):
            await watch.station("cellar")


async def test_calls_that_wait_are_bounded() -> None:
    async with serving() as served, followed(served) as watch:
        waits = [
            asyncio.create_task(looking.watch_roast(watch, "kitchen", 600, None, quiet))
            for _ in range(65)
        ]
        done, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(RefusedError, match="Too many calls wait"):
            await done.pop()
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        assert await looking.watch_roast(watch, "kitchen", 0, None, quiet)


def test_a_missing_number_asks_for_a_snapshot() -> None:
    watch = Watch(ServiceApi("http://127.0.0.1", Credentials()))
    station = {"title": "Kitchen", "number": 4, "state": {"phase": "idle"}, "events": []}
    assert watch._apply({"type": "snapshot", "stations": {"kitchen": station}})
    change: dict[str, Any] = {"type": "state", "station": "kitchen", "gone": []}
    assert watch._apply({**change, "number": 5, "changes": {"phase": "roasting"}})
    assert not watch._apply({**change, "number": 7, "changes": {"phase": "idle"}})
    assert watch.stations["kitchen"].state == {"phase": "roasting"}


def test_an_earlier_or_revoked_first_crack_does_not_count() -> None:
    view = StationView("Kitchen")
    crack = event("c1")
    view.events.append(event_row(crack))
    assert view.first_crack(Level.FIRST_CRACK) is not None
    assert view.first_crack(Level.CERTAIN) is None
    view.events.append(event_row(replace(crack, revoked=True)))
    assert view.first_crack(Level.POSSIBLE) is None
    view.events.append(event_row(event("c2", level=Level.CERTAIN)))
    assert view.first_crack(Level.CERTAIN) is not None
    view.events.append(event_row(event("b1", EventKind.CHARGE, None, roast_id="r2")))
    assert view.first_crack(Level.POSSIBLE) is None


async def test_a_comparison_takes_two_to_eight_roasts() -> None:
    with pytest.raises(BadInputError, match="2 to 8 different"):
        await looking.compare(ServiceApi("http://127.0.0.1", Credentials()), ["a", "a"])
