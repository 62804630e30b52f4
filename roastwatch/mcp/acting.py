"""What an agent can change: marks of a roast, and actuators. The service judges each request."""

import asyncio
from typing import Any

from roastwatch.errors import LostError, RefusedError
from roastwatch.mcp.api import ServiceApi
from roastwatch.mcp.looking import shown
from roastwatch.mcp.watch import StationView, Watch
from roastwatch.vocabulary import Actuator, InstructionKind

_FOLLOWS_S = 3.0
"""How long what follows from an instruction is awaited."""
_STOPS_S = 10.0


async def instruct(
    api: ServiceApi,
    watch: Watch,
    station: str,
    kind: InstructionKind,
    value: str | None = None,
) -> dict[str, Any]:
    """Give an instruction, and wait a moment for the events that follow.

    Raises:
        RefusedError: the service refuses it; the text says why.
        LostError: the service does not answer.
    """
    view = await watch.station(station)
    before, refusal = _seen(view), view.state.get("last_refusal")
    body = {"kind": kind.value} | ({} if value is None else {"value": value})
    await api.post(f"stations/{_name(station)}/instruct", body)
    wait_s = 0.5 if kind is InstructionKind.NOTE else _FOLLOWS_S
    new: list[dict[str, Any]] = []
    until_s = asyncio.get_running_loop().time() + wait_s
    while not new and (left_s := until_s - asyncio.get_running_loop().time()) > 0:
        await watch.next_change(left_s)
        view = await watch.station(station)
        new = [one for one in view.events if (one["event_id"], one["event_type"]) not in before]
    said = view.state.get("last_refusal")
    return {
        "accepted": kind.value,
        "new_events": new,
        "refusal": said if said != refusal else None,
        **shown(view),
    }


def _seen(view: StationView) -> set[tuple[str, str]]:
    return {(one["event_id"], one["event_type"]) for one in view.events}


async def set_actuator(
    api: ServiceApi, station: str, actuator: Actuator, percent: float
) -> dict[str, Any]:
    """Set an actuator, through the interlocks.

    Raises:
        RefusedError: an interlock, or the rules for agents, refuse it; or it failed.
        LostError: the service does not answer.
    """
    body = {"actuator": actuator.value, "percent": percent}
    status, result = await api.post(f"stations/{_name(station)}/command", body)
    if status != 200:
        by = f" (interlock {result['interlock']})" if result.get("interlock") else ""
        raise RefusedError(f"{result['outcome']}: {result['reason']}{by}")
    found: dict[str, Any] = result
    return found


async def emergency_stop(api: ServiceApi, watch: Watch, station: str) -> dict[str, Any]:
    """Heat off now; the answer says whether the machine has confirmed it.

    It is requested first and looked at afterwards: nothing may keep it from the service.

    Raises:
        RefusedError, LostError: the service did not accept it; a person must act.
    """
    await api.post(f"stations/{_name(station)}/instruct", {"kind": "emergency_stop"})
    try:
        return {"accepted": "emergency_stop", **await _stopped(watch, station)}
    except LostError as lost:  # it was accepted all the same
        return {"accepted": "emergency_stop", "heat_is_off": None, "problem": str(lost)}


async def _stopped(watch: Watch, station: str) -> dict[str, Any]:
    view = await watch.station(station)
    until_s = asyncio.get_running_loop().time() + _STOPS_S
    while (left_s := until_s - asyncio.get_running_loop().time()) > 0:
        if not view.state.get("heater") and view.state.get("arm") is not True:
            break
        await watch.next_change(left_s)
        view = await watch.station(station)
    off = view.state.get("heater") in (0, None) and view.state.get("heater_reading") in (0, None)
    return {"heat_is_off": off, **shown(view)}


def _name(station: str) -> str:
    """A station's name as part of a path."""
    if not 0 < len(station) <= 100 or not all(c.isalnum() or c in "-_" for c in station):
        raise RefusedError(f"{station!r:.100} is no name of a station.")
    return station
