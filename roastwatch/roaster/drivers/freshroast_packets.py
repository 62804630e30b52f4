"""The SR700's packets: 14 bytes each way, or 12 if the machine leaves the footer out.

There is no checksum. The machine ends a packet after a temperature byte of FA, the footer's last
byte: at 250 °F (and whenever the low byte is FA) the footer is missing (freshroastsr700 issue 18).
So a packet is framed by its length, and the footer only confirms it.
"""

from dataclasses import dataclass
from enum import Enum

PACKET_BYTES, BODY_BYTES = 14, 12
HEADER, INIT_HEADER, FOOTER = b"\xaa\xaa", b"\xaa\x55", b"\xaa\xfa"
FAHRENHEIT = b"\x61\x74"
FROM_HOST, FROM_ROASTER, LAST_RECIPE_LINE = 0x63, 0x00, 0xAF
RECIPE_FLAGS = frozenset({0xA0, 0xAA, LAST_RECIPE_LINE})
TOO_COLD = 0xFF00
LOWEST_F = 150
"""Below this the machine sends TOO_COLD. There is no upper bound: a higher value may be a fire."""
FASTEST_FAN = 9


class State(Enum):
    """Bytes 5 and 6."""

    INIT = b"\x00\x00"
    IDLE = b"\x02\x01"
    ROASTING = b"\x04\x02"
    COOLING = b"\x04\x04"
    SLEEPING = b"\x08\x01"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: temperature in °F (None below 150), time in tenths of a minute."""

    flag: int
    state: State
    fan: int
    tenths: int
    heat: int
    fahrenheit: int | None = None


INIT = INIT_HEADER + FAHRENHEIT + bytes((FROM_HOST,)) + bytes(7) + FOOTER


def encode(packet: Packet) -> bytes:
    """A packet as bytes, without a temperature, as a host sends it."""
    numbers = bytes((packet.fan, packet.tenths, packet.heat))
    flag = bytes((packet.flag,))
    return HEADER + FAHRENHEIT + flag + packet.state.value + numbers + bytes(2) + FOOTER


def decode(raw: bytes) -> Packet | None:
    """The packet in 14 bytes, or in 12 that end with FA; None for anything else."""
    whole = len(raw) == PACKET_BYTES and raw[BODY_BYTES:] == FOOTER
    cut = len(raw) == BODY_BYTES and raw[-1] == FOOTER[-1] and raw[4] == FROM_ROASTER
    if (
        not (whole or cut)
        or raw[:2] != HEADER
        or raw[2:4] != FAHRENHEIT
        or raw[4] not in (FROM_ROASTER, *RECIPE_FLAGS)
        or raw[7] > FASTEST_FAN
        or raw[8] > 99
        or raw[9] > 3
    ):
        return None
    try:
        state = State(raw[5:7])
    except ValueError:
        return None
    fahrenheit: int | None = int.from_bytes(raw[10:12], "big")
    if fahrenheit == TOO_COLD:
        fahrenheit = None
    elif raw[4] == FROM_ROASTER and (fahrenheit or 0) < LOWEST_F:
        return None
    return Packet(raw[4], state, raw[7], raw[8], raw[9], fahrenheit)


class FreshRoastParser:
    """Finds packets in a stream of bytes. AA inside a packet is not a header."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that these bytes complete, in order."""
        self._buffer += data
        found: list[Packet] = []
        while len(self._buffer) >= BODY_BYTES:
            # After a packet without footer nothing follows for 0.25 s: don't wait for the footer.
            for size in (BODY_BYTES, PACKET_BYTES):
                packet = decode(bytes(self._buffer[:size]))
                if packet is not None:
                    found.append(packet)
                    del self._buffer[:size]
                    break
            else:
                if self._waits():
                    return found
                start = self._buffer.find(HEADER[0], 1)
                del self._buffer[: start if start > 0 else len(self._buffer)]
        return found

    def _waits(self) -> bool:
        """Whether the buffer may still become a packet with its footer."""
        body, foot = bytes(self._buffer[:BODY_BYTES]), bytes(self._buffer[BODY_BYTES:PACKET_BYTES])
        return foot != FOOTER and FOOTER.startswith(foot) and decode(body + FOOTER) is not None
