"""What speaks with a roaster: one small protocol."""

from dataclasses import dataclass
from typing import Protocol

from roastwatch.vocabulary import Actuator, Reading


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a machine can do, and what it does by itself."""

    machine: str
    actuators: frozenset[Actuator]
    reads_bean_temp: bool
    reads_environment_temp: bool
    read_period_s: float
    """How often a fresh reading can be had."""
    keep_alive_s: float | None
    """Write at least this often, or the machine acts on its own; None: it doesn't care."""
    when_host_is_gone: str
    """off, ejects, holds or unknown: what the machine does when it hears nothing."""
    make_safe_writes: str
    """What `make_safe` writes, in words, for the table that people read."""


class RoasterDriver(Protocol):
    """One machine on one wire, inside an async context. Raises LostError when the link is gone."""

    @property
    def capabilities(self) -> Capabilities:
        """Constant for one machine."""
        ...

    async def read(self) -> Reading:
        """The newest reading, fresh from the wire."""
        ...

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Set one actuator; what a machine can't do is refused by name (BadInputError)."""
        ...

    async def make_safe(self) -> None:
        """Heat 0, drum and cooling on; whatever the state, and again if asked again."""
        ...
