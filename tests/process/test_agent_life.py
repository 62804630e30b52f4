"""Whatever an agent calls: it never arms, raises heat, drops or changes a setting by itself."""

from pathlib import Path

import pytest

from roastwatch.app.agents import UNARMED
from roastwatch.vocabulary import Actuator
from tests.support.agent_life import life
from tests.support.virtual_kitchen import virtual


@pytest.mark.parametrize("seed", range(2))
def test_random_calls_change_nothing_unsafe(seed: int, socket_folder: Path) -> None:
    lived = virtual(life(120, seed))
    assert len(lived.refused) > 40
    assert any(percent for _, which, percent in lived.driver.log if which is Actuator.HEATER)
    assert any("agent may not raise heat" in one for one in lived.refused)


def test_lives_notice_a_missing_rule(socket_folder: Path) -> None:
    with pytest.raises(AssertionError, match="heater"):
        virtual(life(120, 0, agent_raise=True))


@pytest.mark.verify
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_random_calls_change_nothing_unsafe(seed: int, socket_folder: Path) -> None:
    lived = virtual(life(1000, 100 + seed))
    assert UNARMED in lived.refused
    assert any("agent may not raise heat" in one for one in lived.refused)
    assert any("can't arm" in one for one in lived.refused)
    assert any("agent_drop" in one for one in lived.refused)
