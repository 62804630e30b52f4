"""Sends the Hottop its command frames, one every 0.3 s while control is held.

From the first command frame on, the machine ejects the beans after a second without another. So
the frames continue whatever happens: after an error of our own, and when the port disappears.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.drivers.hottop_frames import HottopSetpoints, encode
from roastwatch.roaster.transport.latest_value import defect
from roastwatch.roaster.transport.serial import Wire

PERIOD_S = 0.3
"""Between command frames (Artisan). The machine needs more than 0.1 s and less than 1 s."""
SHORTEST_PERIOD_S = 0.15
REOPEN_S = 2.5
"""How long opening a lost port is retried; after that the machine has long ejected."""
REOPEN_EACH_S = 0.05
RESTARTS_WITHIN_S = 1.5
"""A machine that was silent for longer may have been switched off and on."""


class FrameSender:
    """The controls in the frames, and the loop that sends them."""

    def __init__(
        self,
        wire: Wire,
        *,
        silent_s: Callable[[], float],
        restarted: Callable[[], None],
        reopened: Callable[[], None],
    ) -> None:
        """`silent_s` returns the seconds since the last status frame.

        `restarted` is called when the machine may have been switched off and on, `reopened` after
        the port was opened again. Heat is 0 in both cases.
        """
        self._wire = wire
        self._silent_s = silent_s
        self._restarted = restarted
        self._reopened = reopened
        self._sent = asyncio.Event()
        self._wanted = asyncio.Event()
        self.begin(HottopSetpoints())

    def begin(self, controls: HottopSetpoints) -> None:
        """Begin with these controls; heat is off."""
        self.controls = replace(controls, heater=0)
        self._heats_since_s: float | None = None

    @property
    def heats_s(self) -> float:
        """How long the frames have asked for heat, in seconds; 0 while they do not."""
        if self._heats_since_s is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._heats_since_s

    def set(self, controls: HottopSetpoints) -> None:
        """Put these controls into the next frame."""
        if controls.heater == 0:
            self._heats_since_s = None
        elif self.controls.heater == 0:
            self._heats_since_s = asyncio.get_running_loop().time()
        self.controls = controls
        self._sent.clear()
        self._wanted.set()

    def turn_heat_off(self) -> None:
        """Set heat 0 in the next frame."""
        if self.controls.heater:
            self.set(replace(self.controls, heater=0))

    async def next_frame(self) -> None:
        """Wait until a frame with the newest controls is sent.

        Raises:
            LostError: the port is gone, or no frame was sent in time.
        """
        try:
            async with asyncio.timeout(REOPEN_S + 0.3):
                await self._sent.wait()
        except TimeoutError:
            self._wire.check()
            raise LostError(f"No frame was sent to the Hottop on {self._wire.port}.") from None
        self._wire.check()

    async def run(self) -> None:
        """Send frames until the port is gone. After an error, log it and start again."""
        fails_since: str | None = None
        while True:
            try:
                await self._send()
                return
            except Exception as error:  # noqa: BLE001 - or the machine ejects
                if fails_since != repr(error):
                    fails_since = repr(error)
                    defect("Hottop", error)  # in the log
                self._restarted()
                self.turn_heat_off()
                await asyncio.sleep(SHORTEST_PERIOD_S)

    async def _send(self) -> None:
        """Send a frame every 0.3 s, or after 0.15 s if the controls have changed."""
        while True:
            self._wanted.clear()
            # A machine that was silent for long may be restarting: don't heat it.
            if self.heats_s > self._silent_s() > RESTARTS_WITHIN_S:
                self._restarted()
                self.turn_heat_off()
            try:
                self._wire.write(encode(self.controls))
            except LostError:
                if not await self._reopen():
                    self._sent.set()  # `next_frame` finds the wire gone
                    return
                continue
            self._sent.set()
            await asyncio.sleep(SHORTEST_PERIOD_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PERIOD_S - SHORTEST_PERIOD_S):
                    await self._wanted.wait()

    async def _reopen(self) -> bool:
        """Reopen a lost port (a loose plug) before the machine misses its frames.

        It is unknown what the machine did meanwhile, so heat stays 0.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + REOPEN_S
        self.turn_heat_off()
        await self._wire.__aexit__()
        while loop.time() < until_s:
            try:
                await self._wire.__aenter__()
            except (LostError, BadInputError):
                await asyncio.sleep(REOPEN_EACH_S)
                continue
            self._reopened()
            return True
        return False
