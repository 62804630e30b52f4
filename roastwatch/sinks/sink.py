"""The protocol of sinks, and what a sink may request in return."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, ClassVar, Protocol

from roastwatch.channel import Events, Feed, Latest
from roastwatch.printing.recent_log import RecentLog
from roastwatch.printing.sentences import for_people
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    HeardPop,
    Instruction,
    LevelNow,
    RoastEvent,
    Snapshot,
    SoundProblem,
    SpectrogramColumns,
)


class Requests(Protocol):
    """What people may request through a sink. Instructions never wait; commands get an answer."""

    def instruct(self, instruction: Instruction) -> None:
        """Pass an instruction to its station.

        Raises:
            RefusedError: an agent may not give it; raised for the origin `agent` only.
        """
        ...

    async def command(self, command: Command) -> CommandResult:
        """Pass a command through the interlocks; never raises for a refusal."""
        ...


class WaitingAlert(Protocol):
    """An alert that is due."""

    @property
    def alert_id(self) -> str:
        """Unique: an alert of the same id replaces the earlier one."""
        ...

    @property
    def payload(self) -> dict[str, Any]:
        """The data of its sink."""
        ...

    @property
    def attempts(self) -> int:
        """How often it failed."""
        ...


class AlertOutbox(Protocol):
    """Where alerts wait for delivery; the roast log keeps them over a crash."""

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
        """Remove it: it was delivered, or is not wanted any more."""
        ...

    async def outbox_failed(self, alert_id: str, problem: str, try_again_at: datetime) -> bool:
        """It was not delivered; retry it at a time."""
        ...


@dataclass(frozen=True, slots=True)
class Microphones:
    """The microphones that were found, as data for people and settings."""

    devices: Sequence[Mapping[str, Any]]
    """Of this computer: name, host_api, default, and source as the settings file has it."""
    network: Sequence[Mapping[str, Any]]
    """Name and source."""
    problems: Sequence[str]
    """Why some can't be listed."""


@dataclass(slots=True)
class HeardMicrophone:
    """What a microphone that is tried has heard up to now."""

    state: str
    """nothing, opening, listening, ended or failed."""
    problem: str = ""
    """Why it failed."""
    seconds: float = 0.0
    """Of sound."""
    sample_rate_hz: int | None = None
    rms_dbfs: float | None = None
    """Of the last second."""
    peak_dbfs: float | None = None
    claps: int = 0
    advice: SoundProblem | None = None
    limits: Sequence[str] = ()
    """What the microphone does not pass on by its nature, one sentence each."""


class Trials(Protocol):
    """What can be tried while there are no settings yet. Everything ends by itself."""

    async def microphones(self) -> Microphones:
        """Those of this computer and of the network; listening ends."""
        ...

    async def listen(self, source: Mapping[str, Any]) -> None:
        """Begin to listen to a source as the settings file names it; the one before ends.

        Raises:
            BadInputError: there is no such source, or an option is wrong.
        """
        ...

    def heard(self) -> HeardMicrophone:
        """What was heard so far."""
        ...

    async def try_sink(self, sink: Mapping[str, Any]) -> "Sequence[Finding]":
        """Connect a sink as the settings file names it, once.

        Raises:
            BadInputError: there is no such sink, or an option is wrong.
        """
        ...


@dataclass(slots=True)
class HostProcess:
    """The process that runs the service."""

    log: RecentLog
    settings: Path | None = None
    """The settings file; None: it runs without one."""
    restart: Callable[[], None] | None = None
    """Ends the service, so that it starts again with what the settings file says then; None: it
    can't be started again."""
    trials: Trials | None = None
    """For the first-run wizard: nothing else runs; None: the service runs."""
    page_port: int = 0
    """Where the page was served last, so that it stays there after a restart; 0: nowhere yet."""


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What every sink is given. It fetches nothing else."""

    instance: str
    """The name of this instance, unique on its broker."""
    stations: Sequence[str]
    language: str
    requests: Requests
    part: ComponentHealth
    titles: Mapping[str, str] = field(default_factory=dict)
    """Station → its name for people, if it has one."""
    roasters: Mapping[str, str] = field(default_factory=dict)
    """Station → the driver of its roaster, if it has one."""
    outbox: AlertOutbox | None = None
    """Where alerts survive a crash; None: in memory only."""
    zone: tzinfo | None = None
    """The time zone of the people; None: the computer's own."""
    picture: Callable[[str], Awaitable[bytes | None]] | None = None
    """The roast so far of a station as PNG; None: drawing is not installed."""
    pops: Feed[HeardPop] | None = None
    """Each pop as it is detected, at all stations; None: nothing is heard here."""
    levels: Feed[LevelNow] | None = None
    """The level of the sound, four times a second of it, at all stations."""
    spectrogram: Feed[SpectrogramColumns] | None = None
    """What the detector sees at all stations; it is made only while somebody listens."""
    folder: Path | None = None
    """Where a sink may keep a file of its own; None: it keeps nothing."""
    log: Path | None = None
    """The file of the roast log; None: nothing is logged."""
    fahrenheit: bool = False
    """Whether people read temperatures in °F; they travel in °C."""
    plans: Sequence[Path] = ()
    """The folders of plans, each once; new ones go to the first."""
    offered: Callable[[str], Mapping[str, Path]] | None = None
    """The plans and recorded roasts that a station offers for selection, by their names there."""
    profile: Callable[[str], Sequence[tuple[float, float]]] | None = None
    """The profile of a station's roast: seconds from charge, °C; empty: there is none."""

    outcome: Callable[[str], Awaitable[str]] | None = None
    """Waits until the latest instruction of a station is carried out; why it was refused, or
    empty. None: outcomes are unknown."""
    process: HostProcess | None = None
    """None: it is not known, and nothing of it can be shown or changed."""

    def said(self, sentence: str, language: str | None = None) -> str:
        """A sentence of the program in a language (None: that of the settings) and unit."""
        return for_people(sentence, language or self.language, fahrenheit=self.fahrenheit)


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check. `good` None: it could not or need not be checked."""

    good: bool | None
    text: str


class Sink(Protocol):
    """Made by `Sink(options, context)`. Runs until cancelled; restores its own connection.

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
