"""The registers of a Modbus roaster as a file: what to read and write, and how it is encoded.

The model is Artisan's (ten inputs with device, register, function, decoding, divider and unit;
writes by function 5, 6, 16 or 22). Registers count from 0, as in the protocol: holding register
40001 is 0, input register 30001 is 0.
"""

import struct
from collections.abc import Sequence
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from roastwatch.errors import SettingsError
from roastwatch.files.untrusted import read_text
from roastwatch.files.yaml_file import parse_yaml
from roastwatch.options import Options, explained
from roastwatch.roaster.driver import HostGone
from roastwatch.vocabulary import Actuator


class Code(StrEnum):
    """How a number is encoded in registers."""

    U16 = "u16"
    S16 = "s16"
    U32 = "u32"
    S32 = "s32"
    FLOAT32 = "float32"
    BCD16 = "bcd16"
    BCD32 = "bcd32"

    @property
    def words(self) -> int:
        """Number of registers."""
        return 1 if self in (Code.U16, Code.S16, Code.BCD16) else 2


_FORMATS = {
    Code.U16: ">H",
    Code.S16: ">h",
    Code.U32: ">I",
    Code.S32: ">i",
    Code.FLOAT32: ">f",
    Code.BCD16: ">H",
    Code.BCD32: ">I",
}


class WordOrder(StrEnum):
    """Which of two registers comes first: the low word (little) or the high word (big)."""

    LITTLE = "little"
    BIG = "big"


class ModbusTempUnit(StrEnum):
    """The unit of a temperature register."""

    C = "C"
    F = "F"


class ModbusInput(Options):
    """One value to read."""

    register_: int = Field(alias="register", description="Address from 0.", ge=0, le=65535)
    function: int = Field(3, description="1 coil, 2 discrete, 3 holding, 4 input.", ge=1, le=4)
    decode: Code = Field(Code.U16, description="Encoding of the number.")
    divider: float = Field(1.0, description="Divide the number by this to get the value.", gt=0)
    unit: ModbusTempUnit = Field(ModbusTempUnit.C, description="Unit of a temperature: C or F.")
    full: float = Field(100.0, description="For an actuator: the value that means 100 %.", gt=0)
    device: int | None = Field(None, description="Device id; empty: the profile's.", ge=1, le=247)


class ModbusOutput(Options):
    """One value to write."""

    register_: int = Field(alias="register", description="Address from 0.", ge=0, le=65535)
    function: int = Field(
        6, description="5 one coil, 6 one register, 16 registers, 22 masked register."
    )
    encode: Code = Field(Code.U16, description="Encoding of the number (function 16).")
    full: float = Field(100.0, description="The value that means 100 %.", gt=0)
    mask: int = Field(0xFFFF, description="Function 22: the bits to write.", ge=1, le=0xFFFF)
    device: int | None = Field(None, description="Device id; empty: the profile's.", ge=1, le=247)

    @model_validator(mode="after")
    def _fits(self) -> "ModbusOutput":
        if self.function not in (5, 6, 16, 22):
            raise ValueError("function must be 5, 6, 16 or 22")
        if self.function != 16 and self.encode.words > 1:
            raise ValueError(f"{self.encode.value} takes two registers: use function 16")
        encode(self.full, self.encode, WordOrder.LITTLE)
        return self


class ModbusInputs(Options):
    """What can be read. An actuator's input is its readback."""

    bean_temp: ModbusInput | None = Field(None, description="Bean temperature.")
    environment_temp: ModbusInput | None = Field(None, description="Environment temperature.")
    heater: ModbusInput | None = Field(None, description="Readback of the heater.")
    fan: ModbusInput | None = Field(None, description="Readback of the fan.")
    drum: ModbusInput | None = Field(None, description="Readback of the drum.")
    cooling: ModbusInput | None = Field(None, description="Readback of the cooler.")
    door: ModbusInput | None = Field(None, description="Readback of the door.")


class ModbusOutputs(Options):
    """What can be set."""

    heater: ModbusOutput | None = Field(None, description="Heater.")
    fan: ModbusOutput | None = Field(None, description="Fan.")
    drum: ModbusOutput | None = Field(None, description="Drum.")
    cooling: ModbusOutput | None = Field(None, description="Cooler.")
    door: ModbusOutput | None = Field(None, description="Drop door.")


class ModbusProfile(Options):
    """The registers of one machine."""

    machine: str = Field(description="Name of the machine, as shown to users.")
    device: int = Field(1, description="Modbus device id.", ge=1, le=247)
    word_order: WordOrder = Field(
        WordOrder.LITTLE, description="Order of two registers: little (low word first) or big."
    )
    when_host_is_gone: HostGone = Field(
        "unknown",
        description="What the machine does without a host: off, ejects, holds or unknown.",
    )
    inputs: ModbusInputs = Field(description="What can be read.")
    outputs: ModbusOutputs = Field(default_factory=ModbusOutputs, description="What can be set.")

    @field_validator("when_host_is_gone", mode="before")
    @classmethod
    def _yaml_off(cls, raw: object) -> object:
        return "off" if raw is False else raw  # YAML reads a bare `off` as false

    def output(self, actuator: Actuator) -> ModbusOutput | None:
        """Where an actuator is written."""
        found: ModbusOutput | None = getattr(self.outputs, actuator.value)
        return found

    def readback(self, actuator: Actuator) -> ModbusInput | None:
        """Where an actuator is read back."""
        found: ModbusInput | None = getattr(self.inputs, actuator.value)
        return found


def decode(words: Sequence[int], code: Code, order: WordOrder) -> float | None:
    """The number in registers; None if there is none (BCD digits above 9, not a number)."""
    if len(words) != code.words:
        return None
    if order is WordOrder.LITTLE:
        words = words[::-1]
    raw = b"".join(word.to_bytes(2, "big") for word in words)
    if code in (Code.BCD16, Code.BCD32):
        digits = raw.hex()
        return float(digits) if digits.isdecimal() else None
    value = float(struct.unpack(_FORMATS[code], raw)[0])
    return value if abs(value) < 1e9 else None  # also leaves out inf and nan


def encode(value: float, code: Code, order: WordOrder) -> list[int]:
    """The registers for a number, truncated unless FLOAT32. Raises ValueError if too large."""
    try:
        if code is Code.FLOAT32:
            raw = struct.pack(">f", value)
        elif code in (Code.BCD16, Code.BCD32):
            raw = bytes.fromhex(f"{int(value):0{code.words * 4}d}")
        else:
            raw = struct.pack(_FORMATS[code], int(value))
    except (struct.error, ValueError) as error:
        raise ValueError(f"{value:g} does not fit {code.value}") from error
    if len(raw) != code.words * 2:
        raise ValueError(f"{value:g} does not fit {code.value}")
    words = [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
    return words[::-1] if order is WordOrder.LITTLE else words


def names() -> list[str]:
    """The profiles that come with roastwatch."""
    folder = files("roastwatch.roaster.drivers") / "modbus_profiles"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir())


def from_root(name: str) -> str:
    """The absolute path of a profile's file, for a process in another folder; else the name."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.is_file() else name


def load(name: str) -> ModbusProfile:
    """A profile by name or path.

    Raises:
        SettingsError: absent, not YAML, or a wrong key; the text names it.
    """
    path = Path(name).expanduser()
    try:
        if name in names():
            path = Path(
                str(files("roastwatch.roaster.drivers") / "modbus_profiles" / f"{name}.yaml")
            )
        raw = parse_yaml(read_text(path))
    except OSError as error:
        raise SettingsError(
            f"The Modbus profile {name} can't be read ({error.strerror}): give a file, or one of "
            f"{', '.join(names())}."
        ) from error
    except yaml.YAMLError as error:
        raise SettingsError(f"The Modbus profile {path} is not YAML.") from error
    try:
        return ModbusProfile.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(
            f"The Modbus profile {path}: {explained(error, ModbusProfile, kind='key')}"
        ) from error
