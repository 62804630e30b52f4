"""TC4 lines and dialects, and the driver against a fake board."""

import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.drivers.tc4 import Tc4, Tc4Line, Tc4Options, decode
from roastwatch.roaster.transport.line_splitter import LineSplitter
from roastwatch.roaster.transport.spike_filter import SpikeFilter
from roastwatch.vocabulary import Actuator
from tests.fakes.line import PtyLine, every_split, read_for_ever, tcp_line
from tests.fakes.tc4 import FakeTc4
from tests.support.until import until


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("25.1,210.0,190.4,60,30,0.0", Tc4Line(25.1, 210.0, 190.4, 60, 30)),
        ("25.1,210.0,190.4", Tc4Line(25.1, 210.0, 190.4)),
        ("0.0,190,190,55,40,0", Tc4Line(0, 190, 190, 55, 40)),
        ("25.1,,190.4,60,30,185.00", Tc4Line(25.1, None, 190.4, 60, 30)),
        ("25.1,210.0,190.4,20.0,21.0,60,30,0.0", Tc4Line(25.1, 210.0, 190.4, 60, 30)),
        ("25.1,210.0,190.4,60,30", None),
        ("25.1,210.0", None),
        ("25.1,210.0,1x0.4,60,30,0.0", None),
        ("25.1,210.0,190.4,160,30,0.0", None),
        ("25.1,210.0,1e3,60,30,0.0", None),
        ("25.1,nan,inf,60,30,0.0", None),
        ("READ", None),
        ("", None),
        (",,,,,", None),
    ],
)
def test_replies(text: str, line: Tc4Line | None) -> None:
    assert decode(text) == line


def test_cyberroaster_sends_five_fields() -> None:
    assert decode("25.0,210.0,190.4,60,30", five=True) == Tc4Line(25, 210, 190.4, 60, 30)
    assert decode("25.0,210.0,190.4,60,30,0", five=True) is None


def test_lines_at_each_split() -> None:
    text = b"# Active channels set to 1200\r\n25.0,210.0,190.4,60,30,0.0\r\n"
    for first, second in every_split(text):
        lines = LineSplitter()
        assert lines.feed(first) + lines.feed(second) == text.decode().split("\r\n")[:2]


@given(st.lists(st.binary(max_size=200)))
def test_noise_makes_no_reading(pieces: list[bytes]) -> None:
    lines = LineSplitter()
    for piece in pieces:
        for text in lines.feed(piece):
            line = decode(text)
            assert line is None or line.heater is None or 0 <= line.heater <= 100


def test_lost_digit_is_ignored() -> None:
    probe = SpikeFilter()
    assert probe.take(201.3, 0) == 201.3
    assert probe.take(21.3, 1) is None
    assert probe.take(202.0, 2) == 202.0
    assert probe.take(90.0, 3) is None
    assert probe.take(88.0, 4) == 88.0
    assert probe.take(0.0, 5) is None
    assert probe.take(float("nan"), 6) is None
    assert probe.take(1000.0, 7) is None


def driver(port: object, **options: Any) -> Tc4:
    return Tc4(Tc4Options(**{"port": str(port), "period_s": 0.2, **options}), "kitchen")


async def test_starts_as_artisan_does(tmp_path: Path) -> None:
    fake = FakeTc4()
    fake.ot1 = 80
    fake.thermal.speed = 0
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        reading = await tc4.read()
        assert fake.lines[:3] == ["CHAN;1200", "UNITS;C", "OT1;0"]
        assert "READ" in fake.lines
        assert (reading.heater_percent, reading.fan_percent) == (0, 0)
        assert (reading.bean_temp_c, reading.environment_temp_c) == (25, 25)
        assert fake.ot1 == 0
        assert tc4.capabilities.when_host_is_gone == "holds"


async def test_outputs_and_make_safe(tmp_path: Path) -> None:
    fake = FakeTc4()
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        await tc4.write(Actuator.FAN, 33.2)
        await tc4.write(Actuator.HEATER, 60.9)
        await until(lambda: (fake.ot1, fake.ot2) == (60, 34))
        with pytest.raises(BadInputError, match="can't set its drum"):
            await tc4.write(Actuator.DRUM, 100)
        with pytest.raises(BadInputError, match="0 to 100"):
            await tc4.write(Actuator.HEATER, 101)
        fake.pid_on, fake.ot1 = True, 77  # the board's own PID was turned on
        await tc4.make_safe()
        await until(lambda: (fake.ot1, fake.ot2, fake.pid_on) == (0, 100, False))
        await tc4.write(Actuator.HEATER, 20)
        await until(lambda: fake.ot1 == 20)
    await until(lambda: fake.ot1 == 0)


@pytest.mark.parametrize(("fan", "name"), [("io3", "io3"), ("dcfan", "dcfan")])
async def test_fan_may_be_on_another_output(tmp_path: Path, fan: str, name: str) -> None:
    fake = FakeTc4()
    async with PtyLine(fake, tmp_path) as line, driver(line.port, fan_output=fan) as tc4:
        await tc4.write(Actuator.FAN, 40)
        await until(lambda: getattr(fake, name) == 40)
        await tc4.make_safe()
        await until(lambda: getattr(fake, name) == 100)
        assert fake.ot2 == 0


async def test_drum_may_be_on_its_own_output(tmp_path: Path) -> None:
    fake = FakeTc4()
    async with PtyLine(fake, tmp_path) as line, driver(line.port, drum_output="io3") as tc4:
        await tc4.write(Actuator.DRUM, 70)
        await until(lambda: fake.io3 == 70)
        await tc4.make_safe()
        await until(lambda: (fake.io3, fake.ot2) == (100, 100))
    with pytest.raises(BadInputError, match="both be on ot2"):
        driver("x", drum_output="ot2")


async def test_htri_uses_dcfan_for_its_fan(tmp_path: Path) -> None:
    fake = FakeTc4()
    async with PtyLine(fake, tmp_path) as line, driver(line.port, dialect="htri") as tc4:
        await tc4.make_safe()
        await until(lambda: fake.dcfan == 100)


async def test_lost_heat_off_is_repeated(tmp_path: Path) -> None:
    fake = FakeTc4()
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        await tc4.write(Actuator.HEATER, 20)
        await until(lambda: fake.ot1 == 20)
        fake.ot1 = 90  # as if `OT1;20` had arrived corrupted
        await until(lambda: fake.ot1 == 20)
        fake.ot1 = 0  # never raised again by itself
        seen = len(fake.lines)
        await until(lambda: len(fake.lines) > seen + 4)
        assert fake.ot1 == 0


async def test_board_that_boots_and_replies_late_is_opened(tmp_path: Path) -> None:
    fake = FakeTc4(boot_s=1.5, delay_s=0.7)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        assert (await tc4.read()).bean_temp_c == 25


async def test_firmware_without_chan_reply_and_outputs_is_opened(tmp_path: Path) -> None:
    fake = FakeTc4(answers_chan=False, old_firmware=True)
    fake.channels = "1200"
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        reading = await tc4.read()
        assert reading.bean_temp_c == 25
        assert reading.heater_percent is None


async def test_heater_that_does_not_obey_is_reported(tmp_path: Path) -> None:
    fake = FakeTc4()
    fake.stuck_heater = 55
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        assert (await tc4.read()).heater_percent == 55
        assert Actuator.HEATER in tc4.capabilities.echoes  # so heat stays refused


async def test_skywalker(tmp_path: Path) -> None:
    fake = FakeTc4(kind="skywalker")
    async with PtyLine(fake, tmp_path) as line:
        async with driver(line.port, dialect="skywalker") as tc4:
            await tc4.write(Actuator.DRUM, 100)
            await tc4.write(Actuator.HEATER, 70)
            await until(lambda: (fake.drum, fake.ot1) == (100, 70))
            reading = await tc4.read()
            assert reading.bean_temp_c == 25
            assert reading.environment_temp_c is None
            await tc4.make_safe()
            await until(lambda: (fake.ot1, fake.drum, fake.cool, fake.ot2) == (0, 100, 100, 100))
        fake.tick(11)
        assert (fake.drum, fake.ot2) == (0, 0)


async def test_skywalker_stays_awake_without_reads(tmp_path: Path) -> None:
    fake = FakeTc4(kind="skywalker")
    async with PtyLine(fake, tmp_path) as line, driver(line.port, dialect="skywalker"):
        fake.drum = 100

        def read_again(reads: int) -> bool:
            return fake.lines.count("READ") > reads

        for _ in range(4):
            fake.tick(5)
            reads = fake.lines.count("READ")
            await until(partial(read_again, reads))
        assert fake.drum == 100


async def test_cyberroaster_gets_heat_off_first(tmp_path: Path) -> None:
    fake = FakeTc4(kind="cyberroaster")
    async with PtyLine(fake, tmp_path) as line:
        assert fake.ot1 == 70
        async with driver(line.port, dialect="cyberroaster") as tc4:
            assert fake.lines[0] == "OT1,0"
            assert (await tc4.read()).heater_percent == 0
            await tc4.write(Actuator.DRUM, 10)
            await until(lambda: fake.drum == 60)
        await until(lambda: fake.lines[-1] == "OT1,0")


async def test_unplug_and_replug(tmp_path: Path) -> None:
    fake = FakeTc4()
    async with PtyLine(fake, tmp_path) as line:
        async with driver(line.port) as tc4:
            await tc4.write(Actuator.HEATER, 70)
            await until(lambda: fake.ot1 == 70)
            line.unplug()
            with pytest.raises(LostError):
                await read_for_ever(tc4)
            with pytest.raises(LostError):
                await tc4.make_safe()
        assert fake.ot1 == 70  # it keeps heating, which is why it needs a cut-off
        line.plug()
        async with driver(line.port) as again:
            assert fake.ot1 == 0
            assert (await again.read()).heater_percent == 0


async def test_silent_board_is_lost(tmp_path: Path) -> None:
    fake = FakeTc4()
    async with PtyLine(fake, tmp_path) as line, driver(line.port, silence_s=0.5) as tc4:
        fake.answers = False
        with pytest.raises(LostError, match="nothing valid"):
            await read_for_ever(tc4)


async def test_noise_makes_no_implausible_reading_on_a_bad_line(tmp_path: Path) -> None:
    fake = FakeTc4()
    async with PtyLine(fake, tmp_path) as line:
        line.faults.cut = line.faults.echo = True
        line.faults.noise = line.faults.corrupt = line.faults.lose = 0.2
        line.faults.random = random.Random(5)
        async with driver(line.port, silence_s=20, reply_s=0.2) as tc4:
            for _ in range(6):
                reading = await tc4.read()
                assert reading.bean_temp_c is None or 1 <= reading.bean_temp_c <= 350


async def test_restarted_board_gets_its_unit_again(tmp_path: Path) -> None:
    fake = FakeTc4()
    fake.thermal.bean_c = fake.thermal.air_c = 180
    fake.thermal.speed = 0
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        assert (await tc4.read()).bean_temp_c == 180
        fake.celsius, fake.channels = False, "2100"
        await until(lambda: fake.celsius and fake.channels == "1200")
        for _ in range(4):
            reading = await tc4.read()
        assert reading.bean_temp_c == 180


async def test_over_tcp() -> None:
    fake = FakeTc4()
    async with tcp_line(fake) as port, driver(port) as tc4:
        assert (await tc4.read()).bean_temp_c == 25


async def test_another_machine_is_refused(tmp_path: Path) -> None:
    fake = FakeTc4()
    fake.received = lambda data: fake.send(b"\xa5\x96" * 18)  # type: ignore[method-assign]
    async with PtyLine(fake, tmp_path) as line:
        with pytest.raises(BadInputError, match="is not a TC4"):
            await driver(line.port, first_reply_s=0.5, reply_s=0.2).__aenter__()


@pytest.mark.parametrize("dialect", ["skywalker", "cyberroaster"])
def test_dialect_is_unproven_before_opening(dialect: str) -> None:
    assert driver("x", dialect=dialect).capabilities.needs_cutoff


async def test_tc4_configured_as_skywalker_needs_a_cutoff(tmp_path: Path) -> None:
    fake = FakeTc4()
    async with PtyLine(fake, tmp_path) as line, driver(line.port, dialect="skywalker") as tc4:
        assert (await tc4.read()).heater_percent == 0
        assert tc4.capabilities.needs_cutoff
    silent = FakeTc4(answers_chan=False)
    async with PtyLine(silent, tmp_path) as line, driver(line.port, dialect="skywalker") as tc4:
        assert tc4.capabilities.needs_cutoff


async def test_dialects_are_proven_by_their_replies(tmp_path: Path) -> None:
    for kind in ("skywalker", "cyberroaster"):
        fake = FakeTc4(kind=kind)
        async with PtyLine(fake, tmp_path) as line, driver(line.port, dialect=kind) as tc4:
            assert tc4.capabilities.when_host_is_gone == "off"


async def test_board_that_loses_its_heat_has_restarted(tmp_path: Path) -> None:
    fake = FakeTc4(speed=0)
    fake.thermal.bean_c, fake.thermal.air_c = 180, 200
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        await tc4.write(Actuator.FAN, 40)
        await tc4.write(Actuator.HEATER, 60)
        for _ in range(3):
            assert (await tc4.read()).bean_temp_c == 180
        assert tc4.restarts == 0
        fake.restart()
        await until(lambda: tc4.restarts == 1)
        await until(lambda: fake.celsius and fake.channels == "1200")
        for _ in range(4):
            reading = await tc4.read()
        assert (reading.bean_temp_c, reading.heater_percent, fake.ot1) == (180, 0, 0)
        assert tc4.restarts == 1


@pytest.mark.parametrize("kind", ["skywalker", "cyberroaster"])
async def test_other_dialects_that_lose_their_heat_have_restarted(
    tmp_path: Path, kind: str
) -> None:
    fake = FakeTc4(speed=0, kind=kind)
    async with PtyLine(fake, tmp_path) as line, driver(line.port, dialect=kind) as tc4:
        await tc4.write(Actuator.HEATER, 90)
        while (await tc4.read()).heater_percent != 90:
            pass
        fake.restart()
        fake.ot1 = 0
        await until(lambda: tc4.restarts == 1)
        fake.ot1 = 70  # what a Cyberroaster sets when it is connected
        await until(lambda: fake.ot1 == 0)


async def test_unrequested_greeting_is_a_restart(tmp_path: Path) -> None:
    fake = FakeTc4(speed=0, kind="skywalker")
    fake.banner = "# SkyCommand"
    async with PtyLine(fake, tmp_path) as line, driver(line.port, dialect="skywalker") as tc4:
        tc4._chan_asked_s -= 60
        fake.restart()
        await until(lambda: tc4.restarts == 1)
        assert tc4.capabilities.when_host_is_gone == "off"  # that greeting is no contradiction


async def test_cold_board_that_sends_fahrenheit_again_has_restarted(tmp_path: Path) -> None:
    fake = FakeTc4(speed=0)
    fake.thermal.bean_c, fake.thermal.air_c = 180, 200
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        await tc4.read()
        fake.restart()
        await until(lambda: tc4.restarts == 1)
        await until(lambda: fake.celsius and fake.channels == "1200")


async def test_heat_that_is_never_reported_is_not_a_restart(tmp_path: Path) -> None:
    fake = FakeTc4(speed=0)
    fake.stuck_heater = 0
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        await tc4.write(Actuator.HEATER, 60)
        for _ in range(4):
            assert (await tc4.read()).heater_percent == 0
        assert (tc4.restarts, fake.ot1) == (0, 60)


async def test_temperature_of_a_fire_is_reported_as_read(tmp_path: Path) -> None:
    fake = FakeTc4(speed=0)
    fake.thermal.bean_c = fake.thermal.air_c = 412
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as tc4:
        assert (await tc4.read()).bean_temp_c == 412
