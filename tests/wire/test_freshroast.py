"""SR700 packets, and the driver against a fake machine with the known quirks."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.drivers.freshroast import FreshRoast, FreshRoastOptions
from roastwatch.roaster.drivers.freshroast_packets import (
    INIT,
    FreshRoastParser,
    Packet,
    State,
    decode,
    encode,
)
from roastwatch.vocabulary import Actuator
from tests.fakes.freshroast import COOLING, IDLE, ROASTING, SLEEPING, FakeFreshRoast
from tests.fakes.line import PtyLine, every_split, read_for_ever, tcp_line
from tests.support.guarded import guarded
from tests.support.until import until

REPLY = bytes.fromhex("AAAA61740002010132 01FF00AAFA")
HOT = bytes.fromhex("AAAA61740004020932 030160AAFA")


def test_documented_packets() -> None:
    assert bytes.fromhex("AA55617463000000 00000000AAFA") == INIT
    low = Packet(0x63, State.IDLE, 1, 0x3B, 1)
    assert encode(low) == bytes.fromhex("AAAA617463020101 3B010000AAFA")
    assert decode(REPLY) == Packet(0, State.IDLE, 1, 0x32, 1, None)
    assert decode(HOT) == Packet(0, State.ROASTING, 9, 0x32, 3, 352)
    assert decode(encode(low)) is None  # our own echo


def test_packets_at_each_split() -> None:
    for first, second in every_split(REPLY + HOT):
        parser = FreshRoastParser()
        assert parser.feed(first) + parser.feed(second) == [decode(REPLY), decode(HOT)]


def test_aa_in_the_body_is_not_a_header() -> None:
    tricky = bytes.fromhex("AAAA6174AF0402AA")  # a false start
    parser = FreshRoastParser()
    assert parser.feed(tricky + b"\xaa" * 5 + HOT) == [decode(HOT)]
    temp_aa = HOT[:10] + bytes.fromhex("00AA") + HOT[12:]  # 170 °F
    found = FreshRoastParser().feed(temp_aa + HOT)
    assert [packet.fahrenheit for packet in found] == [170, 352]


@given(st.binary(max_size=80))
def test_noise_hides_no_packet_after_it(noise: bytes) -> None:
    parser = FreshRoastParser()
    for packet in parser.feed(noise):
        assert packet.heat <= 3
    parser.feed(bytes(14))  # ends any packet that began in the noise
    assert parser.feed(HOT)[-1:] == [decode(HOT)]


@pytest.mark.parametrize(
    "change", [(2, 0), (4, 0x63), (4, 7), (5, 9), (7, 10), (8, 100), (9, 4), (10, 0), (13, 0)]
)
def test_implausible_packets(change: tuple[int, int]) -> None:
    raw = bytearray(HOT)
    raw[change[0]] = change[1]
    assert decode(bytes(raw)) is None


def test_packet_without_footer_at_250_fahrenheit_is_read() -> None:
    """As logged in freshroastsr700 issue 18."""
    logged = bytes.fromhex("aaaa617400040209060000fa aaaa617400040209060000fbaafa")
    whole = bytes.fromhex("aaaa617400040209060000fa aafa aaaa617400040209060000fbaafa")
    for stream in (logged, whole):
        assert [p.fahrenheit for p in FreshRoastParser().feed(stream)] == [250, 251]
        for first, second in every_split(stream):
            parser = FreshRoastParser()
            found = parser.feed(first) + parser.feed(second)
            assert [packet.fahrenheit for packet in found] == [250, 251]
    assert [p.fahrenheit for p in FreshRoastParser().feed(logged[:12])] == [
        250
    ]  # without waiting for more
    for fahrenheit in range(150, 1200):
        fake = FakeFreshRoast()
        fake.thermal.air_c = (fahrenheit - 32) / 1.8
        stream = fake.status() + fake.status() + HOT
        assert [p.fahrenheit for p in FreshRoastParser().feed(stream)] == [
            fahrenheit,
            fahrenheit,
            352,
        ]


def driver(port: object, **options: Any) -> FreshRoast:
    return FreshRoast(FreshRoastOptions(**{"port": str(port), **options}), "kitchen")


async def test_a_roast_and_its_end(tmp_path: Path) -> None:
    fake = FakeFreshRoast()
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as roaster:
        assert fake.packets[0] == INIT
        reading = await roaster.read()
        assert (reading.heater_percent, reading.environment_temp_c) == (0, 65)
        assert reading.bean_temp_c is None
        assert fake.state == IDLE
        await roaster.write(Actuator.FAN, 50)
        await roaster.write(Actuator.HEATER, 70)
        await until(lambda: (fake.state, fake.heat, fake.fan) == (ROASTING, 2, 5))
        assert fake.left_s <= 12  # the timer is the watchdog
        await until(lambda: fake.packets[-1][8] == 2)
        fake.thermal.air_c, fake.thermal.speed = 200, 0
        while (reading := await roaster.read()).environment_temp_c != pytest.approx(200, abs=1):
            assert reading.heater_percent in (0, 67)
        await roaster.write(Actuator.HEATER, 0)
        await until(lambda: (fake.state, fake.heat) == (COOLING, 0))  # heat 0 would be ignored
        await roaster.write(Actuator.HEATER, 100)
        await until(lambda: fake.heat == 3)
        await roaster.make_safe()
        await until(lambda: (fake.state, fake.heat, fake.fan) == (COOLING, 0, 9))
        assert fake.left_s > 60  # it keeps cooling after we close
        await roaster.write(Actuator.COOLING, 0)
        await roaster.write(Actuator.FAN, 0)
        for _ in range(4):
            await roaster.read()
        assert (fake.state, fake.fan) == (COOLING, 9)  # the air must not stop while it is hot
        fake.thermal.air_c = 40
        await until(lambda: fake.state == IDLE)
        with pytest.raises(BadInputError, match="can't set its drum"):
            await roaster.write(Actuator.DRUM, 100)


@pytest.mark.parametrize("celsius", [121.1, 196.0, 361.0, 600.0])
async def test_every_temperature_is_reported_as_read_and_keeps_the_link(
    tmp_path: Path, celsius: float
) -> None:
    fake = FakeFreshRoast(speed=0)
    fake.thermal.air_c = celsius
    async with PtyLine(fake, tmp_path) as line, driver(line.port, silence_s=1) as roaster:
        for _ in range(8):
            reading = await roaster.read()
            assert reading.environment_temp_c == pytest.approx(celsius, abs=0.6)


@pytest.mark.parametrize("state", [IDLE, SLEEPING, ROASTING, COOLING])
@pytest.mark.parametrize("ignores", [True, False])
async def test_make_safe_blows_from_every_state(
    tmp_path: Path, state: bytes, ignores: bool
) -> None:
    fake = FakeFreshRoast(speed=0, ignores_heat_0=ignores)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as roaster:
        fake.thermal.air_c = 196
        fake.state, fake.heat, fake.fan = state, 0, 2
        heated_s = fake.heated_s
        await roaster.make_safe()
        assert (fake.state, fake.blows, fake.heat) == (COOLING, 9, 0)
        assert fake.heated_s == heated_s
        for _ in range(2):
            reading = await roaster.read()
        assert (reading.fan_percent, reading.cooling_percent) == (100, 100)
        for _ in range(6):  # no older value is repeated
            await roaster.read()
        assert (fake.state, fake.blows) == (COOLING, 9)


async def test_make_safe_reports_a_machine_that_never_confirms(tmp_path: Path) -> None:
    fake = FakeFreshRoast(speed=0)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as roaster:
        fake.stuck_idle, fake.thermal.air_c = True, 196
        with pytest.raises(BadInputError, match=r"does not confirm cooling: it reports idle"):
            await roaster.make_safe()
        assert (await roaster.read()).cooling_percent == 0
        fake.stuck_idle = False
        await until(lambda: fake.state == COOLING)  # further packets keep asking


async def test_machine_that_stops_roasting_by_itself_is_not_heated_again(tmp_path: Path) -> None:
    fake = FakeFreshRoast(speed=0)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as roaster:
        await roaster.write(Actuator.HEATER, 100)
        await until(lambda: fake.state == ROASTING)
        fake.state, fake.heat, fake.thermal.air_c = IDLE, 0, 196  # by its panel or a power cut
        fake.send(fake.status())
        await until(lambda: fake.state == COOLING)
        heated_s = fake.heated_s
        for _ in range(4):
            reading = await roaster.read()
        assert (reading.heater_percent, roaster.restarts) == (0, 1)
        assert fake.heated_s == heated_s


async def test_hot_idle_machine_gets_air(tmp_path: Path) -> None:
    fake = FakeFreshRoast(speed=0)
    fake.thermal.air_c = 196
    async with PtyLine(fake, tmp_path) as line, driver(line.port):
        await until(lambda: (fake.state, fake.blows) == (COOLING, 9))
    assert fake.heated_s == 0


async def test_dead_host_leaves_a_short_timer(tmp_path: Path) -> None:
    fake = FakeFreshRoast()
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as roaster:
        await roaster.write(Actuator.HEATER, 100)
        await until(lambda: fake.heat == 3)
        line.unplug()
        fake.tick(13)
        assert (fake.state, fake.heat) == (COOLING, 0)


async def test_opening_a_roasting_machine_cools_it(tmp_path: Path) -> None:
    fake = FakeFreshRoast()
    fake.state, fake.heat, fake.left_s, fake.fan = ROASTING, 3, 500, 7
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as roaster:
        assert (fake.state, fake.heat) == (COOLING, 0)
        assert (await roaster.read()).heater_percent == 0


async def test_unplug_and_replug(tmp_path: Path) -> None:
    fake = FakeFreshRoast()
    async with PtyLine(fake, tmp_path) as line:
        async with driver(line.port) as roaster:
            await roaster.write(Actuator.HEATER, 67)
            line.unplug()
            with pytest.raises(LostError):
                await read_for_ever(roaster)
            with pytest.raises(LostError):
                await roaster.make_safe()
        line.plug()
        async with driver(line.port) as again:
            assert fake.heat == 0
            assert (await again.read()).heater_percent == 0


async def test_noise_echo_and_cuts(tmp_path: Path) -> None:
    fake = FakeFreshRoast()
    async with PtyLine(fake, tmp_path) as line:
        line.faults.cut = line.faults.echo = True
        line.faults.noise = line.faults.corrupt = line.faults.lose = 0.15
        async with driver(line.port, silence_s=20, first_reply_s=20) as roaster:
            for _ in range(8):
                reading = await roaster.read()
                assert reading.environment_temp_c is None or reading.environment_temp_c >= 65
                assert reading.heater_percent in (0, 33, 67, 100)


async def test_silence_and_other_machines(tmp_path: Path) -> None:
    fake = FakeFreshRoast()
    fake.answers = False
    async with tcp_line(fake) as port:
        with pytest.raises(LostError, match="No FreshRoast SR700 replies"):
            await driver(port, first_reply_s=0.5).__aenter__()
    fake = FakeFreshRoast()
    fake.received = lambda data: fake.send(b"25.0,20.0\r\n")  # type: ignore[method-assign]
    async with PtyLine(fake, tmp_path) as line:
        with pytest.raises(BadInputError, match="is not a FreshRoast"):
            await driver(line.port, first_reply_s=0.6).__aenter__()


@pytest.mark.parametrize(
    "words", [("cooling", "0"), ("fan", "0"), ("cooling", "0", "fan", "0")], ids=" ".join
)
async def test_command_line_never_stops_the_air_of_a_hot_machine(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    fake = FakeFreshRoast(speed=0)
    fake.thermal.air_c, fake.state, fake.fan = 196, COOLING, 9
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        for command in (("set", *words), ("stop",)):
            process = await place.service(
                "roaster", *command, "--type", "freshroast", "--port", str(line.port)
            )
            out, _ = await asyncio.wait_for(process.communicate(), 60)
            sys.stdout.write(out.decode())
            assert fake.blows > 0
            assert fake.heated_s == 0
        assert (fake.state, fake.blows) == (COOLING, 9)  # set by the stop
