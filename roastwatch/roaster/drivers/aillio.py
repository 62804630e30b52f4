"""What the Aillio Bullets R1 and R2 share: levels that are stepped, and read again after each step.

The driver never presses PRS (the button that goes from preheating to charge, roast and cooling):
a person does that at the machine.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import Field

from roastwatch.errors import LostError
from roastwatch.options import Options
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.background import BackgroundDriver, check_target
from roastwatch.roaster.transport.spike_filter import probe_value
from roastwatch.roaster.transport.usb import Pipes, UsbLink
from roastwatch.vocabulary import Actuator, Reading

STEP_S = 0.1
"""Between two commands (Artisan's aillio files)."""
ACTUATORS = frozenset({Actuator.HEATER, Actuator.FAN, Actuator.DRUM})
FAN_STEPS = 12
DRUM_STEPS = 9
RESTARTED_STEPS = 2
"""Levels that fall by so many from one status to the next without a step of ours: switched off
and on. By fewer, a person has turned it down at the machine."""
SETTLED_S = 1.0
"""After so long without a step a status is newer than the last one."""


class AillioOptions(Options):
    """A Bullet on USB: it is found by itself."""

    port: str = Field("usb", description="usb: the machine is found by its product id.")
    silence_s: float = Field(
        2.5, description="Seconds without a valid status after which the roaster is lost.", gt=0
    )
    first_status_s: float = Field(
        4.0, description="Seconds to wait for the first valid status.", gt=0
    )


@dataclass(frozen=True, slots=True)
class Levels:
    """Where the machine's controls stand: heater from 0, fan and drum from 1."""

    heater: int
    fan: int
    drum: int


class Aillio(BackgroundDriver):
    """A Bullet: subclasses know its frames."""

    machine = "Aillio Bullet"
    heater_steps = 9
    is_asked = True
    """Whether it is asked for each status; else it pushes them, and waiting would let them age."""

    def __init__(
        self, options: AillioOptions, station: str, *, open_pipes: Callable[[], Pipes]
    ) -> None:
        self._options = options
        super().__init__(
            station, machine=self.machine, where=self.machine, silence_s=options.silence_s
        )
        self._link = UsbLink(open_pipes, self.machine)
        self._stepped_s = 0.0
        """When a step last left."""
        self._status = asyncio.Event()
        self._reset()

    @property
    def capabilities(self) -> Capabilities:
        """What a Bullet can do."""
        return Capabilities(
            machine=self.machine,
            actuators=ACTUATORS,
            reads_bean_temp=True,
            reads_environment_temp=True,
            read_period_s=0.5,
            keep_alive_s=None,
            when_host_is_gone="unknown",
            make_safe_writes=f"heater stepped down to 0 of {self.heater_steps}, drum to 9 of 9, "
            "fan to 12 of 12",
            echoes=ACTUATORS,
            levels={
                Actuator.HEATER: _percents(0, self.heater_steps),
                Actuator.FAN: _percents(1, FAN_STEPS),
                Actuator.DRUM: _percents(1, DRUM_STEPS),
            },
        )

    def _reset(self) -> None:
        self._levels: Levels | None = None
        self._zeros = 0
        """Statuses in a row with the heater at 0; one may be older than our last step."""
        self._wanted: dict[Actuator, int] = {Actuator.HEATER: 0}

    async def _open(self) -> None:
        """Find the machine, step its heater down to 0 and see it there."""
        await self._link.open()
        await self._greet()
        self._start(self._run, "aillio")
        if not await self._until(lambda: self._levels is not None):
            raise LostError(
                f"The {self.machine} sends no valid status: switch it on, or plug it in again."
            )
        # One that heats on stays connected: its readings say so, and heat stays refused.
        await self._until(lambda: self._zeros >= 2, self._longest_s())

    async def _say_goodbye(self) -> None:
        self._wanted, self._zeros = {Actuator.HEATER: 0}, 0
        await self._until(lambda: self._zeros >= 2, self._longest_s())

    async def _close(self) -> None:
        await self._link.close()

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Begin to step towards it, one step for each status: heat rounded down, the rest up."""
        check_target(actuator, percent, ACTUATORS, self.machine)
        self._newest.check()
        match actuator:
            case Actuator.HEATER:
                level = math.floor(percent / 100 * self.heater_steps + 0.05)
            case Actuator.FAN:
                level = max(1, math.ceil(percent / 100 * FAN_STEPS - 0.05))
            case _:
                level = max(1, math.ceil(percent / 100 * DRUM_STEPS - 0.05))
        self._wanted[actuator] = level

    async def make_safe(self) -> None:
        """Heater to 0 first; then drum and fan to their highest."""
        self._newest.check()
        self._wanted = {
            Actuator.HEATER: 0,
            Actuator.DRUM: DRUM_STEPS,
            Actuator.FAN: FAN_STEPS,
        }

    # --- what a model adds -------------------------------------------------------------------

    async def _greet(self) -> None:
        """Say hello, if the machine wants that."""

    async def _hear(self) -> tuple[Reading, Levels] | None:
        """The next status, None when none came or it wasn't valid."""
        raise NotImplementedError

    def _step(self, actuator: Actuator, levels: Levels, wanted: int) -> bytes:
        """The command that goes one step towards what is wanted."""
        raise NotImplementedError

    # --- the loop ----------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            before_s = asyncio.get_running_loop().time()
            heard = await self._hear()
            if heard is not None:
                reading, levels = heard
                if self._levels is not None:
                    self._follow(self._levels, levels)
                self._levels = levels
                self._zeros = 0 if self._levels.heater else self._zeros + 1
                self._newest.put(reading)
                self._status.set()
                await self._step_once(self._levels)
            if self.is_asked:
                spent_s = asyncio.get_running_loop().time() - before_s
                await asyncio.sleep(max(0.01, STEP_S - spent_s))

    def _ended(self) -> None:
        self._status.set()

    def _follow(self, before: Levels, now: Levels) -> None:
        """What fell by itself is not stepped up again: the machine restarted, or a person did it.

        A status may be older than our last step, so that one step less proves nothing at once.
        """
        fell = 0
        for actuator in (Actuator.HEATER, Actuator.FAN, Actuator.DRUM):
            was: int = getattr(before, actuator.value)
            if self._wanted.get(actuator, 0) >= was:
                fell += max(0, was - getattr(now, actuator.value))
        settled = asyncio.get_running_loop().time() - self._stepped_s > SETTLED_S
        if fell >= RESTARTED_STEPS:
            self.restarts += 1
            self._wanted = {Actuator.HEATER: 0}
        elif settled and now.heater < before.heater <= self._wanted.get(Actuator.HEATER, 0):
            self._wanted[Actuator.HEATER] = now.heater

    def _probe(self, field: str, value_c: float | None) -> float | None:
        return probe_value(self.doubts, field, value_c)

    async def _step_once(self, levels: Levels) -> None:
        """One step for each status that was read: heat down first, then drum, fan, heat up."""
        standing = {
            Actuator.HEATER: levels.heater,
            Actuator.FAN: levels.fan,
            Actuator.DRUM: levels.drum,
        }
        ahead = {a: level - standing[a] for a, level in self._wanted.items()}
        down = [Actuator.HEATER] if ahead.get(Actuator.HEATER, 0) < 0 else []
        rest = [a for a in (Actuator.DRUM, Actuator.FAN) if ahead.get(a, 0)]
        up = [Actuator.HEATER] if ahead.get(Actuator.HEATER, 0) > 0 else []
        for actuator in (*down, *rest, *up)[:1]:
            command = self._step(actuator, levels, self._wanted[actuator])
            # All the way to 0 without waiting for a status: a step below 0 does nothing.
            off = bool(down) and self._wanted[Actuator.HEATER] == 0
            loop = asyncio.get_running_loop()
            for _ in range(levels.heater if off else 1):
                next_s = loop.time() + STEP_S  # from start to start: 14 steps take time enough
                await self._link.write(command)
                self._stepped_s = loop.time()
                if off or not self.is_asked:
                    await asyncio.sleep(max(0.0, next_s - loop.time()))

    async def _until(self, condition: Callable[[], bool], within_s: float | None = None) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s or self._options.first_status_s):
                while not condition():
                    self._newest.check()
                    self._status.clear()
                    await self._status.wait()
        return condition()

    def _longest_s(self) -> float:
        return (self.heater_steps + 2) * STEP_S * 2


def percent_of(level: int, steps: int) -> float:
    """A level as percent, whole where that is exact enough."""
    return round(100 * level / steps, 1)


def _percents(first: int, steps: int) -> tuple[float, ...]:
    return tuple(percent_of(level, steps) for level in range(first, steps + 1))
