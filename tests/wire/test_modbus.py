"""Modbus profiles, number codes, and the driver against pymodbus's real server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roastwatch.errors import BadInputError, LostError, SettingsError
from roastwatch.roaster.drivers.modbus import Modbus, ModbusOptions
from roastwatch.roaster.drivers.modbus_profile import Code, WordOrder, decode, encode, load, names
from roastwatch.roaster.drivers.thermometer import ThermometerOptions
from roastwatch.vocabulary import Actuator
from tests.fakes.line import read_for_ever
from tests.fakes.modbus import PROFILE, FakeModbusRoaster, modbus_rtu, modbus_tcp
from tests.support.guarded import guarded
from tests.support.until import until


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "drum.yaml"
    path.write_text(PROFILE)
    return str(path)


@pytest.mark.parametrize(
    ("words", "code", "order", "value"),
    [
        ([2013], Code.U16, WordOrder.LITTLE, 2013),
        ([0xFFFE], Code.S16, WordOrder.LITTLE, -2),
        ([1, 2], Code.U32, WordOrder.LITTLE, 0x20001),
        ([1, 2], Code.U32, WordOrder.BIG, 0x10002),
        ([0xFFFF, 0xFFFF], Code.S32, WordOrder.BIG, -1),
        ([0x4348, 0], Code.FLOAT32, WordOrder.BIG, 200),
        ([0, 0x4348], Code.FLOAT32, WordOrder.LITTLE, 200),
        ([0x2013], Code.BCD16, WordOrder.LITTLE, 2013),
        ([0x20AB], Code.BCD16, WordOrder.LITTLE, None),
        ([0x5678, 0x1234], Code.BCD32, WordOrder.LITTLE, 12345678),
        ([0x7F80, 0], Code.FLOAT32, WordOrder.BIG, None),
        ([0x7FC0, 0], Code.FLOAT32, WordOrder.BIG, None),
        ([1], Code.U32, WordOrder.BIG, None),
    ],
)
def test_codes(words: list[int], code: Code, order: WordOrder, value: float | None) -> None:
    assert decode(words, code, order) == value


@given(st.integers(0, 9999), st.sampled_from(Code), st.sampled_from(WordOrder))
def test_codes_survive_a_round_trip(value: int, code: Code, order: WordOrder) -> None:
    assert decode(encode(value, code, order), code, order) == value


@pytest.mark.parametrize("code", [Code.U16, Code.S16, Code.BCD16])
def test_number_that_does_not_fit_is_refused(code: Code) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(70000, code, WordOrder.BIG)


def test_shipped_profiles_are_valid() -> None:
    assert "besca-bsc" in names()
    for name in names():
        assert load(name).inputs.bean_temp is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("machine: X\ninputs: {bean_tmp: {register: 1}}", "did you mean 'bean_temp'"),
        ("machine: X\ninputs: {bean_temp: {registr: 1}}", "did you mean 'register'"),
        ("inputs: {bean_temp: {register: 1}}", "machine is missing"),
        ("machine: X\ninputs: {bean_temp: {register: 70000}}", "65535"),
        ("machine: X\ninputs: {}\noutputs: {heater: {register: 1, function: 7}}", "5, 6, 16 or 22"),
        ("machine: X\ninputs: {}\noutputs: {fan: {register: 1, encode: float32}}", "function 16"),
        ("machine: X\ninputs: {}\noutputs: {fan: {register: 1, full: 70000}}", "does not fit"),
        ("a: [", "not YAML"),
    ],
)
def test_wrong_profiles_are_explained(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=says):
        load(str(path))


def test_missing_profile_names_the_shipped_ones() -> None:
    with pytest.raises(SettingsError, match="besca-bsc"):
        load("/nowhere.yaml")


def test_profile_with_a_relative_path_is_found_by_the_guardian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text("machine: X\ninputs: {bean_temp: {register: 1}}")
    monkeypatch.chdir(tmp_path)
    options = ModbusOptions(port="/dev/null", profile="mine.yaml")
    thermometer = ThermometerOptions(over="modbus", port="/dev/null", profile="mine.yaml")
    monkeypatch.chdir("/")  # the working directory of the guardian
    assert load(options.profile).machine == "X"
    assert thermometer.profile == options.profile
    assert ModbusOptions(port="/dev/null", profile="besca-bsc").profile == "besca-bsc"


def driver(port: str, profile: str, **options: Any) -> Modbus:
    return Modbus(
        ModbusOptions(**{"port": port, "profile": profile, "period_s": 0.1, **options}), "kitchen"
    )


async def test_reads_and_writes_over_tcp(profile: str) -> None:
    fake = FakeModbusRoaster()
    fake.put(3, 20, [80])
    async with modbus_tcp(fake) as port:
        async with driver(port, profile) as modbus:
            assert fake.get(3, 20) == 0
            reading = await modbus.read()
            assert reading.bean_temp_c == pytest.approx(25, abs=1)
            assert reading.environment_temp_c == pytest.approx(25, abs=1)
            assert (reading.heater_percent, reading.drum_percent) == (0, 0)
            assert (reading.cooling_percent, reading.door_open) == (None, None)
            await modbus.write(Actuator.HEATER, 55.9)
            await modbus.write(Actuator.FAN, 40)
            await modbus.write(Actuator.DRUM, 100)
            assert (fake.get(3, 20), fake.get(3, 21), fake.get(1, 3)) == (55, 40, 1)
            await until(lambda: fake.thermal.air_c > 25)
            with pytest.raises(BadInputError, match="can't set its door"):
                await modbus.write(Actuator.DOOR, 100)
            fake.put(1, 3, [False])
            await modbus.make_safe()
            assert (fake.get(3, 20), fake.get(3, 21), fake.get(1, 3), fake.get(1, 4)) == (
                0,
                100,
                1,
                1,
            )
            assert "heater 0 (register 20)" in modbus.capabilities.make_safe_writes
            await modbus.write(Actuator.HEATER, 10)
        assert fake.get(3, 20) == 0


async def test_rtu_over_a_serial_line(profile: str, tmp_path: Path) -> None:
    fake = FakeModbusRoaster()
    async with modbus_rtu(fake, tmp_path) as port, driver(port, profile, reply_s=1) as modbus:
        assert (await modbus.read()).bean_temp_c == pytest.approx(25, abs=1)
        await modbus.write(Actuator.HEATER, 30)
        assert fake.get(3, 20) == 30
        await modbus.make_safe()
        assert fake.get(3, 20) == 0


async def test_lost_server_is_reopened(profile: str) -> None:
    fake = FakeModbusRoaster()
    async with modbus_tcp(fake) as port:
        modbus = driver(port, profile, silence_s=1)
        await modbus.__aenter__()
        await modbus.write(Actuator.HEATER, 60)
    with pytest.raises(LostError):
        await read_for_ever(modbus)
    with pytest.raises(LostError):
        await modbus.make_safe()
    await modbus.__aexit__(None, None, None)
    assert fake.get(3, 20) == 60
    async with modbus_tcp(fake) as port, driver(port, profile) as again:
        assert fake.get(3, 20) == 0
        assert (await again.read()).heater_percent == 0


async def test_profile_with_missing_registers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "far.yaml"
    path.write_text("machine: Far\ninputs: {bean_temp: {register: 5000}}\n")
    async with modbus_tcp(FakeModbusRoaster()) as port:
        with pytest.raises(BadInputError, match="has not all registers"):
            await driver(port, str(path)).__aenter__()


async def test_missing_machine_is_lost(profile: str, tmp_path: Path) -> None:
    with pytest.raises(LostError, match="Nothing replies"):
        await driver("tcp://127.0.0.1:1", profile).__aenter__()
    with pytest.raises(LostError, match="does not exist"):
        await driver(str(tmp_path / "none"), profile).__aenter__()
    with pytest.raises(BadInputError, match="not a valid address"):
        await driver("tcp://:x", profile).__aenter__()
    with pytest.raises(BadInputError, match="tcp://host:502"):
        await driver("/dev/ttyUSB9", profile, framing="tcp").__aenter__()


async def test_read_may_be_cancelled(profile: str) -> None:
    fake = FakeModbusRoaster()
    async with modbus_tcp(fake) as port, driver(port, profile) as modbus:
        for _ in range(20):
            task = asyncio.create_task(modbus.read())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await modbus.write(Actuator.HEATER, 5)
        assert fake.get(3, 20) == 5
        assert (await modbus.read()).bean_temp_c is not None


async def test_implausible_value_has_a_reason(profile: str) -> None:
    fake = FakeModbusRoaster()
    fake.thermal.speed, fake.thermal.bean_c = 0, 0.0
    fake.put(3, 21, [250])
    fake.tick(0)
    async with modbus_tcp(fake) as port, driver(port, profile) as modbus:
        reading = await modbus.read()
        assert (reading.bean_temp_c, reading.fan_percent) == (None, None)
        assert "Register 7 reads 0.0 °C" in modbus.doubts["bean_temp_c"]
        assert "Register 21 holds 250" in modbus.doubts["fan_percent"]
        fake.thermal.bean_c = 180.0
        fake.put(3, 21, [40])
        while (await modbus.read()).bean_temp_c != 180:
            pass
        while modbus.doubts:
            await modbus.read()


async def test_value_above_the_range_is_reported_as_read(profile: str) -> None:
    fake = FakeModbusRoaster()
    fake.thermal.speed, fake.thermal.bean_c, fake.thermal.air_c = 0, 512.0, 900.0
    fake.tick(0)
    async with modbus_tcp(fake) as port, driver(port, profile) as modbus:
        reading = await modbus.read()
        assert (reading.bean_temp_c, reading.environment_temp_c) == (512, 900)


async def test_read_and_probe_print_the_reason(profile: str) -> None:
    fake = FakeModbusRoaster()
    fake.thermal.speed, fake.thermal.bean_c = 0, 0.0
    fake.tick(0)
    async with guarded() as place, modbus_tcp(fake) as port:
        for command in ("read", "probe"):
            process = await place.service(
                *("roaster", command, "--type", "modbus", "--port", port),
                *("--option", f"profile={profile}"),
            )
            out, _ = await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode == 0, out.decode()
            assert "Register 7 reads 0.0 °C" in out.decode()


async def test_machine_that_loses_its_heat_has_restarted(profile: str) -> None:
    fake = FakeModbusRoaster()
    async with modbus_tcp(fake) as port, driver(port, profile) as modbus:
        await modbus.write(Actuator.HEATER, 60)
        for _ in range(3):
            await modbus.read()
        assert modbus.restarts == 0
        fake.put(3, 20, [0])
        await until(lambda: modbus.restarts == 1)
        for _ in range(3):
            assert (await modbus.read()).heater_percent == 0
        assert (modbus.restarts, fake.get(3, 20)) == (1, 0)
