"""Aillio Bullet R1 over USB: asked for its status, stepped by relative commands.

Requests, status layout and states: Artisan's aillio files. Little-endian, no checksum; a status
counts only with its validity byte (when idle another message appears about every 15 s).
"""

import asyncio
import math
import struct
from dataclasses import dataclass
from functools import partial

from roastwatch.roaster.drivers.aillio import (
    DRUM_STEPS,
    FAN_STEPS,
    Aillio,
    AillioOptions,
    Levels,
    percent_of,
)
from roastwatch.roaster.transport.spike_filter import PLAUSIBLE_MIN_C
from roastwatch.roaster.transport.usb import open_pipes
from roastwatch.vocabulary import Actuator, Reading

PRODUCTS = (0x5741, 0xA27E)
HEATER_STEPS = 9
STATUS_1 = bytes((0x30, 0x01))
STATUS_2 = bytes((0x30, 0x03))
INFO = bytes((0x30, 0x02))
STATUS_BYTES = 64
VALID = 0x0A
STATES = frozenset({0x00, 0x02, 0x04, 0x06, 0x08, 0x09})


@dataclass(frozen=True, slots=True)
class AillioR1Status:
    """What of status 1 is used. Temperatures in °C, None where no probe can show them."""

    bean_c: float | None
    drum_c: float | None
    levels: Levels
    state: int


def decode(raw: bytes) -> AillioR1Status | None:
    """The status in 64 bytes; None for any other message."""
    if len(raw) != STATUS_BYTES or raw[41] != VALID or raw[29] not in STATES:
        return None
    fan, heater, drum = raw[26], raw[27], raw[28]
    if fan > FAN_STEPS or heater > HEATER_STEPS or drum > DRUM_STEPS:
        return None
    bean_c, drum_c = struct.unpack_from("<f", raw, 0)[0], struct.unpack_from("<f", raw, 8)[0]
    return AillioR1Status(plausible(bean_c), plausible(drum_c), Levels(heater, fan, drum), raw[29])


def step(actuator: Actuator, up: bool, wanted: int) -> bytes:
    """One step of heater or fan; the drum is set at once."""
    if actuator is Actuator.DRUM:
        return bytes((0x32, 0x01, wanted, 0x00))
    group = 0x34 if actuator is Actuator.HEATER else 0x31
    return bytes((group, 0x01 if up else 0x02, 0xAA, 0xAA))


def plausible(celsius: float) -> float | None:
    """A temperature, None for no number and for what is too cold to be true."""
    return float(celsius) if math.isfinite(celsius) and celsius >= PLAUSIBLE_MIN_C else None


class AillioR1(Aillio):
    """A Bullet R1."""

    Options = AillioOptions
    machine = "Aillio Bullet R1"
    heater_steps = HEATER_STEPS

    def __init__(self, options: AillioOptions, station: str, **seam: object) -> None:
        pipes = seam.get("open_pipes") or partial(open_pipes, PRODUCTS, self.machine)
        super().__init__(options, station, open_pipes=pipes)  # type: ignore[arg-type]

    async def _greet(self) -> None:
        await self._link.write(INFO)
        await self._link.read(STATUS_BYTES, 0.5)

    async def _hear(self) -> tuple[Reading, Levels] | None:
        await self._link.write(STATUS_1)
        raw = await self._link.read(STATUS_BYTES, 0.5)
        await self._link.write(STATUS_2)
        await self._link.read(STATUS_BYTES, 0.5)
        status = decode(raw) if raw is not None else None
        if status is None:
            return None
        levels = status.levels
        reading = Reading(
            station=self._station,
            taken_at_s=asyncio.get_running_loop().time(),
            bean_temp_c=self._probe("bean_temp_c", status.bean_c),
            environment_temp_c=self._probe("environment_temp_c", status.drum_c),
            heater_percent=percent_of(levels.heater, HEATER_STEPS),
            fan_percent=percent_of(levels.fan, FAN_STEPS),
            drum_percent=percent_of(levels.drum, DRUM_STEPS),
        )
        return reading, levels

    def _step(self, actuator: Actuator, levels: Levels, wanted: int) -> bytes:
        standing = levels.heater if actuator is Actuator.HEATER else levels.fan
        return step(actuator, wanted > standing, wanted)
