"""The driver `demo`: the bean probe of the roast that the source `demo` plays."""

import pytest

from roastwatch import plugins
from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.simulation.thermal import ThermalParameters
from roastwatch.supervise import ComponentHealth
from roastwatch.synth.driver import DemoRoaster, DemoRoasterOptions
from roastwatch.synth.source import DemoOptions, DemoSource
from roastwatch.vocabulary import Actuator

CRACK_C = ThermalParameters().first_crack_c


async def bean_temp_c(roaster: DemoRoaster) -> float:
    reading = await roaster.read()
    assert reading.bean_temp_c is not None
    return reading.bean_temp_c


@pytest.mark.parametrize(("seed", "at_s"), [(1, None), (7, None), (3, 20.0)])
async def test_bean_probe_reaches_first_crack_when_the_source_cracks(
    seed: int, at_s: float | None
) -> None:
    source = DemoSource(DemoOptions(seed=seed, first_crack_at_s=at_s), ComponentHealth("test"))
    crack_s = source.truth.first_crack_at_s
    assert crack_s is not None
    now = [50.0]
    options = DemoRoasterOptions(seed=seed, first_crack_at_s=at_s)
    async with DemoRoaster(options, "r", clock=lambda: now[0]) as roaster:
        now[0] = 50.0 + crack_s * 0.98
        assert await bean_temp_c(roaster) < CRACK_C
        now[0] = 50.0 + crack_s
        assert await bean_temp_c(roaster) == pytest.approx(CRACK_C, abs=0.3)


async def test_drum_cools_after_the_end_of_the_sound() -> None:
    source = DemoSource(DemoOptions(seed=1), ComponentHealth("test"))
    now = [0.0]
    async with DemoRoaster(DemoRoasterOptions(seed=1), "r", clock=lambda: now[0]) as roaster:
        now[0] = source.truth.duration_s
        at_drop = await roaster.read()
        assert at_drop.heater_percent
        now[0] += 1200
        cool = await roaster.read()
        assert cool.heater_percent == 0
        assert cool.bean_temp_c is not None
        assert cool.environment_temp_c is not None
        assert max(cool.bean_temp_c, cool.environment_temp_c) < 40


async def test_speed_multiplies_the_clock_and_reopening_continues() -> None:
    now = [0.0]
    fast = DemoRoaster(DemoRoasterOptions(seed=1, speed=20), "r", clock=lambda: now[0])
    slow = DemoRoaster(DemoRoasterOptions(seed=1), "r", clock=lambda: 20 * now[0])
    async with fast, slow:
        now[0] = 10.0
        assert await bean_temp_c(fast) == await bean_temp_c(slow)
    now[0] = 11.0
    async with fast:
        assert await bean_temp_c(fast) == await bean_temp_c(slow)


async def test_beans_that_do_not_crack_still_get_warm() -> None:
    now = [0.0]
    options = DemoRoasterOptions(seed=1, cracks=False)
    async with DemoRoaster(options, "r", clock=lambda: now[0]) as roaster:
        now[0] = 300.0
        assert await bean_temp_c(roaster) > 100


async def test_nothing_can_be_set_and_nothing_is_read_before_opening() -> None:
    roaster = plugins.load("drivers", "demo")(DemoRoasterOptions(), "r")
    assert not roaster.capabilities.actuators
    with pytest.raises(LostError, match="not open"):
        await roaster.read()
    async with roaster:
        await roaster.make_safe()
        with pytest.raises(BadInputError, match="heater"):
            await roaster.write(Actuator.HEATER, 50)
