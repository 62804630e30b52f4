"""The schemas of what the routes of recorded roasts take and give.

Times in `_s` count in seconds from the roast's zero: its charge, else the recording's start.
"""

from dataclasses import fields
from typing import Any

from roastwatch.records.formats import alog
from roastwatch.records.metrics import Metrics
from roastwatch.records.record import Properties
from roastwatch.records.tasting import ATTRIBUTES, DEFECTS
from roastwatch.roastlog.importing import Imported
from roastwatch.roastlog.reviews import LABELS, MomentKind
from roastwatch.vocabulary import EventKind, EvidenceKind, Level, Origin
from roastwatch.web.roasts import learn_schemas
from roastwatch.web.roasts.bounds import (
    LONGEST_NOTES,
    LONGEST_PAGE,
    LONGEST_REVIEW,
    MOST_ATTRIBUTES,
    MOST_DEFECTS,
    MOST_NAMES,
    SMALL_POINTS,
)

_TEXT = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_MAYBE_TEXT = {"type": ["string", "null"]}
_WHOLE = {"type": "integer"}
_FLAG = {"type": "boolean"}
_AT = {"type": ["string", "null"], "format": "date-time"}
_DAY = {"type": ["string", "null"], "format": "date"}
KINDS = tuple(kind.value for kind in alog.PLACES.values())
"""The kinds of events that a person can move, mark and remove."""


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": of} | more


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    """An object's schema; `required` names its required keys, all if it is `*`."""
    names = list(properties) if required == "*" else required.split()
    return {
        "type": "object",
        "properties": properties,
        "required": names,
        "additionalProperties": False,
    }


def _one_of(words: Any) -> dict[str, Any]:
    return {"type": "string", "enum": [str(getattr(word, "value", word)) for word in words]}


def _maybe(words: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "enum": [*_one_of(words)["enum"], None]}


def _pair(first: str, second: str) -> dict[str, Any]:
    return _list({"type": "number"}, minItems=2, maxItems=2, description=f"{first} and {second}.")


def _text(longest: int, said: str = "") -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "description": said}


def _number(lowest: float, highest: float, said: str) -> dict[str, Any]:
    return {
        "type": ["number", "null"],
        "minimum": lowest,
        "maximum": highest,
        "description": said,
    }


def _words(schema: dict[str, Any], said: str) -> dict[str, Any]:
    return schema | {"description": said}


def schemas() -> dict[str, Any]:
    """The schemas by name."""
    return {
        **_listed(),
        **_shown(),
        **_changed(),
        **_tasted(),
        **_lots(),
        **_reviewed(),
        **learn_schemas.schemas(_object, _list),
        "Bytes": {"type": "string", "format": "binary"},
        "Deleted": _object("*", deleted=_TEXT),
    }


def _listed() -> dict[str, Any]:
    row = _object(
        "*",
        roast_id=_TEXT,
        title=_TEXT,
        bean=_TEXT,
        station=_TEXT,
        roaster=_TEXT,
        started_at=_words(_AT, "UTC of the charge, without one of the recording's start."),
        in_progress=_FLAG,
        duration_s=_words(_NUMBER, "From the charge to the drop, without one to the end."),
        dry_end_s=_NUMBER,
        first_crack_s=_NUMBER,
        first_crack_c=_NUMBER,
        drop_s=_NUMBER,
        drop_c=_NUMBER,
        development_s=_NUMBER,
        development_ratio_percent=_NUMBER,
        green_weight_g=_NUMBER,
        roasted_weight_g=_NUMBER,
        weight_loss_percent=_NUMBER,
        score=_words(_NUMBER, "Mean score of its tastings; without one, its rating (0 to 100)."),
        tastings=_words(_WHOLE, "How many."),
        lot_id=_MAYBE_TEXT,
        has_sound=_FLAG,
        source_format=_TEXT,
        curve=_list(_pair("Second of the roast", "bean temperature in °C"), maxItems=SMALL_POINTS),
    )
    return {
        "RoastRow": row,
        "RoastPage": _object(
            "*",
            roasts=_list(_ref("RoastRow"), maxItems=LONGEST_PAGE),
            total=_words(_WHOLE, "How many there are on all pages."),
            offset=_WHOLE,
            limit=_WHOLE,
            beans=_list(_TEXT, maxItems=MOST_NAMES, description="Of all roasts, to filter by."),
            stations=_list(_TEXT, maxItems=MOST_NAMES),
        ),
    }


def _shown() -> dict[str, Any]:
    event = _object(
        "*",
        event_id=_TEXT,
        kind=_one_of(EventKind),
        level=_maybe(Level),
        at_s={"type": "number"},
        happened_at=_AT,
        decided_s=_words(_NUMBER, "When it was decided."),
        origin=_one_of(Origin),
        confidence=_NUMBER,
        bean_temp_c=_NUMBER,
        message=_TEXT,
        revoked=_words(_FLAG, "Whether it was withdrawn or removed."),
        edited=_words(_FLAG, "Whether a person corrected this kind of event afterwards."),
        label=_words(_MAYBE_TEXT, "The latest label that a person gave it."),
    )
    curve = _object(
        "*",
        name=_words(_TEXT, "A column such as bean_temp_c, or the name of an extra curve."),
        unit=_words(_TEXT, "°C, %, or empty if it is unknown."),
        extra=_words(_FLAG, "Whether it is in addition to the readings."),
        at_s=_list({"type": "number"}),
        values=_list(_NUMBER),
    )
    return {
        "RoastEvent": event,
        "Curve": curve,
        "Roast": _object(
            "*",
            summary=_ref("RoastRow"),
            zero=_words(_one_of(("charge", "start")), "What seconds count from."),
            zero_at=_words(_AT, "UTC of second 0."),
            properties=_ref("Properties"),
            metrics=_object("*", **{f.name: _NUMBER for f in fields(Metrics)}),
            events=_list(_ref("RoastEvent")),
            witnesses={
                "type": "object",
                "additionalProperties": {"type": "number"},
                "description": "First crack by each source, in seconds.",
            },
            curves=_list(_ref("Curve")),
            pops=_list(_pair("Second", "probability")),
            decision=_object(
                "*",
                at_s=_list({"type": "number"}),
                probability=_list({"type": "number"}),
                progress=_list({"type": "number", "description": "0 to 1, towards first crack."}),
            ),
            controls=_list(
                _object("*", at_s={"type": "number"}, what=_TEXT, value=_NUMBER, text=_TEXT)
            ),
            evidence=_list(
                _object(
                    "*",
                    kind=_one_of(EvidenceKind),
                    at_s=_NUMBER,
                    log_likelihood_ratio={"type": "number"},
                    note=_TEXT,
                )
            ),
            gaps=_list(_pair("From", "to, in seconds")),
            warnings=_list(_TEXT),
            source_file=_TEXT,
            also_saved_as=_list(_TEXT),
            sound=_list(
                _object(
                    "*",
                    from_s={"type": "number"},
                    to_s={"type": "number"},
                    event_id=_words(_MAYBE_TEXT, "Of a clip; null: a recording of the roast."),
                )
            ),
            tastings=_list(_ref("Tasting")),
            lot={"anyOf": [_ref("Lot"), {"type": "null"}]},
            labels=_list(_ref("Labelled")),
            changes=_list(_ref("Change")),
        ),
        "Change": _object(
            "*",
            change_id=_TEXT,
            what=_words(_TEXT, "`title`, `lot_id`, a property or `event:<kind>`."),
            before=_words({"type": ["string", "number", "null"]}, "Events: their second."),
            after={"type": ["string", "number", "null"]},
            by=_TEXT,
            at=_AT,
            revoked_at=_AT,
            revocable=_words(_FLAG, "Whether it is the latest of its kind that holds."),
        ),
    }


def _changed() -> dict[str, Any]:
    properties: dict[str, Any] = {
        f.name: _number(-1e6, 1e6, "")
        if f.type is not str
        else _text(200) | {"type": _MAYBE_TEXT["type"]}
        for f in fields(Properties)
    }
    for name in ("notes", "cupping_notes"):
        properties[name] = properties[name] | {"maxLength": LONGEST_NOTES}
    properties["rating"] = _number(0, 100, "The person's rating of the cup.")
    return {
        "Properties": _object("", **properties),
        "RoastChange": _object(
            title=_text(200),
            properties=_words(_ref("Properties"), "Only what changes; null forgets it."),
            lot_id=_words(_MAYBE_TEXT, "The lot that it was taken from; null: none."),
            events=_object("", **{kind: _number(-86400, 86400, "Its new second; null removes it.")
                              for kind in KINDS}),
        ),
        "ImportedRoast": _object(
            "*",
            outcome=_one_of(Imported),
            roast_id=_TEXT,
            said=_words(_TEXT, "What became of the file, in one sentence."),
            warnings=_list(_TEXT),
        ),
    }  # fmt: skip


def _tasted() -> dict[str, Any]:
    body: dict[str, Any] = {
        "tasted_on": _DAY | {"description": "Without it, today."},
        "score": _number(0, 100, "Of the cup."),
        "brew_method": _text(60, "Such as cupping, espresso or filter."),
        "attributes": {
            "type": "object",
            "maxProperties": MOST_ATTRIBUTES,
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 10},
            "description": f"0 to 10 each. Usual ones: {', '.join(ATTRIBUTES)}.",
        },
        "defects": _list(
            _text(60),
            maxItems=MOST_DEFECTS,
            description=f"Usual ones: {', '.join(DEFECTS)}.",
        ),
        "notes": _text(LONGEST_NOTES),
    }
    return {
        "TastingBody": _object(**body),
        "Tasting": _object("*", tasting_id=_TEXT, **body, by=_TEXT, changed_at=_AT),
    }


def _lots() -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": _text(120, "Such as the bean's name.") | {"minLength": 1},
        "origin": _text(120),
        "process": _text(120),
        "supplier": _text(120),
        "bought_on": _DAY,
        "bought_g": _number(0, 1e7, "Its weight when it came."),
        "corrected_g": _number(-1e7, 1e7, "Added to what is left: spilt, sold, weighed again."),
        "notes": _text(LONGEST_NOTES),
        "finished": _words(_FLAG, "Whether nothing more is taken from it."),
    }
    return {
        "LotBody": _object("name", **body),
        "Lot": _object(
            "*",
            lot_id=_TEXT,
            **body,
            roasts=_words(_WHOLE, "Roasts that were taken from it."),
            unweighed=_words(_WHOLE, "Of these, those without a green weight."),
            used_g={"type": "number"},
            left_g=_words(_NUMBER, "Null if it is unknown how much came."),
            weight_loss_percent=_words(_NUMBER, "Mean of its roasts with both weights."),
        ),
        "Lots": _object("*", lots=_list(_ref("Lot"))),
    }


def _reviewed() -> dict[str, Any]:
    return {
        "Moment": _object(
            "*",
            moment_id=_TEXT,
            kind=_one_of(MomentKind),
            roast_id=_TEXT,
            title=_TEXT,
            station=_TEXT,
            started_at=_AT,
            at_s={"type": "number"},
            at=_AT,
            probability=_words(_NUMBER, "That it is a crack, as the detector says."),
            level=_maybe(Level),
            event_id=_MAYBE_TEXT,
            from_s=_words({"type": "number"}, "Of the sound to play."),
            to_s={"type": "number"},
        ),
        "Review": _object(
            "*",
            moments=_list(_ref("Moment"), maxItems=LONGEST_REVIEW),
            labelled=_object("*", **dict.fromkeys(LABELS, _WHOLE)),
        ),
        "MomentLabel": _object("*", label=_maybe(LABELS)),
        "Labelled": _object(
            "*",
            moment_id=_TEXT,
            roast_id=_TEXT,
            kind=_one_of(MomentKind),
            at_s={"type": "number"},
            label=_maybe(LABELS),
            by=_TEXT,
            at=_AT,
        ),
    }
