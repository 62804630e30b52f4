"""The messages of service and guardian: versioned JSON lines with sequence numbers.

Each line is one object with `v` (the version) and `seq`, which grows with every line of a sender.
The service requests with `do`. The guardian answers with `re` (the `seq` of the request), and
reports unprompted with `tell`. Times are seconds of CLOCK_MONOTONIC, which both processes share.
Within a version words and fields may be added, and unknown fields are ignored, so that a stop
reaches a guardian that an older program started.
"""

import hashlib
import json
import math
import os
import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.roaster.driver import Capabilities
from roastwatch.vocabulary import Actuator, Command, CommandResult, Origin, Outcome, Reading

VERSION = 1
LONGEST_LINE = 64 * 1024
_LIMITS = inbound.InboundLimits(size=4 * LONGEST_LINE, whole_text=False)
"""Texts may hold anything: a driver's text must not stop its guardian's messages."""
SPREADS_S = 22.0
"""The guardian looks back 20 s to see a rise; before this, that includes time with heat on."""
LONGEST_FOLDER = 75
"""Linux takes 107 bytes for the path of a Unix socket."""


def encode(message: dict[str, Any]) -> bytes:
    """One line. Numbers that JSON can't hold become null."""
    whole = _finite({"v": VERSION, **message})
    return json.dumps(whole, separators=(",", ":"), default=str).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The object of a line.

    Raises:
        BadInputError: not JSON, not an object, or of another version.
    """
    message = inbound.json_object(line, "A message", _LIMITS)
    if message.get("v") != VERSION:
        raise BadInputError(
            f"A message has version {message.get('v')!r}, but this roastwatch has {VERSION}: "
            "run the same version on both sides."
        )
    return message


def socket_path(port: str) -> Path:
    """Where the guardian of a port listens; the same for every name of one device."""
    real = str(Path(port).resolve()) if port.startswith("/") else port
    digest = hashlib.sha256(real.encode()).hexdigest()[:12]
    return runtime_dir() / f"guardian-{digest}.sock"


def runtime_dir() -> Path:
    """A folder that only this user can enter.

    Raises:
        BadInputError: it belongs to somebody else.
    """
    chosen = os.environ.get("ROASTWATCH_RUNTIME_DIR")
    base = os.environ.get("XDG_RUNTIME_DIR")
    if chosen:
        folder = Path(chosen).absolute()
    elif base and Path(base).is_dir():
        folder = Path(base) / "roastwatch"
    else:
        folder = Path(f"/tmp/roastwatch-{os.getuid()}")
    if len(str(folder)) > LONGEST_FOLDER:
        raise BadInputError(
            f"{folder} is too long a path for a socket: name a shorter one in "
            "ROASTWATCH_RUNTIME_DIR."
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise BadInputError(
            f"{folder} can't be made ({error.strerror}): name a folder of your own in "
            "ROASTWATCH_RUNTIME_DIR."
        ) from error
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise BadInputError(
            f"{folder} is open to other users: remove it, or name a folder of your own in "
            "ROASTWATCH_RUNTIME_DIR."
        )
    return folder


def reading_to(reading: Reading | None) -> dict[str, Any] | None:
    """A reading as JSON."""
    return None if reading is None else asdict(reading)


def reading_from(raw: dict[str, Any] | None) -> Reading | None:
    """A reading from JSON."""
    return None if raw is None else Reading(**raw)


def capabilities_to(found: Capabilities) -> dict[str, Any]:
    """Capabilities as JSON."""
    return {
        "machine": found.machine,
        "actuators": sorted(found.actuators),
        "reads_bean_temp": found.reads_bean_temp,
        "reads_environment_temp": found.reads_environment_temp,
        "read_period_s": found.read_period_s,
        "keep_alive_s": found.keep_alive_s,
        "when_host_is_gone": found.when_host_is_gone,
        "make_safe_writes": found.make_safe_writes,
        "echoes": sorted(found.echoes),
        "levels": {str(name): list(levels) for name, levels in found.levels.items()},
        "fan_is_drum": found.fan_is_drum,
        "listens_first": found.listens_first,
        "when_released": found.when_released,
    }


def capabilities_from(raw: dict[str, Any]) -> Capabilities:
    """Capabilities from JSON."""
    raw = dict(raw)
    raw["actuators"] = frozenset(Actuator(name) for name in raw["actuators"])
    raw["echoes"] = frozenset(Actuator(name) for name in raw["echoes"])
    raw["levels"] = {Actuator(name): tuple(levels) for name, levels in raw["levels"].items()}
    return Capabilities(**raw)


def can_heat(state: dict[str, Any]) -> bool:
    """Whether a guardian's state is of a machine whose heat can be set."""
    return Actuator.HEATER in (state.get("capabilities") or {}).get("actuators", ())


def heat_problem_of(state: dict[str, Any]) -> str:
    """Why heat is not known to be off; empty if it is, or if we don't control it."""
    ours = can_heat(state) and not only_reads(state)
    return str(state.get("heat_problem") or "") if ours else ""


def danger_of(state: dict[str, Any]) -> str:
    """The guardian's alarm, or that the roaster gets hotter without heat; empty: neither."""
    alarm, off_s = state.get("alarm"), state.get("heat_off_s")
    if alarm:
        return f"{alarm} Pull the roaster's plug."
    if can_heat(state) and state.get("hotter") and (off_s or 0.0) >= SPREADS_S:
        return (
            f"The roaster gets hotter, but heat has been off for {off_s:.0f} s: pull its plug if "
            "that goes on."
        )
    return ""


def only_reads(state: dict[str, Any]) -> bool:
    """Whether a guardian only reads its machine; an older version does not say."""
    return state.get("only_reads") is True


def command_from(raw: dict[str, Any], station: str) -> Command:
    """A command from JSON.

    Raises:
        BadInputError: a field is missing or not what it should be.
    """
    try:
        return Command(
            command_id=str(raw["command_id"]),
            station=station,
            actuator=Actuator(raw["actuator"]),
            target=float(raw["target"]),
            origin=Origin(raw["origin"]),
            requested_at_s=float(raw["requested_at_s"]),
            valid_for_s=min(float(raw.get("valid_for_s", 2.0)), 30.0),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"The command is not complete: {error}.") from error


def result_from(raw: dict[str, Any]) -> CommandResult:
    """A command's result from JSON."""
    return CommandResult(
        command_id=str(raw["command_id"]),
        outcome=Outcome(raw["outcome"]),
        applied=raw.get("applied"),
        interlock=raw.get("interlock"),
        reason=str(raw.get("reason", "")),
    )


def said_at_s(message: dict[str, Any]) -> float | None:
    """When a message was sent, by the monotonic clock that both processes share."""
    at_s = message.get("at_s")
    return float(at_s) if isinstance(at_s, int | float) else None


def positive(message: dict[str, Any], key: str) -> float:
    """A number above 0.

    Raises:
        BadInputError: it is something else.
    """
    value = message.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise BadInputError(f"{key} must be a number above 0, not {value!r}.")
    return float(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
