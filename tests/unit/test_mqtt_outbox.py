"""Which events are sent again when a listener is back: pure, the clock is given."""

from datetime import UTC, datetime, timedelta

from roastwatch.sinks.outbox.event_outbox import Outbox
from roastwatch.vocabulary import EventKind, Level, Origin, RoastEvent

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(event_id: str, level: Level | None = Level.FIRST_CRACK) -> RoastEvent:
    return RoastEvent(
        event_id, "roaster", "r1", EventKind.FIRST_CRACK, NOW, NOW, Origin.SOUND, level
    )


def settled() -> Outbox:
    """An outbox whose Home Assistant is there."""
    outbox = Outbox(0.0)
    outbox.listener_back(1.0)
    return outbox


def tell(outbox: Outbox, event_id: str, at_s: float) -> None:
    outbox.add(event(event_id), at_s, NOW)
    kept = outbox.unsent()
    assert kept is not None
    kept.sent_s = at_s


def unsent(outbox: Outbox) -> list[str]:
    found = []
    while (kept := outbox.unsent()) is not None:
        found.append(kept.event_id)
        kept.sent_s = 1e9
    return found


def test_a_returning_listener_gets_only_what_it_missed() -> None:
    outbox = settled()
    tell(outbox, "long before", 100.0)
    tell(outbox, "perhaps missed", 450.0)
    outbox.listener_gone(500.0)  # noticed up to 100 s late
    tell(outbox, "missed", 600.0)
    assert outbox.listener_back(700.0) == 2
    assert unsent(outbox) == ["perhaps missed", "missed"]
    assert outbox.listener_back(800.0) == 0


def test_a_lost_link_counts_until_home_assistant_has_followed() -> None:
    outbox = settled()
    tell(outbox, "before", 90.0)
    tell(outbox, "in the last moment", 99.0)
    outbox.link_lost(100.0)
    outbox.link_back(200.0)
    again = outbox.unsent()  # at once, for one who was quicker than we
    assert again is not None
    assert again.event_id == "in the last moment"
    again.sent_s = 201.0
    tell(outbox, "after", 210.0)
    assert outbox.listener_back(220.0) == 2  # and for one who is slower
    # Had it never been away, a birth an hour later would not bring old events back.
    outbox.link_lost(1000.0)
    outbox.link_back(1001.0)
    tell(outbox, "heard", 1002.0)
    assert outbox.listener_back(5000.0) == 0


def test_a_clock_jump_makes_no_event_late() -> None:
    outbox = settled()
    kept = outbox.add(event("e"), 10.0, NOW - timedelta(hours=1))
    assert kept.message(10.5)["late_by_s"] == 0.5
    assert not kept.message(10.5)["late"]
    old = outbox.add(event("f"), 10.0, NOW + timedelta(seconds=30))
    assert old.message(11.0)["late_by_s"] == 31.0
    assert old.message(11.0)["late"]


def test_a_crack_certain_at_once_is_sent_as_first_crack() -> None:
    outbox = settled()
    assert outbox.add(event("e", Level.CERTAIN), 1.0, NOW).type == "first_crack"
    assert outbox.add(event("e", Level.CERTAIN), 2.0, NOW).type == "first_crack_certain"


def test_a_full_outbox_discards_sent_events_and_counts_losses() -> None:
    outbox = Outbox(0.0, size=2)
    tell(outbox, "sent", 1.0)
    outbox.add(event("a"), 2.0, NOW)
    outbox.add(event("b"), 3.0, NOW)
    assert outbox.lost == 0
    outbox.add(event("c"), 4.0, NOW)
    assert outbox.lost == 1
    assert unsent(outbox) == ["b", "c"]


def test_an_event_of_an_earlier_process_stays_late() -> None:
    outbox = settled()
    outbox.add(event("e"), 10.0, NOW).again = True
    assert outbox.add(event("e"), 11.0, NOW).message(11.0)["late"]
    assert not outbox.add(event("f"), 11.0, NOW).message(11.0)["late"]
