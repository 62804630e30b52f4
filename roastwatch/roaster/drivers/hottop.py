"""Hottop KN-8828B-2K+: 36-byte frames at 115200 baud, both ways, not paired.

The machine sends its status by itself; Artisan logs it without sending a byte. Command frames take
control: from the first one on, the machine ejects the beans and powers its drive down after a
second without another (Artisan hottop.py; Artisan issue 1714). So reading only listens. The first
write takes control; from then on a frame is sent every 0.3 s, with or without status frames, until
control is given up. No frame gives control back: the machine ejects then, too.
"""

import asyncio
import contextlib
import logging
import math
from collections import deque
from dataclasses import replace
from enum import StrEnum

from pydantic import Field

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.driver import Capabilities, SilentError
from roastwatch.roaster.drivers.background import BackgroundDriver, check_target
from roastwatch.roaster.drivers.hottop_frames import (
    FULL_FAN,
    HottopParser,
    HottopSetpoints,
    HottopStatus,
)
from roastwatch.roaster.drivers.hottop_sender import (
    PERIOD_S,
    REOPEN_EACH_S,
    RESTARTS_WITHIN_S,
    FrameSender,
)
from roastwatch.roaster.transport.serial import PortOptions, Wire, not_this_machine
from roastwatch.roaster.transport.spike_filter import probe_value
from roastwatch.vocabulary import Actuator, Reading

OBEYS_WITHIN_S = 1.0
"""Three frames: a machine that still reports no heat this long after it was asked to heat was
switched off and on."""
SHOWS_0_S = 4.0
"""The longest wait for it before control is given up: a loose plug may take 2.5 s of that."""
COLD_BELOW_C = 80.0
"""An open door of a machine colder than this is closed when control is taken."""
WHEN_RELEASED = (
    "About a second after roastwatch gives up control, the Hottop opens its door and powers down. "
    "Beans that are still inside drop into the tray."
)
log = logging.getLogger(__name__)


class Unit(StrEnum):
    """The temperature unit of the machine's display."""

    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class HottopOptions(PortOptions):
    """The Hottop's port, its temperature unit, and when control is released."""

    baud: int = Field(115200, description="Baud rate.", gt=0)
    unit: Unit = Field(
        Unit.CELSIUS, description="Temperature unit of the machine: celsius or fahrenheit."
    )
    wake: bool = Field(
        False,
        description="Send command frames from the start, for a machine that sends no status until "
        "it receives some. This takes control: when roastwatch exits, the machine ejects.",
    )
    first_frame_s: float = Field(
        4.0, description="Seconds to wait for the first status frame after opening.", gt=0
    )
    silence_s: float = Field(
        2.0,
        description="Seconds without a status frame after which heat is turned off and the roaster "
        "is lost.",
        gt=0,
        le=2.5,
    )
    release_below_c: float = Field(
        180.0,
        description="Bean temperature in °C below which control is released. Above it, command "
        "frames continue with heat off (Artisan's limit).",
        ge=50,
        le=180,
    )
    release_after_s: float = Field(
        1200.0,
        description="Longest wait for that temperature in seconds, should a probe be broken.",
        gt=0,
    )


class Hottop(BackgroundDriver):
    """A Hottop on a serial port."""

    Options = HottopOptions

    def __init__(self, options: HottopOptions, station: str) -> None:
        self._options = options
        super().__init__(
            station,
            machine="Hottop",
            where=f"Hottop on {options.port}",
            silence_s=options.silence_s,
        )
        self._wire = Wire(
            options.port, machine="Hottop", on_bytes=self._received, baud=options.baud
        )
        self._sender = FrameSender(
            self._wire,
            silent_s=self._silent_for_s,
            restarted=self._restarted,
            reopened=self._reopened,
        )
        self._unread: deque[tuple[float, HottopStatus]] = deque(maxlen=1)
        self._status_at_s = 0.0
        self._reset()
        self._resumed: HottopSetpoints | None = None
        """Controls that the previous process sent until just now; None: there was none."""
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
            make_safe_writes="heater 0, drum on, stirrer on, main fan 10 of 10; door unchanged",
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
        """Whether command frames are sent."""
        return self._task is not None and not self._task.done()

    def _reset(self) -> None:
        self._parser = HottopParser()
        self._sender.begin(HottopSetpoints())
        self._unread.clear()
        self._status: HottopStatus | None = None
        """The newest status of this connection."""
        self._last_bean_c: float | None = None

    async def _open(self) -> None:
        """Open the port and wait for the first status."""
        await self._wire.__aenter__()
        self._is_open = True
        options = self._options
        if options.wake or self._resumed:
            self._take_control()
        if not await self._wire.until(lambda: self._status or self._resumed, options.first_frame_s):
            found = not_this_machine(self._wire, options.first_frame_s)
            if options.wake or not isinstance(found, LostError):
                raise found
            raise LostError(
                f"{found} (roastwatch only listens until you arm it or set something. If your "
                "machine sends nothing until it receives a frame, set `wake: true`.)"
            )

    async def _say_goodbye(self) -> None:
        """Give up control. While the beans are hot, frames continue with heat off."""
        if not self.in_control:
            return
        sender, status = self._sender, self._status
        heated = sender.controls.heater > 0 or (status is not None and status.heater > 0)
        sender.set(replace(sender.controls, heater=0))
        if heated:
            await self._heat_shows_0()
        else:
            await sender.next_frame()
        if self._is_hot():
            log.warning(
                "Hottop: keeping control with heat off until the beans are below %g °C",
                self._options.release_below_c,
            )
            sender.set(_safe(sender.controls))
            await self._wire.until(
                lambda: None if self._is_hot() else True, self._options.release_after_s
            )
        log.warning("Hottop: giving up control. %s", WHEN_RELEASED)

    async def _heat_shows_0(self) -> None:
        """Send frames until a status shows heat 0: the first may go into a port that is dying."""
        began_s = asyncio.get_running_loop().time()
        with contextlib.suppress(LostError):  # the port is being opened again
            await self._sender.next_frame()
        while self.in_control and asyncio.get_running_loop().time() - began_s < SHOWS_0_S:
            if self._status_at_s > began_s and self._status and self._status.heater == 0:
                return
            await asyncio.sleep(REOPEN_EACH_S)

    async def _close(self) -> None:
        self._is_open = False
        await self._wire.__aexit__()

    def resume(self, door_open: bool) -> None:
        """Continue the frames that another process sent until just now, with heat off.

        The first one is sent as soon as the port is open, before any status, because the machine
        ejects after a second without a frame. `door_open` is the state of its door.
        """
        self._resumed = _safe(HottopSetpoints(door_open=door_open))
        if self._is_open:
            self._take_control()

    async def read(self) -> Reading:
        """The newest status frame since the last call.

        Raises:
            SilentError: no valid frame came, but command frames go on, with heat 0.
            LostError: the port is gone, or no valid frame came while only listening, or for as
                long as a machine needs to cool, or it is off at its switch.
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
        if self._task is not None and self._task.done():
            self._wire.check()
            raise LostError(f"Frames are no longer sent to the Hottop on {self._options.port}.")
        if newest is None:
            silent = (
                f"The Hottop on {self._options.port} has sent nothing valid for "
                f"{self._options.silence_s:g} s"
            )
            if not self.in_control:
                raise LostError(f"{silent}: check its cable and power.")
            self._sender.turn_heat_off()
            if loop.time() - self._status_at_s >= self._options.release_after_s:
                raise LostError(f"{silent}, and for long before that: control ends.")
            raise SilentError(
                f"{silent}: heat is off, and command frames continue so that it does not eject. "
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
        """Put a value into the next command frame and wait until it is sent. Takes control."""
        check_target(actuator, percent, frozenset(Actuator), self._machine)
        self._take_control()
        now = self._sender.controls
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
                # The drum must turn until it is empty, or half of the beans stay inside.
                now = HottopSetpoints(main_fan=FULL_FAN, door_open=True, drum=True, cooling=True)
            case Actuator.DOOR:
                now = replace(now, door_open=False)
        self._sender.set(now)
        await self._sender.next_frame()

    async def make_safe(self) -> None:
        """Heat 0, drum, stirrer and main fan on, door unchanged. Takes control."""
        self._take_control()
        self._sender.set(_safe(self._sender.controls))
        await self._sender.next_frame()

    def _take_control(self) -> None:
        """Start sending frames: heat 0, drum on, door and fans of a hot machine unchanged."""
        if self._task is None:
            self._wire.check()
            resumed = self._resumed if self._status is None else None
            self._sender.begin(resumed or self._taken_over(self._status))
            self._start(self._sender.run, "hottop keep-alive")

    def _silent_for_s(self) -> float:
        """Seconds since the last status frame."""
        return asyncio.get_running_loop().time() - self._status_at_s

    def _restarted(self) -> None:
        """The machine may have been switched off and on."""
        self.restarts += 1

    def _reopened(self) -> None:
        """The port was away: what the machine did meanwhile is unknown."""
        self._parser = HottopParser()
        self._restarted()

    def _received(self, data: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        for status in self._parser.feed(data):
            gap_s, self._status_at_s = now_s - self._status_at_s, now_s
            self._status = status
            self._unread.append((now_s, status))
            bean_c = self._celsius("bean_temp_c", status.bean)
            self._last_bean_c = self._last_bean_c if bean_c is None else bean_c
            heats_s = self._sender.heats_s
            forgot = status.heater == 0 and heats_s > OBEYS_WITHIN_S
            if forgot or (heats_s > gap_s > RESTARTS_WITHIN_S):
                self._restarted()
                self._sender.turn_heat_off()

    def _taken_over(self, status: HottopStatus | None) -> HottopSetpoints:
        """Keep a hot machine's door: it may be dropping. A cold one only ejected without a host."""
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
