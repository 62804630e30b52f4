"""A station continues a roast from the log as if it had not been interrupted."""

from pathlib import Path

import pytest

from roastwatch.app.listening import Listening
from roastwatch.app.roast_logger import RoastLogger
from roastwatch.app.station import Station
from roastwatch.pipeline import BlockResult
from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Outcome,
    Reading,
    RoastEvent,
)
from tests.unit.test_station_readings import Moment, silent_station, sound


def say(station: Station, moment: Moment, kind: InstructionKind) -> None:
    station.instruct(Instruction("roaster", kind, Origin.PERSON, moment.utc()))


async def restarted(
    log: RoastLog, moment: Moment
) -> tuple[Station, list[RoastEvent], RoastLogger, Listening]:
    """A new station with sound, and what is published of it."""
    station, published = silent_station(moment)
    keeper = RoastLogger(log)
    await keeper.resume(station)
    return station, published, keeper, sound(station)


def crack(station: Station) -> None:
    now = station.now()
    station.publish(station.roast.crack(EventKind.FIRST_CRACK, Level.FIRST_CRACK, now, now))


async def logged(
    keeper: RoastLogger, station: Station, published: list[RoastEvent]
) -> list[RoastEvent]:
    sent = [await keeper.event(station, event) for event in published]
    published.clear()
    return sent


async def test_a_crack_after_a_revoked_one_and_a_restart_has_its_own_id(
    tmp_path: Path,
) -> None:
    moment = Moment()
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        station, published, keeper, _ = await restarted(log, moment)
        say(station, moment, InstructionKind.CHARGE)
        moment.s = 300.0
        crack(station)
        moment.s = 310.0
        say(station, moment, InstructionKind.NOT_A_CRACK)
        revoked = (await logged(keeper, station, published))[-1]
        assert revoked.revoked
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        station, published, keeper, _ = await restarted(log, moment)
        shown = station.snapshot()
        assert shown.first_crack is None
        assert shown.last_event is not None
        assert shown.last_event.kind is EventKind.CHARGE
        moment.s = 600.0
        crack(station)
        (real,) = await logged(keeper, station, published)
    assert real.roast_id == revoked.roast_id
    assert real.event_id != revoked.event_id


async def test_roast_times_survive_a_clock_set_back_between_restarts(
    tmp_path: Path,
) -> None:
    path, moment = tmp_path / "roasts.db", Moment()
    moment.s = 3600.0  # an hour ahead
    async with RoastLog.open(path) as log:
        station, published, keeper, _ = await restarted(log, moment)
        say(station, moment, InstructionKind.CHARGE)
        moment.s += 200.0
        await logged(keeper, station, published)
        station.read(Reading("roaster", moment.monotonic(), 180.0))
    moment.s -= 3600.0  # the power was cut, and the clock is right now
    async with RoastLog.open(path) as log:
        station, published, keeper, listening = await restarted(log, moment)
        moment.s += 50.0
        # what the time since the charge says of first crack
        station.followers.heard(listening.pipeline, BlockResult())
        crack(station)
        await logged(keeper, station, published)
        command = Command("c1", "roaster", Actuator.HEATER, 0.0, Origin.PERSON, 0.0)
        keeper.command(station, command, CommandResult("c1", Outcome.APPLIED))
    async with RoastLog.open(path) as log:
        station, published, keeper, _ = await restarted(log, moment)
        roast = station.roast
        assert roast.elapsed_s(station.now()) == pytest.approx(250.0, abs=0.01)
        assert roast.development_s(station.now()) == pytest.approx(0.0, abs=0.01)
    with Store(path) as store:
        (command_s,) = store.connection.execute("SELECT at_s FROM commands").fetchone()
        evidence_s = [row[0] for row in store.connection.execute("SELECT at_s FROM evidence")]
    assert command_s == pytest.approx(250.0, abs=0.01)
    assert evidence_s == [pytest.approx(250.0, abs=0.01)]
