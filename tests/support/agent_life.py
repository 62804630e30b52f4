"""Random lives of a station with an agent: it calls whatever it likes, a person now and then acts.

A real service with a real guardian and a simulated roaster, in virtual time. What the agent sends
passes the same checks as a body over HTTP. The machine is looked at from outside the guardian.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from roastwatch.app.service import Service
from roastwatch.errors import BadInputError, RefusedError
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.settings import model as settings
from roastwatch.sinks import incoming
from roastwatch.vocabulary import (
    Actuator,
    CommandResult,
    InstructionKind,
    Origin,
    Outcome,
)
from tests.support.virtual_kitchen import Kitchen, Watched, guardian

NAME = "agent fuzzy"
VALUES: tuple[Any, ...] = (None, 0, 0.5, 1, 600, -1, "pops", "none", "c1", "", True, [1], {"a": 1})
PERCENT: tuple[Any, ...] = (0, 5, 20, 50, 100, 101, -3, None, "50", True, float("nan"))


def service_of(kitchen: Kitchen) -> Service:
    """The service of a kitchen that exists already."""
    demo = {"type": "demo", "seed": 1, "speed": 0}
    tree = {"stations": [{"name": "idle", "source": demo, "model": {"type": "transients"}}]}
    service = Service(settings.parse(tree))
    service.stations["roaster"] = kitchen.station
    service.driven["roaster"] = kitchen.driven
    service.choosing["roaster"] = service.choosing["idle"]
    return service


@dataclass
class AgentLife:
    """One life of some calls; `check` follows each."""

    kitchen: Kitchen
    driver: Watched
    service: Service
    chance: random.Random
    limits: Limits
    calls: int = 0
    refused: list[str] = field(default_factory=list)

    async def live(self, calls: int) -> None:
        """Agent, person and time take turns."""
        await asyncio.sleep(2.0)
        while self.calls < calls:
            act = self.chance.choices((self.agent, self.person, self.time), (8, 1, 1))[0]
            await act()

    def setpoint(self, actuator: Actuator) -> float:
        """What was last written to an actuator of the machine, percent."""
        return next((p for _, which, p in reversed(self.driver.log) if which is actuator), 0.0)

    async def agent(self) -> None:
        """One call, and what it may not change."""
        self.calls += 1
        heat, door = self.setpoint(Actuator.HEATER), self.setpoint(Actuator.DOOR)
        state = self.kitchen.driven.state()
        program, pipeline = self.kitchen.driven.program, self.kitchen.station
        before = (pipeline.snapshot().listening, pipeline.snapshot().sensitivity, program)
        sent = await (self.instruct if self.chance.random() < 0.5 else self.command)()
        await asyncio.sleep(self.chance.choice((0.0, 0.1, 0.6)))
        after = pipeline.snapshot()
        now = self.setpoint(Actuator.HEATER)
        assert self.limits.agent_raise or now <= heat, (sent, heat, now)
        if not self.limits.agent_drop:
            assert self.setpoint(Actuator.DOOR) <= door, sent
        assert state.armed or not self.kitchen.driven.state().armed, sent
        assert (after.listening, after.sensitivity, program) == before, sent

    async def instruct(self) -> object:
        kind = self.chance.choice([one.value for one in InstructionKind] + ["arm ", "heat"])
        if kind == "emergency_stop" and self.chance.random() < 0.9:
            kind = "arm"  # stops are rare, or little else would ever happen
        body = {"kind": kind, "value": self.chance.choice(VALUES)}
        try:
            self.service.instruct(incoming.instruction("roaster", body, NAME, Origin.AGENT))
        except (BadInputError, RefusedError) as error:
            self.refused.append(str(error))
            return body
        if kind == "emergency_stop":
            await self.settled(
                lambda: (
                    self.setpoint(Actuator.HEATER) == 0 and not self.kitchen.driven.state().armed
                )
            )
        return body

    async def command(self) -> object:
        actuator = self.chance.choice([one.value for one in Actuator] + ["burner"])
        body = {"actuator": actuator, "percent": self.chance.choice(PERCENT)}
        try:
            result = await self._sent(body, Origin.AGENT)
        except BadInputError as error:
            self.refused.append(str(error))
            return body
        if result.outcome is Outcome.REFUSED:
            assert len(result.reason) > 20, result
            self.refused.append(result.reason)
        return (body, result)

    async def person(self) -> None:
        """A person arms, heats, and so on, or ends what has gone wrong."""
        kind = self.chance.choice(("arm", "arm", "present", "start", "stop", "drop", "disarm"))
        self.kitchen.press(InstructionKind(kind), 1200 if kind == "arm" else None)
        await asyncio.sleep(0.6)
        if kind == "arm":
            for actuator, percent in ((Actuator.DRUM, 100.0), (Actuator.FAN, 50.0)):
                await self._sent({"actuator": actuator.value, "percent": percent}, Origin.PERSON)
            heat = self.chance.choice((20.0, 50.0))
            await self._sent({"actuator": "heater", "percent": heat}, Origin.PERSON)

    async def time(self) -> None:
        await asyncio.sleep(self.chance.choice((1.0, 5.0, 40.0)))

    async def settled(self, true: Callable[[], bool]) -> None:
        for _ in range(100):
            if true():
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the stop did not reach the machine within 10 s")

    async def _sent(self, body: dict[str, Any], origin: Origin) -> CommandResult:
        return await self.service.command(incoming.command("roaster", body, NAME, origin))


async def life(calls: int, seed: int, **leave: bool) -> AgentLife:
    """Live once, and return what happened. It does not know of a `leave` that the agent has."""
    kitchen, made = Kitchen(None, **leave), Limits()
    service = service_of(kitchen)
    socket = kitchen.machine.socket
    assert socket is not None
    async with guardian(kitchen.machine, socket, limits=Limits(**leave)) as driver:
        running = asyncio.create_task(kitchen.driven.run())
        try:
            await kitchen.until(lambda: kitchen.driven.state().connected)
            lived = AgentLife(kitchen, driver, service, random.Random(seed), made)
            await lived.live(calls)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await service._tasks.close()
    return lived
