"""A station whose roast the log gives back goes on as if nothing had happened."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roastwatch.app.roast_logger import Keeper
from roastwatch.app.station import Station
from roastwatch.roastlog.log import RoastLog
from roastwatch.vocabulary import (
    AudioBlock,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    RoastEvent,
)
from tests.unit.test_station_readings import Moment, station_at


@dataclass
class Microphone:
    """Live sound, as a source says of itself."""

    sample_rate_hz: int = 32_000
    live: bool = True


def sound(station: Station, seconds: float = 0.1) -> None:
    """The first sound of a live source arrives."""
    station.pipeline = None
    samples = np.zeros(round(32_000 * seconds), np.float32)
    station._begin(Microphone(), AudioBlock(0, samples, time.monotonic()))  # type: ignore[arg-type]


def say(station: Station, moment: Moment, kind: InstructionKind) -> None:
    station.instruct(Instruction("roaster", kind, Origin.PERSON, moment.utc()))


async def restarted(log: RoastLog, moment: Moment) -> tuple[Station, list[RoastEvent], Keeper]:
    """A new station with sound, and what is published of it."""
    station, published = station_at(moment)
    keeper = Keeper(log)
    await keeper.resume(station)
    sound(station)
    return station, published, keeper


def crack(station: Station) -> None:
    assert station.pipeline is not None
    now = station.now()
    station.publish(
        station.pipeline.roast.crack(EventKind.FIRST_CRACK, Level.FIRST_CRACK, now, now)
    )


async def logged(keeper: Keeper, station: Station, published: list[RoastEvent]) -> list[RoastEvent]:
    told = [await keeper.event(station, event) for event in published]
    published.clear()
    return told


async def test_a_crack_after_a_revoked_one_and_a_restart_has_an_id_of_its_own(
    tmp_path: Path,
) -> None:
    moment = Moment()
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        station, published, keeper = await restarted(log, moment)
        say(station, moment, InstructionKind.CHARGE)
        moment.s = 300.0
        crack(station)
        moment.s = 310.0
        say(station, moment, InstructionKind.NOT_A_CRACK)
        revoked = (await logged(keeper, station, published))[-1]
        assert revoked.revoked
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        station, published, keeper = await restarted(log, moment)
        shown = station.snapshot()
        assert shown.first_crack is None
        assert shown.last_event is not None
        assert shown.last_event.kind is EventKind.CHARGE
        moment.s = 600.0
        crack(station)
        (real,) = await logged(keeper, station, published)
    assert real.roast_id == revoked.roast_id
    assert real.event_id != revoked.event_id
