"""TC4 with aArtisanQ_PID, and its dialects: lines of text at 115200 baud.

Commands and replies: greencardigan/TC4-shield aArtisanQ_PID 6.8; Skywalker: jmoore52's SkyCommand;
start sequence: Artisan. There is no checksum and, on the TC4 itself, no watchdog: when the host is
gone its outputs hold their last duty for ever.
"""

import asyncio
import contextlib
import math
import re
from collections import deque
from dataclasses import dataclass
from typing import Self

from pydantic import Field

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.tc4_dialects import DIALECTS, Dialect, DialectName, FanOutput
from roastwatch.roaster.transport.latest_value import PendingRequests, defect
from roastwatch.roaster.transport.line_splitter import LineSplitter
from roastwatch.roaster.transport.serial import PortOptions, Wire, not_this_machine
from roastwatch.roaster.transport.spike_filter import SpikeFilter
from roastwatch.vocabulary import Actuator, Reading

GREETING = "# Active channels set to "
GREETS_WITHIN_S = 3.0
"""A `#` line that comes later than this after CHAN was asked by nobody: the board has started."""
UNIT_ERROR = 8.0
GAP_S = 0.05
"""Between two commands: the sketch takes one line per loop and its buffer is 64 bytes."""
WORD = re.compile(r"[A-Za-z]{4}")
"""A reading has none: a line of words that nobody asked for is a board that has started."""
NUMBER = re.compile(r"-?\d{1,4}(?:\.\d{1,3})?")


class Tc4Options(PortOptions):
    """Where the TC4 is and what is connected to it."""

    baud: int = Field(115200, description="Speed of the line in baud: the sketch's BAUD.", gt=0)
    dialect: DialectName = Field(
        DialectName.AARTISAN,
        description="aartisan (TC4 with aArtisanQ_PID), skywalker (SkyCommand), htri (Hottop with "
        "an HTRI board) or cyberroaster (Skywalker V2 behind a bridge).",
    )
    fan_output: FanOutput | None = Field(
        None, description="What the fan hangs on: ot2, io3 or dcfan; empty: as the dialect has it."
    )
    drum_output: FanOutput | None = Field(
        None, description="What the drum's motor hangs on, if it can be set: ot2, io3 or dcfan."
    )
    period_s: float = Field(
        1.0, description="Seconds between two READs; the sketch samples each second.", ge=0.1, le=3
    )
    reply_s: float = Field(
        1.5, description="Seconds to wait for a reply before asking again.", gt=0
    )
    silence_s: float = Field(
        2.5, description="Seconds without a valid reply after which the roaster is lost.", gt=0
    )
    first_reply_s: float = Field(
        4.5,
        description="Seconds to wait for the first reply: many boards restart when opened.",
        gt=0,
    )


@dataclass(frozen=True, slots=True)
class Tc4Line:
    """A READ reply. Temperatures in °C as sent; percent; None where nothing is sent."""

    ambient: float | None
    environment: float | None
    bean: float | None
    heater: float | None = None
    fan: float | None = None


def decode(text: str, *, five: bool = False) -> Tc4Line | None:
    """The values in a READ reply; None for anything else.

    ambient, ET, BT (and up to two more channels), then heater, fan and set value; older firmware
    sends those three only while its PID is on, and the Cyberroaster (`five`) no set value.
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


class Tc4:
    """A TC4 (or what speaks like one) on a serial port; READ goes out by itself."""

    Options = Tc4Options

    def __init__(self, options: Tc4Options, station: str, *, read_only: bool = False) -> None:
        self._options = options
        self._station = station
        self._read_only = read_only
        self._dialect: Dialect = DIALECTS[options.dialect].wired(
            options.fan_output, options.drum_output
        )
        self._wire = Wire(
            options.port, machine=self._dialect.machine, on_bytes=self._received, baud=options.baud
        )
        self._order = asyncio.Lock()
        self._poller: asyncio.Task[None] | None = None
        self._lines = LineSplitter()
        self._unread: deque[Reading] = deque(maxlen=1)
        self._asked = PendingRequests()
        self.restarts = 0
        self.doubts: dict[str, str] = {}
        self._forget()

    @property
    def capabilities(self) -> Capabilities:
        """What this dialect can do."""
        dialect = self._dialect
        return Capabilities(
            machine=dialect.machine,
            actuators=frozenset() if self._read_only else frozenset(dialect.outputs),
            reads_bean_temp=True,
            reads_environment_temp=dialect.has_environment,
            read_period_s=self._options.period_s,
            keep_alive_s=dialect.keep_alive_s,
            when_host_is_gone=dialect.when_host_is_gone if self._proven else "unknown",
            make_safe_writes="nothing" if self._read_only else ", ".join(dialect.safe),
            echoes=frozenset({Actuator.HEATER, Actuator.FAN}) if self._echoes else frozenset(),
        )

    async def __aenter__(self) -> Self:
        """Open the port, set channels and unit, assert heat 0 and see it echoed.

        Raises:
            LostError: no port, or nobody there.
            BadInputError: another machine.
        """
        self._forget()
        await self._wire.__aenter__()
        try:
            await self._introduce()
            if not self._read_only:
                await self._assert_heat_off()
            self._poller = asyncio.create_task(self._poll(), name="tc4 poll")
        except BaseException:
            await self._let_go()
            raise
        return self

    def _forget(self) -> None:
        """Nothing of an earlier link counts."""
        self._lines = LineSplitter()
        self._unread.clear()
        self._asked.clear()
        self._new_probes()
        self._doubts = self._heater = self._commas = self._zeros = 0
        self._short: int | None = None
        self._failed: LostError | None = None
        self._greeting = ""
        self._chan_asked_s = 0.0
        self._greeted = self._too_hot = self._echoes = self._seen_hot = self._restarted = False

    def _new_probes(self) -> None:
        self._bean = SpikeFilter(self.doubts, "bean_temp_c")
        self._environment = SpikeFilter(self.doubts, "environment_temp_c")
        self._celsius: tuple[float, ...] = ()
        """The last temperatures that were read in the right unit."""

    @property
    def _proven(self) -> bool:
        """Whether the board has shown that it is of its dialect, and so makes itself safe.

        What is said in the settings may be wrong, and then it heats on without its host.
        """
        if self._dialect.when_host_is_gone != "off":
            return True
        if self._dialect.greeting:
            return self._greeting == self._dialect.greeting
        return self._dialect.five_fields and self._commas == 4

    async def __aexit__(self, *_: object) -> None:
        try:
            if not self._read_only:
                with contextlib.suppress(LostError):
                    for command in self._dialect.heat_off:
                        await self._say(command)
        finally:
            await self._let_go()

    async def read(self) -> Reading:
        """The newest reply since the last call."""
        newest = await self._wire.until(self._taken, self._options.silence_s)
        if newest is None:
            raise LostError(
                f"The {self._dialect.machine} on {self._options.port} has answered nothing valid "
                f"for {self._options.silence_s:g} s."
            )
        return newest

    def _taken(self) -> Reading | None:
        if self._failed is not None:
            raise self._failed
        return self._unread.pop() if self._unread else None

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Send the command for one output; heat is rounded down, the rest up."""
        output = None if self._read_only else self._dialect.outputs.get(actuator)
        if output is None:
            raise BadInputError(f"The {self._dialect.machine} can't set its {actuator.value}.")
        if not 0 <= percent <= 100:
            raise BadInputError(f"{actuator} takes 0 to 100 %, not {percent:g}.")
        value = math.floor(percent) if actuator is Actuator.HEATER else math.ceil(percent)
        if actuator is Actuator.HEATER:
            self._heater, self._seen_hot, self._zeros = value, False, 0
        await self._say(output.command(value))

    async def make_safe(self) -> None:
        """Heat 0 (the board's own PID off too), fan, drum and cooling on where there are any."""
        if self._read_only:
            return
        self._heater, self._seen_hot = 0, False
        for command in self._dialect.safe:
            await self._say(command)

    async def _introduce(self) -> None:
        """CHAN until a `#` line or a reading comes, then the unit."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._options.first_reply_s
        while True:
            if self._dialect.heat_off_first and not self._read_only:
                await self._say(*self._dialect.heat_off)
            await self._ask_channels()
            await self._wire.until(lambda: self._greeted or None, 1.0)
            if not self._greeted:
                if not self._read_only:
                    await self._say(*self._dialect.heat_off)
                await self._ask()  # some firmware answers READ but not CHAN
            if self._greeted or self._unread:
                break
            if loop.time() > until_s:
                raise not_this_machine(self._wire, self._options.first_reply_s)
        if self._dialect.greeting and not self._greeted:  # it proves the dialect
            await self._ask_channels()
            await self._wire.until(lambda: self._greeted or None, 1.0)
        await self._say(self._dialect.units)
        self._unread.clear()  # it may have been in the other unit
        self._new_probes()

    async def _ask_channels(self) -> None:
        self._chan_asked_s = asyncio.get_running_loop().time()
        await self._say(self._dialect.channels)

    async def _assert_heat_off(self) -> None:
        """Heat 0, and its echo where the firmware sends one.

        A board that heats on stays connected: its readings say so, and heat stays refused.
        """
        answers = False
        for _ in range(5):
            await self._say(*self._dialect.heat_off)
            self._unread.clear()
            await self._ask()
            if self._unread:
                answers = True
                # Older firmware tells its outputs only while its PID is on.
                self._echoes = self._unread[-1].heater_percent is not None
                if self._unread[-1].heater_percent in (0, None):
                    return
        if not answers:
            raise LostError(
                f"The {self._dialect.machine} on {self._options.port} does not answer READ."
            )

    async def _poll(self) -> None:
        """READ each period; it is also what keeps a Skywalker from switching itself off."""
        try:
            while True:
                before_s = asyncio.get_running_loop().time()
                await self._ask()
                await self._look_after()
                spent_s = asyncio.get_running_loop().time() - before_s
                await asyncio.sleep(max(GAP_S, self._options.period_s - spent_s))
        except LostError:
            return  # whoever reads finds the wire gone
        except Exception as error:  # noqa: BLE001 - a defect must not leave the machine alone
            self._failed = defect(self._dialect.machine, error)
            self._wire.wake()

    async def _ask(self) -> None:
        """READ, and wait for its reply as long as that may take."""
        answered = self._asked.ask(asyncio.get_running_loop().time())
        await self._say("READ")
        await self._wire.until(
            lambda: True if self._asked.answers > answered else None, self._options.reply_s
        )

    async def _look_after(self) -> None:
        """Repeat what a bad line swallowed: heat that is too high, the unit after a restart."""
        if self._too_hot and not self._read_only:
            self._too_hot = False
            await self._say(self._dialect.outputs[Actuator.HEATER].command(self._heater))
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
                self._wire.write(command.encode("ascii") + b"\n")
                await asyncio.sleep(GAP_S)

    def _received(self, data: bytes) -> None:
        for text in self._lines.feed(data):
            if text.startswith("#") or (self._poller is not None and WORD.search(text)):
                self._greet(text)
            else:
                self._take(text)

    def _greet(self, text: str) -> None:
        asked_s = asyncio.get_running_loop().time() - self._chan_asked_s
        if self._poller is not None and asked_s > GREETS_WITHIN_S:
            self._has_restarted()
        elif text.startswith(GREETING):
            self._greeting = text
        self._greeted = True

    def _has_restarted(self) -> None:
        """Heat stays 0 until it is asked for again; channels and unit are set again."""
        if not self._restarted:
            self.restarts += 1
        self._restarted = True
        self._heater, self._seen_hot, self._zeros = 0, False, 0

    def _watch(self, line: Tc4Line) -> None:
        """Find a board that started again: its heat is gone, or its temperatures are in °F."""
        said = tuple(sorted(t for t in (line.environment, line.bean) if t is not None))
        fahrenheit = [1.8 * celsius + 32 for celsius in self._celsius]
        pairs = list(zip(said, fahrenheit, strict=False)) if len(said) == len(fahrenheit) else []
        if self._poller is not None and pairs and all(abs(a - b) < UNIT_ERROR for a, b in pairs):
            self._has_restarted()
            return
        self._celsius = said
        if self._heater == 0 or line.heater is None:
            return
        # A board that never reports its heat, or an answer from before it was set, proves nothing.
        self._seen_hot = self._seen_hot or line.heater > 0
        self._zeros = self._zeros + 1 if line.heater == 0 else 0
        if self._seen_hot and self._zeros >= 2:
            self._has_restarted()

    def _take(self, text: str) -> None:
        line = decode(text, five=self._dialect.five_fields)
        if line is None or not self._as_long_as_before(text.count(",")):
            return
        at_s = self._asked.answer(asyncio.get_running_loop().time())
        if at_s is None:
            return
        self._watch(line)
        self._too_hot = line.heater is not None and line.heater > self._heater
        environment = self._environment.take(line.environment, at_s)
        self._unread.append(
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
        """A reply that lost its tail looks like older firmware: believe a short one twice."""
        if commas >= self._commas or commas == self._short:
            self._commas, self._short = commas, None
            return True
        self._short = commas
        return False

    async def _let_go(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)
            self._poller = None
        await self._wire.__aexit__()
