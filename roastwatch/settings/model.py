"""The settings: one YAML file → frozen models. A wrong key is named together with its fix."""

import logging
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, Field, SerializeAsAny, StringConstraints, ValidationError

from roastwatch import plugins
from roastwatch.audio.recorder_options import RecorderOptions
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.entities import BY_KEY, EVENT_TYPES
from roastwatch.errors import BadInputError, SettingsError
from roastwatch.files.folders import data_folder
from roastwatch.files.text_file import TextFileError, read_text
from roastwatch.files.yaml_file import parse_yaml, problem_of
from roastwatch.options import Options, placed, shown_input
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
        raise ValueError("there is no such time zone: write one such as Europe/Berlin") from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class Chosen(Options):
    """A plugin by name with its own options."""

    type: str
    options: SerializeAsAny[Options]


class StationSettings(Options):
    """One roaster with its ear."""

    name: Slug = Field("roaster", description="Name in topics and ids: a-z, 0-9, _ and -.")
    title: str = Field("", description="Name for people; empty: made from `name`.")
    source: Chosen = Field(description="Where sound comes from.")
    model: Chosen = Field(description="What hears cracks.")
    onset: OnsetOptions = Field(OnsetOptions(), description="How pops become a decision.")
    calibration: Path | None = Field(
        None, description="What `learn` wrote; null: this station's file in the data folder."
    )
    roast: RoastOptions = Field(RoastOptions(), description="When a roast begins.")
    curve: CurveOptions = Field(CurveOptions(), description="How the bean curve is read.")
    roaster: Chosen | None = Field(
        None, description="The machine to read and drive; null: roastwatch only listens."
    )
    independent_cutoff: bool = Field(
        False,
        description="You confirm that this roaster has a thermal cut-off of its own: needed for "
        "heat where the machine goes on heating without its computer.",
    )
    plan: Path | None = Field(
        None,
        description="Plan that the roaster follows from each charge while it is armed, and whose "
        "profile is compared with; null: none.",
    )
    detectors: tuple[Chosen, ...] = Field(
        (),
        description="More models that a person may choose while no roast runs; `model`, pops and "
        "transients always can be.",
    )
    profiles: Path | None = Field(
        None,
        description="Folder of plans (.yaml) and recorded roasts (.alog, .csv) of which a person "
        "may choose one in place of `plan`; null: none.",
    )
    roaster_limits: dict[str, float | bool] = Field(
        {}, description="Limits in place of the machine's own (see config/roasters)."
    )
    recording: RecorderOptions = Field(
        RecorderOptions(), description="Which sound is kept: none, unless it is asked for."
    )


class Settings(Options):
    """All that a person can set."""

    instance: Slug = Field(
        "roastwatch", description="Name of this roastwatch: unique on its MQTT broker."
    )
    language: str = Field("en", description="Language of names and alerts: en or de.")
    time_zone: TimeZone | None = Field(
        None,
        description="Time zone of quiet hours, such as Europe/Berlin; null: the computer's own.",
    )
    data_dir: Path | None = Field(
        None, description="Folder of the roast log and recordings; null: the user's data folder."
    )
    stations: tuple[StationSettings, ...] = Field(
        description="One entry for each roaster, even when there is one.", min_length=1
    )
    sinks: tuple[Chosen, ...] = Field((), description="Who is told.")

    @property
    def folder(self) -> Path:
        """Where data lies.

        Raises:
            SettingsError: `data_dir` is not set and this user has no home folder.
        """
        return self.data_dir or data_folder()


# Where plugins are chosen: key → (group, the type that is meant when none is named).
STATION_CHOICES = {"source": ("sources", "microphone"), "model": ("models", "pops")}

ALWAYS_OFFERED = ("pops", "transients")
"""Models that need no extra."""


def read(path: Path) -> Settings:
    """The settings in a file. What they name by a relative path is beside it.

    Raises:
        SettingsError: one sentence that names the key and the fix.
    """
    try:
        path = placed(str(path), None, "--settings")
        text = read_text(path)
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} can't be read ({error.strerror}): name one with --settings."
        ) from error
    except TextFileError as error:
        raise SettingsError(f"The settings file {path} {error}.") from error
    except ValueError as error:
        raise SettingsError(f"{error}.") from error
    try:
        raw = parse_yaml(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{path} is not YAML{problem_of(error)}.") from error
    return parse({} if raw is None else raw, path.absolute().parent)


def parse(raw: object, folder: Path | None = None) -> Settings:
    """The settings in a parsed YAML document; an empty one listens to the default microphone.

    Args:
        raw: the document.
        folder: where its relative paths begin; None: the working directory.

    Raises:
        SettingsError: one sentence that names the key and the fix.
    """
    if not isinstance(raw, dict):
        raise SettingsError("The settings must be keys and values, such as `instance: kitchen`.")
    tree: dict[str, Any] = _substitute(raw, "")
    tree.setdefault("stations", [{}])
    if isinstance(tree["stations"], list):
        for index, station in enumerate(tree["stations"]):
            if isinstance(station, dict):
                for key, (group, default) in STATION_CHOICES.items():
                    where = f"stations[{index}].{key}"
                    station[key] = _choose(group, station.get(key, {}), where, default, folder)
                station["detectors"] = _detectors(station.get("detectors"), index, folder)
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
            raise SettingsError(f"Two stations are named '{name}': give each a name of its own.")
    _refuse_same_ids(names)
    for index, station in enumerate(settings.stations):
        _check_limits(station, f"stations[{index}].roaster_limits")
    return settings


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
    """Judge a station's limits with those of its machine, as the guardian does.

    Raises:
        SettingsError: a limit is unknown, out of range or at odds with another.
    """
    try:
        limits = limits_for(station.roaster.type if station.roaster else "")
        parse_limits(limits.model_dump(mode="json") | station.roaster_limits, where)
    except BadInputError as error:
        raise SettingsError(str(error)) from error


def _refuse_same_ids(names: list[str]) -> None:
    """Station a with first_crack_level and station a_first_crack with level would be one entity.

    Raises:
        SettingsError: two stations have an entity of the same id.
    """
    keys = (*BY_KEY, *(f"trigger_{kind}" for kind in EVENT_TYPES))
    of: dict[str, str] = {}
    for name in names:
        for key in keys:
            other = of.setdefault(f"{name}_{key}", name)
            if other != name:
                raise SettingsError(
                    f"Stations '{other}' and '{name}' would have entities of the same id "
                    f"({name}_{key}): give one of them another name."
                )


def chosen(group: str, name: str, where: str = "", **options: object) -> Chosen:
    """A plugin by name with some of its options, as if from a file."""
    return _choose(group, {"type": name, **options}, where or group, None)


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
        raise SettingsError(f"{where}.type is missing: one of {', '.join(plugins.names(group))}.")
    try:
        plugin = plugins.load(group, name)
    except SettingsError as error:
        raise SettingsError(f"{where}.type: {error}") from error
    return Chosen(type=name, options=_validate(plugin.Options, raw, where, folder))


def _validate(model: type[Options], raw: object, where: str, folder: Path | None) -> Any:
    try:
        return model.model_validate(raw, context={"folder": folder})
    except ValidationError as error:
        raise SettingsError(_sentence(error, model, where)) from error


def _sentence(error: ValidationError, model: type[Options], where: str) -> str:
    # A misspelt key is often why another is missing: name it first.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    keys = list(first["loc"])
    place = where
    for key in keys:
        name = str(key) if str(key).isprintable() else repr(key)
        place += f"[{key}]" if isinstance(key, int) else f".{name}" if place else name
    if first["type"] == "extra_forbidden":
        near = get_close_matches(str(keys[-1]), _fields(model, keys[:-1]), n=1, cutoff=0.5)
        known = ", ".join(sorted(_fields(model, keys[:-1])))
        hint = f"did you mean '{near[0]}'?" if near else f"the known keys are {known}."
        return f"{place} is not a setting: {hint}"
    if first["type"] == "missing":
        return f"{place} is missing: it has no default."
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "string_type" and isinstance(first.get("input"), int | float):
        message = "put it in quotes, because YAML takes it for something else than text"
    before = f"{place}: " if place else ""
    return f"{before}{message[:1].lower()}{message[1:]}{shown_input(first, model)}."


def _fields(model: type[Options], path: list[Any]) -> list[str]:
    here: Any = model
    for key in path:
        if isinstance(key, str) and isinstance(here, type) and issubclass(here, Options):
            here = here.model_fields[key].annotation if key in here.model_fields else None
        while getattr(here, "__args__", None):
            here = next((a for a in here.__args__ if isinstance(a, type)), None)
    if isinstance(here, type) and issubclass(here, Options):
        return list(here.model_fields)
    return list(model.model_fields)


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
            found = found or default  # as in a shell: an empty variable takes the default too
        if found is None:
            raise SettingsError(
                f"{where} names the environment variable {name}, which is not set: set it, or "
                f"write ${{{name}:-default}}."
            )
        return found

    return re.sub(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}", variable, value)
