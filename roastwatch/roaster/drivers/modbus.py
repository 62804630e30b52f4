"""A roaster with Modbus registers, described by a profile file, over RTU, ASCII or TCP."""

import asyncio
import contextlib
from typing import Annotated

from pydantic import AfterValidator, Field

from roastwatch.errors import BadInputError, LostError
from roastwatch.option_types import NameOrFile
from roastwatch.roaster.driver import Capabilities
from roastwatch.roaster.drivers.background import BackgroundDriver, check_target
from roastwatch.roaster.drivers.modbus_line import LineOptions, ModbusLine, RefusedError
from roastwatch.roaster.drivers.modbus_profile import (
    Code,
    ModbusInput,
    ModbusOutput,
    ModbusProfile,
    ModbusTempUnit,
    from_root,
    load,
)
from roastwatch.roaster.transport.spike_filter import probe_value
from roastwatch.vocabulary import Actuator, Reading


class ModbusOptions(LineOptions):
    """The machine's port, and the profile of its registers."""

    # an absolute path, because the guardian runs in the root folder
    profile: Annotated[NameOrFile, AfterValidator(from_root)] = Field(
        description="File of a profile, or the name of a profile that comes with roastwatch."
    )
    period_s: float = Field(0.5, description="Seconds between two readings.", ge=0.1, le=3)
    silence_s: float = Field(
        2.5, description="Seconds without a valid reply after which the roaster is lost.", gt=0
    )


class Modbus(BackgroundDriver):
    """A roaster with Modbus registers."""

    Options = ModbusOptions

    def __init__(self, options: ModbusOptions, station: str, *, read_only: bool = False) -> None:
        self._options = options
        self._profile: ModbusProfile = load(options.profile)
        where = f"{self._profile.machine} on {options.port}"
        super().__init__(station, machine=where, where=where, silence_s=options.silence_s)
        self._outputs: dict[Actuator, ModbusOutput] = {
            actuator: output
            for actuator in Actuator
            if not read_only and (output := self._profile.output(actuator)) is not None
        }
        self._line = ModbusLine(options, self._profile)
        self._last_answer_s = 0.0
        self._heats_since_s: float | None = None
        """When heat was written; None: it was not, or the machine has restarted since."""
        self._zeros = 0

    @property
    def capabilities(self) -> Capabilities:
        """What the profile describes."""
        profile, outputs = self._profile, self._outputs
        return Capabilities(
            machine=profile.machine,
            actuators=frozenset(outputs),
            reads_bean_temp=profile.inputs.bean_temp is not None,
            reads_environment_temp=profile.inputs.environment_temp is not None,
            read_period_s=self._options.period_s,
            keep_alive_s=None,
            when_host_is_gone=profile.when_host_is_gone,
            make_safe_writes=", ".join(
                f"{actuator.value} {percent:g} (register {outputs[actuator].register_})"
                for actuator, percent in self._safe()
            )
            or "nothing",
            echoes=frozenset(a for a in outputs if profile.readback(a) is not None),
            levels={a: (0.0, 100.0) for a, output in outputs.items() if output.function == 5},
        )

    async def _open(self) -> None:
        """Connect, write heat 0 and read all inputs once."""
        await self._line.open()
        if Actuator.HEATER in self._outputs:
            await self.write(Actuator.HEATER, 0.0)
        self._last_answer_s = asyncio.get_running_loop().time()
        try:
            self._newest.put(await self._read_all())
        except RefusedError as refused:
            raise BadInputError(
                f"The machine on {self._options.port} has not all registers of the profile "
                f"{self._options.profile} ({refused}): check `port` and `profile`."
            ) from refused
        if Actuator.HEATER in self._outputs:
            await self._see_heat_off()
        self._start(self._poll, "modbus poll")

    async def _say_goodbye(self) -> None:
        if Actuator.HEATER in self._outputs:
            with contextlib.suppress(BadInputError):
                await self.write(Actuator.HEATER, 0.0)

    async def _close(self) -> None:
        self._line.close()

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Write one actuator's register or coil, and check the reply."""
        check_target(actuator, percent, self._outputs.keys(), self._profile.machine)
        output = self._outputs[actuator]
        try:
            await self._line.put(output, percent, down=actuator is Actuator.HEATER)
        except RefusedError as refused:
            raise BadInputError(
                f"The {self._profile.machine} refused {actuator.value} {percent:g} % ({refused})."
            ) from refused
        if actuator is Actuator.HEATER:
            fine = output.function == 5 or output.encode is Code.FLOAT32
            heats = percent > 0 and (fine or percent * output.full >= 100)
            now_s = asyncio.get_running_loop().time()
            self._heats_since_s, self._zeros = (now_s if heats else None), 0

    async def make_safe(self) -> None:
        """Heat 0 first, then drum, cooling and fan on where the profile has them."""
        failure: Exception | None = None
        for actuator, percent in self._safe():
            try:
                await self.write(actuator, percent)
            except (LostError, BadInputError) as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _safe(self) -> list[tuple[Actuator, float]]:
        wanted = [
            (Actuator.HEATER, 0.0),
            (Actuator.DRUM, 100.0),
            (Actuator.COOLING, 100.0),
            (Actuator.FAN, 100.0),
        ]
        return [(actuator, percent) for actuator, percent in wanted if actuator in self._outputs]

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._options.period_s)
            try:
                reading = await self._read_all()
                self._watch(reading)
                self._newest.put(reading)
                self._last_answer_s = loop.time()
            except RefusedError:
                self._newest.clear()
            except LostError:
                silent_s = loop.time() - self._last_answer_s
                if not self._line.connected or silent_s > self._options.silence_s:
                    raise

    def _watch(self, reading: Reading) -> None:
        """Detect a restart: heat was written and is 0 by itself, in two readings."""
        since_s = self._heats_since_s
        if since_s is None or reading.taken_at_s <= since_s or reading.heater_percent != 0:
            self._zeros = 0
            return
        self._zeros += 1
        if self._zeros >= 2:
            self.restarts += 1
            self._heats_since_s, self._zeros = None, 0

    async def _see_heat_off(self) -> None:
        readback = self._profile.readback(Actuator.HEATER)
        if readback is None:
            return
        for _ in range(4):
            try:
                percent = self._percent(readback, await self._line.get(readback))
            except RefusedError:
                return
            if percent is not None and percent < 1:
                return
            await self.write(Actuator.HEATER, 0.0)
            await asyncio.sleep(self._options.period_s / 2)
        # A machine that still heats stays connected: its readings show it, and heat stays refused.

    async def _read_all(self) -> Reading:
        values: dict[str, float | None] = {}
        began_s = asyncio.get_running_loop().time()
        inputs = self._profile.inputs
        for key in type(inputs).model_fields:
            source: ModbusInput | None = getattr(inputs, key)
            if source is None:
                values[key] = None
            elif key.endswith("_temp"):
                raw = await self._line.get(source)
                where = f"Register {source.register_}"
                values[key] = probe_value(self.doubts, f"{key}_c", _celsius(source, raw), where)
            else:
                raw = await self._line.get(source)
                values[key] = self._percent(source, raw)
                self._doubt(key, source, raw, values[key])
        door = values["door"]
        return Reading(
            station=self._station,
            taken_at_s=began_s,
            bean_temp_c=values["bean_temp"],
            environment_temp_c=values["environment_temp"],
            heater_percent=values["heater"],
            fan_percent=values["fan"],
            drum_percent=values["drum"],
            cooling_percent=values["cooling"],
            door_open=None if door is None else door >= 50,
        )

    def _doubt(
        self, key: str, source: ModbusInput, raw: float | None, percent: float | None
    ) -> None:
        """Note why an actuator's readback is missing; remove the note when it is there."""
        field = "door_open" if key == "door" else f"{key}_percent"
        if percent is not None:
            self.doubts.pop(field, None)
            return
        found = "holds no number" if raw is None else f"holds {raw:g}, above `full` or below 0"
        self.doubts[field] = (
            f"Register {source.register_} {found}: check `decode`, `divider` and `full` of "
            f"{key} in the profile."
        )

    @staticmethod
    def _percent(source: ModbusInput, value: float | None) -> float | None:
        if value is None:
            return None
        if source.function in (1, 2):
            return 100.0 if value else 0.0
        percent = value / source.divider / source.full * 100
        return percent if 0 <= percent <= 100.5 else None


def _celsius(source: ModbusInput, value: float | None) -> float | None:
    """A temperature in °C; None if the register holds no number."""
    if value is None:
        return None
    value /= source.divider
    return (value - 32) / 1.8 if source.unit is ModbusTempUnit.F else value
