"""Readings keep their own time, instructions grow too old, and no event waits for learning."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from roastwatch.app.listening import Listening
from roastwatch.app.roast_logger import RoastLogger
from roastwatch.app.station import Station
from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.store import Store
from roastwatch.settings import model as settings
from roastwatch.vocabulary import (
    AudioBlock,
    EventKind,
    Instruction,
    InstructionKind,
    Origin,
    Reading,
    RoastEvent,
)

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Moment:
    """A clock that a test moves: UTC and monotonic seconds together."""

    def __init__(self) -> None:
        self.s = 0.0

    def utc(self) -> datetime:
        return START + timedelta(seconds=self.s)

    def monotonic(self) -> float:
        return 1000.0 + self.s


@dataclass
class Microphone:
    """Live sound, as a source says of itself."""

    sample_rate_hz: int = 32_000
    live: bool = True


def sound(station: Station, seconds: float = 0.0) -> Listening:
    """The first sound of a live source arrives."""
    samples = np.zeros(round(32_000 * seconds), np.float32)
    block = AudioBlock(0, samples, time.monotonic())
    return station.begin(Microphone(), block)  # type: ignore[arg-type]


def silent_station(moment: Moment) -> tuple[Station, list[RoastEvent]]:
    """A station before its first sound, and what it publishes."""
    published: list[RoastEvent] = []
    tree = {"stations": [{"name": "roaster", "source": {"type": "demo"}}]}
    station = Station(
        settings.parse(tree).stations[0],
        published.append,
        now=moment.utc,
        clock=moment.monotonic,
    )
    return station, published


def station_at(moment: Moment) -> tuple[Station, list[RoastEvent]]:
    """A station that listens, and what it publishes."""
    station, published = silent_station(moment)
    sound(station)
    return station, published


def charge(at: datetime) -> Instruction:
    return Instruction("roaster", InstructionKind.CHARGE, Origin.PERSON, at)


async def test_every_reading_is_logged_with_its_own_time(tmp_path: Path) -> None:
    moment, path = Moment(), tmp_path / "roasts.db"
    station, published = station_at(moment)
    async with RoastLog.open(path) as log:
        keeper = RoastLogger(log)
        await keeper.resume(station)
        station.instruct(charge(START))
        taken_s = [0.4 * number for number in range(18)]
        for number, at_s in enumerate(taken_s):
            if number == 5:  # the charge reaches the log later than the first readings
                await keeper.event(station, published.pop(0))
            moment.s = at_s + 0.25  # each arrives late
            station.read(Reading("roaster", 1000.0 + at_s, 20.0 + number))
    with Store(path) as store:
        rows = store.connection.execute(
            "SELECT at_s, bean_temp_c FROM readings ORDER BY seq"
        ).fetchall()
    assert [at_s for at_s, _ in rows] == pytest.approx(taken_s)
    assert [bean_c for _, bean_c in rows] == [20.0 + number for number in range(18)]


async def test_readings_before_the_roast_are_not_logged_with_it(tmp_path: Path) -> None:
    moment, path = Moment(), tmp_path / "roasts.db"
    station, published = station_at(moment)
    async with RoastLog.open(path) as log:
        keeper = RoastLogger(log)
        await keeper.resume(station)
        for second in range(10):
            moment.s = float(second)
            station.read(Reading("roaster", 1000.0 + second, 20.0))
        station.instruct(charge(START + timedelta(seconds=6.5)))
        await keeper.event(station, published.pop(0))
    with Store(path) as store:
        rows = store.connection.execute("SELECT at_s FROM readings ORDER BY seq").fetchall()
    assert [at_s for (at_s,) in rows] == pytest.approx([0.5, 1.5, 2.5])


@pytest.mark.parametrize(("waited_min", "begins"), [(19, True), (180, False)])
async def test_a_charge_that_waited_too_long_for_sound_is_ignored(
    waited_min: float, begins: bool
) -> None:
    moment = Moment()
    station, published = silent_station(moment)
    station.instruct(charge(moment.utc()))
    moment.s = 60 * waited_min
    sound(station)
    assert [event.kind for event in published] == ([EventKind.CHARGE] if begins else [])


def test_waiting_instructions_are_bounded() -> None:
    station, published = silent_station(Moment())
    for second in range(1000):
        pressed = charge(START + timedelta(seconds=second))
        station.instruct(replace(pressed, origin=Origin.RULE))  # a person's would be one charge
    sound(station)
    assert len(published) == 64


async def test_the_end_of_a_roast_does_not_wait_for_learning(tmp_path: Path) -> None:
    moment = Moment()
    station, published = station_at(moment)
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        keeper = RoastLogger(log)
        await keeper.resume(station)
        station.instruct(charge(START))
        station.publish(station.roast.drop(START, Origin.PERSON))
        station.publish(station.roast.finish(START, Origin.PERSON))
        busy = threading.Event()
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        blocked = loop.run_in_executor(None, busy.wait)  # learning must wait for its thread
        try:
            async with asyncio.timeout(10):
                kinds = [(await keeper.event(station, event)).kind for event in published]
        finally:
            busy.set()
        await blocked
        assert kinds[-1] is EventKind.COOL_END
