"""The published names of events, how urgent they are, and the buttons that answer them."""

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
    "hard_to_hear",
    "no_crack_yet",
    "sound_lost",
    "roaster_lost",
    "interlock",
    "fault",
)


_URGENCY = {
    EventKind.HARD_TO_HEAR: Urgency.NEEDS_YOU,
    EventKind.NO_CRACK_YET: Urgency.NEEDS_YOU,
    EventKind.SOUND_LOST: Urgency.NEEDS_YOU,
    EventKind.INTERLOCK: Urgency.DANGER,
    EventKind.ROASTER_LOST: Urgency.DANGER,
    EventKind.FAULT: Urgency.DANGER,
}


_ANSWERS = {
    "question": ("under_way", "not_a_crack"),
    "possible_crack": ("not_a_crack", "first_crack_now"),
    "first_crack": ("not_a_crack", "drop", "first_crack_now"),
    "first_crack_certain": ("not_a_crack", "drop", "first_crack_now"),
    "first_crack_end": ("drop",),
    "second_crack": ("drop", "emergency_stop"),
    "countdown": ("drop", "acknowledge"),
    "hard_to_hear": ("first_crack_now", "acknowledge"),
    "no_crack_yet": ("drop", "emergency_stop", "acknowledge"),
    "interlock": ("emergency_stop", "present", "acknowledge"),
    "fault": ("emergency_stop", "drop", "acknowledge"),
    "roaster_lost": ("acknowledge",),
    "sound_lost": ("acknowledge",),
}
_OF_ROASTER = ("emergency_stop", "present")


def answers(kind: str, *, drives: bool) -> tuple[str, ...]:
    """What a person may want to press after an event, at most three keys of buttons.

    Args:
        kind: the event type, `question` if nobody started the roast, or `countdown`.
        drives: whether the station drives a roaster: else it has no buttons for one.
    """
    return tuple(key for key in _ANSWERS.get(kind, ()) if drives or key not in _OF_ROASTER)


def asks(event: RoastEvent) -> bool:
    """Whether an event asks if a roast that nobody started is in progress."""
    return event.kind is EventKind.FIRST_CRACK and event.roast_id is None


def urgency(event: RoastEvent) -> Urgency:
    """How urgent an event is: as it says itself, else as usual for its kind."""
    return event.urgency or _URGENCY.get(event.kind, Urgency.INFORMATION)


def event_type(event: RoastEvent) -> str:
    """The published name of an event."""
    if event.kind is EventKind.FIRST_CRACK:
        if event.revoked:
            return "not_a_crack"
        if event.level is Level.POSSIBLE:
            return "possible_crack"
        if event.level is Level.CERTAIN:
            return "first_crack_certain"
    return event.kind.value
