"""What comes after the end of a roast leaves its record in the log as it is."""

from pathlib import Path

import pytest

from roastwatch.app.roast_logger import RoastLogger
from roastwatch.app.station import Station
from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import Instruction, InstructionKind, Origin, Reading, RoastEvent
from tests.unit.test_station_readings import Moment, station_at


def say(station: Station, moment: Moment, kind: InstructionKind) -> None:
    station.instruct(Instruction("roaster", kind, Origin.PERSON, moment.utc()))


async def log_all(keeper: RoastLogger, station: Station, published: list[RoastEvent]) -> None:
    while published:
        await keeper.event(station, published.pop(0))


async def roasted(keeper: RoastLogger, station: Station, moment: Moment) -> None:
    """Charge at 0 s, three readings, first crack at 300 s."""
    say(station, moment, InstructionKind.CHARGE)
    await keeper.pulse(station)
    for moment.s in (100.0, 200.0, 300.0):
        station.read(Reading("roaster", moment.monotonic(), 100.0 + moment.s / 10))
    say(station, moment, InstructionKind.FIRST_CRACK_NOW)


def at_s(path: Path) -> dict[str, float]:
    with Store(path) as store:
        return dict(store.connection.execute("SELECT kind, at_s FROM events"))


@pytest.mark.parametrize("ends", ["cool_end", "stopped"])
async def test_an_event_after_the_end_does_not_reopen_a_roast(
    tmp_path: Path, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment, path = Moment(), tmp_path / "roasts.db"
    station, published = station_at(moment)
    ended: list[str] = []
    async with RoastLog.open(path) as log:
        keeper = RoastLogger(log)
        await keeper.resume(station)
        learn = keeper._learn_later

        def counted(station: Station) -> None:
            ended.append(station.name)
            learn(station)

        monkeypatch.setattr(keeper, "_learn_later", counted)
        await roasted(keeper, station, moment)
        moment.s = 400.0
        if ends == "cool_end":
            say(station, moment, InstructionKind.DROP)
            moment.s = 700.0
            station.tick()
        else:
            say(station, moment, InstructionKind.STOP)
        await keeper.pulse(station)  # before the event of the end reaches the log
        await log_all(keeper, station, published)
        for moment.s in (710.0, 720.0, 730.0):
            station.read(Reading("roaster", moment.monotonic(), 25.0))
        say(station, moment, InstructionKind.NOT_A_CRACK)
        await log_all(keeper, station, published)
        await keeper.pulse(station)
    with Store(path) as store:
        readings = store.connection.execute(
            "SELECT at_s, bean_temp_c FROM readings ORDER BY seq"
        ).fetchall()
        roasts = store.connection.execute("SELECT open FROM roasts").fetchall()
    assert readings == [(100.0, 110.0), (200.0, 120.0), (300.0, 130.0)]
    assert roasts == [(0,)]
    assert ended == ["roaster"]  # learnt from once
    assert at_s(path)["first_crack"] == 300.0
    assert at_s(path)[ends] == (700.0 if ends == "cool_end" else 400.0)


async def test_a_roast_that_ended_before_it_was_logged_ends_no_other(tmp_path: Path) -> None:
    moment, path = Moment(), tmp_path / "roasts.db"
    station, published = station_at(moment)
    async with RoastLog.open(path) as log:
        keeper = RoastLogger(log)
        await keeper.resume(station)
        say(station, moment, InstructionKind.CHARGE)
        moment.s = 10.0
        say(station, moment, InstructionKind.STOP)
        moment.s = 20.0
        say(station, moment, InstructionKind.CHARGE)
        await keeper.pulse(station)
        for moment.s in (30.0, 40.0):
            station.read(Reading("roaster", moment.monotonic(), moment.s))
        await log_all(keeper, station, published)
        for moment.s in (50.0, 60.0):
            station.read(Reading("roaster", moment.monotonic(), moment.s))
    with Store(path) as store:
        readings = store.connection.execute(
            "SELECT at_s, bean_temp_c FROM readings ORDER BY seq"
        ).fetchall()
        roasts = store.connection.execute("SELECT open FROM roasts ORDER BY roast_id").fetchall()
    assert readings == [(10.0, 30.0), (20.0, 40.0), (30.0, 50.0), (40.0, 60.0)]
    assert roasts == [(0,), (1,)]
