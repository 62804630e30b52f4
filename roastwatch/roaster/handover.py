"""What a guardian that died leaves to the next one: control, and the state of the door.

A Hottop ejects its beans when command frames stop for a second, so the next guardian must not wait
until somebody takes control again. The client that has the dead guardian's last state passes this
on: the spare to itself, the service in its greeting.
"""

from dataclasses import asdict, dataclass
from typing import Any

FRESH_S = 1.0
"""After this, the machine may have opened the door by itself."""


@dataclass(frozen=True, slots=True)
class Handover:
    """Control that the last guardian had."""

    at_s: float
    """When it last sent its state, in seconds of CLOCK_MONOTONIC."""
    door_open: bool | None
    """Whether the door was open then; None: unknown."""

    def is_fresh(self, now_s: float) -> bool:
        """Whether the machine can't have ejected yet, so that its door is as it was."""
        return self.door_open is not None and 0 <= now_s - self.at_s < FRESH_S

    def to_message(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def setpoints_of(state: dict[str, Any]) -> dict[str, Any]:
    """The setpoints in a guardian's state, by actuator."""
    found: dict[str, Any] = state.get("told") or {}
    return found


def left_by(state: dict[str, Any]) -> Handover | None:
    """What the guardian with this last state leaves; None: it had no control or gave it up."""
    if not state or state.get("only_reads") is not False or state.get("releasing"):
        return None
    reading, setpoints = state.get("reading") or {}, setpoints_of(state)
    door = reading.get("door_open")
    if setpoints.get("door"):
        door = True
    return Handover(float(state.get("at_s") or 0.0), door)


def from_message(raw: object) -> Handover | None:
    """From JSON; None where it is not one."""
    if not isinstance(raw, dict) or not isinstance(raw.get("at_s"), int | float):
        return None
    door = raw.get("door_open")
    return Handover(float(raw["at_s"]), door if isinstance(door, bool) else None)
