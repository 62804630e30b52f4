"""The schemas of plans, made from their own models, and of a rehearsal. Times count in seconds."""

from typing import Any

from roastwatch.roaster.plans.plan import Plan
from roastwatch.vocabulary import EventKind
from roastwatch.web.plans.bounds import (
    LONGEST_NAME,
    MOST_POINTS,
    MOST_STEPS,
    SMALL_POINTS,
)

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_FLAG = {"type": "boolean"}
_NUMBER = {"type": "number"}
_MAYBE_NUMBER = {"type": ["number", "null"]}
_WHOLE = {"type": "integer"}
_POINTS = {
    "type": "array",
    "maxItems": MOST_POINTS,
    "items": {"type": "array", "prefixItems": [_NUMBER, _NUMBER], "minItems": 2, "maxItems": 2},
}


def schemas() -> dict[str, Any]:
    """All of them, by name."""
    return _of_models() | {
        "PlanRow": _object(**_row()),
        "Plans": _object(
            plans=_list(_ref("PlanRow")),
            recorded=_words(_list(_TEXT), "Recorded roasts beside the plans, for `background`."),
            can_add=_words(_FLAG, "Whether there is a folder for new plans."),
        ),
        "StoredPlan": _object(
            **_row(),
            plan={"anyOf": [_ref("Plan"), {"type": "null"}], "description": "Null: see `problem`."},
        ),
        "PlanBody": _object(plan=_ref("Plan")),
        "PlanRefusal": {
            "type": "object",
            "properties": {
                "error": _words(_TEXT, "One sentence."),
                "field": _words(_TEXT, "What it is about, such as `steps[0].heater_percent`."),
            },
            "required": ["error"],
        },
        "RehearsalBody": _object(
            "plan",
            plan=_ref("Plan"),
            plan_id=_words(_MAYBE_TEXT, "The stored plan that it was made from."),
            beans_g=_limited("Green beans, grams.", 0, 5000, 250),
            drum_c=_limited("Preheated drum, °C.", 22, 300, 180),
            language={"type": "string", "enum": ["en", "de"], "description": "Of the sentences."},
            fahrenheit=_words(_FLAG, "Whether the sentences have °F."),
        ),
        "Rehearsal": _rehearsal(),
        "StationProfile": _object(
            name=_words(_MAYBE_TEXT, "As it is selected; null: nothing is."),
            points=_words(_POINTS, "Seconds from charge, °C."),
        ),
    }


def _of_models() -> dict[str, Any]:
    """A plan and its parts, as their models have them."""
    made = Plan.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = made.pop("$defs")
    made["properties"]["steps"]["maxItems"] = MOST_STEPS
    made["properties"]["target"]["maxItems"] = MOST_POINTS
    made["properties"]["name"] |= {"maxLength": LONGEST_NAME}
    return {"Plan": made} | parts


def _row() -> dict[str, Any]:
    return {
        "plan_id": _TEXT,
        "file": _words(_TEXT, "Its name."),
        "name": _words(_TEXT, "The plan's own name, else that of its file."),
        "revision": _words(_TEXT, "Its ETag."),
        "changed_at": {"type": "string", "format": "date-time"},
        "editable": _words(_FLAG, "Whether it lies in a folder of plans."),
        "problem": _words(_MAYBE_TEXT, "Why it can't be used."),
        "steps": _words(_WHOLE, "How many it has."),
        "follow": _words(_FLAG, "Whether heat follows its profile."),
        "end_s": _words(_MAYBE_NUMBER, "When it ends; null: that depends on more than time."),
        "curve": _words(_POINTS | {"maxItems": SMALL_POINTS}, "Its target: seconds, °C."),
        "choices": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "Station → the name to select it by (instruction `profile`).",
        },
    }


def _rehearsal() -> dict[str, Any]:
    column = {"type": "array", "items": _MAYBE_NUMBER}
    return _object(
        at_s=column,
        bean_temp_c=column,
        environment_temp_c=column,
        heater_percent=column,
        fan_percent=column,
        profile=_words(_POINTS, "The target on the same clock."),
        steps=_list(_object(at_s=_NUMBER, index=_WHOLE)),
        events=_list(
            _object(
                at_s=_NUMBER, kind={"type": "string", "enum": [kind.value for kind in EventKind]}
            )
        ),
        notes=_words(
            _list(
                _object(
                    at_s=_NUMBER,
                    kind={"type": "string", "enum": ["plan", "interlock"]},
                    text=_TEXT,
                )
            ),
            "What was refused, corrected or skipped, and what the interlocks did.",
        ),
        charge_s=_words(_MAYBE_NUMBER, "When the profile's clock began; null: it did not."),
        hottest_c=_NUMBER,
        deviation_rms_c=_words(_MAYBE_NUMBER, "From the profile, root mean square."),
        ended_by=_words(_MAYBE_TEXT, "What ended it before its time."),
        unheated=_words(_MAYBE_TEXT, "Why there was less heat than planned."),
    )


def _object(required: str | None = None, **properties: Any) -> dict[str, Any]:
    """An object's schema; all of its keys are required unless some are named."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required.split(),
        "additionalProperties": False,
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _words(schema: dict[str, Any], said: str) -> dict[str, Any]:
    return schema | {"description": said}


def _limited(said: str, lowest: float, highest: float, default: float) -> dict[str, Any]:
    limits = {"minimum": lowest, "maximum": highest, "default": default}
    return {"type": "number", "description": said} | limits
