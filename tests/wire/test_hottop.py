"""The Hottop's frames, byte for byte, and its driver against a fake machine."""

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.driver import SilentError
from roastwatch.roaster.drivers.hottop import Hottop, HottopOptions, Unit
from roastwatch.roaster.drivers.hottop_frames import HottopParser, HottopSetpoints, decode, encode
from roastwatch.vocabulary import Actuator
from tests.fakes.hottop import FakeHottop
from tests.fakes.line import PtyLine, every_split, read_for_ever, tcp_line
from tests.support.until import until


def frame_of(bean: int = 190, air: int = 210, heater: int = 60) -> bytes:
    fake = FakeHottop()
    fake.thermal.bean_c, fake.thermal.air_c, fake.heater, fake.drum = bean, air, heater, 1
    return fake.status()


@pytest.mark.parametrize(
    ("controls", "tail", "check"),
    [
        (HottopSetpoints(drum=False), {}, 0xB1),
        (HottopSetpoints(), {17: 1}, 0xB2),
        (HottopSetpoints(heater=100, main_fan=1), {10: 100, 12: 1, 17: 1}, 0x17),
        (
            HottopSetpoints(main_fan=10, door_open=True, cooling=True),
            {12: 10, 16: 1, 17: 1, 18: 1},
            0xBE,
        ),
    ],
)
def test_documented_command_frames(
    controls: HottopSetpoints, tail: dict[int, int], check: int
) -> None:
    expected = bytearray(36)
    expected[:7] = bytes.fromhex("A596B0A0010124")
    for at, value in tail.items():
        expected[at] = value
    expected[35] = check
    assert encode(controls) == bytes(expected)


def test_heater_turns_the_drum() -> None:
    assert encode(HottopSetpoints(heater=10, drum=False))[17] == 1


def test_status_is_read_at_each_split() -> None:
    frame = frame_of()
    for first, second in every_split(frame):
        parser = HottopParser()
        found = parser.feed(first) + parser.feed(second)
        assert [(s.bean, s.environment, s.heater) for s in found] == [(190, 210, 60)]


def test_own_echo_is_not_a_status() -> None:
    parser = HottopParser()
    assert parser.feed(encode(HottopSetpoints())) == []
    assert len(parser.feed(encode(HottopSetpoints(heater=5)) + frame_of())) == 1


def test_every_single_bit_error_is_refused() -> None:
    frame = frame_of()
    for bit in range(36 * 8):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << (bit % 8)
        assert decode(bytes(broken)) is None


def test_implausible_actuators_are_refused_even_with_a_good_checksum() -> None:
    for at, value in ((10, 101), (11, 11), (12, 200), (16, 2), (17, 9), (18, 3), (19, 7)):
        frame = bytearray(frame_of())
        frame[at] = value
        frame[35] = sum(frame[:35]) & 0xFF
        assert decode(bytes(frame)) is None


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(b"\xa5"), st.just(b"\xa5\x96"))))
def test_noise_hides_at_most_the_frames_it_touches(noise: list[bytes]) -> None:
    parser = HottopParser()
    for piece in noise:
        for status in parser.feed(piece):
            assert status.heater <= 100
    parser.feed(frame_of())  # may complete a false start
    assert any(s.bean == 190 for s in parser.feed(frame_of()) + parser.feed(bytes(36)))


def test_cut_and_joined_stream() -> None:
    stream = b"".join(frame_of(bean) for bean in range(100, 160))
    parser, found, shuffle = HottopParser(), [], random.Random(1)
    while stream:
        take = shuffle.randrange(1, 60)
        found += parser.feed(stream[:take])
        stream = stream[take:]
    assert [s.bean for s in found] == list(range(100, 160))


def driver(port: object, **options: Any) -> Hottop:
    return Hottop(HottopOptions(port=str(port), **options), "kitchen")


async def test_reading_sends_nothing_and_leaves_control_to_the_panel(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    fake.heater, fake.drum, fake.main_fan, fake.thermal.bean_c = 60, 1, 3, 150  # by its panel
    async with PtyLine(fake, tmp_path) as line:
        async with driver(line.port) as hottop:
            for _ in range(5):
                reading = await hottop.read()
            assert (reading.heater_percent, reading.bean_temp_c) == (60, 150)
        assert fake.commands == []
        await asyncio.sleep(1.3)
    assert (fake.ejected, fake.heater, fake.drum) == (False, 60, 1)


async def test_first_write_takes_control_with_heat_off_and_drum_on(tmp_path: Path) -> None:
    fake = FakeHottop()
    fake.heater = 80  # by its panel
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        await hottop.write(Actuator.HEATER, 0)
        await until(lambda: fake.heater == 0)
        assert fake.commands[0] == encode(HottopSetpoints())
        for _ in range(2):
            reading = await hottop.read()
        assert (reading.heater_percent, reading.drum_percent) == (0, 100)
        assert reading.bean_temp_c == 25


async def test_make_safe_takes_control(tmp_path: Path) -> None:
    fake = FakeHottop()
    fake.heater = 80
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        await hottop.make_safe()
        await until(lambda: (fake.heater, fake.drum, fake.main_fan) == (0, 1, 10))


async def test_wake_sends_frames_to_a_machine_that_needs_them_first(tmp_path: Path) -> None:
    fake = FakeHottop(reads_before_first=3)
    async with PtyLine(fake, tmp_path) as line:
        with pytest.raises(LostError, match="wake: true"):
            await driver(line.port, first_frame_s=0.8).__aenter__()
        assert fake.commands == []
        async with driver(line.port, wake=True) as hottop:
            assert (await hottop.read()).bean_temp_c == 25
            assert {frame[10] for frame in fake.commands} == {0}


async def test_lost_status_frames_never_stop_the_command_frames(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        await hottop.write(Actuator.HEATER, 60)
        await until(lambda: fake.heater == 60)
        fake.talks = False
        silences = 0
        async with asyncio.timeout(20):
            while silences < 3:
                try:
                    await hottop.read()
                except SilentError:
                    silences += 1
        assert (fake.heater, fake.ejected) == (0, False)
        fake.talks = True
        assert (await hottop.read()).heater_percent == 0
        assert fake.longest_gap_s < 0.9


async def test_loose_plug_is_reopened_before_the_machine_ejects(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        await hottop.write(Actuator.HEATER, 60)
        await until(lambda: fake.heater == 60)
        line.unplug()
        await asyncio.sleep(0.3)
        line.plug()
        for _ in range(4):
            reading = await hottop.read()
        assert (reading.heater_percent, hottop.restarts) == (0, 1)
        assert (fake.ejected, fake.heater, fake.drum) == (False, 0, 1)
        assert fake.longest_gap_s < 1


async def test_restarted_machine_is_not_heated_again(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        await hottop.write(Actuator.HEATER, 60)
        await until(lambda: fake.heater == 60)
        await asyncio.sleep(1.2)
        fake.power_cycle()
        fake.tick(0.3)  # its first status comes before our next frame
        await until(lambda: hottop.restarts == 1)
        for _ in range(4):
            reading = await hottop.read()
        assert (reading.heater_percent, fake.heater) == (0, 0)
        assert fake.drum == 1


async def test_temperature_of_a_fire_is_reported_as_read(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    fake.thermal.bean_c = fake.thermal.air_c = 420
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        assert (await hottop.read()).bean_temp_c == 420


async def test_writes_show_in_the_reading(tmp_path: Path) -> None:
    fake = FakeHottop()
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        await hottop.write(Actuator.FAN, 25)
        await hottop.write(Actuator.HEATER, 60.9)
        await until(lambda: (fake.heater, fake.main_fan, fake.fan) == (60, 3, 0))
        await hottop.write(Actuator.DOOR, 100)
        await until(lambda: fake.commands[-1][35] == 0xBE)
        with pytest.raises(BadInputError, match="door is open"):
            await hottop.write(Actuator.HEATER, 20)
        await hottop.write(Actuator.DOOR, 0)
        await hottop.write(Actuator.HEATER, 20)
        await hottop.make_safe()
        await until(lambda: fake.heater == 0)
        assert (fake.drum, fake.cooling, fake.main_fan, fake.door) == (1, 1, 10, 0)
        assert not fake.ejected


async def test_frames_continue_without_commands(tmp_path: Path) -> None:
    fake = FakeHottop()
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        await hottop.write(Actuator.FAN, 10)
        before = len(fake.commands)
        await until(lambda: len(fake.commands) >= before + 8)
        assert not fake.ejected


async def test_silence_of_the_host_ejects(tmp_path: Path) -> None:
    """What all of this is for: the fake does what the machine does."""
    fake = FakeHottop()
    async with PtyLine(fake, tmp_path) as line:
        async with driver(line.port) as hottop:
            await hottop.write(Actuator.FAN, 10)
        await until(lambda: fake.ejected)


async def test_hot_machine_is_released_only_after_cooling(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    fake.thermal.bean_c, fake.thermal.air_c = 215, 230
    async with PtyLine(fake, tmp_path) as line:
        async with driver(line.port) as hottop:
            await hottop.write(Actuator.HEATER, 50)
            await until(lambda: fake.heater == 50)
            fake.thermal.speed = 200
        assert not fake.ejected
        assert fake.thermal.bean_c < 181
        assert (fake.heater, fake.drum, fake.cooling) == (0, 1, 1)


async def test_heater_that_does_not_obey_is_reported_as_read(tmp_path: Path) -> None:
    """The guardian compares: more heat than was set is a fault there."""
    fake = FakeHottop()
    fake.stuck_heater = 70
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        await hottop.write(Actuator.HEATER, 0)
        for _ in range(3):
            reading = await hottop.read()
        assert reading.heater_percent == 70


async def test_silent_machine_that_is_only_read_is_lost(tmp_path: Path) -> None:
    fake = FakeHottop()
    async with PtyLine(fake, tmp_path) as line, driver(line.port, silence_s=0.5) as hottop:
        fake.talks = False
        with pytest.raises(LostError, match="nothing valid") as lost:
            await read_for_ever(hottop)
        assert not isinstance(lost.value, SilentError)


async def test_unplug_and_replug(tmp_path: Path) -> None:
    fake = FakeHottop()
    async with PtyLine(fake, tmp_path) as line:
        async with driver(line.port) as hottop:
            await hottop.write(Actuator.HEATER, 70)
            line.unplug()
            with pytest.raises(LostError):
                await read_for_ever(hottop)
            with pytest.raises(LostError):
                await hottop.write(Actuator.HEATER, 10)
        fake.heater = 70
        fake.powered, fake.in_control, fake.commands = True, False, []
        line.plug()
        async with driver(line.port) as again:
            await again.write(Actuator.HEATER, 0)
            await again.read()
            assert (await again.read()).heater_percent == 0
            assert all(frame[10] == 0 for frame in fake.commands)


async def test_noise_echo_and_cuts(tmp_path: Path) -> None:
    fake = FakeHottop()
    async with PtyLine(fake, tmp_path) as line:
        line.faults.cut = line.faults.echo = True
        line.faults.noise = 0.5
        line.faults.corrupt = 0.3
        async with driver(line.port) as hottop:
            await hottop.write(Actuator.HEATER, 0)
            for _ in range(8):
                reading = None
                while reading is None:
                    with contextlib.suppress(SilentError):
                        reading = await hottop.read()
                assert reading.bean_temp_c == 25
                assert reading.heater_percent == 0


async def test_over_tcp_and_fahrenheit() -> None:
    fake = FakeHottop()
    fake.thermal.bean_c = 392
    async with (
        tcp_line(fake) as port,
        driver(port, unit=Unit.FAHRENHEIT, release_below_c=180) as hottop,
    ):
        reading = await hottop.read()
        assert reading.bean_temp_c == pytest.approx(200, abs=2)
        assert reading.environment_temp_c is None  # 25 °F is below 1 °C
        fake.thermal.bean_c = 100


async def test_wrong_ports_are_explained(tmp_path: Path) -> None:
    with pytest.raises(LostError, match="does not exist"):
        await driver(tmp_path / "none").__aenter__()
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="serial port"):
        await driver(tmp_path / "file").__aenter__()
    with pytest.raises(LostError, match="Nothing replies"):
        await driver("socket://127.0.0.1:1").__aenter__()
    with pytest.raises(BadInputError, match="not a valid address"):
        await driver("socket://nowhere").__aenter__()


async def test_port_in_use_is_explained(tmp_path: Path) -> None:
    fake = FakeHottop()
    async with PtyLine(fake, tmp_path) as line, driver(line.port):
        with pytest.raises(LostError, match="in use"):
            await driver(line.port).__aenter__()


async def test_another_machine_on_the_port_is_refused(tmp_path: Path) -> None:
    fake = FakeHottop()
    fake.status = lambda: b"25.0,25.0,25.0\r\n"  # type: ignore[method-assign]
    async with PtyLine(fake, tmp_path) as line:
        with pytest.raises(BadInputError, match="is not a Hottop"):
            await driver(line.port, first_frame_s=1.5).__aenter__()
    async with PtyLine(FakeHottop(reads_before_first=10**6), tmp_path) as line:
        with pytest.raises(LostError, match="No Hottop replies"):
            await driver(line.port, first_frame_s=1.0).__aenter__()


@pytest.mark.parametrize(("bean_c", "door"), [(190, 1), (40, 0)])
async def test_taking_control_during_a_drop_keeps_the_door_open(
    tmp_path: Path, bean_c: float, door: int
) -> None:
    fake = FakeHottop(speed=0)
    fake.door, fake.main_fan, fake.thermal.bean_c = 1, 10, bean_c
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as hottop:
        await hottop.write(Actuator.HEATER, 0)
        await until(lambda: len(fake.commands) >= 3)
        fake.thermal.bean_c = 40  # otherwise the driver keeps control while the beans are hot
    assert {frame[16] for frame in fake.commands} == {door}


async def test_a_machine_that_is_silent_for_long_is_given_up(tmp_path: Path) -> None:
    """Off at its switch, but its USB chip has power from this computer."""
    fake = FakeHottop(speed=0)
    async with (
        PtyLine(fake, tmp_path) as line,
        driver(line.port, silence_s=0.5, release_after_s=1.5) as hottop,
    ):
        await hottop.write(Actuator.HEATER, 60)
        fake.talks = fake.powered = False
        errors: list[LostError] = []
        async with asyncio.timeout(20):
            while not errors or isinstance(errors[-1], SilentError):
                try:
                    await hottop.read()
                except LostError as error:
                    errors.append(error)
        assert isinstance(errors[0], SilentError)
        assert "control ends" in str(errors[-1])
        assert fake.commands[-1][10] == 0
