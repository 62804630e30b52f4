"""The protocol of a driver, which talks to one roaster.

A driver is a class with `Options` (an `options.Options`), made as `Driver(options, station)` and
used as an async context manager. Its options name the wire in a field `port` (a serial device
such as /dev/ttyUSB0, or `tcp://host:port`, `ws://host/path`), so that `--port` works everywhere.

Rules that the guardian relies on:

- **Entering** opens the wire, starts the machine's keep-alive (a task of the driver, which repeats
  what was last written), and writes heat 0 as soon as it can: nothing from before is
  restored. It raises LostError when the port can't be had now (the text says how to fix it:
  which group gives permission, in use, absent) and BadInputError when another machine answers.
  It gives up within 5 s.
- **`read`** answers or raises LostError within about 1 s, and may be **cancelled at any await**:
  a write or `make_safe` right after must work, and so must the next read. A late or broken answer
  is never taken for a fresh one. `taken_at_s` is the time (`time.monotonic()`) at which the values
  were requested, or arrived if the machine sends them by itself.
  A driver whose machine must not be left (a Hottop ejects after a second without a frame) raises
  SilentError when only the answers are missing: its wire stays open and it goes on writing.
- **`write`** returns once the bytes are handed to the wire; the guardian never has two calls of
  `write` or `make_safe` at once. No driver raises anything by itself.
- **`restarts`** counts how often the machine was seen to restart since the link was opened (a new
  greeting, a board that was reset). Nothing that was set before is written again by the driver,
  and nothing by the guardian: arming ends, and the machine is made safe if it may be hot.
- A value above what a probe can show is delivered as read, never left out; where the machine only
  says "too hot", `Reading.over_range` is set. Why a value is missing stands in `doubts`.
- **Leaving** writes heat 0 if the link allows it, then closes the wire.
- Nothing blocks the event loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias, runtime_checkable

from roastwatch.errors import LostError
from roastwatch.vocabulary import Actuator, Reading

SAFE: Mapping[Actuator, float] = {
    Actuator.HEATER: 0.0,
    Actuator.DRUM: 100.0,
    Actuator.FAN: 100.0,
    Actuator.COOLING: 100.0,
}
"""What `make_safe` sets, unless a driver declares other values."""

HostGone: TypeAlias = Literal["off", "ejects", "holds", "unknown"]
"""What a machine does by itself without commands: heat off, beans out, as before, unknown."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a machine can do, and what it does by itself."""

    machine: str
    actuators: frozenset[Actuator]
    reads_bean_temp: bool
    reads_environment_temp: bool
    read_period_s: float
    """How often there is a fresh reading."""
    keep_alive_s: float | None
    """Without a request this often the machine acts on its own; None: it never does. Any request
    that the machine counts is enough, also a question."""
    when_host_is_gone: HostGone
    make_safe_writes: str
    """What `make_safe` writes, in words, for the table that people read."""
    silence_s: float = 3.0
    """The link counts as lost after this without a reading, but not within 3 s."""
    echoes: frozenset[Actuator] = frozenset()
    """Actuators with a readback: their value in a reading is the machine's own report.
    After connecting, heat is refused until such a heater has been read as 0."""
    levels: Mapping[Actuator, tuple[float, ...]] = field(default_factory=dict)
    """The only percents that an actuator takes, ascending; without an entry, all. Heat is rounded
    down to one, everything else to the nearest, before `write` is called."""
    fan_is_drum: bool = False
    """A fluid bed: its air moves the beans, so the fan is guarded as a drum is. `make_safe` must
    bring the air back from every state, and no `write` may stop it while the guardian asks for it.
    """
    safe: Mapping[Actuator, float] = field(default_factory=lambda: dict(SAFE))
    """What `make_safe` sets at least, percent. For actuators that the machine has, these are the
    setpoints afterwards, so that no earlier one is written over them."""
    listens_first: bool = False
    """Reading takes no control: nothing is written, not even heat 0, until somebody arms, commands
    or stops it. Only for a machine that makes itself safe without a host."""
    when_released: str = ""
    """What the machine does when control is given up, in a sentence for people; empty: nothing."""

    def level(self, actuator: Actuator, target: float) -> float:
        """What an actuator is set to for a target, percent: heat is rounded down."""
        levels = self.levels.get(actuator)
        if not levels:
            return target
        if actuator is Actuator.HEATER:
            return max((level for level in levels if level <= target), default=0.0)
        return min(levels, key=lambda level: (abs(level - target), -level))

    @property
    def needs_cutoff(self) -> bool:
        """Whether it may go on heating without its host: software alone is not enough."""
        return self.when_host_is_gone in ("holds", "unknown")

    @property
    def cutoff_reason(self) -> str:
        """Why heat waits for an independent cut-off, and what to do."""
        if self.when_host_is_gone == "holds":
            does = f"{self.machine} keeps heating if this computer fails."
        else:
            does = f"It is unknown what {self.machine} does if this computer fails."
        return (
            f"{does} Heat stays off until you confirm an independent thermal cut-off "
            "(--independent-cutoff, or `independent_cutoff: true` in the settings)."
        )


class SilentError(LostError):
    """Nothing valid arrives, but the wire is open and the driver goes on: don't close it."""


class RoasterDriver(Protocol):
    """One machine on one wire, inside an async context. Raises LostError when the link is gone."""

    @property
    def restarts(self) -> int:
        """How often the machine was seen to restart since the link was opened.

        Always 0 if the wire doesn't show it; any change counts. The driver has set heat 0 by then.
        """
        ...

    @property
    def doubts(self) -> Mapping[str, str]:
        """Why a value of the newest reading is missing, by the reading's field."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Constant for one machine; details from the wire are known only after entering."""
        ...

    async def __aenter__(self) -> Self:
        """Open the wire."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the wire."""
        ...

    async def read(self) -> Reading:
        """The newest reading, fresh from the wire."""
        ...

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Set one actuator; what a machine can't do is refused by name (BadInputError)."""
        ...

    async def make_safe(self) -> None:
        """Heat 0, drum and cooling on, from every state, as often as it is called."""
        ...


# What only some drivers can do. The guardian checks for each with isinstance.


@runtime_checkable
class TakesCharge(Protocol):
    """A machine that is only simulated: its beans go in by command."""

    def charge(self) -> None:
        """Put the beans in."""
        ...


@runtime_checkable
class ResumesFrames(Protocol):
    """A machine that ejects without frames: the next guardian sends them from the first moment."""

    def resume(self, door_open: bool) -> None:
        """Before entering: send frames at once, with heat 0 and the door as it was."""
        ...


@runtime_checkable
class StopsByItself(Protocol):
    """A machine with a limit of its own for the beans."""

    bean_temp_max_c: float
    """The guardian sets this before each write, °C."""


@runtime_checkable
class LivesInDriver(Protocol):
    """A machine without a wire: it is the driver object, and stays the same on every link."""

    is_the_machine: bool
