"""Bullet R1 and R2: frames byte for byte, and the drivers on a fake USB layer."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.drivers import aillio_r1, aillio_r2
from roastwatch.roaster.drivers.aillio import AillioOptions, Levels
from roastwatch.roaster.drivers.aillio_r1 import AillioR1
from roastwatch.roaster.drivers.aillio_r2 import AillioR2
from roastwatch.vocabulary import Actuator
from tests.fakes.aillio import FakeBullet, FakeR1, FakeR2
from tests.fakes.line import read_for_ever
from tests.support.until import until

BOTH = [(AillioR1, FakeR1), (AillioR2, FakeR2)]


def test_documented_commands() -> None:
    step = aillio_r2.step
    assert aillio_r2.command(bytes.fromhex("30010000")).hex() == "30010000ae1a21db"
    assert step(Actuator.HEATER, True).hex() == "3401aaaa90e5e4f1"
    assert step(Actuator.HEATER, False).hex() == "3402aaaa19108df3"
    assert step(Actuator.FAN, True).hex() == "3101aaaa22337c51"
    assert step(Actuator.FAN, False).hex() == "3102aaaaabc61553"
    assert step(Actuator.DRUM, True).hex() == "3201aaaa4c810b31"
    assert aillio_r2.preheat(200).hex() == "350000c8ba1de301"
    assert aillio_r1.step(Actuator.HEATER, True, 5).hex() == "3401aaaa"
    assert aillio_r1.step(Actuator.HEATER, False, 5).hex() == "3402aaaa"
    assert aillio_r1.step(Actuator.FAN, True, 5).hex() == "3101aaaa"
    assert aillio_r1.step(Actuator.FAN, False, 5).hex() == "3102aaaa"
    assert aillio_r1.step(Actuator.DRUM, True, 5).hex() == "32010500"


def test_status_frames() -> None:
    for decode, fake in ((aillio_r1.decode, FakeR1()), (aillio_r2.decode, FakeR2())):
        fake.thermal.bean_c, fake.thermal.air_c = 190.5, 210.0
        fake.heater, fake.fan, fake.drum = 7, 4, 9
        status = decode(fake.status())
        assert status is not None
        assert status.levels == Levels(7, 4, 9)
        assert status.bean_c == 190.5
        for size in range(64):
            assert decode(fake.status()[:size]) is None  # cut at each offset
        fake.heater = 15
        assert decode(fake.status()) is None
        fake.heater, fake.thermal.bean_c = 7, float("nan")
        status = decode(fake.status())
        assert status is not None
        assert status.bean_c is None
    assert aillio_r1.decode(FakeR1().status(valid=False)) is None


@given(st.binary(min_size=64, max_size=64))
def test_noise_makes_no_implausible_status(raw: bytes) -> None:
    for status in (
        aillio_r1.decode(raw),
        aillio_r2.decode(raw),
        aillio_r2.decode(b"\xa0" + raw[1:]),
    ):
        assert status is None or status.bean_c is None or status.bean_c >= 1
        assert status is None or 0 <= status.levels.heater <= 14


def driver(kind: type, fake: FakeBullet, **options: Any) -> AillioR1 | AillioR2:
    built = kind(AillioOptions(**options), "kitchen", open_pipes=lambda: fake)
    assert isinstance(built, AillioR1 | AillioR2)
    return built


@pytest.mark.parametrize(("kind", "make"), BOTH)
async def test_steps_and_make_safe(kind: type, make: type[FakeBullet]) -> None:
    fake = make(speed=0)
    fake.heater = fake.heater_steps  # left on by an earlier host
    async with driver(kind, fake) as bullet:
        assert fake.heater == 0
        reading = await bullet.read()
        assert (reading.bean_temp_c, reading.heater_percent) == (25, 0)
        await bullet.write(Actuator.FAN, 50)
        await bullet.write(Actuator.DRUM, 78)
        await bullet.write(Actuator.HEATER, 60)
        wanted = int(0.6 * fake.heater_steps)
        await until(lambda: (fake.heater, fake.fan, fake.drum) == (wanted, 6, 7))
        sent = len(fake.commands)
        for _ in range(4):
            await bullet.read()
        assert len(fake.commands) == sent  # it stops stepping when the level is reached
        with pytest.raises(BadInputError, match="can't set its door"):
            await bullet.write(Actuator.DOOR, 100)
        await bullet.make_safe()
        await until(lambda: (fake.heater, fake.fan, fake.drum) == (0, 12, 9))
        await bullet.write(Actuator.HEATER, 30)
        await until(lambda: fake.heater > 0)
    assert fake.heater == 0
    assert fake.closed == 1


@pytest.mark.parametrize(("kind", "make"), BOTH)
async def test_unplug_and_replug(kind: type, make: type[FakeBullet]) -> None:
    fake = make(speed=0)
    async with driver(kind, fake) as bullet:
        await bullet.write(Actuator.HEATER, 100)
        await until(lambda: fake.heater == fake.heater_steps)
        fake.plugged = False
        with pytest.raises(LostError, match="gone"):
            await read_for_ever(bullet)
        with pytest.raises(LostError):
            await bullet.make_safe()
    fake.plugged = True
    async with driver(kind, fake) as again:
        assert fake.heater == 0
        assert (await again.read()).heater_percent == 0


@pytest.mark.parametrize("request_left", [b"\x30\x01", b"\x30\x03"])
async def test_r1_discards_answers_that_a_killed_process_left(request_left: bytes) -> None:
    """Otherwise each answer is taken for that of the next request, and heat stays on."""
    fake = FakeR1(speed=0)
    fake.heater = 5
    fake.write(request_left)
    async with driver(AillioR1, fake, first_status_s=1.5) as bullet:
        assert fake.heater == 0
        assert (await bullet.read()).heater_percent == 0


async def test_r1_finds_its_place_again_after_a_late_answer() -> None:
    fake = FakeR1(speed=0)
    async with driver(AillioR1, fake, silence_s=1.5) as bullet:
        await bullet.write(Actuator.HEATER, 60)
        await until(lambda: fake.heater == 5)
        fake.write(b"\x30\x03")
        await bullet.write(Actuator.HEATER, 0)
        for _ in range(4):
            reading = await bullet.read()
        assert (fake.heater, reading.heater_percent) == (0, 0)


@pytest.mark.parametrize(("kind", "make"), BOTH)
async def test_stuck_heater_is_reported_and_silence_is_lost(
    kind: type, make: type[FakeBullet]
) -> None:
    fake = make(speed=0)
    fake.heater, fake.stuck = 5, True
    async with driver(kind, fake, first_status_s=1.5) as bullet:
        assert ((await bullet.read()).heater_percent or 0) > 0
    fake = make(speed=0)
    fake.silent = True
    with pytest.raises(LostError, match="no valid status"):
        await driver(kind, fake, first_status_s=0.7).__aenter__()


@pytest.mark.parametrize(("kind", "make"), BOTH)
async def test_a_whole_roast_twice(kind: type, make: type[FakeBullet]) -> None:
    fake = make(speed=400)
    for _ in range(2):
        async with driver(kind, fake) as bullet:
            await bullet.write(Actuator.DRUM, 100)
            await bullet.write(Actuator.FAN, 25)
            await bullet.write(Actuator.HEATER, 80)
            hottest = 0.0
            while hottest < 190:
                hottest = max(hottest, (await bullet.read()).bean_temp_c or 0)
            await bullet.make_safe()
            await until(lambda: fake.heater == 0)
            while ((await bullet.read()).bean_temp_c or 999) > 120:
                pass
        assert fake.heater == 0


async def test_the_machines_crack_count_is_read() -> None:
    fake = FakeR2(speed=0)
    fake.cracks = 5
    async with driver(AillioR2, fake) as bullet:
        assert (await bullet.read()).crack_count == 5


async def test_missing_machine_is_lost() -> None:
    with pytest.raises(LostError, match=r"No Aillio|libusb"):
        await AillioR1(AillioOptions(), "kitchen").__aenter__()


@pytest.mark.parametrize(("kind", "make"), BOTH)
async def test_restarted_machine_is_not_stepped_up_again(
    kind: type, make: type[FakeBullet]
) -> None:
    fake = make(speed=0)
    async with driver(kind, fake) as bullet:
        await bullet.write(Actuator.FAN, 50)
        await bullet.write(Actuator.HEATER, 60)
        await until(lambda: fake.heater == int(0.6 * fake.heater_steps))
        for _ in range(3):
            await bullet.read()
        fake.heater, fake.fan, fake.drum = 0, 1, 1
        await until(lambda: bullet.restarts == 1)
        for _ in range(6):
            assert (await bullet.read()).heater_percent == 0
        assert fake.heater == 0


@pytest.mark.parametrize(("kind", "make"), BOTH)
async def test_heat_turned_down_at_the_machine_stays_down(
    kind: type, make: type[FakeBullet]
) -> None:
    fake = make(speed=0)
    async with driver(kind, fake) as bullet:
        await bullet.write(Actuator.HEATER, 60)
        wanted = int(0.6 * fake.heater_steps)
        await until(lambda: fake.heater == wanted)
        await asyncio.sleep(1.2)
        fake.heater -= 1
        for _ in range(6):
            await bullet.read()
        assert (fake.heater, bullet.restarts) == (wanted - 1, 0)


@pytest.mark.parametrize(("kind", "make"), BOTH)
async def test_temperature_of_a_fire_is_reported_as_read(
    kind: type, make: type[FakeBullet]
) -> None:
    fake = make(speed=0)
    fake.thermal.bean_c = fake.thermal.air_c = 420.0
    async with driver(kind, fake) as bullet:
        assert (await bullet.read()).bean_temp_c == 420
        fake.thermal.bean_c = float("nan")
        while (await bullet.read()).bean_temp_c is not None:
            pass
        assert "bean_temp_c" in bullet.doubts
