"""The outcome of an instruction at a roaster: awaited, and with the sentence of its refusal.

A real guardian and its socket, in virtual time.
"""

import asyncio
from pathlib import Path

from roastwatch.vocabulary import Actuator, InstructionKind
from tests.support.virtual_kitchen import Kitchen, Watched, virtual


def test_an_outcome_is_that_of_the_latest_instruction(socket_folder: Path) -> None:
    async def roast() -> None:
        made = Kitchen(None)
        made.press(InstructionKind.PRESENT)
        assert "being started" in await made.driven.outcome()  # not connected yet
        made.press(InstructionKind.CHARGE)
        assert await made.driven.outcome() == ""  # a mark, which needs no roaster
        made.press(InstructionKind.STOP)
        async with made.open(Watched(frozenset({Actuator.DOOR}))) as driver:
            made.press(InstructionKind.ARM, 1200)
            assert not made.driven.state().armed  # an instruction never waits
            assert await made.driven.outcome() == ""
            assert made.driven.state().armed
            driver._set[Actuator.DOOR] = 100.0
            await made.until(lambda: made.station.reading and made.station.reading.door_open)
            made.press(InstructionKind.CHARGE)  # first the door would have to be closed
            assert "Close the door first" in await made.driven.outcome()
            assert not made.station.roast.active
            made.press(InstructionKind.EMERGENCY_STOP)
            assert await made.driven.outcome() == ""
            await asyncio.sleep(1)
            assert not made.driven.state().armed

    virtual(roast())
