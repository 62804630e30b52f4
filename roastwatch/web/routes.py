"""Every route of the API, as one table: the server and its OpenAPI document are made from it."""

from typing import Any

from roastwatch.web.accounts import Role
from roastwatch.web.plans.routes import PLAN_ROUTES
from roastwatch.web.roasts.routes import ROAST_ROUTES
from roastwatch.web.route import BASE, Route
from roastwatch.web.upkeep.routes import UPKEEP_ROUTES
from roastwatch.web.waits import LONGEST_WAIT_S, SET_WAITS_S

__all__ = ["BASE", "ROUTES", "Route"]

_SEES, _ACTS = Role.VIEWER, Role.OPERATOR
_STATION = "/stations/{station}"


def _wait(usual_s: float) -> dict[str, dict[str, Any]]:
    said = "Seconds that the answer may wait for the outcome."
    limits = {"minimum": 0, "maximum": LONGEST_WAIT_S, "default": usual_s}
    return {"wait": {"type": "number", "description": said} | limits}


ROUTES = (
    Route(
        "GET", "/health", "health", "The number of problems; for known callers their sentences.",
        None, {200: "Health", 503: "Health"}, old_path="/health",
    ),
    Route(
        "GET", "/metrics", "metrics", "All values and counters for Prometheus.",
        _SEES, {200: "Metrics"}, old_path="/metrics", media="text/plain",
    ),
    Route(
        "GET", "/stations", "stations", "The values of all entities of every station.",
        _SEES, {200: "Stations"}, old_path="/api/stations",
    ),
    Route(
        "GET", _STATION, "station", "The values of all entities of one station.",
        _SEES, {200: "State"}, refusals=(404,),
    ),
    Route(
        "GET", f"{_STATION}/curve", "curve", "The curve of a station's roast up to now.",
        _SEES, {200: "LiveCurve"}, refusals=(404,),
    ),
    Route(
        "GET", "/events", "events", "The latest events of all stations, oldest first.",
        _SEES, {200: "Events"}, old_path="/api/events",
    ),
    Route(
        "GET", "/live", "live", "A WebSocket: a snapshot, then numbered changes.",
        _SEES, {101: ""}, refusals=(403, 426, 503),
    ),
    Route(
        "GET", "/entities", "entities", "The entities of every station, described for programs.",
        _SEES, {200: "EntityLists"},
    ),
    Route(
        "GET", f"{_STATION}/picture", "station_picture", "A picture of its roast up to now.",
        _SEES, {200: "Bytes"}, refusals=(404,), media="image/png",
    ),
    Route(
        "POST", f"{_STATION}/instruct", "instruct", "Give an instruction to a station.",
        _ACTS, {200: "Outcome", 202: "Accepted", 409: "Refusal"}, "Instruction", (404,),
        f"/api{_STATION}/instruct", query=_wait(0.0), agents=True,
    ),
    Route(
        "POST", f"{_STATION}/set/{{key}}", "set", "Set or press an entity of a station.",
        _ACTS, {200: "Outcome", 202: "Accepted", 409: "Refusal"}, "NewValue", (404, 503),
        query=_wait(SET_WAITS_S), agents=True,
    ),
    Route(
        "POST", f"{_STATION}/command", "command", "Set an actuator, through the interlocks.",
        _ACTS, {200: "CommandResult", 409: "CommandResult"}, "Command", (404, 503),
        f"/api{_STATION}/command", agents=True,
    ),
    Route(
        "POST", "/sign-in", "sign_in", "Exchange a password for a session's cookie.",
        None, {200: "SignedIn"}, "SignIn", (403, 409, 429, 503),
    ),
    Route(
        "POST", "/sign-out", "sign_out", "End the session of the cookie.",
        _SEES, {200: "SignedOut"}, "Nothing",
    ),
    Route(
        "POST", "/password", "password", "Give a role another password; its sessions end.",
        _ACTS, {200: "Changed"}, "NewPassword", (409, 429, 503), people=True,
    ),
    Route(
        "POST", "/pair", "pair", "Exchange a password or a pairing code for a program's token.",
        None, {201: "Paired"}, "Pairing", (403, 409, 429, 503),
    ),
    Route(
        "POST", "/pairing-code", "pairing_code", "Make a pairing code; an earlier one ends.",
        _ACTS, {201: "PairingCode"}, "Nothing", (409,), people=True,
    ),
    Route(
        "GET", "/programs", "programs", "The programs that are paired.",
        _ACTS, {200: "Programs"},
    ),
    Route(
        "DELETE", "/programs/{program}", "revoke_program", "Revoke a program's token.",
        _ACTS, {200: "Revoked"}, refusals=(404, 415), people=True,
    ),
    Route("GET", "/me", "me", "Who the caller is.", _SEES, {200: "Me"}),
    Route(
        "GET", "/openapi.json", "openapi", "This document.", _SEES, {200: "Document"},
    ),
    Route(
        "GET", "/live.schema.json", "live_schema", "The JSON schema of the messages of `live`.",
        _SEES, {200: "Document"},
    ),
    *ROAST_ROUTES,
    *PLAN_ROUTES,
    *UPKEEP_ROUTES,
)  # fmt: skip
