"""TC4 with aArtisanQ_PID, and its dialects: lines of text at 115200 baud.

Commands and replies: greencardigan/TC4-shield aArtisanQ_PID 6.8; Skywalker: jmoore52's SkyCommand;
start sequence: Artisan. There is no checksum and, on the TC4 itself, no watchdog: without a host
its outputs keep their last duty indefinitely.
"""

import asyncio
import math
import re
from dataclasses import dataclass

from pydantic import Field

from roastwatch.errors import LostError
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.background import HeatWatch, PolledDriver, check_target
from roastwatch.roaster.drivers.tc4_dialects import DIALECTS, Dialect, DialectName, FanOutput
from roastwatch.roaster.transport.line_splitter import LineSplitter
from roastwatch.roaster.transport.serial import PortOptions, Wire, not_this_machine
from roastwatch.roaster.transport.spike_filter import SpikeFilter
from roastwatch.vocabulary import Actuator, Reading

GREETING = "# Active channels set to "
GREETS_WITHIN_S = 3.0
"""A `#` line that arrives later than this after CHAN was not requested: the board has restarted."""
UNIT_ERROR = 8.0
GAP_S = 0.05
"""Between two commands: the sketch reads one line per loop, and its buffer holds 64 bytes."""
WORD = re.compile(r"[A-Za-z]{4}")
"""Readings contain no words. An unrequested line with words means that the board has restarted."""
NUMBER = re.compile(r"-?\d{1,4}(?:\.\d{1,3})?")


class Tc4Options(PortOptions):
    """The TC4's port, its dialect, and what is connected to it."""

    baud: int = Field(115200, description="Baud rate: the sketch's BAUD.", gt=0)
    dialect: DialectName = Field(
        DialectName.AARTISAN,
        description="aartisan (TC4 with aArtisanQ_PID), skywalker (SkyCommand), htri (Hottop with "
        "an HTRI board) or cyberroaster (Skywalker V2 behind a bridge).",
    )
    fan_output: FanOutput | None = Field(
        None,
        description="Output that the fan is connected to: ot2, io3 or dcfan; empty: the dialect's.",
    )
    drum_output: FanOutput | None = Field(
        None,
        description="Output that the drum's motor is connected to, if any: ot2, io3 or dcfan.",
    )
    period_s: float = Field(
        1.0,
        description="Seconds between two READs; the sketch samples each second.",
        ge=0.1,
        le=3,
    )
    reply_s: float = Field(
        1.5, description="Seconds to wait for a reply before asking again.", gt=0
    )
    silence_s: float = Field(
        2.5, description="Seconds without a valid reply after which the roaster is lost.", gt=0
    )
    first_reply_s: float = Field(
        4.5,
        description="Seconds to wait for the first reply: many boards restart when the port opens.",
        gt=0,
    )


@dataclass(frozen=True, slots=True)
class Tc4Line:
    """A READ reply: temperatures in °C, outputs in percent, None for what is not sent."""

    ambient: float | None
    environment: float | None
    bean: float | None
    heater: float | None = None
    fan: float | None = None


def decode(text: str, *, five: bool = False) -> Tc4Line | None:
    """The values in a READ reply; None for anything else.

    Its order is ambient, ET, BT (and up to two more channels), then heater, fan and set value.
    Older firmware sends the last three only while its PID is on; the Cyberroaster (`five`) sends
    no set value.
    """
    cells = [cell.strip() for cell in text.split(",")]
    if len(cells) not in ((5,) if five else (3, 6, 7, 8)) or not any(cells[1:3]):
        return None
    if any(cell and not NUMBER.fullmatch(cell) for cell in cells):
        return None
    values = [float(cell) if cell else None for cell in cells]
    outputs = values[3:] if five else values[-3:-1] if len(values) > 3 else [None, None]
    heater, fan = outputs
    if any(percent is not None and not 0 <= percent <= 100 for percent in outputs):
        return None
    return Tc4Line(values[0], values[1], values[2], heater, fan)


class Tc4(PolledDriver):
    """A TC4, or a board with its protocol, on a serial port."""

    Options = Tc4Options
    gap_s = GAP_S

    def __init__(self, options: Tc4Options, station: str, *, read_only: bool = False) -> None:
        self._options = options
        self._read_only = read_only
        self._dialect: Dialect = DIALECTS[options.dialect].wired(
            options.fan_output, options.drum_output
        )
        machine = self._dialect.machine
        super().__init__(
            station,
            machine=machine,
            where=f"{machine} on {options.port}",
            silence_s=options.silence_s,
            period_s=options.period_s,
            reply_s=options.reply_s,
        )
        self._outputs = {} if read_only else self._dialect.outputs
        self._link = Wire(options.port, machine=machine, on_bytes=self._received, baud=options.baud)
        self._link.on_gone = self._newest.lose
        self._order = asyncio.Lock()
        self._reset()

    @property
    def capabilities(self) -> Capabilities:
        """What this dialect can do, as far as the board has proven it."""
        dialect = self._dialect
        return Capabilities(
            machine=dialect.machine,
            actuators=frozenset(self._outputs),
            reads_bean_temp=True,
            reads_environment_temp=dialect.has_environment,
            read_period_s=self._options.period_s,
            keep_alive_s=dialect.keep_alive_s,
            when_host_is_gone=dialect.when_host_is_gone if self._proven else "unknown",
            make_safe_writes="nothing" if self._read_only else ", ".join(dialect.safe),
            echoes=frozenset({Actuator.HEATER, Actuator.FAN})
            if self._reports_heat
            else frozenset(),
        )

    def _reset(self) -> None:
        self._lines = LineSplitter()
        self._questions.clear()
        self._new_probes()
        self._heat = HeatWatch()
        self._last: Tc4Line | None = None
        """The newest valid reply."""
        self._doubts = self._commas = 0
        self._short: int | None = None
        self._greeting = ""
        self._chan_asked_s = 0.0
        self._greeted = self._too_hot = self._reports_heat = self._restarted = False

    async def _open(self) -> None:
        """Open the port, set channels and unit, write heat 0 and wait until it is reported."""
        await self._link.__aenter__()
        await self._introduce()
        if not self._read_only:
            await self._assert_heat_off()
        self._start(self._poll, "tc4 poll")

    def _new_probes(self) -> None:
        self._bean = SpikeFilter(self.doubts, "bean_temp_c")
        self._environment = SpikeFilter(self.doubts, "environment_temp_c")
        self._celsius: tuple[float, ...] = ()
        """The last temperatures in the right unit, °C."""

    @property
    def _proven(self) -> bool:
        """Whether the board has shown that it speaks its dialect and so makes itself safe.

        The settings may name the wrong dialect; then the board keeps heating without its host.
        """
        if self._dialect.when_host_is_gone != "off":
            return True
        if self._dialect.greeting:
            return self._greeting == self._dialect.greeting
        return self._dialect.five_fields and self._commas == 4

    async def _say_goodbye(self) -> None:
        if not self._read_only:
            await self._say(*self._dialect.heat_off)

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Send the command for one output: heat is rounded down, all else up."""
        check_target(actuator, percent, self._outputs.keys(), self._machine)
        value = math.floor(percent) if actuator is Actuator.HEATER else math.ceil(percent)
        if actuator is Actuator.HEATER:
            self._heat.set(value)
        await self._say(self._outputs[actuator].command(value))

    async def make_safe(self) -> None:
        """Heat 0 (and the board's own PID off), then fan, drum and cooling on where present."""
        if self._read_only:
            return
        self._heat.set(0)
        await self._say(*self._dialect.safe)

    async def _introduce(self) -> None:
        """Send CHAN until a `#` line or a reading arrives, then set the unit."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._options.first_reply_s
        while True:
            if self._dialect.heat_off_first and not self._read_only:
                await self._say(*self._dialect.heat_off)
            await self._ask_channels()
            await self._link.until(lambda: self._greeted or None, 1.0)
            if not self._greeted:
                if not self._read_only:
                    await self._say(*self._dialect.heat_off)
                await self._ask()  # some firmware replies to READ but not to CHAN
            if self._greeted or self._last:
                break
            if loop.time() > until_s:
                raise not_this_machine(self._link, self._options.first_reply_s)
        if self._dialect.greeting and not self._greeted:  # it proves the dialect
            await self._ask_channels()
            await self._link.until(lambda: self._greeted or None, 1.0)
        await self._say(self._dialect.units)
        self._newest.clear()  # earlier readings may be in the other unit
        self._new_probes()

    async def _ask_channels(self) -> None:
        self._chan_asked_s = asyncio.get_running_loop().time()
        await self._say(self._dialect.channels)

    async def _assert_heat_off(self) -> None:
        """Write heat 0, and wait until it is read back if the firmware reports its outputs.

        A board that still heats stays connected: its readings show it, and heat stays refused.
        """
        answers = False
        for _ in range(5):
            await self._say(*self._dialect.heat_off)
            if await self._ask() and self._last is not None:
                answers = True
                # Older firmware reports its outputs only while its PID is on.
                self._reports_heat = self._last.heater is not None
                if self._last.heater in (0, None):
                    return
        if not answers:
            raise LostError(
                f"The {self._dialect.machine} on {self._options.port} does not reply to READ."
            )

    async def _send_question(self) -> None:
        await self._say("READ")

    async def _look_after(self) -> None:
        """Repeat commands that were lost: heat that is too high, the unit after a restart."""
        if self._too_hot and not self._read_only:
            self._too_hot = False
            await self._say(self._dialect.outputs[Actuator.HEATER].command(self._heat.setpoint))
        doubts = self._bean.doubts + self._environment.doubts
        if doubts != self._doubts or self._restarted:
            if self._restarted and not self._read_only:
                await self._say(*self._dialect.heat_off)
            self._doubts, self._restarted = doubts, False
            await self._ask_channels()
            await self._say(self._dialect.units)

    async def _say(self, *commands: str) -> None:
        for command in commands:
            async with self._order:
                self._link.write(command.encode("ascii") + b"\n")
                await asyncio.sleep(GAP_S)

    def _received(self, data: bytes) -> None:
        for text in self._lines.feed(data):
            if text.startswith("#") or (self._task is not None and WORD.search(text)):
                self._greet(text)
            else:
                self._take(text)

    def _greet(self, text: str) -> None:
        asked_s = asyncio.get_running_loop().time() - self._chan_asked_s
        if self._task is not None and asked_s > GREETS_WITHIN_S:
            self._has_restarted()
        elif text.startswith(GREETING):
            self._greeting = text
        self._greeted = True

    def _has_restarted(self) -> None:
        """Keep heat at 0 until it is requested again; set channels and unit again."""
        if not self._restarted:
            self.restarts += 1
        self._restarted = True
        self._heat.set(0)

    def _watch(self, line: Tc4Line) -> None:
        """Detect a board that restarted: its heat is 0, or its temperatures are in °F."""
        celsius = tuple(sorted(t for t in (line.environment, line.bean) if t is not None))
        fahrenheit = [1.8 * temp_c + 32 for temp_c in self._celsius]
        pairs = (
            list(zip(celsius, fahrenheit, strict=False)) if len(celsius) == len(fahrenheit) else []
        )
        if self._task is not None and pairs and all(abs(a - b) < UNIT_ERROR for a, b in pairs):
            self._has_restarted()
            return
        self._celsius = celsius
        if self._heat.restarted(line.heater):
            self._has_restarted()

    def _take(self, text: str) -> None:
        line = decode(text, five=self._dialect.five_fields)
        if line is None or not self._as_long_as_before(text.count(",")):
            return
        at_s = self._questions.answer(asyncio.get_running_loop().time())
        if at_s is None:
            return
        self._last = line
        self._watch(line)
        self._too_hot = line.heater is not None and line.heater > self._heat.setpoint
        environment = self._environment.take(line.environment, at_s)
        self._newest.put(
            Reading(
                station=self._station,
                taken_at_s=at_s,
                bean_temp_c=self._bean.take(line.bean, at_s),
                environment_temp_c=environment if self._dialect.has_environment else None,
                heater_percent=line.heater,
                fan_percent=line.fan,
            )
        )

    def _as_long_as_before(self, commas: int) -> bool:
        """Accept a reply that is shorter than before only twice: it may have lost its tail."""
        if commas >= self._commas or commas == self._short:
            self._commas, self._short = commas, None
            return True
        self._short = commas
        return False
