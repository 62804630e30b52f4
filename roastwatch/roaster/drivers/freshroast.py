"""FreshRoast SR700: packets at 9600 baud, one from the host every 0.25 s, each answered.

Packets and quirks: Roastero/freshroastsr700 (with its issues and pull request 35). Some units
ignore heat 0 while roasting, so "off" is the cooling state. The machine cools only from the
roasting state: to get air from idle or sleep, it is sent through roasting with heat 0. The air
moves the beans, so it never stops while the chamber is warm.

Without a host the machine runs until its own timer ends. While it heats, the timer is kept at a
few seconds and refreshed with every packet, so that it serves as a watchdog (inferred from the
protocol, not tried on a machine). While it cools, the timer is kept long.

If a packet is not answered, the machine may be restarting, and the next packet would heat it
again. So the next one asks for cooling: a restarted machine is idle and refuses; any other obeys
and is heated again.
"""

import asyncio
import math

from pydantic import Field

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.background import BackgroundDriver, check_target
from roastwatch.roaster.drivers.freshroast_packets import (
    FASTEST_FAN,
    FROM_HOST,
    FROM_ROASTER,
    INIT,
    FreshRoastParser,
    Packet,
    State,
    encode,
)
from roastwatch.roaster.transport.serial import PortOptions, Wire, not_this_machine
from roastwatch.roaster.transport.spike_filter import SpikeFilter
from roastwatch.vocabulary import Actuator, Reading

PERIOD_S = 0.25
"""Shortest time between two packets from the host."""
TOO_COLD_C = 65.0
"""Shown while the machine only reports "below 150 °F", which is 65.6 °C."""
HEATING_TENTHS = 2
COOLING_TENTHS = 59
HEAT_PERCENT = (0.0, 33.0, 67.0, 100.0)
CONFIRMS_WITHIN_S = 3.0
"""From sleep to cooling takes three packets; the rest allows for lost ones."""
ACTUATORS = frozenset({Actuator.HEATER, Actuator.FAN, Actuator.COOLING})
BLOWING = (State.ROASTING, State.COOLING)


class FreshRoastOptions(PortOptions):
    """The SR700's port."""

    baud: int = Field(9600, description="Baud rate.", gt=0)
    first_reply_s: float = Field(
        5.0, description="Seconds to wait for the machine's first status.", gt=0
    )
    silence_s: float = Field(
        2.0, description="Seconds without a valid packet after which the roaster is lost.", gt=0
    )


class FreshRoast(BackgroundDriver):
    """An SR700 on its USB serial port."""

    Options = FreshRoastOptions

    def __init__(self, options: FreshRoastOptions, station: str) -> None:
        self._options = options
        super().__init__(
            station,
            machine="FreshRoast SR700",
            where=f"FreshRoast on {options.port}",
            silence_s=options.silence_s,
        )
        # 1.5 stop bits do not exist on POSIX; a receiver that expects 1.5 also accepts 2.
        self._link = Wire(
            options.port,
            machine="FreshRoast SR700",
            on_bytes=self._received,
            baud=options.baud,
            stop_bits=2,
        )
        self._link.on_gone = self._newest.lose
        self._sent = asyncio.Event()
        self._reset()

    @property
    def capabilities(self) -> Capabilities:
        """What an SR700 can do."""
        steps = tuple(round(100 * step / FASTEST_FAN) for step in range(10))
        return Capabilities(
            machine="FreshRoast SR700",
            actuators=ACTUATORS,
            reads_bean_temp=False,
            reads_environment_temp=True,
            read_period_s=0.5,
            keep_alive_s=PERIOD_S,
            when_host_is_gone="unknown",
            make_safe_writes="cooling state, heat 0, fan 9 of 9, from every state, until the "
            "machine confirms it",
            echoes=ACTUATORS,
            levels={
                Actuator.HEATER: HEAT_PERCENT,
                Actuator.FAN: steps,
                Actuator.COOLING: (0, 100),
            },
            fan_is_drum=True,
        )

    def _reset(self) -> None:
        self._parser = FreshRoastParser()
        self._last: Packet | None = None
        self._air = SpikeFilter(self.doubts, "environment_temp_c")
        self._heat, self._fan = 0, FASTEST_FAN
        self._resting = True
        """No air is needed: a cool machine may be idle."""
        self._tries = 0
        self._obeyed = False
        """Whether it has roasted since heat was set."""
        self._answered, self._probes_restart = True, False
        """Whether the last packet was answered, and whether it was a test for a restart."""

    async def _open(self) -> None:
        """Wake the machine, let it send its recipe, keep it off and wait until it reports so."""
        await self._link.__aenter__()
        self._start(self._keep_alive, "freshroast keep-alive")
        within_s = self._options.first_reply_s
        if not await self._link.until(lambda: self._last, within_s):
            raise not_this_machine(self._link, within_s)
        # A machine that still heats stays connected: its readings show it, and heat stays refused.
        await self._link.until(self._heat_is_off, self._options.silence_s)

    async def _say_goodbye(self) -> None:
        self._heat = 0
        await self._next_packet()

    async def _close(self) -> None:
        await self._link.__aexit__()

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Put a value into the next packet and wait until it is sent.

        Fan 0 lets the machine become idle once it is cool. Cooling 0 leaves the air on while the
        fan is not 0: without heat, cooling is the only state that blows.
        """
        check_target(actuator, percent, ACTUATORS, self._machine)
        match actuator:
            case Actuator.HEATER:
                self._obeyed = self._obeyed and self._heat > 0
                self._heat = max(at for at, level in enumerate(HEAT_PERCENT) if level <= percent)
                if self._heat:
                    self._resting = False
            case Actuator.FAN:
                self._resting = percent <= 0 and not self._heat
                self._fan = max(1, math.ceil(percent / 100 * FASTEST_FAN - 0.1))
            case Actuator.COOLING if percent:
                self._heat, self._resting = 0, False
        await self._next_packet()

    async def make_safe(self) -> None:
        """Go to the cooling state with full fan from any state, and wait until it is reported.

        Raises:
            LostError: the link is gone.
            BadInputError: the machine does not confirm. Further packets keep asking.
        """
        self._heat, self._fan, self._resting = 0, FASTEST_FAN, False
        await self._next_packet()
        if not await self._link.until(self._cools, CONFIRMS_WITHIN_S):
            last = self._last
            reported = f"{last.state.name.lower()}, fan {last.fan} of 9" if last else "nothing"
            raise BadInputError(
                f"The FreshRoast on {self._options.port} does not confirm cooling: it reports "
                f"{reported}. If it is hot, cool it by its own panel or unplug it."
            )

    def _next(self) -> Packet:
        """The next packet to send, given the machine's last one."""
        if self._last is None:  # keeps a roasting machine blowing and an idle one idle
            return Packet(FROM_HOST, State.COOLING, FASTEST_FAN, COOLING_TENTHS, 0)
        state = self._last.state
        self._probes_restart = self._heat > 0 and self._obeyed and not self._answered
        if self._probes_restart:
            return Packet(FROM_HOST, State.COOLING, self._fan, COOLING_TENTHS, 0)
        if self._heat:
            return Packet(FROM_HOST, State.ROASTING, self._fan, HEATING_TENTHS, self._heat)
        if self._resting and self._last.fahrenheit is None:
            return Packet(FROM_HOST, State.IDLE, self._fan, HEATING_TENTHS, 0)
        fan = FASTEST_FAN if self._resting else self._fan
        if state in BLOWING:
            self._tries = 0
            return Packet(FROM_HOST, State.COOLING, fan, COOLING_TENTHS, 0)
        # It refuses to cool from idle. What wakes it from sleep is undocumented: idle or roasting.
        self._tries += 1
        if state is State.SLEEPING and self._tries % 4:
            return Packet(FROM_HOST, State.IDLE, fan, HEATING_TENTHS, 0)
        return Packet(FROM_HOST, State.ROASTING, fan, HEATING_TENTHS, 0)

    async def _keep_alive(self) -> None:
        silent = 0
        while True:
            if self._last is None and silent % 8 == 0:
                self._link.write(INIT)
            else:
                self._link.write(encode(self._next()))
                self._answered = False
                self._sent.set()
            silent += 1
            await asyncio.sleep(PERIOD_S)

    def _ended(self) -> None:
        self._sent.set()

    async def _next_packet(self) -> None:
        self._newest.check()
        self._sent.clear()
        try:
            async with asyncio.timeout(1.0):
                await self._sent.wait()
        except TimeoutError:
            self._link.check()
            raise LostError(
                f"No packet was sent to the FreshRoast on {self._options.port}."
            ) from None
        self._link.check()
        self._newest.check()

    def _received(self, data: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        for packet in self._parser.feed(data):
            if packet.flag != FROM_ROASTER:
                continue  # a line of its stored recipe
            if self._last is None and packet.state in BLOWING:
                self._resting = False  # it was blowing: keep it so, without heat
            self._last, self._answered = packet, True
            self._watch(packet)
            celsius = TOO_COLD_C if packet.fahrenheit is None else (packet.fahrenheit - 32) / 1.8
            blowing = packet.state in BLOWING
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

    def _watch(self, packet: Packet) -> None:
        """Give air but no more heat to a machine that stopped roasting by itself."""
        if packet.state is State.ROASTING:
            self._obeyed = True
        elif self._probes_restart and packet.state is State.COOLING:
            pass  # it obeyed, so it did not restart
        elif self._heat and self._obeyed:
            self.restarts += 1
            self._heat, self._obeyed = 0, False

    def _heat_is_off(self) -> bool | None:
        return True if self._last is not None and _heat(self._last) == 0 else None

    def _cools(self) -> bool | None:
        last = self._last
        cools = last is not None and last.state is State.COOLING and last.fan == FASTEST_FAN
        return cools or None


def _heat(packet: Packet) -> float:
    return HEAT_PERCENT[packet.heat] if packet.state is State.ROASTING else 0.0
