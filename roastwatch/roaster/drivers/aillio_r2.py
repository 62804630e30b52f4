"""Aillio Bullet R2 over USB: it sends frames of 64 bytes by itself; commands carry a CRC.

Frames and CRC: Artisan's aillio R2 file; the CRC was checked against its table.
"""

import struct
from dataclasses import dataclass, replace

from roastwatch.roaster.drivers.aillio import (
    DRUM_STEPS,
    FAN_STEPS,
    Aillio,
    AillioOptions,
    Levels,
)
from roastwatch.roaster.drivers.aillio_r1 import plausible
from roastwatch.vocabulary import Actuator, Reading

PRODUCTS = (0xA4CD,)
HEATER_STEPS = 14
FRAME_BYTES = 64
STATUS_TYPE = 0xA0
STATES = frozenset({0x00, 0x02, 0x03, 0x04, 0x06, 0x07, 0x08, 0x09, 0x0B})
POLYNOMIAL = 0x04C11DB7
GROUPS = {Actuator.HEATER: 0x34, Actuator.FAN: 0x31, Actuator.DRUM: 0x32}


@dataclass(frozen=True, slots=True)
class AillioR2Status:
    """The used part of an A0 frame. Temperatures in °C, None where no probe can show them."""

    bean_c: float | None
    exhaust_c: float | None
    levels: Levels
    cracks: int
    """The machine's own count of cracks."""
    state: int


def crc(frame: bytes) -> int:
    """The machine's CRC: 32-bit big-endian words, each shifted only 16 times."""
    value = 0xFFFFFFFF
    for (word,) in struct.iter_unpack(">I", frame):
        value ^= word
        for _ in range(16):
            value = (value << 1 ^ (POLYNOMIAL if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def command(head: bytes) -> bytes:
    """Four bytes with their CRC, little-endian."""
    return head + struct.pack("<I", crc(head + bytes(4)))


def step(actuator: Actuator, up: bool) -> bytes:
    """One step of heater, fan or drum."""
    return command(bytes((GROUPS[actuator], 0x01 if up else 0x02, 0xAA, 0xAA)))


def preheat(celsius: int) -> bytes:
    """Preheat to 20 to 350 °C."""
    return command(bytes((0x35, 0x00)) + celsius.to_bytes(2, "big"))


def decode(raw: bytes) -> AillioR2Status | None:
    """The status in an A0 frame; None for any other."""
    if len(raw) != FRAME_BYTES or raw[0] != STATUS_TYPE or raw[59] not in STATES:
        return None
    heater, fan, drum = raw[50], raw[51], raw[53]
    if heater > HEATER_STEPS or fan > FAN_STEPS or drum > DRUM_STEPS:
        return None
    (bean_c,) = struct.unpack_from("<f", raw, 4)
    (exhaust,) = struct.unpack_from("<H", raw, 38)
    return AillioR2Status(
        plausible(bean_c),
        plausible(exhaust / 10),
        Levels(heater, fan, drum),
        raw[56],
        raw[59],
    )


class AillioR2(Aillio):
    """A Bullet R2."""

    Options = AillioOptions
    machine = "Aillio Bullet R2"
    heater_steps = HEATER_STEPS
    products = PRODUCTS
    is_asked = False

    async def _next_status(self) -> tuple[Reading, Levels] | None:
        raw = await self._link.read(FRAME_BYTES, 0.5)
        status = decode(raw) if raw is not None else None
        if status is None:
            return None
        reading = self._reading(status.bean_c, status.exhaust_c, status.levels)
        return replace(reading, crack_count=status.cracks), status.levels

    def _step(self, actuator: Actuator, levels: Levels, wanted: int) -> bytes:
        current = {
            Actuator.HEATER: levels.heater,
            Actuator.FAN: levels.fan,
            Actuator.DRUM: levels.drum,
        }[actuator]
        return step(actuator, wanted > current)
