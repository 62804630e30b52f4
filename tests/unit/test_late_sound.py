"""A station that has no sound yet, or lost it: its clock, what waits, and what is reported."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from roastwatch.app.roast_logger import RoastLogger
from roastwatch.app.station import Station
from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.store import Store
from roastwatch.settings import model as settings
from roastwatch.vocabulary import ComponentState, EventKind, InstructionKind, Reading, RoastEvent
from tests.unit.test_resumed_station import say
from tests.unit.test_station_readings import Moment, sound


class Settable(Moment):
    """The computer's clock can be set; the monotonic one can't."""

    def __init__(self) -> None:
        super().__init__()
        self.set_s = 0.0

    def utc(self) -> datetime:
        return super().utc() + timedelta(seconds=self.set_s)


def silent_station(moment: Moment) -> tuple[Station, list[RoastEvent]]:
    published: list[RoastEvent] = []
    tree = {"stations": [{"name": "roaster", "source": "microphone"}]}
    station = Station(
        settings.parse(tree).stations[0], published.append, now=moment.utc, clock=moment.monotonic
    )
    return station, published


@pytest.mark.parametrize("set_s", [3 * 86400.0, -3600.0])
@pytest.mark.parametrize("pressed_s", [60.0, 100.0])
def test_a_charge_before_the_sound_keeps_its_time(pressed_s: float, set_s: float) -> None:
    moment = Settable()
    station, published = silent_station(moment)
    moment.s = 60.0
    if pressed_s == 60.0:
        say(station, moment, InstructionKind.CHARGE)
    moment.s = 80.0
    moment.set_s = set_s  # a time server answers
    moment.s = 100.0
    if pressed_s == 100.0:
        say(station, moment, InstructionKind.CHARGE)
    moment.s = 120.0
    sound(station)
    assert station.now() == moment.utc()
    charge = published[0]
    assert (moment.utc() - charge.happened_at).total_seconds() == pytest.approx(120.0 - pressed_s)


def test_the_clock_is_corrected_before_the_first_sound() -> None:
    moment = Settable()
    station, _ = silent_station(moment)
    moment.set_s = 700.0
    station.tick()
    assert station.snapshot().at == moment.utc()


async def test_readings_before_a_clock_jump_are_in_no_roast(tmp_path: Path) -> None:
    moment = Settable()
    station, published = silent_station(moment)
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        keeper = RoastLogger(log)
        await keeper.resume(station)
        sound(station)
        for moment.s in range(10):
            station.read(Reading("roaster", moment.monotonic(), 20.0))
        moment.set_s = -3600.0
        station.tick()
        moment.s = 20.0
        say(station, moment, InstructionKind.CHARGE)
        moment.s = 21.0
        station.read(Reading("roaster", moment.monotonic(), 200.0))
        for event in published:
            await keeper.event(station, event)
    with Store(tmp_path / "roasts.db") as store:
        rows = store.connection.execute("SELECT at_s, bean_temp_c FROM readings").fetchall()
    assert rows == [(1.0, 200.0)]


def lost(published: list[RoastEvent]) -> list[str | None]:
    return [event.roast_id for event in published if event.kind is EventKind.SOUND_LOST]


def test_lost_sound_is_reported_once_in_each_roast() -> None:
    moment = Moment()
    station, published = silent_station(moment)
    sound(station)
    station.source_health.trouble(ComponentState.RETRYING, "The microphone is gone.")
    station.tick()  # between roasts it is only shown
    assert lost(published) == []
    roasts = []
    for moment.s in (10.0, 100.0):
        say(station, moment, InstructionKind.CHARGE)
        for _ in range(3):
            station.tick()
        roasts.append(station.roast.roast_id)
    assert lost(published) == roasts
    station.source_health.running()
    station.tick()
    station.source_health.trouble(ComponentState.RETRYING, "The microphone is gone.")
    station.tick()
    assert lost(published) == [*roasts, roasts[-1]]


def test_instructions_that_wait_for_sound_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    moment = Moment()
    station, _ = silent_station(moment)
    say(station, moment, InstructionKind.CHARGE)
    assert "charge (person) waits for sound" in caplog.text
