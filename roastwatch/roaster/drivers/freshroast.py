"""FreshRoast SR700: 14-byte packets at 9600 baud, one from the host each 0.25 s, each answered.

Packets and quirks: Roastero/freshroastsr700 (with its issues and pull request 35). There is no
checksum. Some units ignore heat 0 while roasting, so "off" is the cooling state. Without a host
the machine runs on to the end of its own timer: while it heats that timer is kept at a few
seconds and refreshed with every packet, so it serves as a watchdog (inferred from the protocol,
never tried on a machine); while it cools the timer is kept long.
"""

import asyncio
import contextlib
import math
from dataclasses import dataclass
from enum import Enum
from typing import Self

from pydantic import Field

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.newest import Newest
from roastwatch.roaster.plausible import Believed
from roastwatch.roaster.wire import PortOptions, Wire, not_this_machine
from roastwatch.vocabulary import Actuator, Reading

PACKET_BYTES = 14
PERIOD_S = 0.25
"""Between packets from the host: not faster."""
HEADER, INIT_HEADER, FOOTER = b"\xaa\xaa", b"\xaa\x55", b"\xaa\xfa"
FAHRENHEIT = b"\x61\x74"
FROM_HOST, FROM_ROASTER, LAST_RECIPE_LINE = 0x63, 0x00, 0xAF
RECIPE_FLAGS = frozenset({0xA0, 0xAA, LAST_RECIPE_LINE})
TOO_COLD = 0xFF00
TOO_COLD_C = 65.0
"""The machine says "below 150 °F" and no more: that is shown as 65 °C, just below."""
HIGHEST_F = 650
HEATING_TENTHS = 2
COOLING_TENTHS = 59
FASTEST_FAN = 9
HEAT_PERCENT = (0.0, 33.0, 67.0, 100.0)


class State(Enum):
    """Bytes 5 and 6."""

    INIT = b"\x00\x00"
    IDLE = b"\x02\x01"
    ROASTING = b"\x04\x02"
    COOLING = b"\x04\x04"
    SLEEPING = b"\x08\x01"


class FreshRoastOptions(PortOptions):
    """Where the SR700 is."""

    baud: int = Field(9600, description="Speed of the line in baud.", gt=0)
    first_reply_s: float = Field(
        5.0, description="Seconds to wait for the machine's first status.", gt=0
    )
    silence_s: float = Field(
        2.0, description="Seconds without a valid packet after which the roaster is lost.", gt=0
    )


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. Temperature in °F, None below 150; time in tenths of a minute."""

    flag: int
    state: State
    fan: int
    tenths: int
    heat: int
    fahrenheit: int | None = None


INIT = INIT_HEADER + FAHRENHEIT + bytes((FROM_HOST,)) + bytes(7) + FOOTER


def encode(packet: Packet) -> bytes:
    """A packet as bytes; a host sends no temperature."""
    numbers = bytes((packet.fan, packet.tenths, packet.heat))
    flag = bytes((packet.flag,))
    return HEADER + FAHRENHEIT + flag + packet.state.value + numbers + bytes(2) + FOOTER


def decode(raw: bytes) -> Packet | None:
    """The packet in 14 bytes; None for anything that isn't wholly one of the machine's."""
    if (
        len(raw) != PACKET_BYTES
        or raw[:2] != HEADER
        or raw[2:4] != FAHRENHEIT
        or raw[12:] != FOOTER
        or raw[4] not in (FROM_ROASTER, *RECIPE_FLAGS)
        or raw[7] > FASTEST_FAN
        or raw[8] > 99
        or raw[9] > 3
    ):
        return None
    try:
        state = State(raw[5:7])
    except ValueError:
        return None
    fahrenheit: int | None = int.from_bytes(raw[10:12], "big")
    if fahrenheit == TOO_COLD:
        fahrenheit = None
    elif raw[4] == FROM_ROASTER and not 150 <= (fahrenheit or 0) <= HIGHEST_F:
        return None
    return Packet(raw[4], state, raw[7], raw[8], raw[9], fahrenheit)


class Parser:
    """Finds packets in a stream of bytes; AA in a packet's body is no header."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that became whole with these bytes, in order."""
        self._buffer += data
        found: list[Packet] = []
        while len(self._buffer) >= PACKET_BYTES:
            packet = decode(bytes(self._buffer[:PACKET_BYTES]))
            if packet is not None:
                found.append(packet)
                del self._buffer[:PACKET_BYTES]
            else:
                start = self._buffer.find(HEADER[0], 1)
                del self._buffer[: start if start > 0 else len(self._buffer)]
        return found


class FreshRoast:
    """An SR700 on its USB serial port."""

    Options = FreshRoastOptions

    def __init__(self, options: FreshRoastOptions, station: str) -> None:
        self._options = options
        self._station = station
        # 1.5 stop bits do not exist on POSIX; two are understood by whoever wants one and a half.
        self._wire = Wire(
            options.port,
            machine="FreshRoast SR700",
            on_bytes=self._received,
            baud=options.baud,
            stop_bits=2,
        )
        self._parser = Parser()
        self._newest = Newest()
        self._air = Believed()
        self._heat, self._fan, self._resting = 0, FASTEST_FAN, False
        self._last: Packet | None = None
        self._sent = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What an SR700 can do."""
        return Capabilities(
            machine="FreshRoast SR700",
            actuators=frozenset({Actuator.HEATER, Actuator.FAN, Actuator.COOLING}),
            reads_bean_temp=False,
            reads_environment_temp=True,
            read_period_s=0.5,
            keep_alive_s=PERIOD_S,
            when_host_is_gone="unknown",
            make_safe_writes="cooling state, heat 0, fan 9 of 9 (idle if it was idle)",
            echoes=frozenset({Actuator.HEATER}),
            levels={
                Actuator.HEATER: HEAT_PERCENT,
                Actuator.FAN: tuple(round(100 * step / FASTEST_FAN) for step in range(1, 10)),
                Actuator.COOLING: (0, 100),
            },
        )

    async def __aenter__(self) -> Self:
        """Wake the machine, let it tell its recipe, keep it off, see it agree.

        Raises:
            LostError: no port, nobody there, or a heater that stays on.
            BadInputError: another machine.
        """
        self._parser, self._air, self._last = Parser(), Believed(), None
        # One that is roasting goes to cooling; one that is idle can't, and stays idle.
        self._heat, self._fan, self._resting = 0, FASTEST_FAN, False
        self._newest.clear()
        await self._wire.__aenter__()
        try:
            self._sender = asyncio.create_task(self._keep_alive(), name="freshroast keep-alive")
            within_s = self._options.first_reply_s
            if not await self._wire.until(lambda: self._last, within_s):
                raise not_this_machine(self._wire, within_s)
            if not await self._wire.until(self._heat_is_off, self._options.silence_s):
                raise LostError(
                    f"The FreshRoast on {self._options.port} reports its heater on although it "
                    "was told to cool: switch it off at the machine."
                )
        except BaseException:
            await self._let_go()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            self._heat = 0
            with contextlib.suppress(LostError):
                await self._next_packet()
        finally:
            await self._let_go()

    async def read(self) -> Reading:
        """The newest status since the last call."""
        where = f"FreshRoast on {self._options.port}"
        return await self._newest.take(self._options.silence_s, where)

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Put it into the next packet, and wait until that has left."""
        if not 0 <= percent <= 100:
            raise BadInputError(f"{actuator} takes 0 to 100 %, not {percent:g}.")
        match actuator:
            case Actuator.HEATER:
                self._heat = max(at for at, level in enumerate(HEAT_PERCENT) if level <= percent)
                if self._heat:
                    self._resting = False
            case Actuator.FAN:
                self._fan = max(1, math.ceil(percent / 100 * FASTEST_FAN - 0.1))
            case Actuator.COOLING:
                if percent and self._heat:
                    self._heat = 0
                self._resting = not percent and not self._heat
            case _:
                raise BadInputError(f"The FreshRoast SR700 can't set its {actuator.value}.")
        await self._next_packet()

    async def make_safe(self) -> None:
        """The cooling state with full fan."""
        self._heat, self._fan = 0, FASTEST_FAN
        self._resting = self._resting and self._last is not None and self._last.state is State.IDLE
        await self._next_packet()

    def _next(self) -> Packet:
        """What the machine is told now."""
        if self._heat:
            return Packet(FROM_HOST, State.ROASTING, self._fan, HEATING_TENTHS, self._heat)
        if self._resting:
            return Packet(FROM_HOST, State.IDLE, self._fan, HEATING_TENTHS, 0)
        return Packet(FROM_HOST, State.COOLING, self._fan, COOLING_TENTHS, 0)

    async def _keep_alive(self) -> None:
        try:
            silent = 0
            while True:
                if self._last is None and silent % 8 == 0:
                    self._wire.write(INIT)
                else:
                    self._wire.write(encode(self._next()))
                    self._sent.set()
                silent += 1
                await asyncio.sleep(PERIOD_S)
        except LostError as lost:
            self._newest.lose(lost)
            self._sent.set()

    async def _next_packet(self) -> None:
        self._sent.clear()
        try:
            async with asyncio.timeout(1.0):
                await self._sent.wait()
        except TimeoutError:
            self._wire.check()
            raise LostError(f"No packet left for the FreshRoast on {self._options.port}.") from None
        self._wire.check()

    def _received(self, data: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        for packet in self._parser.feed(data):
            if packet.flag != FROM_ROASTER:
                continue  # a line of its stored recipe
            if packet.state is State.IDLE and self._last is None:
                self._resting = True
            self._last = packet
            celsius = TOO_COLD_C if packet.fahrenheit is None else (packet.fahrenheit - 32) / 1.8
            blowing = packet.state in (State.ROASTING, State.COOLING)
            self._newest.put(
                Reading(
                    station=self._station,
                    taken_at_s=now_s,
                    environment_temp_c=self._air.take(celsius, now_s),
                    heater_percent=_heat(packet),
                    fan_percent=round(packet.fan * 100 / FASTEST_FAN) if blowing else 0.0,
                    cooling_percent=100.0 if packet.state is State.COOLING else 0.0,
                )
            )

    def _heat_is_off(self) -> bool | None:
        return True if self._last is not None and _heat(self._last) == 0 else None

    async def _let_go(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
            self._sender = None
        await self._wire.__aexit__()


def _heat(packet: Packet) -> float:
    return HEAT_PERCENT[packet.heat] if packet.state is State.ROASTING else 0.0
