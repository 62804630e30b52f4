"""A Hottop KN-8828B-2K+ at the level of its bytes, written from its documentation.

It streams status by itself (Artisan logs it without control). A command frame takes control; then
a second of silence ejects the beans, and a few seconds later the drive is powered down. Nothing
gives control back but a power cycle.
"""

from collections.abc import Callable

from tests.fakes.thermal import Thermal

PERIOD_S = 0.3
SILENCE_S = 1.0
POWER_DOWN_S = 4.0


class FakeHottop:
    def __init__(self, speed: float = 1.0, *, reads_before_first: int = 0) -> None:
        self.send: Callable[[bytes], None] = lambda data: None
        self.thermal = Thermal(speed)
        self.heater = self.fan = self.main_fan = 0
        self.door = self.drum = self.cooling = 0
        self.in_control = False
        self.ejected = False
        self.powered = True
        self.commands: list[bytes] = []
        self.longest_gap_s = 0.0
        """Times between two command frames while in control."""
        self.wakes_after = reads_before_first
        """Number of command frames before it sends a status."""
        self.talks = True
        self.stuck_heater: int | None = None
        """Heat that a stuck heater gives, percent; None: it obeys."""
        self._buffer = b""
        self._silent_s = 0.0
        self._since_status_s = 0.0

    def plugged(self) -> None:
        self._buffer = b""

    def received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 36:
            frame = self._buffer[:36]
            if frame[:7] != bytes.fromhex("A596B0A0010124") or sum(frame[:35]) & 0xFF != frame[35]:
                self._buffer = self._buffer[1:]
                continue
            self._buffer = self._buffer[36:]
            self._obey(frame)

    def _obey(self, frame: bytes) -> None:
        self.commands.append(frame)
        if not self.powered:
            return
        if self.in_control:
            self.longest_gap_s = max(self.longest_gap_s, self._silent_s)
        self.in_control, self._silent_s = True, 0.0
        self.heater, self.fan, self.main_fan = frame[10], frame[11], frame[12]
        self.door, self.drum, self.cooling = frame[16], frame[17], frame[18]
        if self.stuck_heater is not None:
            self.heater = self.stuck_heater

    def power_cycle(self) -> None:
        """Switch it off and on: everything is off and the panel is in control."""
        self.heater = self.fan = self.main_fan = self.door = self.drum = self.cooling = 0
        self.powered, self.in_control, self.ejected = True, False, False
        self._silent_s = 0.0

    def tick(self, passed_s: float) -> None:
        if self.in_control:
            self._silent_s += passed_s
            if self._silent_s >= SILENCE_S:
                self.door, self.ejected, self.heater = 1, True, 0
            if self._silent_s >= SILENCE_S + POWER_DOWN_S:
                self.drum = self.cooling = self.main_fan = 0
                self.powered = self.in_control = False
        self.thermal.pass_time(
            passed_s, self.heater / 100, self.main_fan / 10, max(self.cooling, self.door)
        )
        self._since_status_s += passed_s
        if self._since_status_s >= PERIOD_S and len(self.commands) >= self.wakes_after:
            self._since_status_s = 0.0
            if self.talks and self.powered:
                self.send(self.status())

    def status(self) -> bytes:
        frame = bytearray(36)
        frame[0:2] = b"\xa5\x96"
        frame[4] = 1
        frame[10], frame[11], frame[12] = self.heater, self.fan, self.main_fan
        frame[16], frame[17], frame[18], frame[19] = self.door, self.drum, self.cooling, 1
        frame[23:25] = round(self.thermal.air_c).to_bytes(2, "big")
        frame[25:27] = round(self.thermal.bean_c).to_bytes(2, "big")
        frame[35] = sum(frame[:35]) & 0xFF
        return bytes(frame)
