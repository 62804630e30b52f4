"""The service with a simulated roaster behind a real guardian process."""

import asyncio
import contextlib
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from roastwatch.app.outlet import Outlet
from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.app.service import Service
from roastwatch.entities import urgency
from roastwatch.errors import SettingsError
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.settings import model as settings
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    Instruction,
    InstructionKind,
    Origin,
    Outcome,
    RoasterState,
    Urgency,
)
from tests.support.guarded import guarded
from tests.support.until import until
from tests.unit.test_service import Notebook


def kitchen(**limits: float) -> Service:
    station = {
        "name": "kitchen",
        "source": {"type": "demo", "speed": 1, "seed": 3},
        "roast": {"begins": "person"},
        "roaster": {"type": "simulated", "drum_c": 120},
        "roaster_limits": limits,
    }
    return Service(settings.parse({"stations": [station]}))


async def test_arm_heat_stop_through_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        service = kitchen(fan_min_for_heat_percent=25)
        notebook = Notebook()
        service.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
        running = asyncio.create_task(service.run())

        def state() -> RoasterState | None:
            return service.stations["kitchen"].snapshot().roaster

        async def ask(actuator: Actuator, percent: float) -> CommandResult:
            now = time.monotonic()
            return await service.command(
                Command("1", "kitchen", actuator, percent, Origin.PERSON, now)
            )

        def press(kind: InstructionKind, value: float | None = None) -> None:
            now = datetime.now(UTC)
            service.instruct(Instruction("kitchen", kind, Origin.PERSON, now, value))

        try:
            await until(lambda: state() and state().connected, 60.0)
            await until(lambda: service.stations["kitchen"].reading is not None, 60.0)
            refused = await ask(Actuator.HEATER, 50)
            assert (refused.outcome, refused.interlock) == (Outcome.REFUSED, "armed")
            press(InstructionKind.ARM, 600)
            await until(lambda: state().armed, 30.0)
            assert (await ask(Actuator.HEATER, 50)).outcome is Outcome.APPLIED
            await until(lambda: service.stations["kitchen"].reading.heater_percent == 50, 30.0)
            # It was found hot: the fan is where make-safe left it, and no lower than the limit.
            assert service.stations["kitchen"].reading.fan_percent == 50
            assert (await ask(Actuator.FAN, 10)).applied == 25
            flood = await asyncio.gather(*(ask(Actuator.FAN, 40) for _ in range(1000)))
            counted = Counter((r.outcome, r.interlock) for r in flood)
            assert counted == {(Outcome.APPLIED, None): 1, (Outcome.REFUSED, "busy"): 999}
            press(InstructionKind.EMERGENCY_STOP)
            await until(lambda: service.stations["kitchen"].reading.heater_percent == 0, 30.0)
            assert state().emergency
            assert (await ask(Actuator.HEATER, 50)).interlock == "emergency_stop"
            assert state().last_refusal
            # What a person does, and what an interlock only corrects, rings nobody awake.
            await until(lambda: any(e.origin is Origin.PERSON for e in notebook.events), 30.0)
            urgent = [
                event.message for event in notebook.events if urgency(event) is Urgency.DANGER
            ]
            assert urgent == []
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def test_time_of_a_roast_under_way_counts_from_the_first_press(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        service = kitchen(roast_max_s=3)
        station = service.stations["kitchen"]
        running = asyncio.create_task(service.run())

        def press(kind: InstructionKind, value: float | None = None) -> None:
            now = datetime.now(UTC)
            service.instruct(Instruction("kitchen", kind, Origin.PERSON, now, value))

        def over() -> bool:
            press(InstructionKind.UNDER_WAY)  # again and again: it must not begin anew
            events = [event.message for event in notebook.events]
            return any("The roast has lasted" in message for message in events)

        notebook = Notebook()
        service.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
        try:
            await until(lambda: station.has_sound and station.snapshot().roaster.connected, 60.0)
            press(InstructionKind.ARM, 600)
            await until(lambda: station.snapshot().roaster.armed, 30.0)
            await until(over, 30.0)
            await until(lambda: not station.snapshot().roaster.armed, 30.0)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def test_a_charge_found_by_the_curve_starts_the_roast_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody pressed anything; the drop that the curve shows ends it."""
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        service = kitchen(roast_max_s=3)
        station = service.stations["kitchen"]
        running = asyncio.create_task(service.run())

        def armed() -> bool:
            return bool(station.has_sound and station.snapshot().roaster.armed)

        def armed_now() -> bool:
            now = datetime.now(UTC)
            service.instruct(Instruction("kitchen", InstructionKind.ARM, Origin.PERSON, now, 600.0))
            return armed()

        try:
            await until(lambda: station.has_sound and station.snapshot().roaster.connected, 60.0)
            await until(lambda: station.reading is not None, 60.0)
            await until(armed_now, 30.0)
            roast = station.roast
            station.publish(roast.begin(datetime.now(UTC), Origin.TEMPERATURE))
            await until(lambda: not armed(), 30.0)
            station.publish(roast.drop(datetime.now(UTC), Origin.TEMPERATURE, 200.0))
            await until(armed_now, 30.0)  # once the drop has arrived
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def test_an_emergency_stop_reaches_a_roaster_of_another_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        service = kitchen()
        station = service.stations["kitchen"]
        machine = RoasterLaunch.of_station(station.settings)
        async with RoasterControl(machine.socket, machine.launch) as other:
            await other.answering()
            assert await other.arm(600) is None
            command = Command("1", "r", Actuator.HEATER, 50.0, Origin.PERSON, time.monotonic())
            assert (await other.request(command)).outcome is Outcome.APPLIED
            running = asyncio.create_task(service.run())

            def press(kind: InstructionKind) -> None:
                service.instruct(Instruction("kitchen", kind, Origin.PERSON, datetime.now(UTC)))

            def refusal() -> str:
                return station.snapshot().roaster.last_refusal

            try:
                await until(
                    lambda: "Another" in (service.driven["kitchen"].part.problem or ""), 60.0
                )
                press(InstructionKind.ARM)
                await until(lambda: "Another roastwatch controls" in refusal(), 10.0)
                press(InstructionKind.EMERGENCY_STOP)
                await until(lambda: other.raw_state["emergency"], 60.0)
                await until(lambda: other.raw_state["reading"]["heater_percent"] == 0, 30.0)
                await until(lambda: not refusal(), 10.0)
            finally:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running


def test_unknown_limits_are_reported_at_startup() -> None:
    with pytest.raises(SettingsError, match="did you mean 'hot_above_c'"):
        kitchen(hot_above=90)
    with pytest.raises(SettingsError, match="bean_temp_max_c"):
        kitchen(bean_temp_max_c=900)
