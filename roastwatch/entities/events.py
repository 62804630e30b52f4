"""The published names of events, how urgent they are, and the buttons that answer them."""

from roastwatch.vocabulary import EventKind, Level, Origin, RoastEvent, Snapshot, Urgency

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

EVENT_WORDS = {
    "charge": ("Charge", "Bohnen eingefüllt"),
    "turning_point": ("Turning point", "Wendepunkt"),
    "dry_end": ("Drying ended", "Trocknung beendet"),
    "possible_crack": ("Possible first crack", "Möglicher First Crack"),
    "first_crack": ("First crack", "First Crack"),
    "first_crack_certain": ("First crack, certain", "First Crack, sicher"),
    "not_a_crack": ("Not a crack", "Kein Crack"),
    "first_crack_end": ("First crack ended", "First Crack beendet"),
    "second_crack": ("Second crack", "Second Crack"),
    "drop": ("Drop", "Ausgeworfen"),
    "cool_end": ("Cooled", "Abgekühlt"),
    "stopped": ("Roast stopped", "Röstung abgebrochen"),
    "hard_to_hear": ("First crack hard to hear", "First Crack schwer zu hören"),
    "no_crack_yet": ("No first crack yet", "Noch kein First Crack"),
    "sound_lost": ("Microphone lost", "Mikrofon verloren"),
    "roaster_lost": ("Roaster lost", "Röster verloren"),
    "interlock": ("Interlock", "Verriegelung"),
    "fault": ("Fault", "Störung"),
}
"""Event type → what people call it, in English and German."""

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
    "countdown": ("drop",),
    "hard_to_hear": ("first_crack_now",),
    "no_crack_yet": ("first_crack_now", "drop", "emergency_stop"),
    "roaster_lost": ("acknowledge",),
    "sound_lost": ("acknowledge",),
}
_TROUBLE = {
    "danger": ("emergency_stop", "drop", "acknowledge"),
    "needs_you": ("present", "emergency_stop"),
    "information": (),
}
"""Urgency of an interlock or a fault → its buttons; acknowledging ends the repeats of a danger."""
_OF_ROASTER = ("emergency_stop", "present")


def answers(kind: str, *, origin: str, urgency: str, drives: bool) -> tuple[str, ...]:
    """What a person may want to press after an event, at most three keys of buttons.

    Args:
        kind: the event type, `question` if nobody started the roast, or `countdown`.
        origin: who or what reported it.
        urgency: how urgent it is.
        drives: whether the station drives a roaster: else it has no buttons for one.
    """
    keys = _ANSWERS.get(kind, ())
    if kind in ("interlock", "fault"):
        # A person's own stop or refused request needs no answer, nor does a corrected value.
        keys = () if origin == Origin.PERSON else _TROUBLE.get(urgency, ())
    return tuple(key for key in keys if drives or key not in _OF_ROASTER)


def drives(snapshot: Snapshot | None) -> bool:
    """Whether a station drives a roaster; one that is only read has no buttons for it."""
    if snapshot is None or snapshot.roaster is None:
        return False
    return bool(snapshot.roaster.actuators) or not snapshot.roaster.connected


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
