"""The driver template works as it is, so that a copy starts from a working driver."""

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack
from typing import Any

import pytest

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.drivers._template import Template, TemplateOptions
from roastwatch.vocabulary import Actuator
from tests.fakes.cable import Cable, serial_port
from tests.fakes.line import read_for_ever
from tests.fakes.template import FakeTemplate
from tests.fakes.virtual_time import VirtualLoop
from tests.support.driver_benches import SPEED, Bench, set_to
from tests.unit.test_driver_lives import lives


def template(loop: VirtualLoop, stack: ExitStack) -> Bench:
    fake = FakeTemplate(SPEED)
    cable = Cable(fake, loop)
    stack.enter_context(serial_port(cable))
    return Bench(
        lambda: Template(TemplateOptions(port="/dev/ttyUSB0"), "r"),
        fake,
        cable,
        heat=lambda: fake.heats,
        fan=lambda: fake.fan,
        faults=cable.faults,
        mute=set_to(fake, "answers", on=False, off=True),
        stick=set_to(fake, "stuck_heater", on=60, off=None),
        power_cycle=fake.power_cycle,
    )


class Rig:
    """The driver, its machine and the cable between them, in virtual time."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.stack = ExitStack()
        bench = template(self.loop, self.stack)
        self.fake, self.cable, self.make = bench.fake, bench.link, bench.make

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            self.loop.run(work)
        finally:
            self.stack.close()
            self.loop.close()


def test_template_reads_sets_and_turns_heat_off_when_closed() -> None:
    rig = Rig()

    async def work() -> None:
        rig.fake.heater = 70  # left on by an earlier host
        async with rig.make() as driver:
            assert rig.fake.heater == 0
            await driver.write(Actuator.HEATER, 40.9)
            await driver.write(Actuator.FAN, 30.1)
            reading = await driver.read()
            while reading.heater_percent != 40:
                reading = await driver.read()
            assert (rig.fake.heater, rig.fake.fan) == (40, 31)
            assert reading.bean_temp_c == pytest.approx(rig.fake.thermal.bean_c, abs=2)
            await driver.make_safe()
            assert (rig.fake.heater, rig.fake.fan) == (0, 100)
            await driver.write(Actuator.HEATER, 20)
            with pytest.raises(BadInputError, match="can't set its drum"):
                await driver.write(Actuator.DRUM, 50)
        assert rig.fake.heater == 0

    rig.run(work())


def test_template_explains_a_machine_that_does_not_reply() -> None:
    rig = Rig()
    rig.fake.answers = False

    async def work() -> None:
        with pytest.raises(LostError, match="No Example replies"):
            await rig.make().__aenter__()
        assert len(asyncio.all_tasks()) == 1  # only this one: nothing is left behind

    rig.run(work())


def test_template_raises_when_unplugged_or_silent_and_reopens() -> None:
    rig = Rig()

    async def work() -> None:
        driver = rig.make()
        async with driver:
            for _ in range(2):
                await driver.read()
            rig.cable.pull()  # between two requests
            pulled_s = rig.loop.time()
            with pytest.raises(LostError, match="is gone"):
                await read_for_ever(driver)
            assert rig.loop.time() - pulled_s < 0.1  # at once, not with the next request
        rig.cable.plug()
        async with driver:
            await driver.read()
            rig.fake.answers = False
            with pytest.raises(LostError, match="nothing valid"):
                await read_for_ever(driver)

    rig.run(work())


def test_template_counts_a_restart_and_does_not_heat_again() -> None:
    rig = Rig()

    async def work() -> None:
        async with rig.make() as driver:
            await driver.write(Actuator.HEATER, 60)
            while (await driver.read()).heater_percent != 60:
                pass
            rig.fake.power_cycle()
            while driver.restarts == 0:
                await driver.read()
            await asyncio.sleep(3)
            assert rig.fake.heater == 0

    rig.run(work())


def test_template_survives_random_lives() -> None:
    lives(template, 10, derandomize=True)


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_template_survives_many_random_lives() -> None:
    lives(template, 200)
