"""A TC4 with aArtisanQ_PID, or a Skywalker or Cyberroaster that speaks like one.

From the documentation of the sketches: at most 5 tokens of 5 characters, lines of 40, unknown
commands dropped, no acknowledgement, no watchdog (TC4: outputs hold for ever).
"""

import re
from collections.abc import Callable

from tests.fakes.thermal import Thermal

SKYWALKER_SILENCE_S = 10.0


class FakeTc4:
    def __init__(
        self,
        speed: float = 1.0,
        *,
        kind: str = "aartisan",
        boot_s: float = 0.0,
        old_firmware: bool = False,
        answers_chan: bool = True,
        delay_s: float = 0.0,
    ) -> None:
        self.send: Callable[[bytes], None] = lambda data: None
        self.thermal = Thermal(speed)
        self.kind = kind
        self.ot1 = self.ot2 = self.io3 = self.dcfan = 0
        self.drum = self.cool = 0
        self.pid_on = False
        self.celsius = kind != "aartisan"
        self.channels = "2100"
        self.lines: list[str] = []
        self.answers = True
        self.stuck_heater: int | None = None
        self._boot_s = boot_s
        self._old = old_firmware
        self._answers_chan = answers_chan
        self._delay_s = delay_s
        self._late: list[tuple[float, bytes]] = []
        self._booting_s = boot_s
        self._buffer = b""
        self._silent_s = 0.0
        self.banner = ""
        """The line that it sends after starting."""

    def restart(self) -> None:
        """Press its reset button while the cable is plugged in."""
        self.ot1 = self.ot2 = self.io3 = self.dcfan = self.drum = self.cool = 0
        self.pid_on, self.celsius, self.channels = False, self.kind != "aartisan", "2100"
        self._buffer, self._booting_s = b"", self._boot_s
        if self.kind == "cyberroaster":
            self.ot1 = 70
        if self.banner:
            self._late.append((self._boot_s, self.banner.encode() + b"\r\n"))

    def plugged(self) -> None:
        """The roaster powers it: plugging the cable restarts only boards that do so."""
        self._buffer = b""
        self._booting_s = self._boot_s
        if self.kind == "cyberroaster":
            self.ot1 = 70

    def received(self, data: bytes) -> None:
        if self._booting_s > 0:
            return
        self._buffer += data
        while b"\n" in self._buffer:
            raw, self._buffer = self._buffer.split(b"\n", 1)
            text = raw.decode("latin-1").replace("\r", "")
            if len(text) <= 40:
                self.lines.append(text)
                self._obey([token[:5] for token in re.split("[;, =]", text.upper()) if token][:5])

    def _obey(self, tokens: list[str]) -> None:
        match tokens:
            case ["CHAN", *_] if not self._answers_chan:
                pass
            case ["CHAN", digits] if self.kind == "skywalker":
                self._reply("# Active channels set to 0200")
            case ["CHAN", digits] if re.fullmatch("[0-4]{4}", digits):
                self.channels = digits
                self._reply(f"# Active channels set to {digits}")
            case ["UNITS", unit]:
                self.celsius = unit == "C"
            case ["READ"]:
                self._silent_s = 0.0
                self._reply(self._reading())
            case ["OT1", level]:
                self._silent_s = 0.0
                if not self.pid_on:
                    self.ot1 = self._percent(level, self.ot1)
            case ["OT2", level]:
                self._silent_s = 0.0
                self.ot2 = self._percent(level, self.ot2)
            case ["IO3", level]:
                self.io3 = self._percent(level, self.io3)
            case ["DCFAN", level]:
                self.dcfan = self._percent(level, self.dcfan)
            case ["OT3" | "DRUM", level] if self.kind != "aartisan":
                self._silent_s = 0.0
                self.drum = self._percent(level, self.drum)
            case ["COOL", level] if self.kind == "skywalker":
                self._silent_s = 0.0
                self.cool = self._percent(level, self.cool)
            case ["PID", "OFF"] if self.kind == "aartisan":
                self.pid_on, self.ot1 = False, 0

    @staticmethod
    def _percent(level: str, now: int) -> int:
        return min(100, max(0, int(level))) if level.isdigit() else now

    def _temp(self, celsius: float) -> str:
        return f"{celsius if self.celsius else celsius * 1.8 + 32:.1f}"

    def _reading(self) -> str:
        heater = self.ot1 if self.stuck_heater is None else self.stuck_heater
        bean, air = self._temp(self.thermal.bean_c), self._temp(self.thermal.air_c)
        if self.kind == "skywalker":
            return f"0.0,{bean},{bean},{heater},{self.ot2},0"
        if self.kind == "cyberroaster":
            return f"25.0,{air},{bean},{heater},{self.ot2}"
        inputs = {"1": air, "2": bean, "3": "", "4": ""}
        channels = [inputs[digit] for digit in self.channels if digit != "0"]
        fan = max(self.ot2, self.io3, self.dcfan)
        outputs = [] if self._old and not self.pid_on else [f"{heater}", f"{fan}", "0.0"]
        return ",".join([self._temp(25.0), *channels, *outputs])

    def _reply(self, text: str) -> None:
        if self.answers:
            self._late.append((self._delay_s, text.encode() + b"\r\n"))
            self._flush(0.0)

    def _flush(self, passed_s: float) -> None:
        self._late = [(left_s - passed_s, data) for left_s, data in self._late]
        while self._late and self._late[0][0] <= 0:
            self.send(self._late.pop(0)[1])

    def tick(self, passed_s: float) -> None:
        self._booting_s = max(0.0, self._booting_s - passed_s)
        self._flush(passed_s)
        self._silent_s += passed_s
        if self.kind == "skywalker" and self._silent_s >= SKYWALKER_SILENCE_S:
            self.ot1 = self.ot2 = self.drum = self.cool = 0
        fan = max(self.ot2, self.io3, self.dcfan) / 100
        heat = (self.ot1 if self.stuck_heater is None else self.stuck_heater) / 100
        self.thermal.pass_time(passed_s, heat, fan, max(self.cool / 100, fan * (heat == 0)))
