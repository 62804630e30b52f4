"""Aillio Bullets behind a fake USB layer: the pipes of one claimed interface."""

import queue
import struct
import time

from tests.fakes.thermal import Thermal


class FakeBullet:
    """The parts that both share. Time passes with each read; `unplug` makes transfers fail."""

    heater_steps = 9

    def __init__(self, speed: float = 1.0) -> None:
        self.thermal = Thermal(speed)
        self.heater, self.fan, self.drum = 0, 1, 1
        self.state = 0x06
        self.commands: list[bytes] = []
        self.plugged = True
        self.stuck = False
        self.silent = False
        self.closed = 0
        self.waits = True
        """Whether a transfer takes real time; in virtual time the loop passes it."""
        self._before_s = time.monotonic()

    def close(self) -> None:
        self.closed += 1

    def _check(self) -> None:
        if not self.plugged:
            raise OSError(19, "No such device")
        now_s = time.monotonic()
        heat = self.heater / self.heater_steps
        self.thermal.pass_time(now_s - self._before_s, heat, self.fan / 12)
        self._before_s = now_s

    def _step(self, group: int, up: bool) -> None:
        by = 1 if up else -1
        if group == 0x34 and not self.stuck:
            self.heater = min(self.heater_steps, max(0, self.heater + by))
        elif group == 0x31:
            self.fan = min(12, max(1, self.fan + by))
        elif group == 0x32:
            self.drum = min(9, max(1, self.drum + by))


class FakeR1(FakeBullet):
    """Replies to requests, sometimes with a message that is not a status."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(speed)
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._asked = 0

    def write(self, data: bytes) -> None:
        self._check()
        match data:
            case b"\x30\x02":
                self._answers.put(bytes(32))
            case b"\x30\x01":
                self._asked += 1
                self._answers.put(self.status(valid=self._asked % 7 != 0))
            case b"\x30\x03":
                self._answers.put(bytes(64))
            case _:
                self.commands.append(data)
                if data[0] == 0x32 and len(data) == 4:
                    self.drum = data[2]
                elif len(data) == 4 and data[2:] == b"\xaa\xaa":
                    self._step(data[0], data[1] == 1)

    def status(self, *, valid: bool = True) -> bytes:
        raw = bytearray(64)
        struct.pack_into("<ff", raw, 0, self.thermal.bean_c, 5.0)
        struct.pack_into("<f", raw, 8, self.thermal.air_c)
        raw[26], raw[27], raw[28], raw[29] = self.fan, self.heater, self.drum, self.state
        raw[41] = 0x0A if valid else 0
        return bytes(raw)

    def read(self, size: int, timeout_s: float) -> bytes:
        self._check()
        if self.silent:
            raise TimeoutError
        try:
            return self._answers.get(self.waits, timeout_s)
        except queue.Empty:
            raise TimeoutError from None


KNOWN = {
    bytes.fromhex("3401AAAA90E5E4F1"): (0x34, True),
    bytes.fromhex("3402AAAA19108DF3"): (0x34, False),
    bytes.fromhex("3101AAAA22337C51"): (0x31, True),
    bytes.fromhex("3102AAAAABC61553"): (0x31, False),
    bytes.fromhex("3201AAAA4C810B31"): (0x32, True),
}


class FakeR2(FakeBullet):
    """Sends frames of several kinds and obeys only commands with a valid CRC."""

    heater_steps = 14

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(speed)
        self._pushed = 0
        self.cracks = 0

    def write(self, data: bytes) -> None:
        self._check()
        self.commands.append(data)
        if data in KNOWN:
            self._step(*KNOWN[data])

    def read(self, size: int, timeout_s: float) -> bytes:
        self._check()
        if self.silent:
            raise TimeoutError
        if self.waits:
            time.sleep(0.01)
        self._pushed += 1
        return (
            self.status() if self._pushed % 3 == 0 else bytes([0xA0 + self._pushed % 3]) + bytes(63)
        )

    def status(self) -> bytes:
        raw = bytearray(64)
        raw[0] = 0xA0
        struct.pack_into("<f", raw, 4, self.thermal.bean_c)
        struct.pack_into("<H", raw, 38, round(self.thermal.air_c * 10))
        raw[50], raw[51], raw[53] = self.heater, self.fan, self.drum
        raw[56], raw[59] = self.cracks, self.state
        return bytes(raw)
