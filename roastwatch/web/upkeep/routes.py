"""The routes of set-up and health, as one table."""

from typing import Any

from roastwatch.web.accounts import Role
from roastwatch.web.route import Route

_SEES, _ACTS = Role.VIEWER, Role.OPERATOR
_LANGUAGE: dict[str, dict[str, Any]] = {
    "language": {
        "type": "string", "enum": ["en", "de"], "default": "en",
        "description": "Of sentences for people.",
    }
}  # fmt: skip

UPKEEP_ROUTES = (
    Route(
        "GET", "/diagnostics", "diagnostics",
        "Every component with its state and counters, the models in use, and versions.",
        _SEES, {200: "Diagnostics"}, query=_LANGUAGE,
    ),
    Route(
        "GET", "/log", "log", "The latest log lines of the service, without secrets.",
        _ACTS, {200: "LogLines"}, refusals=(404,),
    ),
    Route(
        "POST", "/support", "support",
        "A support bundle (zip): settings without secrets, checks, log, counters, versions.",
        _ACTS, {200: "Bytes"}, "SupportRequest", (503,), media="application/zip",
    ),
)  # fmt: skip
