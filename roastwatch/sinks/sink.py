"""Who tells: one small protocol, and what a sink may ask in return."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from roastwatch.channel import Events, Latest
from roastwatch.supervise import Part
from roastwatch.vocabulary import Command, CommandResult, Instruction, RoastEvent, Snapshot


class Requests(Protocol):
    """What people may ask through a sink. Instructions never wait; commands get an answer."""

    def instruct(self, instruction: Instruction) -> None:
        """Hand an instruction to its station."""
        ...

    async def command(self, command: Command) -> CommandResult:
        """Pass a command through the door to the heater; never raises for a refusal."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What every sink is given. Nothing else is fetched from anywhere."""

    instance: str
    """The name of this roastwatch, unique on its broker."""
    stations: Sequence[str]
    language: str
    requests: Requests
    part: Part
    titles: Mapping[str, str] = field(default_factory=dict)
    """Station → its name for people, where it has one."""


class Sink(Protocol):
    """Made by `Sink(options, told)`. Runs until cancelled; mends its own connection."""

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        """Tell events as they come and the newest state of each station (by name)."""
        ...
