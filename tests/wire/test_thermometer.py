"""A thermometer reads and never writes."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from roastwatch.errors import BadInputError
from roastwatch.roaster.drivers.thermometer import Thermometer, ThermometerOptions
from roastwatch.vocabulary import Actuator
from tests.fakes.line import PtyLine
from tests.fakes.modbus import PROFILE, FakeModbusRoaster, modbus_tcp
from tests.fakes.mqtt_device import OPTIONS, FakeMqttRoaster, on_broker
from tests.fakes.tc4 import FakeTc4
from tests.support.mosquitto import Broker


def thermometer(port: object, **options: Any) -> Thermometer:
    return Thermometer(ThermometerOptions.model_validate({"port": str(port), **options}), "kitchen")


async def check(driver: Thermometer) -> None:
    async with driver:
        assert (await driver.read()).bean_temp_c == pytest.approx(25, abs=1)
        assert not driver.capabilities.actuators
        with pytest.raises(BadInputError, match="only read"):
            await driver.write(Actuator.HEATER, 0)
        await driver.make_safe()


async def test_tc4(tmp_path: Path) -> None:
    fake = FakeTc4()
    fake.ot1 = 40  # set by something else
    fake.thermal.speed = 0
    async with PtyLine(fake, tmp_path) as line:
        await check(thermometer(line.port))
    assert fake.ot1 == 40
    assert {line.split(";")[0] for line in fake.lines} == {"CHAN", "UNITS", "READ"}


async def test_modbus(tmp_path: Path) -> None:
    (tmp_path / "drum.yaml").write_text(PROFILE)
    fake = FakeModbusRoaster(speed=0)
    fake.put(3, 20, [40])
    async with modbus_tcp(fake) as port:
        await check(thermometer(port, over="modbus", profile=str(tmp_path / "drum.yaml")))
    assert fake.get(3, 20) == 40


async def test_mqtt(tmp_path: Path) -> None:
    broker = Broker(tmp_path).start()
    fake = FakeMqttRoaster(speed=0)
    async with on_broker(fake, broker.port):
        await check(
            thermometer(
                f"mqtt://127.0.0.1:{broker.port}", over="mqtt", bean_temp=OPTIONS["bean_temp"]
            )
        )
    broker.kill()
    assert fake.commands == []


@pytest.mark.parametrize("wrong", [{"over": "modbus"}, {"over": "mqtt"}, {"over": "usb"}])
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        thermometer("x", **wrong)
