"""Kaleido frames, and the driver against a fake machine over serial and WebSocket."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster.drivers.kaleido import Frame, Kaleido, KaleidoOptions, decode, encode
from roastwatch.roaster.transport.line_splitter import LineSplitter
from roastwatch.vocabulary import Actuator
from tests.fakes.kaleido import FakeKaleido, kaleido_websocket
from tests.fakes.line import PtyLine, every_split, read_for_ever, tcp_line
from tests.fakes.virtual_time import VirtualLoop
from tests.support.driver_benches import bench
from tests.support.driver_benches import kaleido as kaleido_bench
from tests.support.until import until

EXAMPLE = "{0,BT:190.5,ET:185.0,AT:25.0,HP:80,FC:55,RC:90,AH:0,TS:180.0,HS:1}"
NUMBERS = {
    "BT": 190.5,
    "ET": 185.0,
    "AT": 25.0,
    "HP": 80,
    "FC": 55,
    "RC": 90,
    "AH": 0,
    "TS": 180.0,
    "HS": 1,
}


def test_documented_frames() -> None:
    assert decode(EXAMPLE) == Frame(0, NUMBERS, {})
    assert decode("{0}") == Frame(0, {}, {})
    assert decode("{3,SN:1234ABCD}") == Frame(3, {}, {"SN": "1234ABCD"})
    assert encode("PI") == b"{[PI]}\n"
    assert encode("HP 80", "FC 60") == b"{[HP 80,FC 60]}\n"


@pytest.mark.parametrize(
    "text",
    [
        "{11}",
        "{0,BT:190.5",
        "{0,BT:19x.5}",
        "{0,bt:190.5}",
        "{0,BT:190.5,BT:20.5}",
        "{0,HP:800}",
        "{0,BT:}",
        "{0,BT}",
        "0,BT:1}",
        "{[RD A0]}",
        "{0,BT:190.5,ET:{0,BT:190.5,ET:185.0}",
        "{0,BT:nan}",
    ],
)
def test_broken_frames_are_ignored(text: str) -> None:
    assert decode(text) is None


def test_frames_at_each_split() -> None:
    data = f"{EXAMPLE}\n{{0}}\n".encode()
    for first, second in every_split(data):
        lines = LineSplitter()
        texts = lines.feed(first) + lines.feed(second)
        assert [decode(text) for text in texts] == [Frame(0, NUMBERS, {}), Frame(0, {}, {})]


@given(st.text(alphabet="{}[]0123456789,:.BTEHP \n", max_size=60))
def test_noise_makes_no_implausible_frame(text: str) -> None:
    frame = decode(text)
    assert frame is None or 0 <= frame.numbers.get("HP", 0) <= 100


def driver(port: object, **options: Any) -> Kaleido:
    return Kaleido(KaleidoOptions(**{"port": str(port), "period_s": 0.2, **options}), "kitchen")


async def test_start_heat_and_make_safe(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0)
    fake.values.update(HP=80, HS=1)
    async with PtyLine(fake, tmp_path) as line:
        async with driver(line.port) as kaleido:
            assert fake.pairs[:6] == ["PI", "HP 0", "AH 0", "HS 0", "TU C", "SC AR"]
            reading = await kaleido.read()
            assert (reading.bean_temp_c, reading.environment_temp_c) == (25, 25)
            assert reading.heater_percent == 0
            await kaleido.write(Actuator.DRUM, 84)
            await kaleido.write(Actuator.FAN, 33)
            await kaleido.write(Actuator.HEATER, 79)
            await until(lambda: fake.values["HS"] == 1)
            assert (fake.values["HP"], fake.values["FC"], fake.values["RC"]) == (75, 35, 90)
            await until(lambda: fake.guarded)
            with pytest.raises(BadInputError, match="can't set its door"):
                await kaleido.write(Actuator.DOOR, 100)
            await kaleido.make_safe()
            await until(lambda: fake.values["CS"] == 1)
            assert fake.values == {"HP": 0, "FC": 100, "RC": 100, "HS": 0, "AH": 0, "CS": 1}
            assert (fake.target_c, fake.burns) == (0, 0)
            await kaleido.write(Actuator.HEATER, 20)
            await until(lambda: fake.values["HS"] == 1)
        await until(lambda: not fake.guarded)
        assert fake.values["HP"] == 0


async def test_disabled_burner_is_reported_as_heat_0(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as kaleido:
        await kaleido.write(Actuator.HEATER, 50)
        await until(lambda: (fake.values["HP"], fake.values["HS"]) == (50, 1))
        fake.values["HS"] = 0  # as some machines do by themselves during a roast
        for _ in range(3):
            reading = await kaleido.read()
        assert reading.heater_percent == 0
        await kaleido.write(Actuator.HEATER, 50)
        await until(lambda: fake.values["HS"] == 1)


async def test_lost_heat_off_is_repeated(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0)
    async with PtyLine(fake, tmp_path) as line, driver(line.port):
        fake.values.update(HP=60, HS=1)
        await until(lambda: fake.values["HP"] == 0)


async def test_machine_without_a1_is_read(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0, knows_a1=False)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as kaleido:
        assert (await kaleido.read()).bean_temp_c == 25


async def test_websocket() -> None:
    fake = FakeKaleido(speed=0)
    async with kaleido_websocket(fake) as port:
        async with driver(port) as kaleido:
            assert (await kaleido.read()).bean_temp_c == 25
            await kaleido.write(Actuator.HEATER, 30)
            await until(lambda: fake.values["HP"] == 30)
        await until(lambda: fake.values["HP"] == 0)
        wrong = port.replace("/ws", "/other")
        with pytest.raises(BadInputError, match="not as a Kaleido"):
            await driver(wrong).__aenter__()
    with pytest.raises(LostError, match="Nothing replies"):
        await driver(port).__aenter__()


async def test_websocket_that_closes_is_lost() -> None:
    fake = FakeKaleido(speed=0)
    async with kaleido_websocket(fake) as port:
        kaleido = driver(port, silence_s=1)
        await kaleido.__aenter__()
    with pytest.raises(LostError):
        await read_for_ever(kaleido)
    with pytest.raises(LostError):
        await kaleido.make_safe()
    await kaleido.__aexit__()


async def test_unplug_and_replug(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0)
    async with PtyLine(fake, tmp_path) as line:
        async with driver(line.port) as kaleido:
            await kaleido.write(Actuator.HEATER, 70)
            await until(lambda: fake.values["HS"] == 1)
            line.unplug()
            with pytest.raises(LostError):
                await read_for_ever(kaleido)
            with pytest.raises(LostError):
                await kaleido.make_safe()
        line.plug()
        async with driver(line.port) as again:
            assert (fake.values["HP"], fake.values["HS"]) == (0, 0)
            assert (await again.read()).heater_percent == 0


async def test_noise_echo_and_cuts(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0)
    async with PtyLine(fake, tmp_path) as line:
        line.faults.cut = line.faults.echo = True
        line.faults.noise = line.faults.corrupt = line.faults.lose = 0.15
        async with driver(line.port, silence_s=20, reply_s=0.2) as kaleido:
            for _ in range(6):
                reading = await kaleido.read()
                assert reading.bean_temp_c is None or 1 <= reading.bean_temp_c <= 350


async def test_burner_that_does_not_obey_is_reported(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0)
    fake.stuck_burner = 65
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as kaleido:
        assert (await kaleido.read()).heater_percent == 65


async def test_silence_and_other_machines(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0)
    fake.answers = False
    async with tcp_line(fake) as port:
        with pytest.raises(LostError, match="No Kaleido replies"):
            await driver(port, first_reply_s=0.5).__aenter__()
    fake = FakeKaleido(speed=0)
    fake.received = lambda data: fake.send(b"25.0,20.0\r\n")  # type: ignore[method-assign]
    async with PtyLine(fake, tmp_path) as line:
        with pytest.raises(BadInputError, match="is not a Kaleido"):
            await driver(line.port, first_reply_s=0.5).__aenter__()


@pytest.mark.parametrize(("limit_c", "target_c"), [(230.0, 230), (245.0, 240), (212.7, 212)])
async def test_heat_is_on_although_the_target_caps_it(
    tmp_path: Path, limit_c: float, target_c: int
) -> None:
    fake = FakeKaleido(speed=0)
    fake.thermal.bean_c = 200
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as kaleido:
        kaleido.bean_temp_max_c = limit_c
        await kaleido.write(Actuator.HEATER, 60)
        await until(lambda: fake.burns == 60)
        assert fake.target_c == target_c
        fake.thermal.bean_c = target_c + 1
        assert fake.burns == 0  # the machine stops heating by itself
        assert fake.pairs.index(f"TS {target_c}") < fake.pairs.index("HP 60")
        await kaleido.make_safe()
        await until(lambda: fake.values["CS"] == 1)
        sent = fake.pairs[fake.pairs.index("HS 1") + 1 :]
        safe = list(dict.fromkeys(pair for pair in sent if not pair.startswith("RD")))
        assert safe == ["HP 0", "AH 0", "HS 0", "TS 0", "RC 100", "FC 100", "CS 1"]


async def test_lost_target_is_sent_again(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0)
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as kaleido:
        await kaleido.write(Actuator.HEATER, 60)
        await until(lambda: fake.burns == 60)
        fake.target_c = 0.0
        await until(lambda: fake.burns == 60)


def test_commands_are_at_least_a_tenth_of_a_second_apart() -> None:
    """In virtual time: a loaded computer delays what it reads, not what it sends."""
    loop = VirtualLoop()
    with ExitStack() as stack:
        made = stack.enter_context(bench(kaleido_bench, loop))
        made.fake.least_gap_s = 0.1

        async def work() -> None:
            async with made.make() as kaleido:
                for percent in (20, 40, 60):
                    await asyncio.gather(kaleido.read(), kaleido.write(Actuator.HEATER, percent))
                    await kaleido.write(Actuator.FAN, percent)
                    cut_off = asyncio.create_task(kaleido.make_safe())
                    await asyncio.sleep(0.2)
                    cut_off.cancel()
                    await kaleido.make_safe()

        loop.run(work())
        assert made.fake.lost == []
        assert made.fake.pairs.count("CS 1") == 3
    loop.close()


async def test_restarted_machine_is_not_heated_again(tmp_path: Path) -> None:
    fake = FakeKaleido(speed=0)
    fake.thermal.bean_c = fake.thermal.air_c = 180
    async with PtyLine(fake, tmp_path) as line, driver(line.port) as kaleido:
        await kaleido.write(Actuator.HEATER, 60)
        while (await kaleido.read()).heater_percent != 60:
            pass
        fake.power_cycle()
        await until(lambda: kaleido.restarts == 1)
        await until(lambda: fake.unit == "C" and fake.guarded)
        for _ in range(4):
            reading = await kaleido.read()
        assert (reading.bean_temp_c, reading.heater_percent) == (180, 0)
        assert (fake.values["HP"], fake.values["HS"], fake.target_c) == (0, 0, 0)


def test_machine_keeps_heating_without_its_host() -> None:
    assert driver("x").capabilities.when_host_is_gone == "holds"
    assert driver("x").capabilities.needs_cutoff
