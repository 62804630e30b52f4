"""Hottop KN-8828B-2K+: 36-byte frames at 115200 baud, both ways, not paired.

The machine streams its status by itself; Artisan logs it without sending a byte. Command frames
take control, and from the first one on the machine ejects the beans and powers its drive down
after a second without another (Artisan hottop.py; Artisan issue 1714). So reading only listens;
the first write takes control, and then a frame leaves each 0.3 s, whatever becomes of the status
frames, until control is given up. No frame gives control back: the machine ejects then too.
"""

import asyncio
import contextlib
import logging
import math
from collections import deque
from dataclasses import replace
from enum import StrEnum
from typing import Self

from pydantic import Field

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.driver import Capabilities, SilentError
from roastwatch.roaster.drivers.hottop_frames import (
    FULL_FAN,
    HottopParser,
    HottopSetpoints,
    HottopStatus,
    encode,
)
from roastwatch.roaster.transport.latest_value import defect
from roastwatch.roaster.transport.serial import PortOptions, Wire, not_this_machine
from roastwatch.roaster.transport.spike_filter import probe_value
from roastwatch.vocabulary import Actuator, Reading

PERIOD_S = 0.3
"""Between command frames (Artisan); the machine wants more than 0.1 s and less than 1 s."""
SHORTEST_PERIOD_S = 0.15
REOPEN_S = 2.5
"""A port that went away is opened again within this; then the machine has ejected long since."""
REOPEN_EACH_S = 0.05
OBEYS_WITHIN_S = 1.0
"""Three frames: a machine that reports no heat for so long after them was switched off and on."""
RESTARTS_WITHIN_S = 1.5
"""A machine that says nothing for longer may have been switched off and on meanwhile."""
COLD_BELOW_C = 80.0
"""An open door of a machine colder than this is closed when control is taken."""
WHEN_RELEASED = (
    "When roastwatch gives up control, the Hottop opens its door about a second later and powers "
    "down by itself: beans that are still inside drop into the tray."
)
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
    wake: bool = Field(
        False,
        description="Send command frames from the start, for a machine that sends no status before "
        "it has received some. This takes control: when roastwatch ends, the machine ejects.",
    )
    first_frame_s: float = Field(
        4.0, description="Seconds to wait for the first status frame after opening.", gt=0
    )
    silence_s: float = Field(
        2.0,
        description="Seconds without a status frame after which heat goes off and the roaster "
        "counts as lost.",
        gt=0,
        le=2.5,
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


class Hottop:
    """A Hottop on a serial port."""

    Options = HottopOptions

    def __init__(self, options: HottopOptions, station: str) -> None:
        self._options = options
        self._station = station
        self._parser = HottopParser()
        self._wire = Wire(
            options.port, machine="Hottop", on_bytes=self._received, baud=options.baud
        )
        self.restarts = 0
        self.doubts: dict[str, str] = {}
        self._controls = HottopSetpoints()
        self._unread: deque[tuple[float, HottopStatus]] = deque(maxlen=1)
        self._newest: HottopStatus | None = None
        self._newest_at_s = 0.0
        self._last_bean_c: float | None = None
        self._heats_since_s: float | None = None
        """Since when the frames have asked for heat."""
        self._sent = asyncio.Event()
        self._wanted = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._resumed: HottopSetpoints | None = None
        """With what frames go on that another process sent until just now."""
        self._is_open = False

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
            listens_first=not self._options.wake,
            when_released=WHEN_RELEASED,
        )

    @property
    def in_control(self) -> bool:
        """Whether command frames leave."""
        return self._sender is not None and not self._sender.done()

    async def __aenter__(self) -> Self:
        """Open the port and listen until the machine has said how it is.

        Raises:
            LostError: no port, or nobody there.
            BadInputError: another machine.
        """
        self._parser, self._controls, self._newest = HottopParser(), HottopSetpoints(), None
        self._unread.clear()
        self._last_bean_c = self._heats_since_s = None
        await self._wire.__aenter__()
        self._is_open = True
        options = self._options
        try:
            if options.wake or self._resumed:
                self._take_control()
            if not await self._wire.until(
                lambda: self._newest or self._resumed, options.first_frame_s
            ):
                found = not_this_machine(self._wire, options.first_frame_s)
                if options.wake or not isinstance(found, LostError):
                    raise found
                raise LostError(
                    f"{found} (roastwatch only listens until you arm it or set something; if your "
                    "machine sends nothing before it has received a frame, set `wake: true`.)"
                )
        except BaseException:
            await self._let_go()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give up control; while the beans are hot the frames go on, with heat off."""
        try:
            if self.in_control:
                self._ask(replace(self._controls, heater=0))
                with contextlib.suppress(LostError):
                    await self._next_frame()
                    if self._is_hot():
                        log.warning(
                            "Hottop: control is kept with heat off until the beans are below %g °C",
                            self._options.release_below_c,
                        )
                        self._ask(_safe(self._controls))
                        await self._wire.until(
                            lambda: None if self._is_hot() else True, self._options.release_after_s
                        )
                    log.warning("Hottop: control ends. %s", WHEN_RELEASED)
        finally:
            await self._let_go()

    def resume(self, door_open: bool) -> None:
        """Go on with frames that another process sent until just now, with heat off.

        They leave as soon as the port is open, and wait for no status frame: the machine ejects
        after a second without one. `door_open` is how its door was.
        """
        self._resumed = _safe(HottopSetpoints(door_open=door_open))
        if self._is_open:
            self._take_control()

    async def read(self) -> Reading:
        """The newest status frame since the last call.

        Raises:
            SilentError: no valid frame came, but command frames go on, with heat 0.
            LostError: the port is gone, or no valid frame came while only listening, or for so
                long that a machine must be cool, or off at its switch.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._options.silence_s
        newest = None
        while newest is None and (left_s := until_s - loop.time()) > 0:
            try:
                newest = await self._wire.until(
                    lambda: self._unread.pop() if self._unread else None, left_s
                )
            except LostError:
                if not self.in_control:
                    raise
                await asyncio.sleep(REOPEN_EACH_S)  # the port is being opened again
        if self._sender is not None and self._sender.done():
            self._wire.check()
            raise LostError(f"No frames leave any more for the Hottop on {self._options.port}.")
        if newest is None:
            silent = (
                f"The Hottop on {self._options.port} has sent nothing valid for "
                f"{self._options.silence_s:g} s"
            )
            if not self.in_control:
                raise LostError(f"{silent}: check its cable and power.")
            self._no_heat()
            if loop.time() - self._newest_at_s >= self._options.release_after_s:
                raise LostError(f"{silent}, and for long before that: control ends.")
            raise SilentError(
                f"{silent}: heat is off, and command frames go on so that it does not eject. "
                "Check its cable."
            )
        at, status = newest
        return Reading(
            station=self._station,
            taken_at_s=at,
            bean_temp_c=self._celsius("bean_temp_c", status.bean),
            environment_temp_c=self._celsius("environment_temp_c", status.environment),
            heater_percent=float(status.heater),
            fan_percent=status.main_fan * 10.0,
            drum_percent=100.0 if status.drum else 0.0,
            cooling_percent=100.0 if status.cooling else 0.0,
            door_open=status.door_open,
        )

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Put it into the next command frame, and wait until that has left. Takes control."""
        if not 0 <= percent <= 100:
            raise BadInputError(f"{actuator} takes 0 to 100 %, not {percent:g}.")
        self._take_control()
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
                now = HottopSetpoints(main_fan=FULL_FAN, door_open=True, drum=True, cooling=True)
            case Actuator.DOOR:
                now = replace(now, door_open=False)
        self._ask(now)
        await self._next_frame()

    async def make_safe(self) -> None:
        """Heat 0, drum, stirrer and main fan on; the door stays as it is. Takes control."""
        self._take_control()
        self._ask(_safe(self._controls))
        await self._next_frame()

    def _take_control(self) -> None:
        """From now on frames leave: heat 0, the drum on, door and fans of a hot machine kept."""
        if self._sender is None:
            self._wire.check()
            resumed = self._resumed if self._newest is None else None
            self._controls = resumed or self._taken_over(self._newest)
            self._sender = asyncio.create_task(self._keep_alive(), name="hottop keep-alive")

    def _ask(self, controls: HottopSetpoints) -> None:
        if controls.heater == 0:
            self._heats_since_s = None
        elif self._controls.heater == 0:
            self._heats_since_s = asyncio.get_running_loop().time()
        self._controls = controls
        self._sent.clear()
        self._wanted.set()

    def _no_heat(self) -> None:
        if self._controls.heater:
            self._ask(replace(self._controls, heater=0))

    async def _next_frame(self) -> None:
        try:
            async with asyncio.timeout(REOPEN_S + 0.3):
                await self._sent.wait()
        except TimeoutError:
            self._wire.check()
            raise LostError(f"No frame left for the Hottop on {self._options.port}.") from None
        self._wire.check()

    async def _keep_alive(self) -> None:
        """Frames for as long as control is held: what fails is begun again, with heat 0."""
        fails_since: str | None = None
        while True:
            try:
                await self._frames()
                return
            except Exception as error:  # noqa: BLE001 - or the machine ejects
                if fails_since != repr(error):
                    fails_since = repr(error)
                    defect("Hottop", error)  # in the log
                self.restarts += 1
                self._no_heat()
                await asyncio.sleep(SHORTEST_PERIOD_S)

    async def _frames(self) -> None:
        """Send a frame each 0.3 s, and sooner (0.15 s) when something was asked for."""
        while True:
            self._wanted.clear()
            self._watch_silence()
            try:
                self._wire.write(encode(self._controls))
            except LostError:
                if not await self._reopened():
                    self._sent.set()  # who waits finds the wire gone
                    return
                continue
            self._sent.set()
            await asyncio.sleep(SHORTEST_PERIOD_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PERIOD_S - SHORTEST_PERIOD_S):
                    await self._wanted.wait()

    def _watch_silence(self) -> None:
        """No frame heats a machine that was silent for so long: it may be starting just now."""
        now_s = asyncio.get_running_loop().time()
        silent_s = now_s - self._newest_at_s
        if self._heats_since_s is not None and (
            now_s - self._heats_since_s > silent_s > RESTARTS_WITHIN_S
        ):
            self.restarts += 1
            self._no_heat()

    async def _reopened(self) -> bool:
        """Open a port that went away (a shaken plug) before the machine misses its frames.

        Nobody knows what the machine did meanwhile, so this counts as a restart: heat stays 0.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + REOPEN_S
        self._no_heat()
        await self._wire.__aexit__()
        while loop.time() < until_s:
            try:
                await self._wire.__aenter__()
            except (LostError, BadInputError):
                await asyncio.sleep(REOPEN_EACH_S)
                continue
            self._parser = HottopParser()
            self.restarts += 1
            return True
        return False

    async def _let_go(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
            self._sender = None
        self._is_open = False
        await self._wire.__aexit__()

    def _received(self, data: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        for status in self._parser.feed(data):
            gap_s, self._newest_at_s = now_s - self._newest_at_s, now_s
            self._newest = status
            self._unread.append((now_s, status))
            bean_c = self._celsius("bean_temp_c", status.bean)
            self._last_bean_c = self._last_bean_c if bean_c is None else bean_c
            heats_s = 0.0 if self._heats_since_s is None else now_s - self._heats_since_s
            forgot = status.heater == 0 and heats_s > OBEYS_WITHIN_S
            if forgot or (heats_s > gap_s > RESTARTS_WITHIN_S):
                self.restarts += 1
                self._no_heat()

    def _taken_over(self, status: HottopStatus | None) -> HottopSetpoints:
        """A hot machine may be in the middle of a drop; a cold one only ejected after its host."""
        if self._last_bean_c is None or self._last_bean_c < COLD_BELOW_C or status is None:
            return HottopSetpoints()
        return HottopSetpoints(
            main_fan=status.main_fan, door_open=status.door_open, cooling=status.cooling
        )

    def _is_hot(self) -> bool:
        hot_c = self._options.release_below_c
        return self._last_bean_c is not None and self._last_bean_c >= hot_c

    def _celsius(self, field: str, raw: int) -> float | None:
        value = (raw - 32) / 1.8 if self._options.unit is Unit.FAHRENHEIT else float(raw)
        return probe_value(self.doubts, field, value)


def _safe(now: HottopSetpoints) -> HottopSetpoints:
    return replace(now, heater=0, main_fan=FULL_FAN, drum=True, cooling=True)
