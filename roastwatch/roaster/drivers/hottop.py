"""Hottop KN-8828B-2K+: 36-byte frames at 115200 baud, both ways, not paired.

The machine streams its status. It wants a command frame at least each second, or it ejects the
beans and powers its drive down (Artisan hottop.py; Artisan issue 1714): the driver sends one each
0.3 s from the moment it opens the port until it lets go of a machine that has cooled down.
Frame layout: pyhottop (MIT) and Artisan's hottop.py, which agree.
"""

import asyncio
import contextlib
import logging
import math
from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from pydantic import Field

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.wire import PortOptions, Wire, not_this_machine
from roastwatch.vocabulary import Actuator, Reading

FRAME_BYTES = 36
HEADER = bytes((0xA5, 0x96))
COMMAND_HEADER = bytes((0xA5, 0x96, 0xB0, 0xA0, 0x01, 0x01, 0x24))
ADOPTING_S = 0.9
"""How long a machine that talks already may take to say so: three of its periods. One that is
silent loses nothing by the wait, for nothing of it is under our control yet."""
PERIOD_S = 0.3
"""Between command frames (Artisan); the machine wants more than 0.1 s and less than 1 s."""
SHORTEST_PERIOD_S = 0.15
FULL_FAN = 10
PLAUSIBLE_C = (1.0, 320.0)
"""What a probe of this machine can show (coffee-roaster-mcp drivers.py)."""
COLD_BELOW_C = 80.0
"""An open door of a machine colder than this is closed when control is taken."""
log = logging.getLogger(__name__)


class Unit(StrEnum):
    """What the machine's display is set to."""

    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class HottopOptions(PortOptions):
    """Where the Hottop is and how it counts."""

    baud: int = Field(115200, description="Speed of the line in baud.", gt=0)
    unit: Unit = Field(
        Unit.CELSIUS, description="Unit that the machine sends: celsius or fahrenheit."
    )
    first_frame_s: float = Field(
        4.0, description="Seconds to wait for the first status frame after opening.", gt=0
    )
    silence_s: float = Field(
        2.0, description="Seconds without a status frame after which the roaster is lost.", gt=0
    )
    release_below_c: float = Field(
        180.0,
        description="Bean temperature in °C below which control may be released: until then the "
        "driver keeps the machine's keep-alive going, with heat off (Artisan's limit).",
        ge=50,
        le=180,
    )
    release_after_s: float = Field(
        1200.0, description="Longest wait for that in seconds, with a broken probe say.", gt=0
    )


@dataclass(frozen=True, slots=True)
class Controls:
    """What the host asks for. Heater in percent, fans 0 to 10."""

    heater: int = 0
    fan: int = 0
    """Byte 11, the bean-cooling fan in Artisan's naming; normally left 0."""
    main_fan: int = 0
    door_open: bool = False
    drum: bool = True
    cooling: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """What the machine says. Temperatures in the machine's own unit, whole degrees."""

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


def encode(controls: Controls) -> bytes:
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


def decode(frame: bytes) -> Status | None:
    """The status in 36 bytes; None for anything that isn't wholly a status frame."""
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
    return Status(
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


class Parser:
    """Finds status frames in a stream of bytes that may be noisy, cut or echoed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.rejected = 0

    def feed(self, data: bytes) -> list[Status]:
        """The frames that became whole with these bytes, in order."""
        self._buffer += data
        found: list[Status] = []
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


class Hottop:
    """A Hottop on a serial port."""

    Options = HottopOptions

    def __init__(self, options: HottopOptions, station: str) -> None:
        self._options = options
        self._station = station
        self._parser = Parser()
        self._wire = Wire(
            options.port, machine="Hottop", on_bytes=self._received, baud=options.baud
        )
        self._controls = Controls()
        self._unread: deque[tuple[float, Status]] = deque(maxlen=1)
        self._last_bean_c: float | None = None
        self._adopted = False
        self._sent = asyncio.Event()
        self._wanted = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What a Hottop can do."""
        return Capabilities(
            machine="Hottop KN-8828B-2K+",
            actuators=frozenset(Actuator),
            reads_bean_temp=True,
            reads_environment_temp=True,
            read_period_s=0.5,
            keep_alive_s=PERIOD_S,
            when_host_is_gone="ejects",
            make_safe_writes="heater 0, drum on, stirrer on, main fan 10 of 10; door as it is",
            echoes=frozenset(Actuator),
            levels={
                Actuator.FAN: tuple(range(0, 101, 10)),
                Actuator.DRUM: (0, 100),
                Actuator.COOLING: (0, 100),
                Actuator.DOOR: (0, 100),
            },
        )

    async def __aenter__(self) -> Self:
        """Open the port, take control with heat 0 and the drum on, see the machine agree.

        Raises:
            LostError: no port, nobody there, or a heater that stays on.
            BadInputError: another machine.
        """
        self._parser, self._controls = Parser(), Controls()
        self._unread.clear()
        self._last_bean_c, self._adopted = None, False
        await self._wire.__aenter__()
        try:
            # A machine that is already talking tells its door and fans before we first speak, so
            # that taking over in the middle of a drop does not shut the door on the beans.
            await self._wire.until(lambda: self._adopted or None, ADOPTING_S)
            self._sender = asyncio.create_task(self._keep_alive(), name="hottop keep-alive")
            options = self._options
            if not await self._wire.until(lambda: self._unread or None, options.first_frame_s):
                raise not_this_machine(self._wire, options.first_frame_s)
            if not await self._wire.until(self._heat_is_off, options.silence_s):
                raise LostError(
                    f"The Hottop on {options.port} reports its heater on although it was told 0: "
                    "switch it off at the machine."
                )
        except BaseException:
            await self._let_go()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if self._controls.heater > 0:
                self._ask(replace(self._controls, heater=0))
            with contextlib.suppress(LostError):
                await self._next_frame()
                if self._is_hot():
                    log.warning(
                        "Hottop: holding on with heat off until the beans are below %g °C",
                        self._options.release_below_c,
                    )
                    self._ask(_safe(self._controls))
                    await self._wire.until(
                        lambda: None if self._is_hot() else True, self._options.release_after_s
                    )
        finally:
            await self._let_go()

    async def read(self) -> Reading:
        """The newest status frame since the last call."""
        newest = await self._wire.until(
            lambda: self._unread.pop() if self._unread else None, self._options.silence_s
        )
        if newest is None:
            raise LostError(
                f"The Hottop on {self._options.port} has said nothing valid for "
                f"{self._options.silence_s:g} s."
            )
        at, status = newest
        return Reading(
            station=self._station,
            taken_at_s=at,
            bean_temp_c=self._celsius(status.bean),
            environment_temp_c=self._celsius(status.environment),
            heater_percent=float(status.heater),
            fan_percent=status.main_fan * 10.0,
            drum_percent=100.0 if status.drum else 0.0,
            cooling_percent=100.0 if status.cooling else 0.0,
            door_open=status.door_open,
        )

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Put it into the next command frame, and wait until that has left."""
        if not 0 <= percent <= 100:
            raise BadInputError(f"{actuator} takes 0 to 100 %, not {percent:g}.")
        now = self._controls
        match actuator:
            case Actuator.HEATER:
                if percent > 0 and now.door_open:
                    raise BadInputError("The Hottop's door is open: close it before heating.")
                now = replace(now, heater=math.floor(percent))
            case Actuator.FAN:
                now = replace(now, main_fan=math.ceil(percent / 10))
            case Actuator.DRUM:
                now = replace(now, drum=percent > 0)
            case Actuator.COOLING:
                now = replace(now, cooling=percent > 0)
            case Actuator.DOOR if percent > 0:
                # The drum turns until it is empty, or half of the beans stay inside.
                now = Controls(main_fan=FULL_FAN, door_open=True, drum=True, cooling=True)
            case Actuator.DOOR:
                now = replace(now, door_open=False)
        self._ask(now)
        await self._next_frame()

    async def make_safe(self) -> None:
        """Heat 0, drum, stirrer and main fan on; the door stays as it is."""
        self._ask(_safe(self._controls))
        await self._next_frame()

    def _ask(self, controls: Controls) -> None:
        self._controls = controls
        self._sent.clear()
        self._wanted.set()

    async def _next_frame(self) -> None:
        self._wire.check()
        try:
            async with asyncio.timeout(1.0):
                await self._sent.wait()
        except TimeoutError:
            self._wire.check()
            raise LostError(f"No frame left for the Hottop on {self._options.port}.") from None
        self._wire.check()

    async def _keep_alive(self) -> None:
        """Send a frame each 0.3 s, and sooner (0.15 s) when something was asked for."""
        try:
            while True:
                self._wanted.clear()
                self._wire.write(encode(self._controls))
                self._sent.set()
                await asyncio.sleep(SHORTEST_PERIOD_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PERIOD_S - SHORTEST_PERIOD_S):
                        await self._wanted.wait()
        except LostError:
            self._sent.set()  # whoever waits finds the wire gone

    async def _let_go(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
            self._sender = None
        await self._wire.__aexit__()

    def _received(self, data: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        for status in self._parser.feed(data):
            self._unread.append((now_s, status))
            self._last_bean_c = self._celsius(status.bean) or self._last_bean_c
            if not self._adopted and self._sender is None:
                self._controls = self._taken_over(status)
            self._adopted = True

    def _taken_over(self, status: Status) -> Controls:
        """A hot machine may be in the middle of a drop; a cold one only ejected after its host."""
        bean_c = self._celsius(status.bean)
        if bean_c is None or bean_c < COLD_BELOW_C:
            return Controls()
        return Controls(
            main_fan=status.main_fan, door_open=status.door_open, cooling=status.cooling
        )

    def _heat_is_off(self) -> bool | None:
        return True if self._unread and self._unread[-1][1].heater == 0 else None

    def _is_hot(self) -> bool:
        hot_c = self._options.release_below_c
        return self._last_bean_c is not None and self._last_bean_c >= hot_c

    def _celsius(self, raw: int) -> float | None:
        value = (raw - 32) / 1.8 if self._options.unit is Unit.FAHRENHEIT else float(raw)
        low, high = PLAUSIBLE_C
        return value if low <= value <= high else None


def _safe(now: Controls) -> Controls:
    return replace(now, heater=0, main_fan=FULL_FAN, drum=True, cooling=True)
