"""Who tells: one small protocol, and what a sink may ask in return."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, ClassVar, Protocol

from roastwatch.channel import Events, Latest
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import Command, CommandResult, Instruction, RoastEvent, Snapshot


class Requests(Protocol):
    """What people may ask through a sink. Instructions never wait; commands get an answer."""

    def instruct(self, instruction: Instruction) -> None:
        """Hand an instruction to its station."""
        ...

    async def command(self, command: Command) -> CommandResult:
        """Pass a command through the door to the heater; never raises for a refusal."""
        ...


class WaitingAlert(Protocol):
    """An alert that is due."""

    @property
    def alert_id(self) -> str:
        """Unique: the same alert again takes the earlier's place."""
        ...

    @property
    def payload(self) -> dict[str, Any]:
        """What its sink put in."""
        ...

    @property
    def attempts(self) -> int:
        """How often it failed."""
        ...


class AlertOutbox(Protocol):
    """Where alerts wait until they are delivered; the roast log keeps them over a crash."""

    async def outbox_add(
        self,
        alert_id: str,
        payload: dict[str, Any],
        *,
        due_at: datetime | None = None,
        expires_at: datetime | None = None,
        event_id: str = "",
        target: str = "",
    ) -> bool:
        """Keep an alert until it is done. False: not durable yet."""
        ...

    async def outbox_due(
        self, now: datetime | None = None, target: str | None = None
    ) -> Sequence[WaitingAlert]:
        """The alerts to try now, oldest first."""
        ...

    async def outbox_done(self, alert_id: str) -> bool:
        """Delivered, or not wanted any more."""
        ...

    async def outbox_failed(self, alert_id: str, problem: str, try_again_at: datetime) -> bool:
        """Not delivered; due again at a time."""
        ...


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What every sink is given. Nothing else is fetched from anywhere."""

    instance: str
    """The name of this roastwatch, unique on its broker."""
    stations: Sequence[str]
    language: str
    requests: Requests
    part: ComponentHealth
    titles: Mapping[str, str] = field(default_factory=dict)
    """Station → its name for people, where it has one."""
    outbox: AlertOutbox | None = None
    """Where alerts survive a crash; None: in memory only."""
    zone: tzinfo | None = None
    """The time zone of the people; None: the computer's own."""
    picture: Callable[[str], Awaitable[bytes | None]] | None = None
    """The roast so far of a station as PNG; None: nobody here can draw."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a sink has checked: `good` None means it could not or need not be."""

    good: bool | None
    text: str


class Sink(Protocol):
    """Made by `Sink(options, told)`. Runs until cancelled; restores its own connection.

    Subclass it, so that what it declares has a default. `_template.py` is one to copy.
    """

    sends_at_once: ClassVar[bool] = False
    """Whether it sends an event without a look at the states: it gets events before the others."""

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Send events as they come, and the newest snapshot of each station (by name)."""
        ...

    async def check(self) -> Sequence[Finding]:
        """Try once, for `roastwatch doctor`, what running needs, and leave nothing behind.

        A service that runs with the same settings is not disturbed. Never raises a
        RoastwatchError: what is wrong is a finding.
        """
        return [Finding(None, "this sink has no check")]
