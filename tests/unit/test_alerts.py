"""Who is notified of what, when and in which words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from roastwatch.printing.times import spoken
from roastwatch.sinks.phone.alerts import PersonOptions, alert, countdown, quiet, wanted
from roastwatch.sinks.phone.companion import message
from roastwatch.vocabulary import (
    Actuator,
    EventKind,
    Level,
    Origin,
    Phase,
    RoasterState,
    RoastEvent,
    Snapshot,
    Urgency,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def event(kind: EventKind = EventKind.FIRST_CRACK, level: Level | None = None) -> RoastEvent:
    happened = NOON - timedelta(seconds=12)
    return RoastEvent("r1-e1", "kitchen", "r1", kind, happened, NOON, Origin.SOUND, level)


@pytest.mark.parametrize(
    ("level", "notified"),
    [(Level.POSSIBLE, False), (Level.FIRST_CRACK, True), (Level.CERTAIN, True)],
)
def test_a_crack_is_notified_from_the_level_a_person_wants(level: Level, notified: bool) -> None:
    assert wanted(PersonOptions(), event(level=level), NOON) is notified


def test_quiet_hours_suppress_all_but_critical_events() -> None:
    person = PersonOptions(quiet_hours="22:00-07:00")
    night = NOON.replace(hour=23)
    assert not wanted(person, event(level=Level.CERTAIN), night)
    assert wanted(person, event(EventKind.FAULT), night)
    assert quiet("22:00-07:00", NOON.replace(hour=6, minute=59))
    assert not quiet("22:00-07:00", NOON.replace(hour=7))
    assert quiet("11:00-13:00", NOON)


def test_texts_follow_the_language_and_say_how_late() -> None:
    shown = Snapshot("kitchen", NOON, Phase.FIRST_CRACK, "r1", NOON - timedelta(seconds=500))
    person = PersonOptions(language="de")
    crack = event(level=Level.FIRST_CRACK)
    said = alert(person, crack, shown, language="en", station_title="Küche", now=NOON)
    assert said.title == "First Crack · Küche"
    assert "vor 12 s" in said.text
    assert "8:08 min nach dem Einfüllen" in said.text
    assert [words for _, words in said.actions] == ["Kein Crack", "Auswerfen", "Ich höre es"]
    late = alert(
        person, crack, shown, language="en", station_title="Küche", now=NOON + timedelta(seconds=90)
    )
    assert "1:30 min verspätet gemeldet" in late.text


def test_a_question_has_answers_and_reaches_all_who_want_cracks() -> None:
    question = replace(event(level=Level.POSSIBLE), roast_id=None, message="Is one going on?")
    assert wanted(PersonOptions(first_crack_from=Level.CERTAIN), question, NOON)
    assert not wanted(PersonOptions(events=("drop",)), question, NOON)
    ended = Snapshot("kitchen", NOON, started_at=NOON - timedelta(hours=3))
    for language, text, words in (
        ("en", "No roast was started. Is one in progress? (12 s ago)", "Roast under way"),
        ("de", "Es wurde keine Röstung gestartet. Läuft eine? (vor 12 s)", "Röstung läuft"),
    ):
        said = alert(
            PersonOptions(), question, ended, language=language, station_title="k", now=NOON
        )
        assert said.text == text
        assert said.actions[0] == ("RW|UNDER_WAY|kitchen|r1-e1", words)


def test_a_fault_is_critical_and_repeated() -> None:
    said = alert(
        PersonOptions(), event(EventKind.FAULT), None, language="en", station_title="k", now=NOON
    )
    assert said.critical
    assert said.repeat_every_s == 30
    assert said.repeats_left == 10


def test_an_interlock_that_corrected_a_value_alerts_nobody() -> None:
    corrected = replace(event(EventKind.INTERLOCK), urgency=Urgency.INFORMATION)
    assert not wanted(PersonOptions(), corrected, NOON)


@pytest.mark.parametrize(
    ("urgency", "origin", "critical", "repeats"),
    [
        (Urgency.DANGER, Origin.INTERLOCK, True, 10),
        (Urgency.NEEDS_YOU, Origin.INTERLOCK, False, 10),
        (Urgency.NEEDS_YOU, Origin.PERSON, False, 0),  # one's own emergency stop
    ],
)
def test_only_danger_is_loud_and_own_actions_do_not_repeat(
    urgency: Urgency, origin: Origin, critical: bool, repeats: int
) -> None:
    happened = replace(event(EventKind.INTERLOCK), urgency=urgency, origin=origin)
    said = alert(PersonOptions(), happened, None, language="en", station_title="k", now=NOON)
    assert (said.critical, said.repeats_left) == (critical, repeats)


@pytest.mark.parametrize(
    ("kind", "urgency", "origin", "buttons"),
    [
        (
            EventKind.INTERLOCK,
            Urgency.DANGER,
            Origin.INTERLOCK,
            ["STOP_HEAT", "DROP", "ACKNOWLEDGE"],
        ),
        (EventKind.INTERLOCK, Urgency.NEEDS_YOU, Origin.INTERLOCK, ["PRESENT", "STOP_HEAT"]),
        (EventKind.INTERLOCK, Urgency.NEEDS_YOU, Origin.PERSON, []),  # one's own emergency stop
        (EventKind.NO_CRACK_YET, None, Origin.SOUND, ["CONFIRM", "DROP", "STOP_HEAT"]),
        (EventKind.HARD_TO_HEAR, None, Origin.SOUND, ["CONFIRM"]),
        (EventKind.DROP, None, Origin.PERSON, []),
    ],
)
def test_an_alert_has_the_buttons_that_make_sense(
    kind: EventKind, urgency: Urgency | None, origin: Origin, buttons: list[str]
) -> None:
    happened = replace(event(kind), urgency=urgency, origin=origin, level=None)
    driven = RoasterState(True, True, actuators=(Actuator.HEATER,))
    for state in (driven, RoasterState(True, False), None):  # one that is only read has no buttons
        shown = Snapshot("kitchen", NOON, roaster=state)
        said = alert(PersonOptions(), happened, shown, language="en", station_title="k", now=NOON)
        ids = [action.split("|")[1] for action, _ in said.actions]
        of_roaster = {"STOP_HEAT", "PRESENT"} if state is not driven else set()
        assert ids == [one for one in buttons if one not in of_roaster]


def test_only_what_needs_a_person_breaks_through_a_focus() -> None:
    def level(happened: RoastEvent) -> str:
        one = alert(PersonOptions(), happened, None, language="en", station_title="k", now=NOON)
        found: str = message(one, None)["data"]["push"].get("interruption-level", "critical")
        return found

    assert level(replace(event(EventKind.DROP), level=None)) == "active"
    assert level(replace(event(EventKind.NO_CRACK_YET), level=None)) == "time-sensitive"
    assert level(replace(event(EventKind.FIRST_CRACK), level=Level.FIRST_CRACK)) == "time-sensitive"
    assert level(replace(event(EventKind.FAULT), level=None)) == "critical"


@pytest.mark.parametrize(
    ("kind", "emergency", "only", "silent"),
    [
        (EventKind.DROP, False, False, True),
        (EventKind.INTERLOCK, True, True, True),  # one's own emergency stop
        (EventKind.INTERLOCK, True, False, False),  # the others need to know
        (EventKind.INTERLOCK, False, True, False),  # a refused request
        (EventKind.FAULT, True, True, False),
    ],
)
def test_what_a_person_did_is_silent_unless_others_need_to_know(
    kind: EventKind, emergency: bool, only: bool, silent: bool
) -> None:
    shown = Snapshot("kitchen", NOON, roaster=RoasterState(True, True, emergency=emergency))
    done = replace(event(kind), origin=Origin.PERSON, urgency=Urgency.NEEDS_YOU)
    said = alert(
        PersonOptions(), done, shown, language="en", station_title="k", now=NOON, only=only
    )
    assert said.silent is silent
    data = message(said, None)["data"]
    assert (data["push"].get("sound") == "none") is silent
    assert (data["importance"] == "low") is silent


def test_an_alert_is_in_the_persons_language_and_unit() -> None:
    hot = replace(
        event(EventKind.INTERLOCK),
        level=None,
        bean_temp_c=200.0,
        urgency=Urgency.DANGER,
        message="The beans are at 232 °C; 230 °C is the limit.",
    )
    person = PersonOptions(language="de")
    said = alert(person, hot, None, language="en", station_title="k", now=NOON, fahrenheit=True)
    assert said.text == "Die Bohnen haben 450 °F; die Grenze ist 446 °F. 392 °F"


def test_a_countdown_is_sent_near_the_target_development() -> None:
    person = PersonOptions(development_s=90)
    for development, due in ((40.0, False), (61.0, True), (130.0, False)):
        shown = Snapshot("kitchen", NOON, Phase.DEVELOPMENT, "r1", development_s=development)
        said = countdown(person, shown, language="en", station_title="Kitchen")
        assert (said is not None) is due
        if said:
            assert "29 s until" in said.text


def test_an_unknown_event_is_reported() -> None:
    with pytest.raises(ValueError, match="there is no event 'first_krack'"):
        PersonOptions(events=("first_krack",))


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.6, "1:00 min"), (3661, "1:01 h")])
def test_durations_are_formatted(seconds: float, text: str) -> None:
    assert spoken(seconds) == text
