"""What problem entities show before anything is known."""

from dataclasses import replace

import pytest

from roastwatch.entities import BY_KEY
from roastwatch.vocabulary import (
    AudioLevel,
    ComponentState,
    ComponentStatus,
    RoasterState,
    Snapshot,
)
from tests.support.events import roaster, snapshot


def part(name: str, state: ComponentState) -> tuple[ComponentStatus, ...]:
    return (ComponentStatus(f"roaster-{name}", state),)


@pytest.mark.parametrize(
    ("state", "level", "shown"),
    [
        (ComponentState.STARTING, None, None),
        (ComponentState.RETRYING, None, True),
        (ComponentState.RETRYING, AudioLevel(-12.0, -30.0, 0.0), True),  # the last level is stale
        (ComponentState.RUNNING, AudioLevel(-12.0, -30.0, 0.0), False),
        (ComponentState.RUNNING, AudioLevel(-12.0, -30.0, 0.0, "The sound clips."), True),
    ],
)
def test_a_microphone_before_its_first_sound_is_no_problem(
    state: ComponentState, level: AudioLevel | None, shown: bool | None
) -> None:
    found: Snapshot = replace(snapshot(), parts=part("microphone", state), level=level)
    assert BY_KEY["microphone_problem"].value(found) is shown


@pytest.mark.parametrize(
    ("state", "of_roaster", "shown"),
    [
        (ComponentState.STARTING, roaster(connected=False), None),
        (ComponentState.RETRYING, roaster(connected=False), True),
        (ComponentState.RUNNING, roaster(), False),
        (ComponentState.STARTING, roaster(connected=False, emergency=True), True),
    ],
)
def test_a_roaster_while_connecting_is_no_problem(
    state: ComponentState, of_roaster: RoasterState, shown: bool | None
) -> None:
    found = snapshot(parts=part("roaster", state), roaster=of_roaster)
    assert BY_KEY["roaster_problem"].value(found) is shown
