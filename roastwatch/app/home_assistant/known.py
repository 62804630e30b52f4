"""What the app knows at its start: its options, and what Home Assistant and the Supervisor say."""

import logging
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from roastwatch import inbound
from roastwatch.app.home_assistant.supervisor import Supervisor
from roastwatch.errors import BadInputError, LostError, SettingsError
from roastwatch.files.atomic import write_whole
from roastwatch.options import explained
from roastwatch.settings.model import Slug
from roastwatch.web.accounts import Role

_log = logging.getLogger(__name__)
_LANGUAGES = ("en", "de")
Machine = Literal[
    "none",
    "aillio_r1",
    "aillio_r2",
    "freshroast",
    "hottop",
    "kaleido",
    "simulated",
    "tc4",
]
ON_A_PORT = ("freshroast", "hottop", "kaleido", "tc4")
"""Machines that need a serial port."""


class AppOptions(BaseModel):
    """What a person sets on the app's page in Home Assistant (config.yaml: `options`)."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer or older app's options

    instance: Slug = "roastwatch"
    people: Role = Role.OPERATOR
    mqtt: bool = True
    phones: bool = False
    demo: bool = False
    roaster: Machine = "none"
    serial_port: str | None = None


class Broker(BaseModel):
    """How to reach the MQTT broker, as the Supervisor says it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    host: str
    port: int = Field(ge=1, le=65535)
    ssl: bool = False
    username: str | None = None
    password: str | None = None


class Known(BaseModel):
    """What Home Assistant and its Supervisor said, now or at an earlier start."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    broker: Broker | None = None
    language: str = "en"
    time_zone: str | None = None
    fahrenheit: bool = False
    phones: tuple[str, ...] = ()
    """Actions such as notify.mobile_app_pixel."""


def options(path: Path) -> AppOptions:
    """The app's options.

    Raises:
        SettingsError: the file is missing or wrong; the text names the option.
    """
    try:
        return AppOptions.model_validate(inbound.json_object(path.read_bytes(), str(path)))
    except ValidationError as error:
        raise SettingsError(explained(error, AppOptions, kind="option")) from error
    except (OSError, BadInputError) as error:
        raise SettingsError(
            f"The app's options can't be read ({error}): save them again on its page."
        ) from error


def ask(supervisor: Supervisor, store: Path, wanted: AppOptions) -> Known:
    """Ask for everything, and remember it; what nobody answers is as at the last start.

    Args:
        supervisor: whom to ask.
        store: the file that remembers; only its owner may read it.
        wanted: whether a broker and phones are wanted.
    """
    known = _remembered(store)
    changes: dict[str, Any] = {}
    try:
        core = supervisor.core()
        if language := str(core.get("language", ""))[:2]:
            changes["language"] = language if language in _LANGUAGES else "en"
        units = core.get("unit_system")
        if isinstance(units, dict) and "temperature" in units:
            changes["fahrenheit"] = units["temperature"] == "°F"
        if zone := core.get("time_zone"):
            changes["time_zone"] = zone
        if wanted.phones and (phones := supervisor.phones()):
            changes["phones"] = tuple(phones)
    except LostError as error:
        _log.warning("Language and units are as before, because Home Assistant is away. %s", error)
    try:
        if not (known.time_zone or "time_zone" in changes) and (zone := supervisor.time_zone()):
            changes["time_zone"] = zone
        if wanted.mqtt and (broker := supervisor.mqtt()):
            changes["broker"] = broker
    except LostError as error:
        _log.warning("%s What it said last is used.", error)
    try:
        known = Known.model_validate(known.model_dump() | changes)
    except ValidationError as error:
        _log.warning("%s", explained(error, Known, kind="answer"))
    try:
        write_whole(store, known.model_dump_json(indent=1) + "\n", private=True)
    except OSError as error:
        _log.warning("%s can't be written (%s).", store, error.strerror)
    return known


def _remembered(store: Path) -> Known:
    try:
        return Known.model_validate_json(store.read_bytes())
    except (OSError, ValidationError):
        return Known()
