"""What a person may ask of a station now, and why not: for pages and panels that show controls.

Only what is known for certain is disabled. Interlocks judge each command by itself, so an enabled
action can still be refused, with a reason of its own. An emergency stop is never disabled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from roastwatch.entities.events import asks
from roastwatch.vocabulary import (
    Actuator,
    ComponentState,
    InstructionKind,
    Phase,
    Snapshot,
)

LOG_PART = "log"
_ROASTING = {
    Phase.CHARGED,
    Phase.DRYING,
    Phase.MAILLARD,
    Phase.ROASTING,
    Phase.FIRST_CRACK,
    Phase.DEVELOPMENT,
}


class Reason(Enum):
    """Why an action is disabled, or what to know before it is used: code and sentence."""

    NO_ROAST = "no_roast", "No roast is in progress."
    ROAST_ACTIVE = "roast_active", "A roast is already in progress."
    DURING_ROAST = "during_roast", "It can't be changed during a roast: end the roast first."
    BEGINS_ANEW = "begins_anew", "A roast is in progress: this begins a new one."
    BEGINS_ROAST = "begins_roast", "No roast is in progress: this begins one."
    NO_CRACK = "no_crack", "No first crack has been reported in this roast."
    LISTENING_ON = "listening_on", "Listening is on already."
    LISTENING_OFF = "listening_off", "Listening is off already."
    ROASTER_LOST = "roaster_lost", "The roaster is not connected."
    NOT_ARMED = "not_armed", "The roaster is not armed: arm it first."
    DISARMED = "disarmed", "The roaster is not armed."
    EMERGENCY = "emergency", "The roaster was stopped in an emergency: arm it when all is well."
    DOOR_OPEN = "door_open", "The door is open: close it first."
    LOG_FAILED = "log_failed", "The log can't be written: heat may not go up."

    @property
    def code(self) -> str:
        """Its name for programs."""
        return str(self.value[0])

    @property
    def text(self) -> str:
        """One sentence for people."""
        return str(self.value[1])


@dataclass(frozen=True, slots=True)
class Action:
    """Whether something may be asked."""

    enabled: bool = True
    reason: Reason | None = None
    """Why it is disabled; of an enabled action, what to know before."""


_Rule = Callable[[Snapshot], Action]
_FREE = Action()


def actions(snapshot: Snapshot) -> dict[str, Action]:
    """Every kind of instruction and every actuator that the station has now, by name."""
    found = {
        kind.value: rule(snapshot) for kind, rule in _INSTRUCTIONS.items() if _has(snapshot, kind)
    }
    actuators = snapshot.roaster.actuators if snapshot.roaster else ()
    return found | {one.value: _actuator(snapshot, one) for one in actuators}


def _has(snapshot: Snapshot, kind: InstructionKind) -> bool:
    """Whether a station has anything that an instruction concerns."""
    match kind:
        case InstructionKind.DETECTOR:
            return bool(snapshot.detectors)
        case InstructionKind.PROFILE:
            return bool(snapshot.profiles)
    return snapshot.roaster is not None or kind not in _OF_ROASTER


def _actuator(snapshot: Snapshot, actuator: Actuator) -> Action:
    roaster = snapshot.roaster
    if roaster is None or not roaster.connected:
        return Action(False, Reason.ROASTER_LOST)
    if actuator is not Actuator.HEATER:
        return _FREE
    if roaster.emergency:
        return Action(False, Reason.EMERGENCY)
    if not roaster.armed:
        return Action(False, Reason.NOT_ARMED)
    if _door_is_open(snapshot):
        return Action(False, Reason.DOOR_OPEN)
    failed = (ComponentState.DEGRADED, ComponentState.FAILED)
    if any(part.name == LOG_PART and part.state in failed for part in snapshot.parts):
        return Action(True, Reason.LOG_FAILED)  # it can still be lowered
    return _FREE


def _begin(snapshot: Snapshot) -> Action:
    roaster = snapshot.roaster
    if _door_is_open(snapshot) and roaster and Actuator.DOOR not in roaster.actuators:
        return Action(False, Reason.DOOR_OPEN)  # else it is closed first
    return Action(True, Reason.BEGINS_ANEW if _active(snapshot) else None)


def _under_way(snapshot: Snapshot) -> Action:
    return Action(False, Reason.ROAST_ACTIVE) if _active(snapshot) else _FREE


def _first_crack_now(snapshot: Snapshot) -> Action:
    return _FREE if _active(snapshot) else Action(True, Reason.BEGINS_ROAST)


def _confirm(snapshot: Snapshot) -> Action:
    if not _active(snapshot):
        return Action(False, Reason.NO_ROAST)
    return _FREE if snapshot.first_crack is not None else Action(False, Reason.NO_CRACK)


def _not_a_crack(snapshot: Snapshot) -> Action:
    crack, last = snapshot.first_crack, snapshot.last_event
    reported = crack is not None and not crack.revoked
    return _FREE if reported or (last and asks(last)) else Action(False, Reason.NO_CRACK)


def _drop(snapshot: Snapshot) -> Action:
    """Heat goes off and the door opens, also where no roast is known."""
    connected = snapshot.roaster is not None and snapshot.roaster.connected
    return _FREE if connected or _active(snapshot) else Action(False, Reason.NO_ROAST)


def _stop(snapshot: Snapshot) -> Action:
    """A roaster is made safe, also where no roast is known."""
    known = snapshot.roaster is not None or snapshot.phase is not Phase.IDLE
    return _FREE if known else Action(False, Reason.NO_ROAST)


def _note(snapshot: Snapshot) -> Action:
    return _FREE if snapshot.roast_id is not None else Action(False, Reason.NO_ROAST)


def _listen(snapshot: Snapshot, on: bool) -> Action:
    reason = Reason.LISTENING_ON if on else Reason.LISTENING_OFF
    return Action(False, reason) if snapshot.listening is on else _FREE


def _selection(snapshot: Snapshot) -> Action:
    return Action(False, Reason.DURING_ROAST) if _active(snapshot) else _FREE


def _arm(snapshot: Snapshot) -> Action:
    connected = snapshot.roaster is not None and snapshot.roaster.connected
    return _FREE if connected else Action(False, Reason.ROASTER_LOST)


def _disarm(snapshot: Snapshot) -> Action:
    armed = snapshot.roaster is not None and snapshot.roaster.armed
    return _FREE if armed else Action(False, Reason.DISARMED)


def _always(_snapshot: Snapshot) -> Action:
    return _FREE


def _active(snapshot: Snapshot) -> bool:
    return snapshot.phase in _ROASTING


def _door_is_open(snapshot: Snapshot) -> bool:
    return snapshot.reading is not None and bool(snapshot.reading.door_open)


_OF_ROASTER = {
    InstructionKind.PRESENT,
    InstructionKind.ARM,
    InstructionKind.DISARM,
    InstructionKind.EMERGENCY_STOP,
}
_INSTRUCTIONS: dict[InstructionKind, _Rule] = {
    InstructionKind.START: _begin,
    InstructionKind.CHARGE: _begin,
    InstructionKind.UNDER_WAY: _under_way,
    InstructionKind.FIRST_CRACK_NOW: _first_crack_now,
    InstructionKind.CONFIRM_CRACK: _confirm,
    InstructionKind.NOT_A_CRACK: _not_a_crack,
    InstructionKind.DROP: _drop,
    InstructionKind.STOP: _stop,
    InstructionKind.LISTEN_ON: lambda snapshot: _listen(snapshot, True),
    InstructionKind.LISTEN_OFF: lambda snapshot: _listen(snapshot, False),
    InstructionKind.SENSITIVITY: _always,
    InstructionKind.NOTE: _note,
    InstructionKind.ACKNOWLEDGE: _always,
    InstructionKind.PRESENT: _arm,
    InstructionKind.ARM: _arm,
    InstructionKind.DISARM: _disarm,
    InstructionKind.EMERGENCY_STOP: _always,
    InstructionKind.DETECTOR: _selection,
    InstructionKind.PROFILE: _selection,
}
