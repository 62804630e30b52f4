"""The service's plan on a machine: clocks that are set, a second roast, what is lacking.

A real guardian and its socket, in virtual time.
"""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from roastwatch.errors import LostError
from roastwatch.vocabulary import (
    Actuator,
    Command,
    EventKind,
    InstructionKind,
    Origin,
    Outcome,
    Phase,
    Reading,
)
from tests.support.virtual_kitchen import Kitchen, Watched, virtual

PLAN = """
steps:
  - {at_s: 0, heater_percent: 60, fan_percent: 40, drum_percent: 100}
  - {at_s: 300, heater_percent: 50}
  - {at_s: 400, drop: true}
  - {at_s: 405, cooling_percent: 100}
  - {at_s: 410, note: look at the beans}
"""


def kitchen(folder: Path, plan: str = PLAN) -> Kitchen:
    path = folder / "plan.yaml"
    path.write_text(plan)
    return Kitchen(path)


COOLING_ENDED = {"Cooling was on to make the machine safe: it ends as heat goes on."}
"""What the guardian says where it found the machine hot; no plan's doing."""


def alarms(made: Kitchen) -> set[str]:
    return {event.message for event in made.of(EventKind.INTERLOCK)}


def changes(driver: Watched, actuator: Actuator, began_s: float) -> list[tuple[int, float]]:
    """What was written to an actuator and when, without repetitions."""
    found: list[tuple[int, float]] = []
    for at_s, which, percent in driver.log:
        if which is actuator and (not found or found[-1][1] != percent) and at_s >= began_s:
            found.append((round(at_s - began_s), percent))
    return found


@pytest.mark.parametrize("step_s", [700.0, -3600.0, 86400.0])
def test_a_plan_continues_after_the_clock_is_set(step_s: float, socket_folder: Path) -> None:
    """A step of +700 s opened the door 0.3 s later; one of −1 h froze the plan with heat on."""

    async def roast() -> None:
        made = kitchen(socket_folder)
        async with made.open() as driver:
            await made.armed()
            made.press(InstructionKind.CHARGE)
            began_s = driver._clock()
            await asyncio.sleep(100)
            made.off_s = step_s
            for _ in range(60):  # what follows from time alone, once a second
                made.station.tick()
                await asyncio.sleep(1)
            assert made.station.roast.active
            assert made.station.roast.elapsed_s(made.station.now()) == pytest.approx(
                driver._clock() - began_s, abs=1
            )
            made.press(InstructionKind.PRESENT)
            await made.until(lambda: not made.station.roast.active)
            assert changes(driver, Actuator.HEATER, began_s) == [(0, 60), (300, 50), (400, 0)]
            assert changes(driver, Actuator.DOOR, began_s) == [(400, 100)]

    virtual(roast())


def test_the_clock_is_corrected_between_roasts(socket_folder: Path) -> None:
    async def roast() -> None:
        made = kitchen(socket_folder)
        made.off_s = 700.0
        assert (made.wall() - made.station.now()).total_seconds() == pytest.approx(700, abs=1)
        made.station.tick()
        assert (made.wall() - made.station.now()).total_seconds() == pytest.approx(0, abs=1)

    virtual(roast())


def test_a_second_roast_begins_after_a_drop(socket_folder: Path) -> None:
    """The door stood open: the next Start dropped at once, and a ghost of a roast remained."""

    async def roasts() -> None:
        made = kitchen(socket_folder)
        async with made.open() as driver:
            await made.armed()
            made.press(InstructionKind.START)
            roast = made.station.roast
            await made.until(lambda: driver._set[Actuator.HEATER] == 60)
            made.press(InstructionKind.DROP)
            await made.until(lambda: made.station.reading.door_open)
            assert roast.phase is Phase.DROPPED
            first = roast.roast_id
            await asyncio.sleep(30)  # the beans fall out
            made.press(InstructionKind.START)
            made.press(InstructionKind.START)  # impatient
            await made.until(lambda: roast.roast_id != first)
            assert driver._set[Actuator.DOOR] == 0
            await made.until(lambda: driver._set[Actuator.HEATER] == 60, 5)
            await asyncio.sleep(60)
            assert roast.active
            assert len(made.of(EventKind.DROP)) == 1
            assert len(made.of(EventKind.CHARGE)) == 2
            assert alarms(made) <= COOLING_ENDED

    virtual(roasts())


def test_a_rule_cannot_begin_a_roast_with_an_open_door(socket_folder: Path) -> None:
    async def roasts() -> None:
        made = kitchen(socket_folder)
        async with made.open() as driver:
            driver._put(Actuator.DOOR, 100.0)
            await made.until(lambda: made.station.reading.door_open)
            made.press(InstructionKind.START, origin=Origin.RULE)
            await made.until(lambda: made.driven.state().last_refusal)
            assert "Close the door first" in made.driven.state().last_refusal
            assert made.station.roast.phase is Phase.IDLE
            assert driver._set[Actuator.DOOR] == 100

    virtual(roasts())


def test_a_missing_actuator_is_no_alarm(socket_folder: Path) -> None:
    async def roast() -> None:
        made = kitchen(socket_folder)
        notes: list[str] = []
        made.driven.note = notes.append
        lacking = Watched(frozenset({Actuator.DRUM, Actuator.DOOR}))
        async with made.open(lacking) as driver:
            await made.armed()
            made.press(InstructionKind.CHARGE)
            began_s = driver._clock()
            roast = made.station.roast
            await asyncio.sleep(415)
            assert changes(driver, Actuator.HEATER, began_s) == [(0, 60), (300, 50), (400, 0)]
            assert changes(driver, Actuator.COOLING, began_s)[-1] == (405, 100)
            assert alarms(made) <= COOLING_ENDED
            assert not roast.active  # without an echo of its door it stayed for ever
            assert [n for n in notes if "can't set drum" in n]
            assert [n for n in notes if "drop the beans now" in n]
            assert "look at the beans" in notes

    virtual(roast())


def test_a_persons_stop_ends_the_plan(socket_folder: Path) -> None:
    async def roast() -> None:
        made = kitchen(socket_folder)
        async with made.open() as driver:
            await made.armed()
            made.press(InstructionKind.CHARGE)
            await made.until(lambda: driver._set[Actuator.HEATER] == 60)
            made.press(InstructionKind.STOP)
            await made.until(lambda: not made.driven.state().armed)
            stopped_s = driver._clock()
            await made.armed()
            await asyncio.sleep(420)
            assert changes(driver, Actuator.DOOR, stopped_s) == []
            assert all(p == 0 for _, p in changes(driver, Actuator.HEATER, stopped_s))

    virtual(roast())


def test_a_detected_crack_does_not_revert_a_persons_heat(socket_folder: Path) -> None:
    """A refused step by sound gave the heat back to the profile: 10 % became 29 % in 10 s."""
    plan = """
    steps:
      - {at_s: 0, heater_percent: 50, fan_percent: 40, drum_percent: 100}
      - {at_event: first_crack, heater_percent: 60}
      - {at_s: 300, drop: true}
    target: [[0, 150], [300, 220]]
    follow: true
    """

    async def roast() -> None:
        made = kitchen(socket_folder, plan)
        async with made.open() as driver:
            await made.armed()
            made.press(InstructionKind.CHARGE)
            await made.until(lambda: driver._set[Actuator.HEATER] > 55)
            at_s = driver._clock()
            command = Command("1", "roaster", Actuator.HEATER, 10.0, Origin.PERSON, at_s)
            assert (await made.driven.command(command)).outcome is Outcome.APPLIED
            await asyncio.sleep(2)
            made.crack()
            await asyncio.sleep(60)
            assert {p for _, p in changes(driver, Actuator.HEATER, at_s)} == {10}

    virtual(roast())


def test_a_door_that_was_already_open_drops_no_roast(socket_folder: Path) -> None:
    """A person may say that a roast is under way; only a door that opens drops it."""

    async def roast() -> None:
        made = kitchen(socket_folder)
        async with made.open() as driver:
            driver._put(Actuator.DOOR, 100.0)
            await made.until(lambda: made.station.reading.door_open)
            made.press(InstructionKind.UNDER_WAY)
            await asyncio.sleep(5)
            assert made.station.roast.active
            driver._put(Actuator.DOOR, 0.0)
            await asyncio.sleep(5)
            driver._put(Actuator.DOOR, 100.0)
            await asyncio.sleep(5)
            assert [event.origin for event in made.of(EventKind.DROP)] == [Origin.ROASTER]

    virtual(roast())


class Cable(Watched):
    """Its readings can be lost, as by a loose plug."""

    out = False

    async def read(self) -> Reading:
        if self.out:
            raise LostError("The cable is out.")
        return await super().read()


def test_each_loss_of_the_roaster_is_reported(socket_folder: Path) -> None:
    async def losses() -> None:
        made = kitchen(socket_folder)
        driver = Cable()

        def lost(count: int) -> bool:
            return len(made.of(EventKind.ROASTER_LOST)) == count

        async with made.open(driver):
            for count in (1, 2):
                driver.out = True
                await made.until(partial(lost, count))
                driver.out = False
                await asyncio.sleep(60)
            assert len(made.of(EventKind.ROASTER_LOST)) == 2

    virtual(losses())
