"""What the Aillio Bullets R1 and R2 share: levels move by steps, and are read after each step.

The driver never presses PRS (the button that goes from preheating to charge, roast and cooling):
a person does that at the machine.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pydantic import Field

from roastwatch.errors import LostError
from roastwatch.options import Options
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.background import BackgroundDriver, check_target
from roastwatch.roaster.transport import usb
from roastwatch.roaster.transport.spike_filter import probe_value
from roastwatch.roaster.transport.usb import Pipes
from roastwatch.vocabulary import Actuator, Reading

STEP_S = 0.1
"""Between two commands (Artisan's aillio files)."""
ACTUATORS = frozenset({Actuator.HEATER, Actuator.FAN, Actuator.DRUM})
FAN_STEPS = 12
DRUM_STEPS = 9
RESTARTED_STEPS = 2
"""Levels that fall by this much between two statuses, without a step of ours, mean that the machine
was switched off and on. A smaller fall means that a person turned it down at the machine."""
SETTLED_S = 1.0
"""Seconds after the last step from which on a status is newer than that step."""


class AillioOptions(Options):
    """A Bullet on USB, which is found automatically."""

    port: str = Field("usb", description="usb: the machine is found by its USB product id.")
    silence_s: float = Field(
        2.5,
        description="Seconds without a valid status after which the roaster is lost.",
        gt=0,
    )
    first_status_s: float = Field(
        4.0, description="Seconds to wait for the first valid status.", gt=0
    )


@dataclass(frozen=True, slots=True)
class Levels:
    """The machine's levels: heater from 0, fan and drum from 1."""

    heater: int
    fan: int
    drum: int


class Aillio(BackgroundDriver):
    """A Bullet. Subclasses know the frames of one model."""

    machine = "Aillio Bullet"
    heater_steps = 9
    is_asked = True
    """Whether each status is requested. Otherwise the machine sends them by itself, and a pause
    between two reads would let them age."""
    products: tuple[int, ...] = ()
    """USB product ids."""

    def __init__(
        self,
        options: AillioOptions,
        station: str,
        *,
        open_pipes: Callable[[], Pipes] | None = None,
    ) -> None:
        """`open_pipes` replaces the USB device, for tests."""
        self._options = options
        super().__init__(
            station, machine=self.machine, where=self.machine, silence_s=options.silence_s
        )
        found = partial(usb.open_pipes, self.products, self.machine)
        self._link = usb.UsbLink(open_pipes or found, self.machine)
        self._stepped_s = 0.0
        """When the last step was sent."""
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
        """Consecutive statuses with the heater at 0; one may be older than our last step."""
        self._wanted: dict[Actuator, int] = {Actuator.HEATER: 0}

    async def _open(self) -> None:
        """Find the machine, step its heater down to 0 and wait until a status shows it."""
        await self._link.open()
        await self._greet()
        self._start(self._run, "aillio")
        if not await self._until(lambda: self._levels is not None):
            raise LostError(
                f"The {self.machine} sends no valid status: switch it on, or plug it in again."
            )
        # A machine that still heats stays connected: its readings show it, and heat stays refused.
        await self._until(lambda: self._zeros >= 2, self._longest_s())

    async def _say_goodbye(self) -> None:
        self._wanted, self._zeros = {Actuator.HEATER: 0}, 0
        await self._until(lambda: self._zeros >= 2, self._longest_s())

    async def _close(self) -> None:
        await self._link.close()

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Set the target level, reached one step per status: heat rounded down, all else up."""
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
        """Heater to 0 first, then drum and fan to their highest level."""
        self._newest.check()
        self._wanted = {
            Actuator.HEATER: 0,
            Actuator.DRUM: DRUM_STEPS,
            Actuator.FAN: FAN_STEPS,
        }

    # --- defined by each model ----------------------------------------------------------------

    async def _greet(self) -> None:
        """Send what the machine needs before its first status."""

    async def _next_status(self) -> tuple[Reading, Levels] | None:
        """The next status; None if none came or it was invalid."""
        raise NotImplementedError

    def _step(self, actuator: Actuator, levels: Levels, wanted: int) -> bytes:
        """The command that moves an actuator one step towards the level `wanted`."""
        raise NotImplementedError

    # --- the loop ----------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            before_s = asyncio.get_running_loop().time()
            status = await self._next_status()
            if status is not None:
                reading, levels = status
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
        """Do not step up again what fell by itself: the machine restarted, or a person did it.

        A status may be older than our last step, so a fall by one step alone proves nothing.
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

    def _reading(
        self, bean_c: float | None, environment_c: float | None, levels: Levels
    ) -> Reading:
        return Reading(
            station=self._station,
            taken_at_s=asyncio.get_running_loop().time(),
            bean_temp_c=probe_value(self.doubts, "bean_temp_c", bean_c),
            environment_temp_c=probe_value(self.doubts, "environment_temp_c", environment_c),
            heater_percent=percent_of(levels.heater, self.heater_steps),
            fan_percent=percent_of(levels.fan, FAN_STEPS),
            drum_percent=percent_of(levels.drum, DRUM_STEPS),
        )

    async def _step_once(self, levels: Levels) -> None:
        """Send one step for each status: heat down first, then drum, fan, heat up."""
        current = {
            Actuator.HEATER: levels.heater,
            Actuator.FAN: levels.fan,
            Actuator.DRUM: levels.drum,
        }
        missing = {a: level - current[a] for a, level in self._wanted.items()}
        down = [Actuator.HEATER] if missing.get(Actuator.HEATER, 0) < 0 else []
        rest = [a for a in (Actuator.DRUM, Actuator.FAN) if missing.get(a, 0)]
        up = [Actuator.HEATER] if missing.get(Actuator.HEATER, 0) > 0 else []
        for actuator in (*down, *rest, *up)[:1]:
            command = self._step(actuator, levels, self._wanted[actuator])
            # Down to 0 without waiting for a status: a step below 0 does nothing.
            off = bool(down) and self._wanted[Actuator.HEATER] == 0
            loop = asyncio.get_running_loop()
            for _ in range(levels.heater if off else 1):
                next_s = loop.time() + STEP_S  # from start to start, because 14 steps add up
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
    """A level in percent, to 0.1 percent."""
    return round(100 * level / steps, 1)


def _percents(first: int, steps: int) -> tuple[float, ...]:
    return tuple(percent_of(level, steps) for level in range(first, steps + 1))
