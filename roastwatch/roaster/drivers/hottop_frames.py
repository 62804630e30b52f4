"""The Hottop's 36-byte frames: command and status, with a checksum.

Layout: pyhottop (MIT) and Artisan's hottop.py, which agree.
"""

from dataclasses import dataclass

FRAME_BYTES = 36
HEADER = bytes((0xA5, 0x96))
COMMAND_HEADER = bytes((0xA5, 0x96, 0xB0, 0xA0, 0x01, 0x01, 0x24))
FULL_FAN = 10


@dataclass(frozen=True, slots=True)
class HottopSetpoints:
    """What a command frame asks for. Heater in percent, fans 0 to 10."""

    heater: int = 0
    fan: int = 0
    """Byte 11, which Artisan calls the bean-cooling fan; normally 0."""
    main_fan: int = 0
    door_open: bool = False
    drum: bool = True
    cooling: bool = False


@dataclass(frozen=True, slots=True)
class HottopStatus:
    """What a status frame reports. Temperatures in whole degrees of the machine's own unit."""

    version: int
    heater: int
    fan: int
    main_fan: int
    door_open: bool
    drum: bool
    cooling: bool
    tray_in: bool
    environment: int
    bean: int


def checksum(frame: bytes | bytearray) -> int:
    """Byte 35: the low byte of the sum of bytes 0 to 34."""
    return sum(frame[: FRAME_BYTES - 1]) & 0xFF


def encode(controls: HottopSetpoints) -> bytes:
    """A command frame. The drum turns whenever the heater is on (as in pyhottop)."""
    frame = bytearray(FRAME_BYTES)
    frame[: len(COMMAND_HEADER)] = COMMAND_HEADER
    frame[10] = controls.heater
    frame[11] = controls.fan
    frame[12] = controls.main_fan
    frame[16] = controls.door_open
    frame[17] = controls.drum or controls.heater > 0
    frame[18] = controls.cooling
    frame[35] = checksum(frame)
    return bytes(frame)


def decode(frame: bytes) -> HottopStatus | None:
    """The status in 36 bytes; None for anything but a complete, valid status frame."""
    if (
        len(frame) != FRAME_BYTES
        or not frame.startswith(HEADER)
        or frame.startswith(COMMAND_HEADER)  # our own frame, echoed by the adapter
        or frame[35] != checksum(frame)
        or frame[10] > 100
        or max(frame[11], frame[12]) > FULL_FAN
        or max(frame[16:20]) > 1
    ):
        return None
    return HottopStatus(
        version=frame[4],
        heater=frame[10],
        fan=frame[11],
        main_fan=frame[12],
        door_open=bool(frame[16]),
        drum=bool(frame[17]),
        cooling=bool(frame[18]),
        tray_in=bool(frame[19]),
        environment=int.from_bytes(frame[23:25], "big"),
        bean=int.from_bytes(frame[25:27], "big"),
    )


class HottopParser:
    """Finds status frames in a stream that may contain noise, partial frames and echoes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.rejected = 0

    def feed(self, data: bytes) -> list[HottopStatus]:
        """The frames that these bytes complete, in order."""
        self._buffer += data
        found: list[HottopStatus] = []
        while True:
            start = self._buffer.find(HEADER[0])
            if start < 0:
                self._buffer.clear()
                return found
            del self._buffer[:start]
            if len(self._buffer) >= 2 and self._buffer[1] != HEADER[1]:
                del self._buffer[:1]
                continue
            if len(self._buffer) < FRAME_BYTES:
                return found
            frame = bytes(self._buffer[:FRAME_BYTES])
            status = decode(frame)
            if status is not None:
                found.append(status)
                del self._buffer[:FRAME_BYTES]
            elif frame.startswith(COMMAND_HEADER) and frame[35] == checksum(frame):
                del self._buffer[:FRAME_BYTES]
            else:
                self.rejected += 1
                del self._buffer[:1]
