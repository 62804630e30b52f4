"""What requests about plans ask for, checked by the plans' own models."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.options import explained, place_of
from roastwatch.roaster.plans.plan import Plan
from roastwatch.web.plans.bounds import LONGEST_NAME, MOST_POINTS, MOST_STEPS
from roastwatch.web.roasts.door import UntaggedError

LANGUAGES = ("en", "de")


class FieldError(BadInputError):
    """A value of a plan is wrong; `field` names it, such as `steps[0].heater_percent`."""

    def __init__(self, sentence: str, field: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to rehearse, and for whom."""

    plan: Plan
    beans_g: float
    drum_c: float
    language: str
    fahrenheit: bool


def plan_of(body: Mapping[str, Any], backgrounds: Collection[str]) -> Plan:
    """The plan in a body.

    Args:
        body: an object with `plan`.
        backgrounds: the recorded roasts that it may name. No other file is read, so that a plan
            never says anything about the rest of the disk.

    Raises:
        FieldError: a value is wrong.
        BadInputError: there is no plan.
    """
    raw = body.get("plan")
    if not isinstance(raw, dict):
        raise BadInputError("plan is missing: give the plan as a JSON object.")
    for key, most in (("steps", MOST_STEPS), ("target", MOST_POINTS)):
        if isinstance(raw.get(key), list) and len(raw[key]) > most:
            raise FieldError(f"{key} may have at most {most} entries.", key)
    try:
        inbound.text(raw.get("name"), "name", LONGEST_NAME, 1)
    except BadInputError as error:
        raise FieldError(str(error), "name") from error
    background = raw.get("background")
    if background is not None and background not in backgrounds:
        known = ", ".join(backgrounds) or "there is none yet"
        raise FieldError(f"background must be a recorded roast beside the plans: {known}.",
                         "background")  # fmt: skip
    try:
        return Plan.model_validate(raw)
    except ValidationError as error:
        sentence = explained(error, Plan, kind="key")
        field = place_of(error)
        if not field and (found := re.match(r"steps\[\d+\]|follow\b", sentence)):
            field = found.group()
        raise FieldError(sentence, field) from error


def wanted(body: Mapping[str, Any], backgrounds: Collection[str]) -> Wanted:
    """What to rehearse.

    Raises:
        FieldError: a value of the plan is wrong.
        BadInputError: another value is.
    """
    only(body, ("plan", "plan_id", "beans_g", "drum_c", "language", "fahrenheit"))
    fahrenheit = body.get("fahrenheit", False)
    if not isinstance(fahrenheit, bool):
        raise BadInputError("fahrenheit must be true or false.")
    return Wanted(
        plan_of(body, backgrounds),
        inbound.number(body.get("beans_g", 250.0), "beans_g", 0, 5000),
        inbound.number(body.get("drum_c", 180.0), "drum_c", 22, 300),
        inbound.one_of(body.get("language", "en"), "language", LANGUAGES),
        fahrenheit,
    )


def revision(request: web.Request) -> str:
    """The revision that a request replaces.

    Raises:
        UntaggedError: it does not say which.
    """
    found = [one.value for one in request.if_match or ()]
    if len(found) != 1:
        raise UntaggedError(
            "Send the plan's ETag as If-Match, so that no change of another person is lost."
        )
    return found[0]


def only(body: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse keys that would be ignored.

    Raises:
        BadInputError: there is one.
    """
    for key in body:
        if key not in known:
            raise BadInputError(f"The body has the unknown key {key[:40]!r}: {', '.join(known)}.")
