"""The one command in flight, and which others are accepted while it waits for a reading."""

import asyncio
import contextlib
from collections.abc import Iterator

from roastwatch.vocabulary import Actuator, Command, CommandResult, Outcome

SUPERSEDED = "superseded"
Waiting = tuple[Command, asyncio.Future[CommandResult]]


class CommandSlot:
    """One command at a time; a newer one need not wait with it."""

    def __init__(self) -> None:
        self.pending: Waiting | None = None
        self.overtaking: Waiting | None = None
        """A command that is carried out while `pending` waits."""
        self._is_open = False
        self._waits: Command | None = None

    def put(self, command: Command) -> asyncio.Future[CommandResult] | None:
        """Accept a command; None while another is being carried out."""
        answer: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()
        if self.pending is None:
            self.pending = (command, answer)
            return answer
        if not self._is_open or self.is_new or self.overtaking is not None:
            return None
        if command.actuator in (Actuator.HEATER, Actuator.DOOR):
            self.fail(
                "A newer command came before this one could be carried out.",
                Outcome.REFUSED,
                SUPERSEDED,
            )
            self.pending = (command, answer)
        else:
            self.overtaking = (command, answer)
        return answer

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Accept other commands while the pending one waits."""
        self._is_open = True
        self._waits = self.pending[0] if self.pending else None
        try:
            yield
        finally:
            self._is_open, self._waits = False, None
            self.overtaken(None)

    @property
    def is_new(self) -> bool:
        """Whether the command that waited has been replaced by a newer one."""
        return self._is_open and (self.pending is None or self.pending[0] is not self._waits)

    def holds(self, command: Command) -> bool:
        """Whether a command is still the one in flight."""
        return self.pending is not None and self.pending[0] is command

    def done(self, answer: asyncio.Future[CommandResult], result: CommandResult) -> None:
        """Answer a command, if it is not answered yet."""
        if self.pending is not None and self.pending[1] is answer:
            self.pending = None
        if not answer.done():
            answer.set_result(result)

    def overtaken(self, result: CommandResult | None) -> None:
        """Answer the command that overtook; None: it was not carried out."""
        if self.overtaking is None:
            return
        (command, answer), self.overtaking = self.overtaking, None
        if not answer.done():
            busy = "busy: another command is being carried out; try again."
            failed = CommandResult(command.command_id, Outcome.REFUSED, None, "busy", busy)
            answer.set_result(result or failed)

    def fail(
        self, reason: str, outcome: Outcome = Outcome.FAILED, interlock: str | None = None
    ) -> None:
        """Answer the command in flight, which will not be carried out."""
        if self.pending is not None:
            command, answer = self.pending
            self.done(
                answer,
                CommandResult(command.command_id, outcome, None, interlock, reason),
            )
