"""The machine of drivers/_template.py at the level of its bytes. It keeps heating by itself."""

from collections.abc import Callable

from tests.fakes.thermal import Thermal


class FakeTemplate:
    def __init__(self, speed: float = 1.0) -> None:
        self.send: Callable[[bytes], None] = lambda data: None
        self.thermal = Thermal(speed)
        self.heater = self.fan = 0
        self.answers = True
        self.stuck_heater: int | None = None
        self.commands: list[str] = []
        self._buffer = b""

    def plugged(self) -> None:
        self._buffer = b""

    def power_cycle(self) -> None:
        self.heater = self.fan = 0

    def received(self, data: bytes) -> None:
        self._buffer += data
        while b"\n" in self._buffer:
            raw, self._buffer = self._buffer.split(b"\n", 1)
            self._obey(raw.decode("latin-1"))

    def tick(self, passed_s: float) -> None:
        self.thermal.pass_time(passed_s, self.heats / 100, self.fan / 100)

    @property
    def heats(self) -> int:
        return self.heater if self.stuck_heater is None else self.stuck_heater

    def _obey(self, line: str) -> None:
        self.commands.append(line)
        match line[:1], line[1:]:
            case "?", "":
                self._reply("EXAMPLE 1")
            case "R", "":
                bean_c, environment_c = self.thermal.bean_c, self.thermal.air_c
                self._reply(f"{bean_c:.1f},{environment_c:.1f},{self.heats},{self.fan}")
            case "H", number if number.isdecimal() and int(number) <= 100:
                self.heater = int(number)
            case "F", number if number.isdecimal() and int(number) <= 100:
                self.fan = int(number)

    def _reply(self, line: str) -> None:
        if self.answers:
            self.send(line.encode() + b"\n")
