"""What a plan looks at, what it wants done, and how a front does it: plain values."""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias

from roastwatch.roaster.plans.plan import Step
from roastwatch.vocabulary import Actuator, CommandResult, Origin, Outcome


@dataclass(frozen=True, slots=True)
class Moment:
    """What a plan looks at. Seconds since its start; percent; °C; None: unknown."""

    elapsed_s: float
    bean_temp_c: float | None = None
    setpoint_percent: float | None = None
    """What the heater is set to now."""
    reported_percent: float | None = None
    """The heat that the machine itself reports; None: it reports none."""


@dataclass(frozen=True, slots=True)
class Took:
    """A step is taken now; what it sets follows."""

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
    """Beans go in now: check the door first. Answered by why they should not, or None."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The beans have left."""


@dataclass(frozen=True, slots=True)
class Say:
    """A sentence for the person."""

    text: str
    refused: bool = False
    """Whether something that the plan wanted was not done."""


Action: TypeAlias = Took | Set | Charge | Dropped | Say
Answer: TypeAlias = CommandResult | str | None
Turn: TypeAlias = Generator[Action, Answer, None]
Hands: TypeAlias = Callable[[Action], Awaitable[Answer]]


async def carry_out(turn: Turn, hands: Hands) -> None:
    """Do one after the other what a turn yields, and tell it what became of each."""
    answer: Answer = None
    while True:
        try:
            action = turn.send(answer)
        except StopIteration:
            return
        answer = await hands(action)


def given(result: CommandResult) -> bool:
    """Whether the machine was set, be it to less than was wanted."""
    return result.outcome in (Outcome.APPLIED, Outcome.LIMITED)


def passing(result: CommandResult) -> bool:
    """Whether asking again may help: another command was under way, or nobody answered."""
    return result.interlock == "busy" or result.outcome in (Outcome.EXPIRED, Outcome.FAILED)
