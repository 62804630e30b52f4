"""Kaleido: tag and value pairs in braces, one frame a line, over serial (57600 baud) or WebSocket.

Frames, tags and order: Artisan's kaleido.py and its machine settings. There is no checksum. The
burner does nothing unless heating is enabled (HS 1). On an M1 it also stays off while the machine
is at or above the target temperature (TS, 0 after power-up, 240 at most), in manual mode too. A
command sent within 100 ms of another may be lost. Without a host the machine keeps heating.
"""

import asyncio
import math
import re
from dataclasses import dataclass

from pydantic import Field

from roastwatch.errors import LostError
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.background import HeatWatch, PolledDriver, check_target
from roastwatch.roaster.transport.line_splitter import LineSplitter
from roastwatch.roaster.transport.serial import PortOptions, Wire, not_this_machine
from roastwatch.roaster.transport.spike_filter import SpikeFilter
from roastwatch.roaster.transport.websocket import WebSocketWire
from roastwatch.vocabulary import Actuator, Reading

FRAME = re.compile(r"\{(\d{1,2})((?:,[A-Z]{2}:[^,:{}]+)*)\}")
NUMBER = re.compile(r"-?\d{1,4}(?:\.\d{1,4})?")
WORDS = frozenset({"TU", "SC", "CL", "SN"})
HIGHEST_SID = 10
GAP_S = 0.15
"""Between two commands. A machine was seen to lose the second of two within 0.1 s."""
HIGHEST_TARGET_C = 240.0
STEPS = {Actuator.HEATER: 5, Actuator.FAN: 5, Actuator.DRUM: 10}
TAGS = {Actuator.HEATER: "HP", Actuator.FAN: "FC", Actuator.DRUM: "RC", Actuator.COOLING: "CS"}
HEAT_OFF = ("HP 0", "AH 0", "HS 0")
SAFE = (*HEAT_OFF, "TS 0", "RC 100", "FC 100", "CS 1")


class KaleidoOptions(PortOptions):
    """The Kaleido's port and its target temperature."""

    port: str = Field(
        description="Serial port such as /dev/serial/by-id/usb-…, ws://host:80/ws, or "
        "socket://host:port."
    )
    baud: int = Field(57600, description="Baud rate of a serial port (some M10: 9600).", gt=0)
    period_s: float = Field(0.8, description="Seconds between two readings.", ge=0.2, le=2)
    reply_s: float = Field(0.6, description="Seconds to wait for a reply.", gt=0)
    target_c: float = Field(
        HIGHEST_TARGET_C,
        description="Target temperature (TS) in °C while heat is on: above it, the machine stops "
        "heating by itself. A lower limit of the bean temperature takes precedence.",
        ge=50,
        le=HIGHEST_TARGET_C,
    )
    silence_s: float = Field(
        2.5, description="Seconds without a valid reply after which the roaster is lost.", gt=0
    )
    first_reply_s: float = Field(
        4.5, description="Seconds to wait for the first reply to a ping.", gt=0
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of the machine: its status, and values by tag."""

    sid: int
    numbers: dict[str, float]
    words: dict[str, str]


def decode(text: str) -> Frame | None:
    """The frame in a line; None for anything but a complete, valid frame."""
    match = FRAME.fullmatch(text)
    if match is None or int(match[1]) > HIGHEST_SID:
        return None
    numbers: dict[str, float] = {}
    words: dict[str, str] = {}
    for pair in filter(None, match[2].split(",")):
        tag, value = pair.split(":")
        if tag in numbers or tag in words:
            return None
        if tag in WORDS:
            words[tag] = value
        elif NUMBER.fullmatch(value):
            numbers[tag] = float(value)
        else:
            return None
    if any(not 0 <= numbers.get(tag, 0) <= 100 for tag in ("HP", "FC", "RC")):
        return None
    return Frame(int(match[1]), numbers, words)


def encode(*pairs: str) -> bytes:
    """A host frame: `encode("HP 80", "FC 60")` is `{[HP 80,FC 60]}` and a line end."""
    return ("{[" + ",".join(pairs) + "]}\n").encode("ascii")


class Kaleido(PolledDriver):
    """A Kaleido on a serial port or a WebSocket."""

    Options = KaleidoOptions
    gap_s = GAP_S

    def __init__(self, options: KaleidoOptions, station: str) -> None:
        self._options = options
        port = options.port
        super().__init__(
            station,
            machine="Kaleido",
            where=f"Kaleido on {port}",
            silence_s=options.silence_s,
            period_s=options.period_s,
            reply_s=options.reply_s,
        )
        self._link = (
            WebSocketWire(port, machine="Kaleido", on_bytes=self._received)
            if port.startswith(("ws://", "wss://"))
            else Wire(port, machine="Kaleido", on_bytes=self._received, baud=options.baud)
        )
        self._link.on_gone = self._newest.lose
        self.bean_temp_max_c = HIGHEST_TARGET_C
        """Limit of the bean temperature, set by the guardian; the machine stops there too."""
        self._frames = 0
        self._data = "RD A1"
        self._order = asyncio.Lock()
        self._reset()

    @property
    def capabilities(self) -> Capabilities:
        """What a Kaleido can do."""
        return Capabilities(
            machine="Kaleido",
            actuators=frozenset(TAGS),
            reads_bean_temp=True,
            reads_environment_temp=True,
            read_period_s=self._options.period_s,
            keep_alive_s=None,
            when_host_is_gone="holds",
            make_safe_writes=", ".join(f"{{[{pair}]}}" for pair in SAFE),
            echoes=frozenset({Actuator.HEATER, Actuator.FAN, Actuator.DRUM}),
            levels={
                **{tag: tuple(range(0, 101, step)) for tag, step in STEPS.items()},
                Actuator.COOLING: (0, 100),
            },
        )

    def _reset(self) -> None:
        self._lines = LineSplitter()
        self._bean = SpikeFilter(self.doubts, "bean_temp_c")
        self._environment = SpikeFilter(self.doubts, "environment_temp_c")
        self._questions.clear()
        self._last: Frame | None = None
        self._enabled: bool | None = None
        self._said_at_s = 0.0
        self._heat = HeatWatch()
        self._target = 0
        self._restarted = False

    async def _open(self) -> None:
        """Ping, select °C, announce the host, turn heat off and wait until it is reported."""
        await self._link.__aenter__()
        await self._introduce()
        self._start(self._poll, "kaleido poll")

    async def _say_goodbye(self) -> None:
        await self._say(*HEAT_OFF, "CL AR")

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Send one setting: heat is rounded down to a step, all else up."""
        check_target(actuator, percent, TAGS.keys(), self._machine)
        if actuator is Actuator.COOLING:
            await self._say(f"CS {int(percent > 0)}")
            return
        step = STEPS[actuator]
        steps = percent / step
        value = step * (math.floor(steps) if actuator is Actuator.HEATER else math.ceil(steps))
        if actuator is not Actuator.HEATER:
            await self._say(f"{TAGS[actuator]} {value}")
            return
        lowers = value <= self._heat.setpoint
        self._heat.set(value)
        target = int(min(self.bean_temp_max_c, self._options.target_c))
        if value > 0 and self._target != target:
            if lowers:
                await self._say(f"HP {value}")
            self._target = target
            await self._say(f"TS {target}")
        await self._say(f"HP {value}")
        if value > 0 and not self._enabled:
            # The burner stays off until heating is enabled.
            await self._say("AH 0", "HS 1")
            self._enabled = True

    async def make_safe(self) -> None:
        """Burner, automatic heat, heating and target off; drum, smoke fan and cooling on."""
        self._heat.set(0)
        self._target, self._enabled = 0, False
        await self._say(*SAFE)

    async def _introduce(self) -> None:
        options = self._options
        loop = asyncio.get_running_loop()
        until_s = loop.time() + options.first_reply_s
        while not await self._say_and_wait("PI", 1.2):
            if loop.time() >= until_s:
                raise not_this_machine(self._link, options.first_reply_s)
        await self._say(*HEAT_OFF)
        await self._begin()
        self._data = "RD A1"
        if not await self._ask():
            self._data = "RD A0"  # without HS
        for _ in range(5):
            if await self._ask() and self._last is not None and _heat(self._last) == 0:
                return
            await self._say(*HEAT_OFF)
        if self._last is None or not self._last.numbers:
            raise LostError(f"The {self._where} replies to a ping but sends no readings.")
        # A machine that still heats stays connected: its readings show it, and heat stays refused.

    async def _begin(self) -> None:
        """Set what the machine loses when it is switched off: the unit, and that a host is here."""
        await self._say_and_wait("TU C", self._options.reply_s)
        await self._say_and_wait("SC AR", self._options.reply_s)

    async def _look_after(self) -> None:
        """Repeat commands that were lost; set up a machine that restarted again."""
        if self._restarted:
            self._restarted = False
            await self._say(*HEAT_OFF)
            await self._begin()
        if self._last is None:
            return
        heat = _heat(self._last) or 0
        setpoint = self._heat.setpoint
        if heat > setpoint:
            await self._say(f"HP {setpoint}", *(() if setpoint else HEAT_OFF[1:]))
        elif heat and self._last.numbers.get("TS", self._target) < self._target - 1:
            await self._say(f"TS {self._target}")  # it was lost, and the machine would not heat

    async def _send_question(self) -> None:
        await self._say(self._data)

    async def _say_and_wait(self, pair: str, within_s: float) -> bool:
        """Send one pair; whether any frame arrived in reply."""
        frames = self._frames
        await self._say(pair)
        return bool(
            await self._link.until(lambda: True if self._frames > frames else None, within_s)
        )

    async def _say(self, *pairs: str) -> None:
        loop = asyncio.get_running_loop()
        for pair in pairs:
            async with self._order:
                await asyncio.sleep(max(0.0, self._said_at_s + GAP_S - loop.time()))
                self._link.write(encode(pair))
                self._said_at_s = loop.time()  # also if the wait for the next is cancelled

    def _received(self, data: bytes) -> None:
        for text in self._lines.feed(data):
            frame = decode(text)
            if frame is None:
                continue
            self._frames += 1
            if "HS" in frame.numbers:
                self._enabled = frame.numbers["HS"] == 1
            if "BT" in frame.numbers:
                self._take(frame)

    def _take(self, frame: Frame) -> None:
        at_s = self._questions.answer(asyncio.get_running_loop().time())
        if at_s is None:
            return
        self._last = frame
        self._watch(frame)
        self._newest.put(
            Reading(
                station=self._station,
                taken_at_s=at_s,
                bean_temp_c=self._bean.take(frame.numbers.get("BT"), at_s),
                environment_temp_c=self._environment.take(frame.numbers.get("ET"), at_s),
                heater_percent=_heat(frame),
                fan_percent=frame.numbers.get("FC"),
                drum_percent=frame.numbers.get("RC"),
            )
        )

    def _watch(self, frame: Frame) -> None:
        """Detect a restart: the burner was on and is off by itself, in two frames."""
        if self._heat.restarted(_heat(frame)):
            self.restarts += 1
            self._restarted = True
            self._heat.set(0)
            self._target = 0


def _heat(frame: Frame) -> float | None:
    """The burner in percent; 0 while heating is disabled."""
    return 0.0 if frame.numbers.get("HS") == 0 else frame.numbers.get("HP")
