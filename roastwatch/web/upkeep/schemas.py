"""The schemas of what the routes of set-up and health take and give."""

from typing import Any

from roastwatch.vocabulary import ComponentState, SoundProblem

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": "number"}


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    """An object's schema; `required` names its required keys, all if it is `*`."""
    names = list(properties) if required == "*" else required.split()
    return {
        "type": "object",
        "properties": properties,
        "required": names,
        "additionalProperties": False,
    }


def schemas() -> dict[str, Any]:
    """By name."""
    problems = {"type": "array", "items": _object("*", path=_TEXT, message=_TEXT)}
    station = {"type": "string", "description": "Empty: it serves all stations."}
    return {
        "Diagnostics": _object(
            "*",
            version=_TEXT,
            python=_TEXT,
            system=_TEXT,
            started_at={"type": "string", "format": "date-time"},
            settings=_MAYBE_TEXT | {"description": "The settings file; null: none, or a viewer."},
            components={
                "type": "array",
                "items": _object(
                    "*",
                    station=station,
                    name=_TEXT,
                    state={"type": "string", "enum": [one.value for one in ComponentState]},
                    problem=_MAYBE_TEXT,
                    counters={
                        "type": "array",
                        "items": _object("*", name=_TEXT, value=_NUMBER, help=_TEXT),
                    },
                ),
            },
            models={
                "type": "array",
                "items": _object(
                    "*",
                    station=_TEXT,
                    name=_MAYBE_TEXT,
                    model_id=_TEXT,
                    description=_TEXT,
                    lowest_rate_hz=_NUMBER,
                    hop_s=_NUMBER,
                    look_ahead_s=_NUMBER,
                    pop_threshold=_NUMBER,
                ),
            },
        ),
        "LogLines": _object("*", lines={"type": "array", "items": _TEXT}),
        "SupportRequest": _object(
            sound={"type": "boolean", "description": "Whether the newest recorded roast is in it."}
        ),
        "SettingsShown": _object(
            "*",
            file=_TEXT,
            values={"type": "object", "description": "The tree of the settings file."},
            problems=problems,
            restart_needed={"type": "boolean"},
        ),
        "SettingsValues": _object("*", values={"type": "object"}),
        "SettingsProblems": _object("*", problems=problems),
        "SettingsWrong": _object("*", error=_TEXT, problems=problems),
        "Restarting": _object("*", restarting={"type": "boolean"}),
        **_of_wizard(),
    }


def _of_wizard() -> dict[str, Any]:
    """Those of the first-run wizard."""
    source = {"type": "object", "description": "As the settings file has it."}
    number = {"type": ["number", "null"]}
    return {
        "Microphones": _object(
            "*",
            devices={
                "type": "array",
                "items": _object(
                    "*", name=_TEXT, host_api=_TEXT, default={"type": "boolean"}, source=source
                ),
            },
            network={"type": "array", "items": _object("*", name=_TEXT, source=source)},
            problems={"type": "array", "items": _TEXT},
        ),
        "SourceToTry": _object("*", source=source),
        "SinkToTry": _object("*", sink=source),
        "HeardMicrophone": _object(
            "*",
            state={"enum": ["nothing", "opening", "listening", "ended", "failed"]},
            problem=_TEXT,
            seconds=_NUMBER,
            sample_rate_hz=number,
            rms_dbfs=number,
            peak_dbfs=number,
            claps={"type": "integer"},
            advice={"enum": [*(one.value for one in SoundProblem), None]},
            limits={"type": "array", "items": _TEXT},
        ),
        "SinkFindings": _object(
            "*",
            findings={
                "type": "array",
                "items": _object("*", good={"type": ["boolean", "null"]}, text=_TEXT),
            },
        ),
    }
