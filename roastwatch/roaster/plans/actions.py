"""The inputs and actions of a plan, as plain values, and how a front carries them out."""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

from roastwatch.roaster.plans.plan import Step
from roastwatch.vocabulary import Actuator, CommandResult, Origin, Outcome


@dataclass(frozen=True, slots=True)
class Moment:
    """The inputs of one turn. Seconds since the plan's start; None: unknown."""

    elapsed_s: float
    bean_temp_c: float | None = None
    setpoint_percent: float | None = None
    """The heater's setpoint."""
    reported_percent: float | None = None
    """The heater's readback; None: the machine reports none."""


@dataclass(frozen=True, slots=True)
class Took:
    """A step is taken now; its settings follow."""

    index: int
    step: Step


@dataclass(frozen=True, slots=True)
class Set:
    """Set an actuator. Answered by a CommandResult."""

    actuator: Actuator
    percent: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Charge:
    """The beans go in now; check the door first. Answered by why they must not, or None."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The beans have left the drum."""


@dataclass(frozen=True, slots=True)
class Say:
    """A sentence for the user."""

    text: str
    refused: bool = False
    """Whether something in the plan was not done."""


Action: TypeAlias = Took | Set | Charge | Dropped | Say
Answer: TypeAlias = CommandResult | str | None
Turn: TypeAlias = Generator[Action, Answer, None]
Hands: TypeAlias = Callable[[Action], Awaitable[Answer]]


async def carry_out(turn: Turn, hands: Hands) -> None:
    """Carry out a turn's actions one after the other, and send it the answer to each."""
    answer: Answer = None
    while True:
        try:
            action = turn.send(answer)
        except StopIteration:
            return
        answer = await hands(action)


def given(result: CommandResult) -> bool:
    """Whether the machine was set, if only to a limited value."""
    return result.outcome in (Outcome.APPLIED, Outcome.LIMITED)


def passing(result: CommandResult) -> bool:
    """Whether a retry may help: another command was in flight, or there was no answer."""
    return result.interlock == "busy" or result.outcome in (Outcome.EXPIRED, Outcome.FAILED)
