"""A station with a roaster's readings: what the curve shows becomes events of the roast."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from roastwatch.app.station import Station
from roastwatch.roast.curve.curve import CurveOptions
from roastwatch.roast.curve.predict import FirstCrackModel
from roastwatch.roast.curve.watch import BeanWatch
from roastwatch.settings import model as settings
from roastwatch.vocabulary import EventKind, Origin, Phase, Reading, RoastEvent
from tests.unit.test_curve import drum
from tests.unit.test_station_readings import sound

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def made(**curve: Any) -> tuple[Station, list[RoastEvent]]:
    demo = {"type": "demo", "seed": 1, "speed": 0}
    tree = {"stations": [{"name": "roaster", "source": demo, "curve": curve}]}
    published: list[RoastEvent] = []
    station = Station(settings.parse(tree).stations[0], published.append, now=lambda: START)
    sound(station)
    return station, published


def test_the_curve_finds_a_roast_from_charge_to_drop() -> None:
    station, published = made(usual_first_crack_c=180.0, wished_development_percent=20.0)
    predicted = []
    for at_s, bean_c, around_c in zip(*(c.tolist() for c in drum()), strict=True):
        at = START + timedelta(seconds=at_s)
        station.read(Reading("roaster", at_s, bean_c, around_c), at)
        crack = station.roast.first_crack
        predicted.append(station.beans.predicted(at, crack))
    kinds = [event.kind for event in published]
    assert kinds == [
        EventKind.CHARGE, EventKind.TURNING_POINT, EventKind.DRY_END, EventKind.NO_CRACK_YET,
        EventKind.DROP,
    ]  # fmt: skip
    assert {event.origin for event in published} == {Origin.TEMPERATURE}
    assert len({event.roast_id for event in published}) == 1
    assert station.roast.phase is Phase.DROPPED
    at_400 = {kind: (when, half) for kind, when, half in predicted[400]}
    assert set(at_400) == {EventKind.DRY_END, EventKind.FIRST_CRACK}
    # 180 °C: 90 above the lowest at 12 °C/min, from 70 s after charge on.
    assert abs(at_400[EventKind.FIRST_CRACK][0] - (70 + 450)) < 10


def test_a_persons_charge_replaces_that_of_the_curve() -> None:
    station, published = made()
    for at_s, bean_c, around_c in zip(*(c.tolist() for c in drum()), strict=True):
        at = START + timedelta(seconds=at_s)
        if at_s == 63:
            station.publish(station.roast.begin(at, Origin.PERSON))
        station.read(Reading("roaster", at_s, bean_c, around_c), at)
    charges = [event for event in published if event.kind is EventKind.CHARGE]
    assert [event.origin for event in charges] == [Origin.PERSON]
    assert published[-1].kind is EventKind.DROP


def test_old_readings_are_no_evidence() -> None:
    station, _ = made(usual_first_crack_c=180.0)
    station.read(Reading("roaster", 0.0, 100.0), START)
    assert station.beans.llr(START) == -4.0
    assert station.beans.llr(START + timedelta(seconds=30)) == 0.0


def test_a_setting_overrides_what_was_learned() -> None:
    model = FirstCrackModel(181.0, 1.0, 500.0, (0.0, 1.0, 0.0), 10.0, 0.1, 8)
    station, _ = made(usual_first_crack_c=200.0)
    station.beans.learn(model)
    assert station.beans.witnesses.temperature is not None
    assert station.beans.witnesses.temperature.usual_c == 200.0
    other = BeanWatch(made()[0].settings.curve)
    other.learn(model)
    assert other.witnesses.temperature is not None
    assert other.witnesses.temperature.usual_c == 181.0


def charges(
    bean_c: Callable[[float], float], ends: EventKind, *, dropped_s: float | None = None
) -> list[float]:
    """Where the curve finds a charge after a roast from −600 s to 0 that ends so."""
    beans = BeanWatch(CurveOptions())

    def tell(kind: EventKind, at_s: float) -> None:
        at = START + timedelta(seconds=at_s)
        beans.observe(RoastEvent("r-1", "roaster", "r", kind, at, at, Origin.PERSON))

    tell(EventKind.CHARGE, -600.0)
    found = []
    for second in range(-600, 900):
        at = START + timedelta(seconds=second)
        if second == dropped_s:
            tell(EventKind.DROP, second)
        if second == 0:
            tell(ends, 0.0)
        heat_c = 90.0 + 110.0 * min(1.0, (second + 600) / 590)
        reading = Reading("roaster", float(second), heat_c if second < 0 else bean_c(second))
        found += beans.read(reading, at)
    return [
        found_.happened_s - START.timestamp() for found_ in found if found_.kind is EventKind.CHARGE
    ]


def refilled(second: float) -> float:
    """The empty drum stays hot; at 400 s beans go in."""
    since_s = second - 400.0
    return 200.0 if since_s < 0 else max(200.0 - 1.6 * since_s, 88.0 + 0.2 * (since_s - 70.0))


def switched_off(second: float) -> float:
    """It cools, slowly and then with its fan, and is heated again from 180 s on."""
    return max(200.0 * math.exp(-second / 150.0), 70.0 + 0.5 * (second - 200.0))


@pytest.mark.parametrize("ends", [EventKind.STOPPED, EventKind.COOL_END])
def test_a_charge_after_an_ended_roast_is_found(ends: EventKind) -> None:
    assert charges(refilled, ends) == [pytest.approx(400.0, abs=3.0)]


@pytest.mark.parametrize("dropped_s", [None, -5.0])
@pytest.mark.parametrize("ends", [EventKind.STOPPED, EventKind.COOL_END])
def test_a_machine_that_cools_after_a_stop_is_no_charge(
    ends: EventKind, dropped_s: float | None
) -> None:
    assert charges(switched_off, ends, dropped_s=dropped_s) == []
