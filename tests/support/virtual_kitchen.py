"""A station with a simulated roaster behind a real guardian on a real socket, in virtual time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.app.roaster_session import RoasterSession
from roastwatch.app.station import Station
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.server import GuardianServer
from roastwatch.settings import model as settings
from roastwatch.vocabulary import (
    Actuator,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    RoastEvent,
)
from tests.fakes.virtual_time import VirtualLoop
from tests.support.until import until
from tests.unit.test_station_readings import sound

OPTIONS = {"noise_c": 0.0, "beans_g": 250.0, "drum_c": 180.0}
T = TypeVar("T")


def virtual(work: Coroutine[Any, Any, T]) -> T:
    """Run to its end in virtual time."""
    with contextlib.closing(VirtualLoop()) as loop:
        return loop.run(work)


class Watched(SimulatedRoaster):
    """It is looked at from outside the guardian, and may lack something."""

    def __init__(self, lacks: frozenset[Actuator] = frozenset(), **options: float) -> None:
        made = SimulatedRoaster.Options(**{**OPTIONS, **options})
        super().__init__(made, "roaster", time.monotonic)
        self.lacks = lacks

    @property
    def capabilities(self) -> Capabilities:
        can = super().capabilities
        return replace(can, actuators=can.actuators - self.lacks, echoes=can.echoes - self.lacks)


@contextlib.asynccontextmanager
async def guardian(
    machine: RoasterLaunch | None,
    path: Path,
    driver: Watched | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Watched]:
    driver = driver or Watched()
    guard = SafetyState(driver.capabilities, limits or Limits())
    named = (machine.kind, machine.options) if machine else ("simulated", {})
    server = GuardianServer(
        path, "roaster", lambda: driver, guard, machine=named, stay=True, clock=time.monotonic
    )
    task = asyncio.create_task(server.run())
    try:
        while not path.exists():
            await asyncio.sleep(0.05)
        yield driver
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Kitchen:
    """A station with its roaster, as the service joins them."""

    def __init__(self, plan: Path | None, **limits: bool) -> None:
        demo = {"type": "demo", "seed": 1, "speed": 0}
        tree = {"name": "roaster", "source": demo, "roaster": {"type": "simulated"}}
        tree["roaster_limits"] = dict(limits)
        if plan is not None:
            tree["plan"] = str(plan)
        self.notified: list[RoastEvent] = []
        self.off_s = 0.0
        """By how much the computer's clock was set since."""
        self.began_at = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(seconds=time.monotonic())
        parsed = settings.parse({"stations": [tree]}).stations[0]
        self.station = Station(parsed, self._publish, now=self.wall)
        self.driven = RoasterSession(self.station)
        sound(self.station)
        self.machine = RoasterLaunch.of_station(parsed)

    def wall(self) -> datetime:
        """What the computer's clock shows."""
        return self.began_at + timedelta(seconds=time.monotonic() + self.off_s)

    def _publish(self, event: RoastEvent) -> None:
        self.notified.append(event)
        self.driven.event(event)

    def press(
        self,
        kind: InstructionKind,
        value: float | None = None,
        origin: Origin = Origin.PERSON,
    ) -> None:
        instruction = Instruction("roaster", kind, origin, self.wall(), value)
        if self.driven.holds_back(instruction):
            return
        self.driven.instruct(instruction)
        self.station.instruct(instruction)

    async def until(self, true: Callable[[], object], seconds: float = 900.0) -> None:
        try:
            await until(true, seconds, every_s=0.1)
        except TimeoutError:
            raise AssertionError(self.driven.state(), self.notified[-3:]) from None

    def crack(self) -> None:
        now = self.station.now()
        roast = self.station.roast
        self.station.publish(roast.crack(EventKind.FIRST_CRACK, Level.CERTAIN, now, now))

    def of(self, kind: EventKind) -> list[RoastEvent]:
        return [event for event in self.notified if event.kind is kind]

    @contextlib.asynccontextmanager
    async def open(self, driver: Watched | None = None) -> AsyncIterator[Watched]:
        socket = self.machine.socket
        assert socket is not None
        async with guardian(self.machine, socket, driver) as driver:
            running = asyncio.create_task(self.driven.run())
            try:
                await self.until(lambda: self.driven.state().connected and self.station.reading)
                yield driver
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    async def armed(self) -> None:
        self.press(InstructionKind.ARM, 1200)
        await self.until(lambda: self.driven.state().armed)
