"""From a snapshot to one value, and whether a station has it at all."""

from collections.abc import Callable
from datetime import timedelta

from roastwatch.entities.entity import Value
from roastwatch.vocabulary import (
    Actuator,
    ComponentState,
    EventKind,
    Level,
    Reading,
    RoasterState,
    RoastEvent,
    Snapshot,
    StopState,
)


def problems(snapshot: Snapshot) -> list[str]:
    """The problems of a station, one sentence each."""
    found = [
        part.problem or f"{part.name} is {part.state.value}."
        for part in snapshot.parts
        if part.problem or part.state in (ComponentState.FAILED, ComponentState.RETRYING)
    ]
    if snapshot.level is not None and snapshot.level.problem:
        found.insert(0, snapshot.level.problem)
    if snapshot.roaster is not None and snapshot.roaster.emergency:
        found.insert(0, _stopped(snapshot.roaster))
    if snapshot.roaster is not None and snapshot.roaster.alarm:
        found.insert(0, snapshot.roaster.alarm)
    if snapshot.level is not None and snapshot.level.limit:
        found.append(snapshot.level.limit)
    return list(dict.fromkeys(found))


def _starting(snapshot: Snapshot, part: str) -> bool:
    """Whether a part of the station has neither worked nor failed yet."""
    name = f"{snapshot.station}-{part}"
    return any(one.name == name and one.state is ComponentState.STARTING for one in snapshot.parts)


def _lost(snapshot: Snapshot, part: str) -> bool:
    name = f"{snapshot.station}-{part}"
    states = (ComponentState.RETRYING, ComponentState.FAILED)
    return any(one.name == name and one.state in states for one in snapshot.parts)


def microphone_problem(snapshot: Snapshot) -> bool | None:
    """Whether the microphone is lost, silent, clipping or altered; None before it was heard."""
    if _lost(snapshot, "microphone"):
        return True
    return None if snapshot.level is None else snapshot.level.problem is not None


def roaster_problem(snapshot: Snapshot) -> bool | None:
    """Whether it is lost, in alarm or in emergency stop; None while it is being connected."""
    roaster = snapshot.roaster
    if roaster is None:
        return None
    if roaster.alarm or roaster.emergency:
        return True
    if not roaster.connected:
        return None if _starting(snapshot, "roaster") else True
    return False


def _stopped(roaster: RoasterState) -> str:
    """The state of an emergency stop: nothing is called stopped before it is."""
    if roaster.stop is StopState.DELIVERED:
        return "The emergency stop was delivered, heat is 0: arm again when all is well."
    return roaster.stop_problem or "The emergency stop is on its way to the roaster."


def hearing(snapshot: Snapshot) -> Value:
    """How well first crack can be heard; None: unknown."""
    return None if snapshot.hearing is None else snapshot.hearing.hearing.value


def hearing_reason(snapshot: Snapshot) -> dict[str, str]:
    """Why it can't be heard better; empty if it can be heard well."""
    return {"reason": snapshot.hearing.reason if snapshot.hearing else ""}


def first_crack(snapshot: Snapshot) -> RoastEvent | None:
    """The first crack that stands."""
    crack = snapshot.first_crack
    return None if crack is None or crack.revoked else crack


def is_first_crack(snapshot: Snapshot) -> bool:
    """Whether first crack is decided, not just possible."""
    crack = first_crack(snapshot)
    return crack is not None and (crack.level is None or crack.level.rank >= 1)


def crack_level(snapshot: Snapshot) -> str:
    """How certain first crack is; `none` before it."""
    crack = first_crack(snapshot)
    return "none" if crack is None else (crack.level or Level.FIRST_CRACK).value


def percent(share: float | None) -> float | None:
    """0 to 1 as 0 to 100."""
    return None if share is None else 100.0 * share


def read(field: str) -> Callable[[Snapshot], Value]:
    """A field of the reading."""
    return lambda snapshot: getattr(snapshot.reading, field, None)


def has_probe(field: str) -> Callable[[Snapshot], bool | None]:
    """Whether there is a probe: known once it gave a value, else unknown."""

    def offered(snapshot: Snapshot) -> bool | None:
        reading: Reading | None = snapshot.reading
        if reading is not None and getattr(reading, field) is not None:
            return True
        return False if snapshot.roaster is None and reading is None else None

    return offered


def has_roaster(snapshot: Snapshot) -> bool:
    """Whether a machine is read or driven."""
    return snapshot.roaster is not None


def can_set(*actuators: Actuator) -> Callable[[Snapshot], bool | None]:
    """Whether one of these can be set; unknown while the machine is away."""

    def offered(snapshot: Snapshot) -> bool | None:
        if snapshot.roaster is None:
            return False
        if any(actuator in snapshot.roaster.actuators for actuator in actuators):
            return True
        return False if snapshot.roaster.connected else None

    return offered


def only_reads(field: str, actuator: Actuator) -> Callable[[Snapshot], bool | None]:
    """Whether the machine reports it but does not let it be set."""
    probe, settable = has_probe(field), can_set(actuator)
    return lambda snapshot: False if settable(snapshot) else probe(snapshot)


def predicted(kind: EventKind) -> Callable[[Snapshot], Value]:
    """When an event is expected (UTC, whole seconds)."""

    def value_of(snapshot: Snapshot) -> Value:
        for predicted, at_s, _half_width_s in snapshot.predicted:
            if predicted is kind and snapshot.elapsed_s is not None:
                in_s = timedelta(seconds=round(at_s - snapshot.elapsed_s))
                return (snapshot.at + in_s).replace(microsecond=0)
        return None

    return value_of


def is_predicted(kind: EventKind) -> Callable[[Snapshot], bool | None]:
    """Whether it is expected now; an event that was expected once stays shown."""
    return lambda snapshot: any(kind is item[0] for item in snapshot.predicted) or None


def cooling(snapshot: Snapshot) -> bool | None:
    """Whether the beans are being cooled."""
    percent = snapshot.reading.cooling_percent if snapshot.reading else None
    return None if percent is None else percent > 0


def has_profile(snapshot: Snapshot) -> bool | None:
    """Whether there is a profile to deviate from."""
    if snapshot.deviation_c is not None or snapshot.profiles:
        return True
    return False if snapshot.roaster is None else None


def refusal(snapshot: Snapshot) -> str:
    """Why the last command or selection was refused."""
    of_roaster = snapshot.roaster.last_refusal if snapshot.roaster else ""
    return snapshot.refusal or of_roaster or "none"


def can_be_refused(snapshot: Snapshot) -> bool | None:
    """Whether there is anything to select or to command."""
    return bool(snapshot.detectors or snapshot.profiles) or can_set(*Actuator)(snapshot)
