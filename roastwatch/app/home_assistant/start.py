"""The start of the app: settings, secrets and rights, then the service which replaces this process.

A container of the Supervisor starts as root, because its folders belong to root. All that is
needed as root is done here; the service, and with it the guardian, runs as another user.
"""

import grp
import logging
import os
import pwd
import secrets
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from roastwatch.app.home_assistant import known as asking
from roastwatch.app.home_assistant import settings_file
from roastwatch.app.home_assistant.backup import restore
from roastwatch.app.home_assistant.known import AppOptions, Known
from roastwatch.app.home_assistant.supervisor import ADDRESS, Supervisor
from roastwatch.errors import RoastwatchError, SettingsError
from roastwatch.files.atomic import write_whole
from roastwatch.web.identity import service_id
from roastwatch.web.ingress import GATEWAY

_log = logging.getLogger(__name__)
SERVICE = "roastwatch"
"""Under this name Home Assistant's integration is notified of the app."""
USER = "roastwatch"
_DEVICES = ("snd/*", "ttyUSB*", "ttyACM*", "ttyAMA*", "bus/usb/*/*")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the Supervisor puts things."""

    data: Path = Path("/data")
    """The app's own; it has options.json."""
    config: Path = Path("/config")
    """For people: /addon_configs/…_roastwatch in their editor."""
    dev: Path = Path("/dev")
    supervisor: str = ADDRESS
    gateway: str = GATEWAY
    port: int = settings_file.PORT

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.config / "roastwatch.yaml"


def prepare(places: Places, token: str | None, pause_s: float = 2.0) -> None:
    """Write settings and secrets, and tell Home Assistant where the service will be.

    Args:
        places: where the Supervisor puts things.
        token: that of the app, from the environment.
        pause_s: seconds between two attempts to reach the Supervisor.

    Raises:
        SettingsError: there is no Supervisor, or an option is wrong; the text says what to do.
    """
    if not token:
        raise SettingsError(
            "SUPERVISOR_TOKEN is not set: this command starts the app of Home Assistant. Elsewhere "
            "use `roastwatch run`."
        )
    supervisor = Supervisor(token, places.supervisor, pause_s)
    options = asking.options(places.data / "options.json")
    restore(places.data)
    known = asking.ask(supervisor, places.data / "home-assistant.json", options)
    access = _secrets(places.data, known)
    _settings(places, options, known)
    _discover(supervisor, options, access, places)


def hand_over(places: Places) -> None:
    """As root: give data and settings to the service's user, and become that user.

    Raises:
        SettingsError: there is no such user: this is not the app's image.
    """
    if os.geteuid() != 0:
        return
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        raise SettingsError(
            f"There is no user '{USER}': start the app with the image that the Dockerfile makes."
        ) from None
    for folder in (places.data, places.config):  # the page saves settings, too
        give(folder, user.pw_uid, user.pw_gid)
    os.setgroups(sorted({user.pw_gid, *_own_groups(), *device_groups(places.dev)}))
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def serial_ports(dev: Path) -> list[str]:
    """Serial devices, by the names that stay the same; else as the kernel numbers them."""
    by_id = sorted(str(path) for path in (dev / "serial/by-id").glob("*"))
    return by_id or sorted(str(path) for kind in ("ttyUSB*", "ttyACM*") for path in dev.glob(kind))


def give(folder: Path, uid: int, gid: int) -> None:
    """Make a user the owner of a folder and all in it; links are not followed."""
    for path in (folder, *folder.rglob("*")):
        try:
            if path.lstat().st_uid != uid:
                os.chown(path, uid, gid, follow_symlinks=False)
        except OSError as error:
            _log.warning("%s can't be given to the service (%s).", path, error.strerror)


def device_groups(dev: Path) -> set[int]:
    """The groups that may read and write sound cards, serial ports and USB devices."""
    found = set()
    for path in (one for kind in _DEVICES for one in dev.glob(kind)):
        try:
            state = path.stat()
        except OSError:
            continue
        if stat.S_ISCHR(state.st_mode) and state.st_mode & 0o060 == 0o060:
            found.add(state.st_gid)
    return found


def _own_groups() -> Iterable[int]:
    return [group.gr_gid for group in grp.getgrall() if USER in group.gr_mem]


def _secrets(data: Path, known: Known) -> str:
    """Write the broker's password as it is now; return the token of the integration."""
    password = known.broker.password if known.broker else None
    file = settings_file.token_file(data)
    try:
        if password:
            write_whole(settings_file.password_file(data), password + "\n", private=True)
        if not file.exists():
            write_whole(file, secrets.token_urlsafe(32) + "\n", private=True)
        return file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The app's secrets in {file.parent} can't be kept ({error})."
        ) from error


def _settings(places: Places, options: AppOptions, known: Known) -> None:
    ports = serial_ports(places.dev)
    if ports:
        _log.info("Serial devices: %s", ", ".join(ports))
    whole = settings_file.tree(
        options, known, places.data, ports, gateway=places.gateway, port=places.port
    )
    if not settings_file.write(places.settings, whole, places.data / "settings.sha256"):
        _log.info(
            "%s was changed by a person and stays as it is; the app's options have no effect",
            places.settings,
        )
        return
    if options.phones and not known.phones:
        _log.warning(
            "No phone has Home Assistant's companion app: install it and sign in there, then "
            "restart this app"
        )
    if options.mqtt and known.broker is None:
        _log.warning(
            "There is no MQTT broker: install the app Mosquitto broker and restart this one, or "
            "use Home Assistant's integration of roastwatch"
        )


def _discover(supervisor: Supervisor, options: AppOptions, code: str, places: Places) -> None:
    """The integration pairs with the code, and gets a token of its own, which can be revoked."""
    place = {
        "host": socket.gethostname(),
        "port": places.port,
        "instance": options.instance,
        "id": service_id(places.data, options.instance),
        "code": code,
    }
    try:
        supervisor.discover(SERVICE, place)
    except RoastwatchError as error:
        _log.warning("Home Assistant's integration does not know where the app is. %s", error)
