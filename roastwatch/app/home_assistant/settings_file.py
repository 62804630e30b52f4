"""The app's settings file: written from what is known, until a person changes it."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import yaml

from roastwatch.app.home_assistant.known import ON_A_PORT, AppOptions, Known
from roastwatch.errors import SettingsError
from roastwatch.files.atomic import write_whole
from roastwatch.settings import model as settings
from roastwatch.web.ingress import GATEWAY

_log = logging.getLogger(__name__)
PORT = 8099
"""Of the page and the API; config.yaml names it too."""
_HEAD = """\
# The settings of roastwatch, written by the app from its options and from Home Assistant.
#
# It writes them again at each start, until you change this file: from then on it is yours, and
# the app's options have no effect. Delete it and restart the app to go back.
# Every option is in the documentation (Reference, Settings).
"""


def tree(
    options: AppOptions,
    known: Known,
    folder: Path,
    ports: list[str],
    *,
    gateway: str = GATEWAY,
    port: int = PORT,
) -> dict[str, Any]:
    """The settings as a YAML tree.

    Args:
        options: what a person set on the app's page.
        known: what Home Assistant says.
        folder: of the roast log and the secrets.
        ports: serial ports of this machine.
        gateway: address of the ingress.
        port: of the page.

    Raises:
        SettingsError: the roaster needs a serial port, and it is unclear which.
    """
    station: dict[str, Any] = {
        "name": "roaster",
        "source": {"type": "demo"} if options.demo else {"type": "microphone"},
    }
    if options.roaster != "none":
        station["roaster"] = {"type": options.roaster}
        if options.roaster in ON_A_PORT:
            station["roaster"]["port"] = _port(options, ports)
    ingress: dict[str, Any] = {"role": options.people.value}
    if gateway != GATEWAY:
        ingress["gateway"] = gateway
    page = {
        "type": "rest",
        "host": "0.0.0.0",
        "port": port,
        "token_file": str(token_file(folder)),
        "sign_in": True,  # programs can be paired, and revoked on the page
        "announce": False,  # the Supervisor does it
        "ingress": ingress,
    }
    sinks: list[dict[str, Any]] = [page]
    if options.mqtt and known.broker is not None:
        sinks.append(_mqtt(known, folder))
    if options.phones and known.phones:
        sinks.append(_phones(known.phones))
    whole: dict[str, Any] = {"instance": options.instance, "language": known.language}
    if known.time_zone:
        whole["time_zone"] = known.time_zone
    if known.fahrenheit:
        whole["temperature_unit"] = "F"
    return whole | {"data_dir": str(folder), "stations": [station], "sinks": sinks}


def password_file(folder: Path) -> Path:
    """Where the broker's password is."""
    return folder / "secrets" / "mqtt.password"


def token_file(folder: Path) -> Path:
    """Where the token of Home Assistant's integration is."""
    return folder / "secrets" / "integration.token"


def write(path: Path, whole: dict[str, Any], stamp: Path) -> bool:
    """Write the file, if it is missing or as the app wrote it last.

    Args:
        path: the settings file.
        whole: what it is to say.
        stamp: the file that remembers what was written.

    Returns:
        Whether it was written; False: a person has changed it.

    Raises:
        SettingsError: a setting is wrong, or the disk refuses.
    """
    settings.parse(yaml.safe_load(yaml.safe_dump(whole)), path.parent)
    text = _HEAD + yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=100)
    try:
        if path.exists() and (not stamp.exists() or _digest(path) != stamp.read_text("ascii")):
            return False
        write_whole(path, text)
        write_whole(stamp, _digest(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} can't be written ({error}).") from error
    return True


def _mqtt(known: Known, folder: Path) -> dict[str, Any]:
    broker = known.broker
    assert broker is not None
    found: dict[str, Any] = {"type": "mqtt", "host": broker.host, "port": broker.port}
    if broker.username:
        found["username"] = broker.username
        if broker.password:
            found["password_file"] = str(password_file(folder))
    if broker.ssl:
        found["tls"] = True
    return found


def _phones(actions: tuple[str, ...]) -> dict[str, Any]:
    """Everybody with a phone; inside the app Home Assistant needs no token."""
    names = [action.removeprefix("notify.mobile_app_") for action in actions]
    people = [
        {"name": name, "companion": [action]} for name, action in zip(names, actions, strict=True)
    ]
    return {"type": "phone", "home_assistant": {}, "people": people}


def _port(options: AppOptions, ports: list[str]) -> str:
    if options.serial_port:
        return options.serial_port
    if len(ports) == 1:
        return ports[0]
    seen = f"there are {', '.join(ports)}" if ports else "no serial device is connected"
    raise SettingsError(f"serial_port: name the port of the {options.roaster}; {seen}.")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
