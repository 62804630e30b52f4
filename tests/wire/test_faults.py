"""Random commands, faults and restarts against each driver: never heat that nobody asked for.

What holds after each step, whatever the line does: the machine is never set to a heat above the
highest that was asked for since heat was last 0; no reading shows a value that no probe can show;
after a restart heat is 0 until it is asked for again; once the line is well, `make_safe` ends it.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roastwatch.errors import LostError
from roastwatch.roaster.drivers.freshroast import FreshRoast, FreshRoastOptions
from roastwatch.roaster.drivers.hottop import Hottop, HottopOptions
from roastwatch.roaster.drivers.kaleido import Kaleido, KaleidoOptions
from roastwatch.roaster.drivers.tc4 import Tc4, Tc4Options
from roastwatch.vocabulary import Actuator
from tests.fakes.freshroast import ROASTING, FakeFreshRoast
from tests.fakes.hottop import FakeHottop
from tests.fakes.kaleido import FakeKaleido
from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.support.until import until


@dataclass
class Subject:
    """One driver with its fake."""

    fake: Any
    make: Callable[[Path], Any]
    heat: Callable[[], float]


def hottop() -> Subject:
    fake = FakeHottop(0)
    return Subject(
        fake, lambda port: Hottop(HottopOptions(port=str(port)), "x"), lambda: fake.heater
    )


def tc4() -> Subject:
    fake = FakeTc4(0)
    options = {"period_s": 0.1, "reply_s": 0.2}
    return Subject(
        fake, lambda port: Tc4(Tc4Options(port=str(port), **options), "x"), lambda: fake.ot1
    )


def kaleido() -> Subject:
    fake = FakeKaleido(0)
    options = {"period_s": 0.2, "reply_s": 0.2}
    return Subject(
        fake,
        lambda port: Kaleido(KaleidoOptions(port=str(port), **options), "x"),
        lambda: fake.values["HP"] if fake.values["HS"] else 0,
    )


def freshroast() -> Subject:
    fake = FakeFreshRoast(0)
    return Subject(
        fake,
        lambda port: FreshRoast(FreshRoastOptions(port=str(port)), "x"),
        lambda: round(fake.heat * 100 / 3) if fake.state == ROASTING else 0,
    )


STEP = st.one_of(
    st.tuples(st.just("heat"), st.integers(0, 100)),
    st.tuples(st.just("fan"), st.integers(0, 100)),
    st.tuples(st.just("read"), st.just(0)),
    st.tuples(st.just("cancelled read"), st.just(0)),
    st.tuples(st.just("safe"), st.just(0)),
    st.tuples(st.sampled_from(["noise", "corrupt", "lose"]), st.integers(0, 40)),
    st.tuples(st.just("cut"), st.booleans()),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("replug"), st.just(0)),
)


async def run(subject: Subject, steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with PtyLine(subject.fake, Path(folder), tick_s=0.02) as line:
            driver = await entered(subject, line)
            asked = 0.0
            for name, value in steps:
                try:
                    match name:
                        case "heat":
                            asked = max(asked, value) if value else asked
                            await driver.write(Actuator.HEATER, value)
                            asked = value if value == 0 and subject.heat() == 0 else asked
                        case "fan":
                            await driver.write(Actuator.FAN, value)
                        case "read":
                            async with asyncio.timeout(1.0):
                                check_reading(await driver.read())
                        case "cancelled read":
                            task = asyncio.create_task(driver.read())
                            await asyncio.sleep(0)
                            task.cancel()
                            await asyncio.gather(task, return_exceptions=True)
                        case "safe":
                            await driver.make_safe()
                        case "noise" | "corrupt" | "lose":
                            setattr(line.faults, name, value / 100)
                        case "cut":
                            line.faults.cut = bool(value)
                        case "restart" | "replug":
                            if name == "replug":
                                line.unplug()
                                line.plug()
                            await driver.__aexit__(None, None, None)
                            driver = await entered(subject, line)
                            asked = 0.0
                except (LostError, TimeoutError):
                    with contextlib.suppress(LostError):
                        await driver.__aexit__(None, None, None)
                    driver = await entered(subject, line)
                    asked = 0.0
                assert subject.heat() <= asked + 1, (name, value)
            heal(line)
            driver = await after_safe(subject, driver, line)
            await until(lambda: subject.heat() == 0)
            await driver.__aexit__(None, None, None)
            assert subject.heat() == 0


async def after_safe(subject: Subject, driver: Any, line: PtyLine) -> Any:
    try:
        await driver.make_safe()
    except LostError:
        with contextlib.suppress(LostError):
            await driver.__aexit__(None, None, None)
        return await entered(subject, line)
    return driver


async def entered(subject: Subject, line: PtyLine) -> Any:
    """A driver on a good line, because opening it on a bad one is not what is tested."""
    heal(line)
    if isinstance(subject.fake, FakeHottop):
        subject.fake.powered = True
    driver = subject.make(line.port)
    await driver.__aenter__()
    assert subject.heat() == 0
    return driver


def heal(line: PtyLine) -> None:
    line.faults.noise = line.faults.corrupt = line.faults.lose = 0.0
    line.faults.cut = False


def check_reading(reading: Any) -> None:
    for value in (reading.bean_temp_c, reading.environment_temp_c):
        assert value is None or value >= 1  # hot values are reported as read
    for value in (reading.heater_percent, reading.fan_percent, reading.drum_percent):
        assert value is None or 0 <= value <= 100


SUBJECTS = [hottop, tc4, kaleido, freshroast]
LENIENT = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)


@pytest.mark.parametrize("make", SUBJECTS)
def test_random_faults_never_raise_heat(make: Callable[[], Subject]) -> None:
    @settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=LENIENT)
    @given(st.lists(STEP, min_size=4, max_size=8))
    def sequences(steps: list[tuple[str, int]]) -> None:
        asyncio.run(run(make(), steps))

    sequences()


class LosesFirstHeat0(FakeHottop):
    """Its port dies with the first frame that ends heat, and is back at once."""

    lost = False

    def _obey(self, frame: bytes) -> None:
        if self.heater > 0 and frame[10] == 0 and not self.lost:
            self.lost = True
            return
        super()._obey(frame)


async def test_hottop_is_given_up_only_when_its_heat_shows_0(tmp_path: Path) -> None:
    fake = LosesFirstHeat0()
    async with PtyLine(fake, tmp_path) as line:
        async with Hottop(HottopOptions(port=str(line.port)), "x") as driver:
            await driver.write(Actuator.HEATER, 60)
            await until(lambda: fake.heater == 60)
        assert fake.lost
        assert (fake.heater, fake.ejected) == (0, False)


@pytest.mark.verify
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("make", SUBJECTS)
def test_many_random_faults_never_raise_heat(make: Callable[[], Subject]) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=LENIENT)
    @given(st.lists(STEP, min_size=4, max_size=14))
    def sequences(steps: list[tuple[str, int]]) -> None:
        asyncio.run(run(make(), steps))

    sequences()
