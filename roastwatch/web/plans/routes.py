"""The routes of plans, as one table. None of them arms a roaster or commands it."""

from typing import Any

from roastwatch.web.accounts import Role
from roastwatch.web.route import Route

_SEES, _ACTS = Role.VIEWER, Role.OPERATOR
_PLAN = "/plans/{plan_id}"
_REPLACES: dict[str, dict[str, Any]] = {
    "If-Match": {
        "type": "string",
        "maxLength": 200,
        "required": True,
        "description": "The ETag of the plan that this replaces, so that no other change is lost.",
    }
}

PLAN_ROUTES = (
    Route(
        "GET", "/plans", "plans", "All plans, with their small curves and where each is offered.",
        _SEES, {200: "Plans"}, refusals=(404, 503),
    ),
    Route(
        "POST", "/plans", "add_plan", "Add a plan; its file is named after it.",
        _ACTS, {201: "StoredPlan", 400: "PlanRefusal"}, "PlanBody", (404, 409, 503),
    ),
    Route(
        "GET", _PLAN, "plan", "One plan. Its ETag is its `revision`.",
        _SEES, {200: "StoredPlan"}, refusals=(404, 503),
    ),
    Route(
        "PUT", _PLAN, "change_plan",
        "Replace a plan. A station that has it selected reads it again.",
        _ACTS, {200: "StoredPlan", 400: "PlanRefusal"}, "PlanBody", (404, 409, 412, 428, 503),
        headers=_REPLACES,
    ),
    Route(
        "DELETE", _PLAN, "delete_plan", "Delete a plan that no station has selected.",
        _ACTS, {200: "Deleted"}, refusals=(404, 409, 412, 415, 428, 503), headers=_REPLACES,
    ),
    Route(
        "POST", "/plans/rehearse", "rehearse",
        "Run a plan on the simulated roaster, behind its interlocks, faster than real time.",
        _ACTS, {200: "Rehearsal", 400: "PlanRefusal"}, "RehearsalBody", (503,),
    ),
    Route(
        "GET", "/stations/{station}/profile", "station_profile",
        "The profile that a station's roast is compared with.",
        _SEES, {200: "StationProfile"}, refusals=(404,),
    ),
)  # fmt: skip
