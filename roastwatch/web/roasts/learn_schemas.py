"""The schemas of learning: its state, and its figures before and after."""

from collections.abc import Callable
from typing import Any

from roastwatch.web.roasts.learning import LearnState

_TEXT = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_MAYBE_TEXT = {"type": ["string", "null"]}
_WHOLE = {"type": "integer"}
_FLAG = {"type": "boolean"}
_AT = {"type": ["string", "null"], "format": "date-time"}


def _words(schema: dict[str, Any], said: str) -> dict[str, Any]:
    return schema | {"description": said}


def schemas(
    object_: Callable[..., dict[str, Any]], list_: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """The schemas by name, made with `_object` and `_list` of schemas.py."""
    figures = object_(
        "*",
        cost_s=_words(_NUMBER, "Mean seconds of delay; a miss or a wrong alarm counts more."),
        wrong=_words(_WHOLE, "Recordings with a miss or a wrong alarm."),
        delay_s=_words(_NUMBER, "Median."),
    )
    outcome = object_(
        "*",
        recordings=_WHOLE,
        better=_words(_FLAG, "Whether it is better on roasts that were held back."),
        fine_tuned=_words(_FLAG, "Whether the model's last layer changes."),
        labelled_moments=_words(_WHOLE, "Labels of the review that were used."),
        before=figures,
        after=figures,
        rows=list_(
            object_(
                "*",
                recording=_TEXT,
                delay_s_before=_NUMBER,
                wrong_before=_FLAG,
                delay_s_after=_NUMBER,
                wrong_after=_FLAG,
            )
        ),
    )
    return {
        "LearnOutcome": outcome,
        "Learning": object_(
            "*",
            state={"type": "string", "enum": [state.value for state in LearnState]},
            station=_MAYBE_TEXT,
            started_at=_AT,
            ended_at=_AT,
            progress=_words(_TEXT, "What it does now."),
            problem=_words(_MAYBE_TEXT, "Why it failed."),
            outcome={"anyOf": [{"$ref": "#/components/schemas/LearnOutcome"}, {"type": "null"}]},
            written=_words(_FLAG, "Whether a calibration was written. It takes effect at the "
                           "next start of the service."),
            calibrations=list_(
                object_(
                    "*",
                    station=_TEXT,
                    model_id=_TEXT,
                    sensitivity={"type": "number"},
                    pop_threshold={"type": "number"},
                    fine_tuned=_FLAG,
                    written_at=_AT,
                )
            ),
        ),
        "LearnBody": object_(station=_words(_MAYBE_TEXT, "Needed if several have recordings.")),
        "Undone": object_("*", said=_TEXT),
    }  # fmt: skip
