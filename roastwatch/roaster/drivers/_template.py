"""A template: copy this file to `drivers/<name>.py` and make it speak your machine's protocol.

Replace this docstring by one sentence on what yours does, when you have followed it.

1. Rename the two classes, and name the driver in pyproject.toml:
   `[project.entry-points."roastwatch.drivers"]`,
   `<name> = "roastwatch.roaster.drivers.<name>:<Name> [roasters]"`. Install again
   (`.venv/bin/pip install --editable . --no-deps`). Then
   `roastwatch roaster read --type <name> --port ...` finds it.
2. Describe each option below with its unit: users read these texts.
3. State in `capabilities` what the machine does when its computer fails. If that is unknown, write
   "unknown": heating then requires the user to confirm an independent thermal cut-off.
4. Put the limits that differ from the defaults, with their sources, into
   config/roasters/<name>.yaml. If no limit differs, make no file: the defaults apply. Add a row to
   the table of drivers in the docs (a test requires it).
5. Copy tests/fakes/template.py (the machine) and tests/unit/test_driver_template.py. Its last tests
   put the driver through random lives: unplugged, muted, switched off and on.

This driver relies on a readback of the heater. Without one, leave `echoes` empty, leave
`heater_percent` out of the reading, repeat only commands that lower heat, and count a command as
obeyed only after its reply.

This machine is invented. It speaks lines of text at 115200 baud and has a heater and a fan. `?` is
answered by `EXAMPLE 1`, and `R` by `bean,environment,heater,fan` in °C and percent. `H40` and
`F60` set heater and fan and are not answered. It keeps heating without its computer.

The rules for every driver are in `roaster/driver.py`. `background.py` does what they share: it
closes the port and stops the task after any failure, limits the time of a `read`, and reports an
error in the task.
"""

import asyncio
import math
import re

from pydantic import Field

from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.background import HeatWatch, PolledDriver, check_target
from roastwatch.roaster.transport.line_splitter import LineSplitter
from roastwatch.roaster.transport.serial import PortOptions, Wire, not_this_machine
from roastwatch.roaster.transport.spike_filter import SpikeFilter
from roastwatch.vocabulary import Actuator, Reading

_ANSWER = re.compile(r"(-?\d+(?:\.\d+)?),(-?\d+(?:\.\d+)?),(\d{1,3}),(\d{1,3})")
_LETTERS = {Actuator.HEATER: "H", Actuator.FAN: "F"}
_HEAT_OFF = ("H0",)
_SAFE = ("H0", "F100")


class TemplateOptions(PortOptions):
    """The machine's port (`port`) and how it is polled."""

    baud: int = Field(115200, description="Baud rate.", gt=0)
    period_s: float = Field(0.5, description="Seconds between two readings.", ge=0.1, le=3)
    reply_s: float = Field(0.3, description="Seconds to wait for a reply.", gt=0, le=2)
    silence_s: float = Field(
        2.5, description="Seconds without a valid reply after which the roaster is lost.", gt=0
    )
    first_reply_s: float = Field(
        3.0, description="Seconds to wait for the first reply after opening.", gt=0
    )


class Template(PolledDriver):
    """The invented machine on a serial port."""

    Options = TemplateOptions
    gap_s = 0.05
    """A machine that reads one line per loop would lose the second of two close ones."""

    def __init__(self, options: TemplateOptions, station: str) -> None:
        """Nothing is opened here: the settings are checked by making the driver."""
        self._options = options
        super().__init__(
            station,
            machine="Example",
            where=f"Example on {options.port}",
            silence_s=options.silence_s,
            period_s=options.period_s,
            reply_s=options.reply_s,
        )
        self._link = Wire(
            options.port, machine="Example", on_bytes=self._received, baud=options.baud
        )
        self._link.on_gone = self._newest.lose
        self._order = asyncio.Lock()
        self._reset()

    @property
    def capabilities(self) -> Capabilities:
        """Constant: known before the port is opened."""
        return Capabilities(
            machine="Example",
            actuators=frozenset(_LETTERS),
            reads_bean_temp=True,
            reads_environment_temp=True,
            read_period_s=self._options.period_s,
            keep_alive_s=None,
            when_host_is_gone="holds",
            make_safe_writes=", ".join(_SAFE),
            echoes=frozenset(_LETTERS),
        )

    def _reset(self) -> None:
        """After a reconnection it may be another machine, or in another state."""
        self._lines = LineSplitter()
        self._questions.clear()
        self._bean = SpikeFilter(self.doubts, "bean_temp_c")
        self._environment = SpikeFilter(self.doubts, "environment_temp_c")
        self._heat = HeatWatch()
        self._readback: float | None = None
        """The heat that the machine reported last, percent."""
        self._known = False

    async def _open(self) -> None:
        """Open the port, identify the machine, turn heat off and wait until it is reported."""
        await self._link.__aenter__()
        await self._identify()
        for _ in range(5):
            await self._say(*_HEAT_OFF)
            if await self._ask() and self._readback == 0:
                break
        # A machine that still heats stays connected: its readings show it, and heat stays refused.
        self._start(self._poll, "template poll")

    async def _identify(self) -> None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._options.first_reply_s
        while not self._known:
            if loop.time() >= until_s:
                raise not_this_machine(self._link, self._options.first_reply_s)
            await self._say("?")
            await self._link.until(lambda: self._known or None, self._options.reply_s)

    async def _say_goodbye(self) -> None:
        """Turn heat off before the port is closed, because it would keep heating."""
        await self._say(*_HEAT_OFF)

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Set one actuator: heat is rounded down, all else up."""
        check_target(actuator, percent, _LETTERS.keys(), self._machine)
        if actuator is Actuator.HEATER:
            value = math.floor(percent)
            self._heat.set(value)
        else:
            value = math.ceil(percent)
        await self._say(f"{_LETTERS[actuator]}{value}")

    async def make_safe(self) -> None:
        """Heat 0, fan on."""
        self._heat.set(0)
        await self._say(*_SAFE)

    async def _send_question(self) -> None:
        await self._say("R")

    async def _look_after(self) -> None:
        """Repeat the last `H`: without a checksum, the line may have lost it."""
        if self._readback is not None and self._readback > self._heat.setpoint:
            await self._say(f"H{self._heat.setpoint}")

    async def _say(self, *commands: str) -> None:
        for command in commands:
            async with self._order:
                self._link.write(command.encode("ascii") + b"\n")
                await asyncio.sleep(self.gap_s)

    def _received(self, data: bytes) -> None:
        """Called with bytes as they arrive, in pieces of any size."""
        for line in self._lines.feed(data):
            if line.startswith("EXAMPLE "):
                self._known = True
            elif match := _ANSWER.fullmatch(line):
                self._take(*(float(text) for text in match.groups()))

    def _take(self, bean_c: float, environment_c: float, heater: float, fan: float) -> None:
        if max(heater, fan) > 100:
            return  # a corrupt digit
        asked_at_s = self._questions.answer(asyncio.get_running_loop().time())
        if asked_at_s is None:
            return  # a late reply, whose age is unknown
        self._readback = heater
        if self._heat.restarted(heater):
            self.restarts += 1
            self._heat.set(0)  # heat from before a power cut is not set again
        self._newest.put(
            Reading(
                station=self._station,
                taken_at_s=asked_at_s,
                bean_temp_c=self._bean.take(bean_c, asked_at_s),
                environment_temp_c=self._environment.take(environment_c, asked_at_s),
                heater_percent=heater,
                fan_percent=fan,
            )
        )
