"""The support bundle: all that is needed to see why an installation does not work, without secrets.

It holds the settings without secrets, the findings of `doctor`, versions, and what the running
service knows of itself: log lines, parts and counters. Sound is in it only if somebody asks for it.
"""

import importlib.metadata
import io
import json
import os
import platform
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from roastwatch import __version__
from roastwatch.errors import RoastwatchError
from roastwatch.options import secrets_in
from roastwatch.printing.printable import printable_lines, without_credentials
from roastwatch.printing.recent_log import without
from roastwatch.roastlog import sounds
from roastwatch.roastlog.file import FILE_NAME
from roastwatch.roastlog.store import Store
from roastwatch.settings import model as settings
from roastwatch.upkeep.checks import DoctorFinding

LARGEST_SOUND = 100_000_000
"""Bytes of the newest recorded roast; a larger file is left out."""
_MARKS = {True: "ok", False: "fault", None: "-"}
_URL = re.compile(r"(\w[\w+.-]*://)([^\s/?#]*)([^\s]*)")
_LIBRARIES = (
    "aiohttp", "aiomqtt", "apprise", "av", "homeassistant-api", "numpy", "onnxruntime", "openvino",
    "pydantic", "pymodbus", "pyusb", "serialx", "sounddevice", "soundfile", "soxr", "torch",
    "wyoming", "zeroconf",
)  # fmt: skip
_ABOUT = """\
Support bundle of roastwatch.

settings.yaml  the settings without secrets; addresses only up to the host
doctor.txt     the checks of `roastwatch doctor`
versions.json  roastwatch, Python, this computer, libraries
running.json   parts, counters and models of the running service
log.txt        its latest log lines
sound/         the newest recorded roast, if sound was asked for

Passwords and tokens of the settings are left out. Names of hosts, devices, files and roasters
are not: look through the files before you give them away.
"""


def bundle(
    path: Path | str,
    checks: Iterable[DoctorFinding],
    running: Mapping[str, Any] | None = None,
    *,
    sound: bool = False,
) -> bytes:
    """The bundle as the bytes of a zip file.

    Args:
        path: the settings file, or why there is none.
        checks: what `doctor` found.
        running: what the running service knows of itself: `state`, and `log`, its lines; None:
            unknown.
        sound: whether the newest recorded roast is in it.
    """
    texts: dict[str, str] = {"README.txt": _ABOUT}
    secrets: set[str] = set()
    wanted = None
    try:
        if isinstance(path, str):
            raise RoastwatchError(path)
        wanted = settings.read(path)
    except RoastwatchError as error:
        texts["settings.yaml"] = f"# {error}\n"
    else:
        secrets = secrets_in(wanted) | addresses_in(wanted.model_dump(mode="json"))
        texts["settings.yaml"] = yaml.safe_dump(
            hosts_only(wanted.model_dump(mode="json", exclude_unset=True)),
            sort_keys=False,
            allow_unicode=True,
        )
    texts["doctor.txt"] = "\n".join(
        f"{_MARKS[one.good]:5} {one.name}: {one.text}" for one in checks
    )
    texts["versions.json"] = json.dumps(versions(), indent=1)
    if running is not None:
        texts["running.json"] = json.dumps(running.get("state"), indent=1, ensure_ascii=False)
        texts["log.txt"] = "\n".join(map(str, running.get("log", ())))
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in texts.items():
            shown = printable_lines(without_credentials(without(text, secrets)))
            packed.writestr(f"roastwatch-support/{name}", shown.encode("utf-8", "replace"))
        for file in newest_sound(wanted.folder / FILE_NAME) if sound and wanted else ():
            packed.write(file, f"roastwatch-support/sound/{file.name}", zipfile.ZIP_STORED)
    return found.getvalue()


def versions() -> dict[str, Any]:
    """Versions of the program, of Python, of this computer and of the libraries it uses."""
    libraries = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "roastwatch": __version__,
        "python": platform.python_version(),
        "system": " ".join(os.uname()[i] for i in (0, 2, 3, 4)),  # without the host name
        "processors": os.cpu_count(),
        "libraries": libraries,
    }


def hosts_only(value: Any) -> Any:
    """Settings whose URLs end after the host: a path or a query may hold a secret."""
    if isinstance(value, dict):
        return {key: hosts_only(one) for key, one in value.items()}
    if isinstance(value, list):
        return [hosts_only(one) for one in value]
    return _URL.sub(_host, value) if isinstance(value, str) else value


def addresses_in(value: Any) -> set[str]:
    """What `hosts_only` leaves out, to find it in other texts; short paths tell nothing."""
    if isinstance(value, dict | list):
        each = value.values() if isinstance(value, dict) else value
        return set().union(*(addresses_in(one) for one in each))
    if not isinstance(value, str):
        return set()
    return {rest for _, _, rest in _URL.findall(value) if len(rest) >= 8}


def newest_sound(log: Path) -> Sequence[Path]:
    """The files with the sound of the newest roast that has any."""
    if not log.exists():
        return []
    try:
        with Store(log, writing=False) as store:
            of = sounds.with_sound(store)
    except RoastwatchError:
        return []
    pieces = of[max(of)] if of else []
    whole = [one.path for one in pieces if not one.event_id] or [one.path for one in pieces]
    return [one for one in dict.fromkeys(whole) if one.stat().st_size <= LARGEST_SOUND]


def _host(found: re.Match[str]) -> str:
    scheme, place, rest = found.groups()
    return f"{scheme}{place.rpartition('@')[2]}{'/…' if rest.strip('/') else ''}"
