"""What is shown when: dead-bands and rates keep a recorder's database small."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from roastwatch.entities import BY_KEY, ENTITIES
from roastwatch.sinks.paced import PacedValues
from roastwatch.vocabulary import Actuator, AudioLevel, Phase, Snapshot, StopState
from tests.support.events import reading, roaster, snapshot

BEANS = BY_KEY["bean_temperature"]


def beans(bean_c: float | None, phase: Phase = Phase.MAILLARD, **more: Any) -> Snapshot:
    return snapshot(phase=phase, reading=reading(bean_temp_c=bean_c), **more)


def shown(paced: PacedValues, one: Snapshot, now_s: float) -> object:
    paced.begin(one)
    return paced.shown(BEANS, one, now_s)[0]


def test_a_small_or_early_change_is_held_back() -> None:
    paced = PacedValues()
    assert shown(paced, beans(150.0), 0.0) == 150.0
    assert shown(paced, beans(151.0), 4.0) == 150.0
    assert shown(paced, beans(150.2), 6.0) == 150.0
    assert shown(paced, beans(150.3), 7.0) == 150.3


def test_a_value_that_appears_or_vanishes_is_shown_at_once() -> None:
    paced = PacedValues()
    assert shown(paced, beans(150.0), 0.0) == 150.0
    assert shown(paced, beans(None), 0.1) is None
    assert shown(paced, beans(151.0), 0.2) == 151.0


def test_a_stage_of_the_roast_shows_every_value_at_once() -> None:
    paced = PacedValues()
    assert shown(paced, beans(150.0, Phase.MAILLARD), 0.0) == 150.0
    assert shown(paced, beans(150.1, Phase.FIRST_CRACK), 0.1) == 150.1
    assert shown(paced, beans(150.2, Phase.DROPPED), 0.2) == 150.2
    stopped = roaster(*Actuator, emergency=True)
    assert shown(paced, beans(150.3, Phase.DROPPED, roaster=stopped), 0.3) == 150.3
    stopped = replace(stopped, stop=StopState.DELIVERED)
    assert shown(paced, beans(150.4, Phase.DROPPED, roaster=stopped), 0.4) == 150.4


def test_what_was_requested_is_shown_at_once() -> None:
    paced = PacedValues()
    shown(paced, beans(150.0), 0.0)
    paced.forget("roaster", "bean_temperature")
    assert shown(paced, beans(150.1), 0.1) == 150.1


def test_a_jump_is_shown_at_once() -> None:
    paced = PacedValues()
    shown(paced, beans(150.0), 0.0)
    assert shown(paced, beans(153.0), 0.1) == 153.0


def test_a_machine_that_is_heated_up_is_followed() -> None:
    paced = PacedValues()
    for number, more in enumerate(({}, {"roaster": roaster(*Actuator, armed=True)})):
        paced.forget()
        shown(paced, beans(50.0, Phase.IDLE, **more), 0.0)
        expected = 51.0 if number else 50.0
        assert shown(paced, beans(51.0, Phase.IDLE, **more), 6.0) == expected


def test_an_idle_hour_changes_at_most_60_values() -> None:
    """Every value flickers, as those of a live microphone and a warm machine do."""
    counts = _changes(3600, lambda at_s, one: replace(one, phase=Phase.IDLE))
    assert sum(counts.values()) <= 60, counts


def test_a_roast_of_14_minutes_changes_at_most_1500_values() -> None:
    def roasting(at_s: int, one: Snapshot) -> Snapshot:
        phase = Phase.MAILLARD if at_s < 700 else Phase.DEVELOPMENT
        one = replace(one, elapsed_s=float(at_s), phase=phase)
        if at_s < 700:
            return one
        ratio = 100.0 * (at_s - 700) / at_s
        return replace(one, development_s=at_s - 700.0, development_ratio_percent=ratio)

    counts = _changes(840, roasting)
    assert sum(counts.values()) <= 1500, counts


def _changes(seconds: int, at: Callable[[int, Snapshot], Snapshot]) -> dict[str, int]:
    """How often each entity that Home Assistant enables changes, from second to second."""
    paced, counts, before = PacedValues(), dict[str, int](), dict[str, object]()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for at_s in range(seconds):
        flicker = (at_s * 7919 % 101) / 101.0  # 0 to 1, in no order
        one = Snapshot(
            "roaster",
            begin + timedelta(seconds=at_s),
            reading=reading(
                bean_temp_c=60.0 + 0.6 * flicker + (at_s * 0.2 if seconds < 3600 else 0.0),
                environment_temp_c=80.0 + 0.9 * flicker,
                heater_percent=0.0 if seconds == 3600 else 50.0 + 3.0 * (at_s // 30),
            ),
            roaster=roaster(*Actuator),
            level=AudioLevel(-20.0 + 9 * flicker, -40.0 + 6 * flicker, 0.0),
            rate_of_rise_c_per_min=2.0 * flicker,
            probability=flicker,
            decision=0.12 * flicker,
            pops_per_minute=float(round(3 * flicker)),
            lag_s=flicker,
        )
        one = at(at_s, one)
        paced.begin(one)
        for entity in ENTITIES:
            if entity.value_of is None or entity.hidden or not entity.offered(one):
                continue
            value = paced.shown(entity, one, float(at_s))
            if at_s and before[entity.key] != value:
                counts[entity.key] = counts.get(entity.key, 0) + 1
            before[entity.key] = value
    return counts
