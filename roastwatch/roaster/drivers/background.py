"""The life cycle shared by the drivers of real machines: open, run a background task, close.

The task polls the machine or keeps it alive. A driver defines what to write on opening and closing
and what its task does. These bases do the rest, so that no driver leaves a task or a port behind.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Set
from typing import Any, Self

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.transport.latest_value import LatestValue, PendingRequests, defect
from roastwatch.roaster.transport.serial import SerialLink
from roastwatch.vocabulary import Actuator, Reading


class BackgroundDriver:
    """A driver with a task in the background that puts its readings into `_newest`.

    Subclasses define `_reset`, `_open`, `_say_goodbye` and `_close`, and start their task with
    `_start` while opening.
    """

    def __init__(self, station: str, *, machine: str, where: str, silence_s: float) -> None:
        """`where` names machine and port in errors; `silence_s` is the longest wait of `read`."""
        self._station = station
        self._machine = machine
        self._where = where
        self._silence_s = silence_s
        self._newest = LatestValue()
        self._task: asyncio.Task[None] | None = None
        self.restarts = 0
        self.doubts: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        """Open the machine, with its heat off. On failure nothing stays open.

        Raises:
            LostError: the port is absent, or nothing replies.
            BadInputError: another machine replies, or the port is invalid.
        """
        self._newest.clear()
        self._reset()
        try:
            await self._open()
        except BaseException:
            await self._release()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Turn heat off if the link allows it, stop the task and close the port."""
        try:
            with contextlib.suppress(LostError):
                await self._say_goodbye()
        finally:
            await self._release()

    async def read(self) -> Reading:
        """The newest reading since the last call.

        Raises:
            LostError: the link is gone, or nothing valid arrived in time.
        """
        return await self._newest.take(self._silence_s, self._where)

    def _reset(self) -> None:
        """Forget everything that an earlier link reported."""

    async def _open(self) -> None:
        """Open the port, turn heat off and start the task."""
        raise NotImplementedError

    async def _say_goodbye(self) -> None:
        """Write what the machine needs before the port is closed; LostError is ignored."""

    async def _close(self) -> None:
        """Close the port; also called after opening it failed."""
        raise NotImplementedError

    def _ended(self) -> None:
        """Called when the task has ended by itself: wake what waits for it."""

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        """Run the driver's task until the driver is closed."""
        self._task = asyncio.create_task(self._supervised(work), name=name)

    async def _supervised(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """An error that ends the task is raised by the next `read`."""
        try:
            await work()
        except LostError as lost:
            self._newest.lose(lost)
        except Exception as error:  # noqa: BLE001 - a defect must not leave the machine alone
            self._newest.lose(defect(self._machine, error))
        self._ended()

    async def _release(self) -> None:
        """Stop the task, then close the port."""
        task, self._task = self._task, None
        try:
            # aiomqtt awaits with asyncio.wait_for, which up to Python 3.11 may lose a cancellation.
            while task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=0.1)
        finally:
            await self._close()


class PolledDriver(BackgroundDriver):
    """A machine on a link that is asked for each reading, one request at a time.

    Subclasses also define `_link`, `_send_question` and `_look_after`, and call
    `_questions.answer` for each reading that arrives.
    """

    _link: SerialLink
    gap_s: float
    """Shortest pause between two requests."""

    def __init__(
        self,
        station: str,
        *,
        machine: str,
        where: str,
        silence_s: float,
        period_s: float,
        reply_s: float,
    ) -> None:
        """A request is sent every `period_s`; its reply may take `reply_s`."""
        super().__init__(station, machine=machine, where=where, silence_s=silence_s)
        self._period_s = period_s
        self._reply_s = reply_s
        self._questions = PendingRequests()

    async def _send_question(self) -> None:
        raise NotImplementedError

    async def _look_after(self) -> None:
        """Called after each request: repeat commands that the machine has not obeyed."""

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            await self._ask()
            await self._look_after()
            await asyncio.sleep(max(self.gap_s, self._period_s - (loop.time() - began_s)))

    async def _ask(self) -> bool:
        """Send one request; whether its reply arrived in time."""
        answered = self._questions.ask(asyncio.get_running_loop().time())
        await self._send_question()
        return bool(
            await self._link.until(
                lambda: True if self._questions.answers > answered else None, self._reply_s
            )
        )

    async def _close(self) -> None:
        await self._link.__aexit__()


class HeatWatch:
    """Detects a machine that was switched off and on: its heat was on and is 0 by itself."""

    def __init__(self) -> None:
        self.set(0)

    def set(self, percent: int) -> None:
        """Note the heat that was written, percent."""
        self.setpoint = percent
        self._was_on, self._zeros = False, 0

    def restarted(self, readback: float | None) -> bool:
        """Whether this readback of heat, with the one before it, shows a restart.

        A machine that never reported heat proves nothing. Neither does a single readback, which
        may be from before the heat was set.
        """
        if self.setpoint == 0 or readback is None:
            return False
        self._was_on = self._was_on or readback > 0
        self._zeros = self._zeros + 1 if readback == 0 else 0
        return self._was_on and self._zeros >= 2


def check_target(
    actuator: Actuator, percent: float, actuators: Set[Actuator], machine: str
) -> None:
    """Check a setting before it is written.

    Raises:
        BadInputError: the machine lacks the actuator, or the value is not 0 to 100 percent.
    """
    if actuator not in actuators:
        raise BadInputError(f"The {machine} can't set its {actuator.value}.")
    if not 0 <= percent <= 100:
        raise BadInputError(f"{actuator} takes 0 to 100 %, not {percent:g}.")
