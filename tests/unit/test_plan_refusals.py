"""A step of a plan that is refused again and again alerts people once."""

from roastwatch.app.roaster_notices import RoasterNotices
from roastwatch.app.station import Station
from roastwatch.settings import model as settings
from roastwatch.vocabulary import RoastEvent, Urgency


def test_the_same_refusal_of_a_plan_is_reported_once_in_a_roast() -> None:
    events: list[RoastEvent] = []
    parsed = settings.parse({"stations": [{"model": "transients", "source": {"type": "demo"}}]})
    notices = RoasterNotices(Station(parsed.stations[0], events.append))
    text = "heater {} % refused at 67 %: Nobody has confirmed being there for {} minutes."
    for percent, minutes in ((68, 10), (70, 11)):
        notices.plan_refused(text.format(percent, minutes), "r1")
    assert [event.urgency for event in events] == [Urgency.NEEDS_YOU]
    notices.plan_refused("fan 5 % refused at 20 %: The fan must be at least 20 %.", "r1")
    notices.plan_refused(text.format(68, 10), "r2")
    assert len(events) == 3
