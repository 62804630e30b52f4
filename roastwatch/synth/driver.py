"""The driver `demo`: the bean probe of a synthesised roast.

The source `demo` makes the sound of a roast from a seed. This driver makes the temperatures of the
same roast: its bean probe reaches first crack in the second in which the beans begin to crack.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from math import exp
from types import TracebackType
from typing import Self

from pydantic import Field

from roastwatch.errors import BadInputError, LostError
from roastwatch.options import Options
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.simulation.thermal import AMBIENT_C, TimedRoast
from roastwatch.synth.source import DemoOptions, demo_rates
from roastwatch.vocabulary import Actuator, Reading

_WITHOUT_CRACK_S = 540.0
"""When the probe reaches first crack in a roast whose beans don't crack."""
_COOLS_IN_S = 120.0
"""Time constant of the cooling after the drop."""


class DemoRoasterOptions(Options):
    """Which synthesised roast. Use the same values as for the source `demo`."""

    port: str = Field("demo", description="Any name; two roasters need two names.")
    seed: int = Field(1, description="Which roast: the seed of the source `demo`.", ge=0)
    speed: float = Field(
        1.0, description="Speed as a multiple of real time: the speed of the source.", gt=0, le=1000
    )
    first_crack_at_s: float | None = Field(
        None, description="Seconds from the charge to first crack; empty: from the seed.", ge=5
    )
    cracks: bool = Field(True, description="Whether the beans crack at all.")


class DemoRoaster:
    """The probes of a synthesised roast. It has no actuator, so nothing can be set."""

    Options = DemoRoasterOptions
    is_the_machine = True
    follows_sound = True

    def __init__(
        self,
        options: DemoRoasterOptions,
        station: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The roast begins when the driver is first opened, and runs `speed` times its `clock`.

        To follow the sound exactly, open the driver with the first sound, at speed 1, and pass a
        clock that returns the seconds of sound played so far.
        """
        demo = DemoOptions(
            seed=options.seed,
            first_crack_at_s=options.first_crack_at_s,
            cracks=options.cracks,
        )
        rates = demo_rates(demo)
        self._length_s = rates.duration_s
        self._roast = TimedRoast(rates.first.onset_s if rates.first else _WITHOUT_CRACK_S)
        self._options = options
        self._station = station
        self._clock = clock
        self._began_s: float | None = None
        self.restarts = 0
        self.doubts: dict[str, str] = {}

    @property
    def capabilities(self) -> Capabilities:
        """It is only read."""
        return Capabilities(
            machine="Demonstration roast",
            actuators=frozenset(),
            reads_bean_temp=True,
            reads_environment_temp=True,
            read_period_s=1.0 / min(self._options.speed, 10.0),
            keep_alive_s=None,
            when_host_is_gone="off",
            make_safe_writes="nothing: it is a simulation",
        )

    async def __aenter__(self) -> Self:
        """Start the roast; opened again, it continues."""
        await asyncio.sleep(0)
        if self._began_s is None:
            self._began_s = self._clock()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    async def read(self) -> Reading:
        """The probes now. When the sound ends, the beans are dropped and the drum cools."""
        await asyncio.sleep(0)
        if self._began_s is None:
            raise LostError("The demonstration roast is not open.")
        now_s = self._clock()
        elapsed_s = (now_s - self._began_s) * self._options.speed
        reading = self._roast.reading(min(elapsed_s, self._length_s), self._station, now_s)
        since_drop_s = elapsed_s - self._length_s
        return reading if since_drop_s <= 0 else _cooling(reading, since_drop_s)

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Refuse: there is nothing to set."""
        raise BadInputError(f"The demonstration roast can't set its {actuator.value}.")

    async def make_safe(self) -> None:
        """Nothing to make safe."""
        await asyncio.sleep(0)


def _cooling(at_drop: Reading, since_drop_s: float) -> Reading:
    """The empty drum with its heat off: a guardian of this driver ends when it is cool."""

    def cooled(temp_c: float | None) -> float:
        excess_c = 0.0 if temp_c is None else temp_c - AMBIENT_C
        return round(AMBIENT_C + excess_c * exp(-since_drop_s / _COOLS_IN_S), 1)

    return replace(
        at_drop,
        bean_temp_c=cooled(at_drop.bean_temp_c),
        environment_temp_c=cooled(at_drop.environment_temp_c),
        heater_percent=0.0,
    )
