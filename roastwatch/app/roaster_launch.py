"""Which roaster a station or the command line means, and how to start its guardian."""

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import yaml
from pydantic import BaseModel, SecretStr, ValidationError

from roastwatch import plugins
from roastwatch.errors import BadInputError, RoastwatchError, SettingsError
from roastwatch.files.yaml_file import parse_yaml
from roastwatch.options import explained
from roastwatch.roaster import messages
from roastwatch.roaster.client.guardian_client import Launch
from roastwatch.roaster.guardian.limits_store import limits_for, parse_limits

if TYPE_CHECKING:
    from roastwatch.settings.model import StationSettings


@runtime_checkable
class OnPort(Protocol):
    """Options of a driver that say where its machine is connected."""

    port: str | Path | None


@runtime_checkable
class NamesWire(Protocol):
    """Options whose port may be shared by machines: a broker's topics tell them apart."""

    @property
    def wire(self) -> str:
        """Names one machine; empty: the port does."""
        ...


@dataclass(frozen=True, slots=True)
class RoasterLaunch:
    """One machine: how to start its guardian, and where it listens.

    `wire` identifies the machine, no matter how completely its options were written: a stop must
    reach the guardian that heats.
    """

    kind: str
    wire: str
    options: dict[str, Any]
    limits: dict[str, Any]
    cutoff: bool
    station: str = "roaster"

    @classmethod
    def chosen(
        cls,
        kind: str | None,
        port: str | None,
        options: tuple[str, ...],
        settings_path: Path | None,
        station: str | None,
        limits: Path | None,
        independent_cutoff: bool,
    ) -> "RoasterLaunch":
        """The machine that the command line means.

        Raises:
            SettingsError, BadInputError: it is missing or wrong.
        """
        if settings_path is not None:
            found = cls.from_settings(settings_path, station)
            return cls(
                found.kind,
                found.wire,
                found.options,
                found.limits,
                found.cutoff or independent_cutoff,
                found.station,
            )
        if kind is None:
            known = ", ".join(plugins.names("drivers"))
            raise SettingsError(f"Name the roaster with --type ({known}) or --settings FILE.")
        raw: dict[str, Any] = {}
        for word in options:
            key, equals, value = word.partition("=")
            if not equals:
                raise SettingsError(f"--option {word}: write KEY=VALUE.")
            try:
                raw[key] = parse_yaml(value)
            except yaml.YAMLError as error:
                raise SettingsError(f"--option {key}: the value is not YAML.") from error
        driver = plugins.load("drivers", kind)
        if port is not None:
            port = whole_port(port)
            if "port" not in driver.Options.model_fields:
                raise SettingsError(f"{kind} has no --port: use --option KEY=VALUE.")
            raw["port"] = port
        filled = checked_options(driver.Options, raw, kind)
        return cls(
            kind,
            wire_of(kind, filled),
            reveal(filled),
            limits_for(kind, limits).model_dump(mode="json"),
            independent_cutoff,
            station or "roaster",
        )

    @classmethod
    def from_settings(cls, path: Path, station: str | None) -> "RoasterLaunch":
        """The machine of a station in a settings file.

        Raises:
            SettingsError: no such file or station, or the station drives no roaster.
        """
        from roastwatch.settings import model as settings

        stations = settings.read(path).stations
        for found in stations:
            if station in (None, found.name):
                return cls.of_station(found)
        known = ", ".join(found.name for found in stations)
        raise SettingsError(f"{path} has no station '{station}': there is {known}.")

    @classmethod
    def of_station(cls, station: "StationSettings") -> "RoasterLaunch":
        """The machine of a station's settings.

        Raises:
            SettingsError: it has none.
            BadInputError: a limit is unknown or out of range.
        """
        chosen = station.roaster
        if chosen is None:
            raise SettingsError(f"Station '{station.name}' has no `roaster:` to drive.")
        limits = limits_for(chosen.type).model_dump(mode="json") | station.roaster_limits
        return cls(
            chosen.type,
            wire_of(chosen.type, chosen.options),
            reveal(chosen.options),
            parse_limits(limits, f"{station.name}.roaster_limits").model_dump(mode="json"),
            station.independent_cutoff,
            station.name,
        )

    @property
    def socket(self) -> Path | None:
        """The file at which its guardian listens, in addition to the names of its machine.

        None: this user has no private folder for it (`folder_problem` says why). On Linux a
        guardian is still found by its names: no stop depends on a folder.
        """
        try:
            return messages.socket_path(self.wire)
        except BadInputError:
            return None

    @property
    def folder_problem(self) -> str:
        """Why there is no such folder, and what that means; empty: there is one."""
        try:
            messages.runtime_dir()
        except BadInputError as error:
            return f"{error} The guardian continues without a socket file and without a log."
        return ""

    @property
    def launch(self) -> Launch:
        """How to start its guardian."""
        return Launch(
            (sys.executable, "-m", "roastwatch", "roaster", "guard"),
            {
                "kind": self.kind,
                "wire": self.wire,
                "options": self.options,
                "limits": self.limits,
                "cutoff": self.cutoff,
                "station": self.station,
                "socket": None if self.socket is None else str(self.socket),
            },
        )


def wire_of(kind: str, options: BaseModel) -> str:
    """What identifies a machine: the wire that its options name, else all options.

    A port that is only a name (`usb`) gets its kind as a prefix; an address has one spelling.
    """
    named = options.wire if isinstance(options, NamesWire) else ""
    if not named and isinstance(options, OnPort):
        named = str(options.port or "")
    if not named:
        return json.dumps([kind, reveal(options)], sort_keys=True)
    return _spelled(named) if "/" in named else f"{kind} {named}"


def wire_of_port(port: str) -> str:
    """The same from a port alone, to stop a machine of an unknown type.

    Raises:
        BadInputError: the port alone does not identify a machine.
    """
    port = whole_port(port)
    if "/" not in port or port.startswith("mqtt"):
        raise BadInputError(
            f"--port {port} alone does not identify a machine: add --type and its options."
        )
    return _spelled(port)


def whole_port(port: str) -> str:
    """A port without surrounding spaces; a path becomes absolute."""
    port = port.strip()
    is_path = "://" not in port and ("/" in port or os.path.lexists(port))
    return str(Path(port).absolute()) if is_path else port


def understood(chosen: dict[str, Any]) -> tuple[RoasterLaunch | None, str]:
    """The machine that a command line means, ignoring what can't be understood; for a stop.

    Returns it (None: not identified even so), and one sentence that says what is wrong (empty:
    nothing).
    """
    slip = ""
    for words in _less_and_less(chosen):
        try:
            return RoasterLaunch.chosen(**words), slip
        except RoastwatchError as error:
            slip = slip or str(error)
    return None, slip


def _less_and_less(chosen: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The words of a command line, then the same without those that may be wrong."""
    yield chosen
    if chosen["kind"] is None:
        return
    options = chosen["options"]
    fewer = [options[:at] + options[at + 1 :] for at in range(len(options))]
    bare = {**chosen, "settings_path": None}
    for limits in dict.fromkeys((chosen["limits"], None)):
        for some in dict.fromkeys((options, *fewer, ())):
            yield {**bare, "limits": limits, "options": some}


def _spelled(port: str) -> str:
    return re.sub("^socket://", "tcp://", port)


def reveal(options: BaseModel) -> dict[str, Any]:
    """Options as plain values, including secrets, for the guardian's stdin."""
    found: dict[str, Any] = options.model_dump(mode="json")
    for name in type(options).model_fields:
        value = getattr(options, name)
        if isinstance(value, SecretStr):
            found[name] = value.get_secret_value()
    return found


def checked_options(model: type[BaseModel], raw: dict[str, Any], kind: str) -> BaseModel:
    """A driver's options from keys and values.

    Raises:
        SettingsError, BadInputError: one sentence that names the option and the fix.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "missing" and first["loc"] == ("port",):
            raise SettingsError(
                f"Set the port of the {kind}, such as --port /dev/ttyUSB0."
            ) from error
        raise SettingsError(f"{kind}: {explained(error, model, kind='option')}") from error
