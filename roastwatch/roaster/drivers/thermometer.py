"""A read-only thermometer in a roaster that can't be controlled: TC4, Modbus or MQTT."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.roaster.driver import Capabilities, RoasterDriver
from roastwatch.roaster.drivers.modbus import Modbus, ModbusOptions
from roastwatch.roaster.drivers.modbus_profile import from_root
from roastwatch.roaster.drivers.mqtt_options import MqttRoasterOptions, Temperature
from roastwatch.roaster.drivers.mqtt_roaster import MqttRoaster
from roastwatch.roaster.drivers.tc4 import Tc4, Tc4Options
from roastwatch.vocabulary import Actuator, Reading


class Over(StrEnum):
    """The thermometer's protocol."""

    TC4 = "tc4"
    MODBUS = "modbus"
    MQTT = "mqtt"


class ThermometerOptions(Options):
    """The thermometer's protocol and port. It is only read; nothing is ever set."""

    over: Over = Field(Over.TC4, description="Protocol: tc4, modbus or mqtt.")
    port: str = Field(description="Serial port, tcp://host:port or, for MQTT, mqtt://host:1883.")
    baud: int | None = Field(
        None, description="Baud rate of a serial port; empty: the usual one of the protocol.", gt=0
    )
    profile: Annotated[str, AfterValidator(from_root)] | None = Field(
        None, description="Modbus: file or name of a profile."
    )
    bean_temp: Temperature | None = Field(None, description="MQTT: bean temperature.")
    environment_temp: Temperature | None = Field(None, description="MQTT: environment temperature.")

    @model_validator(mode="after")
    def _whole(self) -> "ThermometerOptions":
        if self.over is Over.MODBUS and self.profile is None:
            raise ValueError("a Modbus thermometer needs `profile`")
        if self.over is Over.MQTT and self.bean_temp is None and self.environment_temp is None:
            raise ValueError("name the topic of bean_temp or environment_temp")
        return self


class Thermometer:
    """Reads temperatures and can set nothing."""

    Options = ThermometerOptions

    def __init__(self, options: ThermometerOptions, station: str) -> None:
        speed = {} if options.baud is None else {"baud": options.baud}
        self._inner: RoasterDriver
        match options.over:
            case Over.TC4:
                tc4 = Tc4Options(port=options.port, **speed)
                self._inner = Tc4(tc4, station, read_only=True)
            case Over.MODBUS:
                modbus = ModbusOptions(port=options.port, profile=options.profile or "", **speed)
                self._inner = Modbus(modbus, station, read_only=True)
            case Over.MQTT:
                mqtt = MqttRoasterOptions(
                    port=options.port,
                    bean_temp=options.bean_temp,
                    environment_temp=options.environment_temp,
                )
                self._inner = MqttRoaster(mqtt, station, read_only=True)

        self.restarts = 0
        """Always 0: nothing is ever set, so a restart loses nothing."""
        self.doubts = self._inner.doubts

    @property
    def capabilities(self) -> Capabilities:
        """Temperatures only. Nothing can be left on."""
        inner = self._inner.capabilities
        return Capabilities(
            machine=f"{inner.machine} thermometer",
            actuators=frozenset(),
            reads_bean_temp=inner.reads_bean_temp,
            reads_environment_temp=inner.reads_environment_temp,
            read_period_s=inner.read_period_s,
            keep_alive_s=None,
            when_host_is_gone="off",
            make_safe_writes="nothing",
        )

    async def __aenter__(self) -> Self:
        """Open the driver of its protocol."""
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._inner.__aexit__(None, None, None)

    async def read(self) -> Reading:
        """The newest reading."""
        return await self._inner.read()

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Refuse: a thermometer is only read."""
        raise BadInputError(f"A thermometer can't set the {actuator.value}: it is only read.")

    async def make_safe(self) -> None:
        """Nothing can be on."""
