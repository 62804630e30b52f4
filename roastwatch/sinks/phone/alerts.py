"""Who is notified of what, when, and in which words. Pure: events in, alerts out."""

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from pydantic import Field, SecretStr, field_validator

from roastwatch.entities import (
    EVENT_TYPES,
    answers,
    asks,
    drives,
    event_type,
    urgency,
)
from roastwatch.options import Options
from roastwatch.printing.sentences import for_people
from roastwatch.printing.times import spoken
from roastwatch.vocabulary import EventKind, Level, Origin, Phase, RoastEvent, Snapshot, Urgency

LATE_AFTER_S = 15.0
_BEFORE_CRACK = ("hard_to_hear", "no_crack_yet")
_BEFORE_DROP = (*_BEFORE_CRACK, "possible_crack", "first_crack", "first_crack_certain", "countdown")
_ALWAYS = ("fault", "interlock", "roaster_lost", "sound_lost")

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "charge": "Roast started",
        "turning_point": "Turning point",
        "dry_end": "Drying ended",
        "possible_crack": "Possible first crack",
        "first_crack": "First crack",
        "first_crack_certain": "First crack, certain",
        "not_a_crack": "False alarm: no first crack",
        "first_crack_end": "First crack ended",
        "second_crack": "Second crack",
        "drop": "Dropped",
        "cool_end": "Cooled",
        "stopped": "Roast stopped",
        "hard_to_hear": "First crack may not be heard",
        "no_crack_yet": "No first crack yet",
        "sound_lost": "The microphone is lost",
        "roaster_lost": "The roaster is lost",
        "interlock": "Safety interlock",
        "fault": "Something is wrong",
        "countdown": "Drop soon",
        "began": "{ago} ago",
        "at": "{minutes} after charge",
        "late": "delivered {late} late",
        "drop_in": "{seconds:.0f} s until your target development time",
        "question": "No roast was started. Is one in progress?",
        "CONFIRM": "I hear it",
        "NOT_A_CRACK": "Not a crack",
        "DROP": "Drop",
        "UNDER_WAY": "Roast under way",
        "STOP_HEAT": "Stop heat",
        "ACKNOWLEDGE": "Acknowledge",
        "PRESENT": "I am here",
    },
    "de": {
        "charge": "Röstung gestartet",
        "turning_point": "Wendepunkt",
        "dry_end": "Trocknung beendet",
        "possible_crack": "Möglicher First Crack",
        "first_crack": "First Crack",
        "first_crack_certain": "First Crack, sicher",
        "not_a_crack": "Fehlalarm: kein First Crack",
        "first_crack_end": "First Crack beendet",
        "second_crack": "Second Crack",
        "drop": "Ausgeworfen",
        "cool_end": "Abgekühlt",
        "stopped": "Röstung abgebrochen",
        "hard_to_hear": "First Crack ist schwer zu hören",
        "no_crack_yet": "Noch kein First Crack",
        "sound_lost": "Das Mikrofon fehlt",
        "roaster_lost": "Keine Verbindung zum Röster",
        "interlock": "Sicherheitsverriegelung hat eingegriffen",
        "fault": "Etwas stimmt nicht",
        "countdown": "Bald auswerfen",
        "began": "vor {ago}",
        "at": "{minutes} nach dem Einfüllen",
        "late": "{late} verspätet gemeldet",
        "drop_in": "{seconds:.0f} s bis zur gewünschten Entwicklungszeit",
        "question": "Es wurde keine Röstung gestartet. Läuft eine?",
        "CONFIRM": "Ich höre es",
        "NOT_A_CRACK": "Kein Crack",
        "DROP": "Auswerfen",
        "UNDER_WAY": "Röstung läuft",
        "STOP_HEAT": "Heizung aus",
        "ACKNOWLEDGE": "Bestätigen",
        "PRESENT": "Ich bin da",
    },
}

_ACTIONS = {"first_crack_now": "CONFIRM", "emergency_stop": "STOP_HEAT"}
"""Buttons whose id on a phone is not their key in capitals."""


class PersonOptions(Options):
    """One person: how to reach them, and which events they want."""

    name: str = Field("me", description="Whose phone it is.", min_length=1, max_length=40)
    language: str | None = Field(None, description="en or de; null: the language of the settings.")
    companion: tuple[str, ...] = Field(
        (), description="Home Assistant companion apps, such as notify.mobile_app_pixel."
    )
    urls: tuple[SecretStr, ...] = Field(
        (), description="Other services as apprise URLs, such as ntfy://ntfy.sh/my-roasts."
    )
    events: tuple[str, ...] = Field(
        ("first_crack", "hard_to_hear", "no_crack_yet", "drop", "countdown", *_ALWAYS),
        description="Events to notify of; first_crack_from selects among first cracks.",
    )
    first_crack_from: Level = Field(
        Level.FIRST_CRACK,
        description="Level to notify from: possible, first_crack or certain.",
    )
    critical: tuple[str, ...] = Field(
        ("fault", "interlock", "roaster_lost"),
        description="Events that ring through quiet hours and a muted phone, if they mean danger.",
    )
    repeat: tuple[str, ...] = Field(
        ("fault", "interlock"),
        description="Events repeated until acknowledged; not those that a person caused.",
    )
    repeat_every_s: float = Field(30.0, ge=5, description="Seconds between repeats.")
    repeat_times: int = Field(10, ge=0, le=100, description="Maximum number of repeats.")
    quiet_hours: str | None = Field(
        None,
        description="Local time with critical events only, such as 22:00-07:00.",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
    )
    development_s: float | None = Field(
        None, gt=0, description="Target development time in seconds, with a countdown to it."
    )
    progress: bool = Field(
        True, description="Show a live notification of the roast (companion apps only)."
    )
    picture_entity: str | None = Field(
        None, description="Image entity of the roast to attach, such as image.roaster_roast."
    )

    @field_validator("events", "critical", "repeat")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in (*EVENT_TYPES, "countdown"):
                known = ", ".join((*EVENT_TYPES, "countdown"))
                raise ValueError(f"there is no event {name!r}: {known}")
        return names


@dataclass(frozen=True, slots=True)
class Alert:
    """One message for one person."""

    alert_id: str
    tag: str
    """Messages of one tag replace each other on a phone."""
    type: str
    title: str
    text: str
    critical: bool
    actions: tuple[tuple[str, str], ...] = ()
    """Action id, label of the button."""
    happened_at: datetime | None = None
    station: str = ""
    repeat_every_s: float | None = None
    repeats_left: int = 0
    extra: dict[str, Any] = field(default_factory=dict)
    calls: bool = True
    """Whether it breaks through a phone's focus: information that nobody waits for does not."""
    silent: bool = False
    """Whether it is only shown: what a person did, or a crack that was reported and grew surer."""
    replaces: bool = False
    """Whether it replaces one that was delivered: for services that can do that only."""


def wanted(person: PersonOptions, event: RoastEvent, local: datetime) -> bool:
    """Whether a person wants this event at this local time."""
    kind = event_type(event)
    if kind == "not_a_crack":
        return "first_crack" in person.events
    if event.level is not None:
        sure = event.level.rank >= person.first_crack_from.rank or asks(event)
        unheard = event.origin is Origin.TEMPERATURE and "hard_to_hear" in person.events
        wants = "first_crack" in person.events and (sure or unheard)
    else:
        wants = kind in person.events and not _corrected(event)
    return wants and (_critical(person, event) or not quiet(person.quiet_hours, local))


def _corrected(event: RoastEvent) -> bool:
    """Whether an interlock only corrected a value, which is visible to whom it concerns."""
    return event.kind is EventKind.INTERLOCK and urgency(event) is Urgency.INFORMATION


def _critical(person: PersonOptions, event: RoastEvent) -> bool:
    """Whether an event rings at full volume."""
    return event_type(event) in person.critical and urgency(event) is Urgency.DANGER


def quiet(hours: str | None, local: datetime) -> bool:
    """Whether a local time lies within `HH:MM-HH:MM`, over midnight too."""
    if hours is None:
        return False
    begin, end = (time.fromisoformat(part) for part in hours.split("-"))
    now = local.time().replace(tzinfo=None)
    return begin <= now < end if begin <= end else now >= begin or now < end


def alert(
    person: PersonOptions,
    event: RoastEvent,
    snapshot: Snapshot | None,
    *,
    language: str,
    station_title: str,
    now: datetime,
    fahrenheit: bool = False,
    only: bool = False,
) -> Alert:
    """The alert for one event and one person; `only`: nobody else is notified by this sink."""
    kind = event_type(event)
    spoken_in = person.language or language
    words = WORDS.get(spoken_in, WORDS["en"])
    facts = []
    asking = asks(event)
    message = "" if asking else event.message.removeprefix(f"{WORDS['en'][kind]}. ")
    message = for_people(message, spoken_in, fahrenheit=fahrenheit)
    began_s = (now - event.happened_at).total_seconds()
    if event.level is not None and began_s >= 1:
        facts.append(words["began"].format(ago=spoken(began_s)))
    if snapshot and snapshot.started_at and event.kind.value != "charge" and not asking:
        since = (event.happened_at - snapshot.started_at).total_seconds()
        facts.append(words["at"].format(minutes=spoken(since)))
    if event.bean_temp_c is not None:
        facts.append(for_people(f"{event.bean_temp_c:.0f} °C", spoken_in, fahrenheit=fahrenheit))
    late_s = (now - event.decided_at).total_seconds()
    if late_s > LATE_AFTER_S:
        facts.append(words["late"].format(late=spoken(late_s)))
    sentence = message.endswith((".", "!", "?"))
    text = (" " if sentence else ", ").join(part for part in (message, ", ".join(facts)) if part)
    if asking:
        text = f"{words['question']} ({text})" if text else words["question"]
    keys = answers(
        "question" if asking else kind,
        origin=event.origin,
        urgency=urgency(event),
        drives=drives(snapshot),
    )
    # A person knows what they did themselves; the others are notified once.
    repeats = kind in person.repeat and event.origin is not Origin.PERSON
    return Alert(
        alert_id=f"{event.event_id}:{kind}:{person.name}",
        tag=event.event_id,
        type=kind,
        title=f"{words[kind]} · {station_title}",
        text=text or words[kind],
        critical=_critical(person, event),
        actions=_buttons(keys, event.station, event.event_id, words),
        happened_at=event.happened_at,
        station=event.station,
        repeat_every_s=person.repeat_every_s if repeats else None,
        repeats_left=person.repeat_times if repeats else 0,
        calls=urgency(event) is not Urgency.INFORMATION or event.level is not None,
        silent=_own(event, snapshot, only=only),
    )


def _own(event: RoastEvent, snapshot: Snapshot | None, *, only: bool) -> bool:
    """Whether a person did it, and need not hear of it.

    A refused request is news. An emergency stop is, too, if there are others to notify.
    """
    if event.origin is not Origin.PERSON or event.kind is EventKind.FAULT:
        return False
    if event.kind is EventKind.INTERLOCK:
        stopped = snapshot is not None and snapshot.roaster and snapshot.roaster.emergency
        return only and bool(stopped)
    return True


def grown(said: Alert) -> Alert:
    """The alert of a crack of which the person was notified when it was less certain.

    It rings again only if it is no longer just possible.
    """
    return replace(said, replaces=True, silent=said.silent or said.type != "first_crack")


def _buttons(
    keys: tuple[str, ...], station: str, tag: str, words: dict[str, str]
) -> tuple[tuple[str, str], ...]:
    """Action ids and their labels."""
    ids = [_ACTIONS.get(key, key.upper()) for key in keys]
    return tuple((f"RW|{one}|{station}|{tag}", words[one]) for one in ids)


def countdown(
    person: PersonOptions,
    snapshot: Snapshot,
    *,
    language: str,
    station_title: str,
    lead_s: float = 30.0,
) -> Alert | None:
    """The alert that the target development time is near; None: it is not."""
    if person.development_s is None or snapshot.development_s is None:
        return None
    left_s = person.development_s - snapshot.development_s
    dropped = snapshot.phase.value in ("dropped", "cooling", "idle")
    if dropped or left_s > lead_s or left_s < -lead_s or "countdown" not in person.events:
        return None
    words = WORDS.get(person.language or language, WORDS["en"])
    key = f"{snapshot.roast_id}-countdown"
    keys = answers("countdown", origin="", urgency="", drives=drives(snapshot))
    actions = _buttons(keys, snapshot.station, key, words)
    return Alert(
        alert_id=f"{key}:countdown:{person.name}",
        tag=key,
        type="countdown",
        title=f"{words['countdown']} · {station_title}",
        text=words["drop_in"].format(seconds=max(0.0, left_s)),
        critical=False,
        actions=actions,
        station=snapshot.station,
        happened_at=snapshot.at + timedelta(seconds=left_s),
    )


def is_over(kind: str, phase: Phase) -> bool:
    """Whether an alert of this type, and its buttons, mean nothing any more in this phase."""
    if phase in (Phase.DROPPED, Phase.COOLING, Phase.IDLE):
        return kind in _BEFORE_DROP
    return phase in (Phase.FIRST_CRACK, Phase.DEVELOPMENT) and kind in _BEFORE_CRACK


def without_drop(said: Alert, snapshot: Snapshot) -> Alert:
    """A late alert: without its *Drop* button, if the roast that it belongs to is over."""
    other = snapshot.roast_id is not None and not said.tag.startswith(snapshot.roast_id)
    if not other and not is_over(said.type, snapshot.phase):
        return said
    left = tuple(one for one in said.actions if not one[0].startswith("RW|DROP|"))
    return replace(said, actions=left)


def restored(row: dict[str, Any]) -> Alert:
    """An alert as the outbox keeps it.

    Raises:
        KeyError, TypeError, ValueError: it is not an alert.
    """
    happened = row["happened_at"]
    return Alert(
        **{
            **row,
            "happened_at": datetime.fromisoformat(happened) if happened else None,
            "actions": tuple((one, words) for one, words in row["actions"]),
        }
    )
