"""A FreshRoast SR700 at the level of its packets, with the quirks that its library found.

It ignores heat 0 while roasting, cools only if it was roasting, wakes from sleep only to idle,
leaves the footer out where a temperature ends in FA (250 °F), and without a host it runs on to the
end of its own timer.
"""

from collections.abc import Callable

from tests.fakes.thermal import Thermal

IDLE, ROASTING, COOLING = b"\x02\x01", b"\x04\x02", b"\x04\x04"
SLEEPING = b"\x08\x01"


class FakeFreshRoast:
    def __init__(self, speed: float = 1.0, *, ignores_heat_0: bool = True) -> None:
        self.send: Callable[[bytes], None] = lambda data: None
        self.thermal = Thermal(speed)
        self.state = IDLE
        self.fan, self.heat, self.left_s = 1, 0, 0.0
        self.initialised = False
        self.answers = True
        self.packets: list[bytes] = []
        self.stuck_idle = False
        """Whether it obeys only idle."""
        self.heated_s = 0.0
        self._ignores_heat_0 = ignores_heat_0
        self._buffer = b""

    def plugged(self) -> None:
        self._buffer, self.initialised = b"", False

    def received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 14:
            packet = self._buffer[:14]
            if packet[0] != 0xAA or packet[12:] != b"\xaa\xfa" or packet[4] != 0x63:
                self._buffer = self._buffer[1:]
                continue
            self._buffer = self._buffer[14:]
            self.packets.append(packet)
            self._obey(packet)

    def _obey(self, packet: bytes) -> None:
        if packet[:2] == b"\xaa\x55":
            self.initialised = True
            for flag in (0xAA, 0xAA, 0xAF):
                line = bytes([0xAA, 0xAA, 0x61, 0x74, flag, 4, 2, 9, 0x3B, 3, 0, 0, 0xAA, 0xFA])
                self._reply(line)
            return
        if not self.initialised:
            return
        wanted, fan, tenths, heat = packet[5:7], packet[7], packet[8], packet[9]
        refuses = (
            (self.state == IDLE and wanted == COOLING)
            or (self.state == SLEEPING and wanted != IDLE)
            or (self.stuck_idle and wanted != IDLE)
        )
        if not refuses:
            self.state = wanted
        self.fan, self.left_s = fan, tenths * 6.0
        if self.state == ROASTING:
            self.heat = heat if heat or not self._ignores_heat_0 else self.heat
        else:
            self.heat = 0
        self._reply(self.status())

    def _reply(self, data: bytes) -> None:
        if self.answers:
            self.send(data)

    def status(self) -> bytes:
        fahrenheit = round(self.thermal.air_c * 1.8 + 32)
        temperature = b"\xff\x00" if fahrenheit < 150 else fahrenheit.to_bytes(2, "big")
        tenths = min(99, round(self.left_s / 6))
        numbers = bytes([self.fan, tenths, self.heat])
        footer = b"" if temperature[1] == 0xFA else b"\xaa\xfa"
        return b"\xaa\xaa\x61\x74\x00" + self.state + numbers + temperature + footer

    @property
    def blows(self) -> int:
        """Its fan; 0 in states without air."""
        return self.fan if self.state in (ROASTING, COOLING) else 0

    def power_cycle(self) -> None:
        """Switch it off and on: it needs the init packet again."""
        self.state, self.heat, self.fan, self.initialised = IDLE, 0, 1, False

    def tick(self, passed_s: float) -> None:
        self.left_s = max(0.0, self.left_s - passed_s)
        if self.left_s == 0 and self.state == ROASTING:
            self.state, self.heat, self.left_s = COOLING, 0, 180.0
        elif self.left_s == 0 and self.state == COOLING:
            self.state = IDLE
        heat = self.heat / 3 if self.state == ROASTING else 0.0
        self.heated_s += passed_s if heat else 0.0
        fan = self.fan / 9 if self.state != IDLE else 0.0
        self.thermal.pass_time(passed_s, heat, fan, float(self.state == COOLING))
