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
        _ACTS, {200: "Bytes"}, "SupportRequest", (404, 503), media="application/zip",
    ),
    Route(
        "GET", "/settings", "settings",
        "The settings file as a tree; a mask stands for each secret. Its ETag is for `If-Match`.",
        _ACTS, {200: "SettingsShown"}, refusals=(404, 409, 503),
    ),
    Route(
        "GET", "/settings/schema", "settings_schema",
        "The JSON schemas of all options, with titles and descriptions in English and German.",
        _ACTS, {200: "Document"}, refusals=(404, 409, 503),
    ),
    Route(
        "POST", "/settings/check", "check_settings",
        "What would be wrong with the settings file if it held these values.",
        _ACTS, {200: "SettingsProblems"}, "SettingsValues", (404, 409, 503),
    ),
    Route(
        "PUT", "/settings", "save_settings",
        "Check the values and save them; `If-Match` is the ETag of what was shown.",
        _ACTS, {200: "SettingsShown", 422: "SettingsWrong"}, "SettingsValues", (404, 409, 412, 503),
    ),
    Route(
        "POST", "/restart", "restart",
        "Start the service again, so that the settings take effect.",
        _ACTS, {202: "Restarting"}, "Nothing", (404, 409),
    ),
    Route(
        "GET", "/setup/microphones", "setup_microphones",
        "The microphones of this computer and of the network, while there are no settings yet.",
        _ACTS, {200: "Microphones"}, refusals=(404, 503), people=True,
    ),
    Route(
        "POST", "/setup/listen", "setup_listen",
        "Listen to a source for 20 s, while there are no settings yet; the one before ends.",
        _ACTS, {202: "HeardMicrophone"}, "SourceToTry", (404, 503), people=True,
    ),
    Route(
        "GET", "/setup/listen", "setup_heard",
        "The level, advice and claps of the source that is listened to.",
        _ACTS, {200: "HeardMicrophone"}, query=_LANGUAGE, refusals=(404,), people=True,
    ),
    Route(
        "POST", "/setup/try", "setup_try",
        "Connect to a broker, Home Assistant or phone once, while there are no settings yet.",
        _ACTS, {200: "SinkFindings"}, "SinkToTry", (404, 503), query=_LANGUAGE, people=True,
    ),
)  # fmt: skip
