"""The driver `simulated`: a thermal model of a roaster, for demonstrations and tests."""

import asyncio
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pydantic import Field

from roastwatch import options
from roastwatch.errors import BadInputError
from roastwatch.roaster.driver import SAFE, Capabilities
from roastwatch.roaster.simulation.thermal import AMBIENT_C, Heat, ThermalParameters, advance
from roastwatch.vocabulary import Actuator, Reading

CRACK_SPREAD_C = 12.0


class SimulatedRoaster:
    """A drum roaster that reports its actuators. Its time is that of its clock times `speed`."""

    is_the_machine = True
    """There is no wire: this object is the machine, and keeps its state when it is reopened."""

    class Options(options.Options):
        """The batch, and how fast time passes."""

        port: str = Field("simulated", description="Any name; two roasters need two names.")
        beans_g: float = Field(250.0, ge=0, le=5000, description="Mass of green beans, grams.")
        drum_c: float = Field(
            180.0, ge=AMBIENT_C, le=300, description="Drum temperature at the start, °C."
        )
        charged: bool = Field(
            True,
            description="Whether the beans are in the drum from the start (else from the charge).",
        )
        speed: float = Field(1.0, gt=0, le=100, description="Speed as a multiple of real time.")
        noise_c: float = Field(0.1, ge=0, le=5, description="Standard deviation of the noise, °C.")
        seed: int = Field(1, description="Seed of the probes' noise.")

    def __init__(
        self,
        options: "SimulatedRoaster.Options | None" = None,
        station: str = "roaster",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options or SimulatedRoaster.Options()
        self._station = station
        self._clock = clock
        self._random = random.Random(self._options.seed)
        self.parameters = ThermalParameters()
        self.heat = Heat.empty(self._options.drum_c, self.parameters)
        if self._options.charged and self._options.beans_g > 0:
            self.charge()
        self._set = dict.fromkeys(Actuator, 0.0)
        self.restarts = 0
        self.doubts: dict[str, str] = {}
        self._at_s = clock()
        self.log: list[tuple[float, Actuator, float]] = []
        """Every write: clock seconds, actuator, percent. For tests."""

    @property
    def capabilities(self) -> Capabilities:
        """Everything that a home drum roaster has."""
        return Capabilities(
            machine="Simulated roaster",
            actuators=frozenset(Actuator),
            reads_bean_temp=True,
            reads_environment_temp=True,
            read_period_s=0.5 / min(self._options.speed, 5.0),
            keep_alive_s=None,
            when_host_is_gone="off",
            make_safe_writes="heat 0, drum 100, cooling 100, fan 50",
            echoes=frozenset(Actuator),
            safe={**SAFE, Actuator.FAN: 50.0},
        )

    async def __aenter__(self) -> Self:
        """Set heat 0; there is nothing to open."""
        await asyncio.sleep(0)
        self._put(Actuator.HEATER, 0.0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Turn heat off, as a machine does without its host."""
        self._put(Actuator.HEATER, 0.0)

    async def read(self) -> Reading:
        """The current temperatures, with noise."""
        await asyncio.sleep(0)
        self._catch_up()
        noise = self._options.noise_c
        return Reading(
            station=self._station,
            taken_at_s=self._clock(),
            bean_temp_c=round(self.heat.bean_probe_c + self._random.gauss(0, noise), 2),
            environment_temp_c=round(
                self.heat.environment_probe_c + self._random.gauss(0, noise), 2
            ),
            heater_percent=self._set[Actuator.HEATER],
            fan_percent=self._set[Actuator.FAN],
            drum_percent=self._set[Actuator.DRUM],
            cooling_percent=self._set[Actuator.COOLING],
            door_open=self._set[Actuator.DOOR] > 0,
        )

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Set one actuator."""
        if not 0 <= percent <= 100:
            raise BadInputError(f"{actuator} takes 0 to 100 %, not {percent:g}.")
        await asyncio.sleep(0)
        self._put(actuator, percent)

    async def make_safe(self) -> None:
        """Heat 0, drum and cooling on, fan at 50 % or more."""
        await asyncio.sleep(0)
        self._put(Actuator.HEATER, 0.0)
        self._put(Actuator.DRUM, 100.0)
        self._put(Actuator.COOLING, 100.0)
        self._put(Actuator.FAN, max(50.0, self._set[Actuator.FAN]))

    def charge(self) -> None:
        """Put the beans in, as a person does; the guardian calls this at the charge."""
        if self.heat.mass_kg == 0 and self._options.beans_g > 0:
            self.heat = self.heat.charged(self._options.beans_g / 1000, self.parameters)

    @property
    def crack_progress(self) -> float:
        """Progress of first crack: 0 before, 1 after. For sound that agrees with it."""
        if self.heat.mass_kg == 0:
            return 0.0
        beyond = self.heat.bean_probe_c - self.parameters.first_crack_c
        return min(1.0, max(0.0, beyond / CRACK_SPREAD_C))

    def _put(self, actuator: Actuator, percent: float) -> None:
        self._catch_up()
        self._set[actuator] = percent
        self.log.append((self._clock(), actuator, percent))
        del self.log[:-10_000]

    def _catch_up(self) -> None:
        now = self._clock()
        passed_s = (now - self._at_s) * self._options.speed
        self._at_s = now
        if passed_s > 0:
            self.heat = advance(
                self.heat,
                self.parameters,
                min(passed_s, 3600.0),
                heater=self._set[Actuator.HEATER] / 100,
                fan=self._set[Actuator.FAN] / 100,
                drum=self._set[Actuator.DRUM] / 100,
                cooling=self._set[Actuator.COOLING] / 100,
                door_open=self._set[Actuator.DOOR] > 0,
            )
