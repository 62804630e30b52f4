"""The curve up to now, for a page that is opened in the middle of a roast."""

from typing import Any

import aiohttp

from roastwatch.vocabulary import Phase, Snapshot
from roastwatch.web.curve import Curves
from tests.support.events import reading, snapshot
from tests.support.http import serving
from tests.support.until import until

TOKEN = {"Authorization": "Bearer beans"}


def at(elapsed_s: float | None, roast_id: str | None = "r1", **more: Any) -> dict[str, Snapshot]:
    probe = reading("kitchen", bean_temp_c=100.04, heater_percent=float("nan"))
    made = snapshot("kitchen", roast_id=roast_id, elapsed_s=elapsed_s, reading=probe, **more)
    return {"kitchen": made}


def test_a_roast_gives_columns_of_equal_length_and_unknown_is_null() -> None:
    curves = Curves()
    for elapsed_s in (1.0, 2.0):
        curves.show(at(elapsed_s, rate_of_rise_c_per_min=None))
    row = curves.row("kitchen")
    assert row["roast_id"] == "r1"
    assert row["elapsed"] == [1.0, 2.0]
    assert row["bean_temperature"] == [100.0, 100.0]
    assert row["heater"] == row["rate_of_rise"] == row["fan"] == [None, None]


def test_a_new_roast_begins_anew_and_idle_keeps_the_last() -> None:
    curves = Curves()
    curves.show(at(600.0))
    curves.show(at(None, None, phase=Phase.IDLE))
    assert curves.row("kitchen")["elapsed"] == [600.0]
    curves.show(at(1.0, "r2"))
    assert (curves.row("kitchen")["roast_id"], curves.row("kitchen")["elapsed"]) == ("r2", [1.0])


def test_a_charge_that_is_dated_anew_leaves_no_point_twice() -> None:
    curves = Curves()
    for elapsed_s in (10.0, 11.0, 12.0, 10.5):
        curves.show(at(elapsed_s))
    assert curves.row("kitchen")["elapsed"] == [10.0, 10.5]


def test_a_station_without_a_roast_has_empty_columns() -> None:
    row = Curves().row("kitchen")
    assert row.pop("roast_id") is None
    assert set(row) == set(Curves.COLUMNS)
    assert all(column == [] for column in row.values())


async def test_the_api_serves_the_curve_of_a_known_station() -> None:
    async with serving(None, at(1.0)) as served, aiohttp.ClientSession(headers=TOKEN) as session:

        async def elapsed() -> list[float]:
            async with session.get(f"{served.url}/api/v1/stations/kitchen/curve") as answer:
                found: list[float] = (await answer.json())["elapsed"]
                return found

        await until(lambda: elapsed())
        assert await elapsed() == [1.0]
        async with session.get(f"{served.url}/api/v1/stations/attic/curve") as answer:
            assert answer.status == 404
