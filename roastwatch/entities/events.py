"""The names under which events are told."""

from roastwatch.vocabulary import EventKind, Level, RoastEvent, Urgency

EVENT_TYPES = (
    "charge",
    "turning_point",
    "dry_end",
    "possible_crack",
    "first_crack",
    "first_crack_certain",
    "not_a_crack",
    "first_crack_end",
    "second_crack",
    "drop",
    "cool_end",
    "stopped",
    "no_crack_yet",
    "sound_lost",
    "roaster_lost",
    "interlock",
    "fault",
)


_URGENCY = {
    EventKind.NO_CRACK_YET: Urgency.NEEDS_YOU,
    EventKind.SOUND_LOST: Urgency.NEEDS_YOU,
    EventKind.INTERLOCK: Urgency.DANGER,
    EventKind.ROASTER_LOST: Urgency.DANGER,
    EventKind.FAULT: Urgency.DANGER,
}


def urgency(event: RoastEvent) -> Urgency:
    """How much an event matters: as it says itself, else as its kind usually does."""
    return event.urgency or _URGENCY.get(event.kind, Urgency.INFORMATION)


def event_type(event: RoastEvent) -> str:
    """The name under which an event is told."""
    if event.kind is EventKind.FIRST_CRACK:
        if event.revoked:
            return "not_a_crack"
        if event.level is Level.POSSIBLE:
            return "possible_crack"
        if event.level is Level.CERTAIN:
            return "first_crack_certain"
    return event.kind.value
