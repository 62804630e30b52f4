"""The settings: one YAML file → frozen models. An error names the key and the fix."""

import logging
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, Field, SerializeAsAny, StringConstraints, ValidationError

from roastwatch import plugins
from roastwatch.audio.recorder_options import RecorderOptions
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.entities import BY_KEY, EVENT_TYPES
from roastwatch.errors import BadInputError, SettingsError
from roastwatch.files.folders import data_folder
from roastwatch.files.untrusted import UnfitFileError, read_text
from roastwatch.files.yaml_file import parse_yaml, problem_of
from roastwatch.options import Options, explained, placed
from roastwatch.roast.curve.curve import CurveOptions
from roastwatch.roast.roast import RoastOptions
from roastwatch.roaster.guardian.limits_store import limits_for, parse_limits

_log = logging.getLogger(__name__)
_OWN_PROBE = "The source's temperatures are left out: the station's roaster has its own probe."
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # "../x", a folder
        raise ValueError("unknown time zone: write one such as Europe/Berlin") from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class Chosen(Options):
    """A plugin, named, with its options."""

    type: str
    options: SerializeAsAny[Options]


class StationSettings(Options):
    """One roaster and the microphone beside it."""

    name: Slug = Field("roaster", description="Name in MQTT topics and ids: a-z, 0-9, _ and -.")
    title: str = Field("", description="Display name; empty: derived from `name`.")
    source: Chosen = Field(description="Source of the sound.")
    reference: Chosen | None = Field(
        None,
        description="Source of a reference microphone away from the roaster: what is louder there "
        "is not a crack. For another channel of the same source, set its `reference_channel` "
        "instead; null: none.",
    )
    model: Chosen = Field(description="Model that detects pops.")
    onset: OnsetOptions = Field(OnsetOptions(), description="How first crack is decided from pops.")
    calibration: Path | None = Field(
        None,
        description="Calibration file that `roastwatch learn` wrote; null: the station's own file "
        "in the data folder.",
    )
    roast: RoastOptions = Field(RoastOptions(), description="When a roast starts and ends.")
    curve: CurveOptions = Field(
        CurveOptions(), description="How the bean temperature curve is evaluated."
    )
    roaster: Chosen | None = Field(
        None, description="Roaster to read and control; null: listen only."
    )
    independent_cutoff: bool = Field(
        False,
        description="Confirms that the roaster has an independent thermal cut-off. Required before "
        "roastwatch heats a machine that keeps heating if this computer fails.",
    )
    plan: Path | None = Field(
        None,
        description="Plan that an armed roaster follows from each charge, and whose profile the "
        "roast is compared with; null: none.",
    )
    detectors: tuple[Chosen, ...] = Field(
        (),
        description="More models to offer for selection between roasts; `model`, pops and "
        "transients are always offered.",
    )
    profiles: Path | None = Field(
        None,
        description="Folder of plans (.yaml) and recorded roasts (.alog, .csv) to offer for "
        "selection instead of `plan`; null: the folder `plans` in the data folder.",
    )
    roaster_limits: dict[str, float | bool] = Field(
        {}, description="Limits that override those of the machine (see config/roasters)."
    )
    recording: RecorderOptions = Field(
        RecorderOptions(), description="Which sound is recorded; by default none."
    )


class Settings(Options):
    """The whole settings file."""

    instance: Slug = Field(
        "roastwatch", description="Name of this instance; unique on its MQTT broker."
    )
    language: str = Field("en", description="Language of entity names and alerts: en or de.")
    time_zone: TimeZone | None = Field(
        None,
        description="Time zone of times for people (quiet hours, pictures, log lines), such as "
        "Europe/Berlin; null: that of this computer.",
    )
    temperature_unit: Literal["C", "F"] = Field(
        "C", description="Unit of temperatures in alerts, pictures and sentences: C or F."
    )
    data_dir: Path | None = Field(
        None, description="Folder of the roast log and recordings; null: the user's data folder."
    )
    stations: tuple[StationSettings, ...] = Field(
        description="One entry per roaster.", min_length=1
    )
    page: bool = Field(
        True,
        description="Serves the page and the HTTP API to this machine alone, on port 8099 or the "
        "next free one. A `rest` sink replaces it, with options of its own.",
    )
    sinks: tuple[Chosen, ...] = Field((), description="Where events are sent.")

    @property
    def folder(self) -> Path:
        """The folder of the roast log, recordings and calibrations.

        Raises:
            SettingsError: `data_dir` is not set and this user has no home folder.
        """
        return self.data_dir or data_folder()


# Keys of a station that choose a plugin → (group, default type).
STATION_CHOICES = {"source": ("sources", "microphone"), "model": ("models", "pops")}

ALWAYS_OFFERED = ("pops", "transients")
"""Models that need no extra; every station offers them."""


def read(path: Path) -> Settings:
    """Read a settings file. Relative paths in it start at its folder.

    Raises:
        SettingsError: the file can't be read, or a setting is wrong; the text names the key.
    """
    try:
        path = placed(str(path), None, "--settings")
        text = read_text(path)
    except UnfitFileError as error:
        raise SettingsError(f"The settings file {path} can't be read: {error.strerror}.") from error
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} can't be read ({error.strerror}): name one with --settings."
        ) from error
    except ValueError as error:
        raise SettingsError(f"{error}.") from error
    try:
        raw = parse_yaml(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML{problem_of(error)}.") from error
    return parse({} if raw is None else raw, path.absolute().parent)


def parse(raw: object, folder: Path | None = None) -> Settings:
    """Validate a parsed YAML document; an empty one listens to the default microphone.

    Args:
        raw: the document.
        folder: where relative paths start; None: the working directory.

    Raises:
        SettingsError: a setting is wrong; the text names the key and the fix.
    """
    if not isinstance(raw, dict):
        raise SettingsError(
            "The settings file must hold keys and values, such as `instance: kitchen`."
        )
    tree: dict[str, Any] = _substitute(raw, "")
    tree.setdefault("stations", [{}])
    if isinstance(tree["stations"], list):
        for index, station in enumerate(tree["stations"]):
            if isinstance(station, dict):
                for key, (group, default) in STATION_CHOICES.items():
                    where = f"stations[{index}].{key}"
                    station[key] = _choose(group, station.get(key, {}), where, default, folder)
                station["detectors"] = _detectors(station.get("detectors"), index, folder)
                if station.get("reference") is not None:
                    where = f"stations[{index}].reference"
                    station["reference"] = _choose(
                        "sources", station["reference"], where, None, folder
                    )
                    _refuse_two_references(station, where)
                if station.get("roaster") is not None:
                    where = f"stations[{index}].roaster"
                    station["roaster"] = _choose("drivers", station["roaster"], where, None, folder)
                _give_probe(station)
    if isinstance(tree.get("sinks"), list):
        tree["sinks"] = [
            _choose("sinks", sink, f"sinks[{index}]", None, folder)
            for index, sink in enumerate(tree["sinks"])
        ]
    settings: Settings = _validate(Settings, tree, "", folder)
    names = [station.name for station in settings.stations]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"Two stations are named '{name}': give each its own name.")
    _refuse_same_ids(names)
    for index, station in enumerate(settings.stations):
        _check_limits(station, f"stations[{index}].roaster_limits")
    return settings


def _refuse_two_references(station: dict[str, Any], where: str) -> None:
    """Refuse a reference source beside a reference channel.

    Raises:
        SettingsError: both are set.
    """
    if station["source"].options.model_dump().get("reference_channel") is not None:
        raise SettingsError(
            f"{where} and reference_channel of the source are both set: a station has one "
            "reference microphone; remove one of them."
        )


def _give_probe(station: dict[str, Any]) -> None:
    """A source that wants temperatures brings the driver of its name, with the same options."""
    source: Chosen = station["source"]
    if not source.options.model_dump().get("temperatures"):
        return
    if station.get("roaster") is not None:
        _log.warning("%s: %s", station.get("name", "roaster"), _OWN_PROBE)
        return
    own = plugins.load("drivers", source.type).Options.model_fields.keys() - {"speed"}
    same = source.options.model_dump(include=own)
    station["roaster"] = chosen("drivers", source.type, **same)


def _check_limits(station: StationSettings, where: str) -> None:
    """Check a station's limits together with those of its machine, as the guardian does.

    Raises:
        SettingsError: a limit is unknown, out of range or contradicts another.
    """
    try:
        limits = limits_for(station.roaster.type if station.roaster else "")
        parse_limits(limits.model_dump(mode="json") | station.roaster_limits, where)
    except BadInputError as error:
        raise SettingsError(str(error)) from error


def _refuse_same_ids(names: list[str]) -> None:
    """Refuse names that would give two stations an entity of the same id.

    `first_crack_level` of station `a` and `level` of station `a_first_crack` are an example.

    Raises:
        SettingsError: two stations would have an entity of the same id.
    """
    keys = (*BY_KEY, *(f"trigger_{kind}" for kind in EVENT_TYPES))
    of: dict[str, str] = {}
    for name in names:
        for key in keys:
            other = of.setdefault(f"{name}_{key}", name)
            if other != name:
                raise SettingsError(
                    f"Stations '{other}' and '{name}' would both have an entity {name}_{key}: "
                    "rename one of them."
                )


def chosen(group: str, name: str, where: str = "", **options: object) -> Chosen:
    """A plugin with options, validated as if it came from a settings file."""
    return _choose(group, {"type": name, **options}, where or group, None)


def chosen_from(
    group: str, raw: object, where: str, default: str | None = None, folder: Path | None = None
) -> Chosen:
    """A plugin as a settings file names it.

    Raises:
        SettingsError: an option is wrong; the text names its key.
    """
    return _choose(group, _substitute(raw, where), where, default, folder)


def _detectors(raw: object, index: int, folder: Path | None) -> list[Chosen]:
    where = f"stations[{index}].detectors"
    if not isinstance(raw, list | tuple | None):
        raise SettingsError(f"{where}: write a list of models, such as [windowed].")
    named = [
        _choose("models", one, f"{where}[{n}]", None, folder) for n, one in enumerate(raw or ())
    ]
    there = {chosen.type for chosen in named}
    return named + [chosen("models", name) for name in ALWAYS_OFFERED if name not in there]


def _choose(
    group: str, raw: object, where: str, default: str | None, folder: Path | None = None
) -> Chosen:
    if isinstance(raw, str):
        raw = {"type": raw}
    if not isinstance(raw, dict):
        raise SettingsError(f"{where}: write `type: NAME` and its options below it.")
    raw = dict(raw)
    name = raw.pop("type", default)
    if not isinstance(name, str):
        raise SettingsError(
            f"{where}.type is missing: choose one of {', '.join(plugins.names(group))}."
        )
    try:
        plugin = plugins.load(group, name)
    except SettingsError as error:
        raise SettingsError(f"{where}.type: {error}") from error
    return Chosen(type=name, options=_validate(plugin.Options, raw, where, folder))


def _validate(model: type[Options], raw: object, where: str, folder: Path | None) -> Any:
    try:
        return model.model_validate(raw, context={"folder": folder})
    except ValidationError as error:
        raise SettingsError(explained(error, model, where)) from error


def _substitute(value: Any, where: str) -> Any:
    """Replace ${NAME} and ${NAME:-default} in strings by environment variables."""
    if isinstance(value, dict):
        return {
            key: _substitute(item, f"{where}.{key}" if where else str(key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_substitute(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        found = os.environ.get(name)
        if default is not None:
            found = found or default  # as in a shell, an empty variable takes the default too
        if found is None:
            raise SettingsError(
                f"{where} uses the environment variable {name}, which is not set: set it, or "
                f"write ${{{name}:-default}}."
            )
        return found

    return re.sub(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}", variable, value)
