"""Aillio Bullet R1 over USB: its status is requested, its levels move by relative commands.

Requests, status layout and states: Artisan's aillio files. Little-endian, no checksum; a status
counts only with its validity byte (when idle another message appears about every 15 s). Nothing in
an answer names its request, so an answer that was not read would shift all that follow.
"""

import math
import struct
from dataclasses import dataclass

from roastwatch.roaster.drivers.aillio import (
    DRUM_STEPS,
    FAN_STEPS,
    Aillio,
    AillioOptions,
    Levels,
)
from roastwatch.roaster.transport.spike_filter import PLAUSIBLE_MIN_C
from roastwatch.vocabulary import Actuator, Reading

PRODUCTS = (0x5741, 0xA27E)
HEATER_STEPS = 9
STATUS_1 = bytes((0x30, 0x01))
STATUS_2 = bytes((0x30, 0x03))
INFO = bytes((0x30, 0x02))
STATUS_BYTES = 64
WAITING_S = 0.05
"""An answer that was not read is there within this."""
MOST_WAITING = 16
VALID = 0x0A
STATES = frozenset({0x00, 0x02, 0x04, 0x06, 0x08, 0x09})


@dataclass(frozen=True, slots=True)
class AillioR1Status:
    """The used part of status 1. Temperatures in °C, None where no probe can show them."""

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
    """A temperature in °C; None if it is not a number or implausibly cold."""
    return float(celsius) if math.isfinite(celsius) and celsius >= PLAUSIBLE_MIN_C else None


class AillioR1(Aillio):
    """A Bullet R1."""

    Options = AillioOptions
    machine = "Aillio Bullet R1"
    heater_steps = HEATER_STEPS
    products = PRODUCTS

    def _reset(self) -> None:
        super()._reset()
        self._in_step = False
        """Whether the next answer belongs to the next request."""

    async def _greet(self) -> None:
        await self._discard_waiting()  # of a process that was killed before it read its answer
        await self._link.write(INFO)
        await self._link.read(STATUS_BYTES, 0.5)

    async def _next_status(self) -> tuple[Reading, Levels] | None:
        if not self._in_step:
            await self._discard_waiting()
        await self._link.write(STATUS_1)
        raw = await self._link.read(STATUS_BYTES, 0.5)
        await self._link.write(STATUS_2)
        second = await self._link.read(STATUS_BYTES, 0.5)
        status = decode(raw) if raw is not None else None
        self._in_step = status is not None and second is not None
        if status is None:
            return None
        return self._reading(status.bean_c, status.drum_c, status.levels), status.levels

    async def _discard_waiting(self) -> None:
        for _ in range(MOST_WAITING):
            if await self._link.read(STATUS_BYTES, WAITING_S) is None:
                return

    def _step(self, actuator: Actuator, levels: Levels, wanted: int) -> bytes:
        current = levels.heater if actuator is Actuator.HEATER else levels.fan
        return step(actuator, wanted > current, wanted)
