"""What requests about roasts ask for: the parameters after the `?`, and bodies, checked."""

import math
import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

from aiohttp import web

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.records.record import Properties
from roastwatch.records.tasting import Lot, Tasting
from roastwatch.roastlog.listing import SORTS, Query
from roastwatch.roastlog.writes import utc_now
from roastwatch.vocabulary import EventKind
from roastwatch.web.roasts.bounds import (
    LONGEST_NOTES,
    LONGEST_PAGE,
    MOST_ATTRIBUTES,
    MOST_DEFECTS,
)
from roastwatch.web.roasts.schemas import KINDS

FURTHEST_S = 86_400.0
"""From a roast's zero, of any time that is asked for."""
_HEAVIEST_G = 1e7


class Asked:
    """The parameters of a request."""

    def __init__(self, request: web.Request, known: Collection[str]) -> None:
        """Take them.

        Raises:
            BadInputError: one is unknown, or given twice.
        """
        self._given = request.query
        for name in self._given:
            if name not in known:
                raise BadInputError(
                    f"There is no such parameter as {name[:40]!r}: the parameters are "
                    f"{', '.join(known) or 'none'}."
                )
            if len(self._given.getall(name)) > 1:
                raise BadInputError(f"{name} is given twice.")

    def text(self, name: str, longest: int = 200) -> str | None:
        """A text; None: not given."""
        given = self._given.get(name)
        return None if given is None else inbound.text(given, name, longest)

    def word(self, name: str, known: Collection[str], default: str) -> str:
        """One of some words."""
        return inbound.one_of(self._given.get(name, default), name, list(known))

    def whole(self, name: str, lowest: int, highest: int, default: int) -> int:
        """A whole number."""
        given = self._given.get(name)
        if given is None:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", given) or not lowest <= int(given) <= highest:
            raise BadInputError(f"{name} must be a whole number from {lowest} to {highest}.")
        return int(given)

    def seconds(self, name: str) -> float:
        """A time of the roast, in seconds."""
        given = self._given.get(name)
        if given is None:
            raise BadInputError(f"{name} is missing: give seconds of the roast.")
        try:
            value = float(given) if len(given) < 40 and given.isascii() else math.nan
        except ValueError:
            value = math.nan
        if not abs(value) <= FURTHEST_S:
            raise BadInputError(f"{name} must be a number of seconds.")
        return value

    def span(self, longest_s: float) -> tuple[float, float]:
        """From when to when, in seconds of the roast."""
        from_s, to_s = self.seconds("from"), self.seconds("to")
        if not 0 < to_s - from_s <= longest_s:
            raise BadInputError(f"to must be after from, and at most {longest_s:g} s later.")
        return from_s, to_s

    def flag(self, name: str) -> bool | None:
        """True or false; None: not given."""
        given = self._given.get(name)
        if given is None:
            return None
        return inbound.one_of(given, name, ("true", "false")) == "true"

    def day(self, name: str) -> date | None:
        """A day; None: not given."""
        given = self._given.get(name)
        return None if given is None else _day(given, name)


def query(request: web.Request) -> Query:
    """Which roasts a request lists.

    Raises:
        BadInputError: a parameter is wrong.
    """
    asked = Asked(request, (
        "search", "bean", "lot", "station", "since", "until", "sound", "sort", "limit", "offset",
    ))  # fmt: skip
    sorts = [sign + name for name in SORTS for sign in ("", "-")]
    return Query(
        asked.text("search") or "",
        asked.text("bean"),
        asked.text("lot"),
        asked.text("station"),
        asked.day("since"),
        asked.day("until"),
        asked.flag("sound"),
        asked.word("sort", sorts, "-started_at"),
        asked.whole("limit", 1, LONGEST_PAGE, 50),
        asked.whole("offset", 0, 1_000_000, 0),
    )


def change(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a body changes of a roast, as the arguments of `Store.edit`.

    Raises:
        BadInputError: a key or value is wrong, or there is nothing to change.
    """
    _only(body, ("title", "properties", "events", "lot_id"))
    found: dict[str, Any] = {}
    if "title" in body:
        found["title"] = inbound.text(body["title"], "title", 200)
    if "properties" in body:
        found["changes"] = _properties(_object(body["properties"], "properties"))
    if "events" in body:
        given = _object(body["events"], "events")
        _only(given, KINDS, "events")
        found["events"] = {
            EventKind(kind): None
            if at_s is None
            else inbound.number(at_s, kind, -FURTHEST_S, FURTHEST_S)
            for kind, at_s in given.items()
        }
    if "lot_id" in body:
        lot_id = body["lot_id"]
        found["lot_id"] = None if lot_id is None else inbound.text(lot_id, "lot_id", 200, 1)
    if not any(found.values()) and "lot_id" not in found and "title" not in found:
        raise BadInputError("Nothing to change: give title, properties, events or lot_id.")
    return found


def tasting(body: Mapping[str, Any], tasting_id: str | None, by: str) -> Tasting:
    """The tasting in a body; a new one without an id.

    Raises:
        BadInputError: a key or value is wrong.
    """
    _only(body, ("tasted_on", "score", "brew_method", "attributes", "defects", "notes"))
    attributes = _object(body.get("attributes", {}), "attributes")
    defects = body.get("defects", [])
    if len(attributes) > MOST_ATTRIBUTES:
        raise BadInputError(f"attributes may have at most {MOST_ATTRIBUTES} names.")
    if not isinstance(defects, list) or len(defects) > MOST_DEFECTS:
        raise BadInputError(f"defects must be a list of at most {MOST_DEFECTS} texts.")
    tasted_on = body.get("tasted_on")
    now = utc_now()
    return Tasting(
        tasting_id or uuid.uuid4().hex,
        now.astimezone().date() if tasted_on is None else _day(tasted_on, "tasted_on"),
        _maybe(body, "score", 0, 100),
        inbound.text(body.get("brew_method", ""), "brew_method", 60),
        {
            inbound.text(name, "attributes", 60, 1): inbound.number(value, name, 0, 10)
            for name, value in attributes.items()
        },
        tuple(inbound.text(one, "defects", 60, 1) for one in defects),
        _notes(body.get("notes", ""), "notes"),
        by,
        now,
    )


def lot(body: Mapping[str, Any], lot_id: str | None) -> Lot:
    """The lot of beans in a body; a new one without an id.

    Raises:
        BadInputError: a key or value is wrong.
    """
    _only(body, [f.name for f in fields(Lot) if f.name != "lot_id"])
    finished, bought_on = body.get("finished", False), body.get("bought_on")
    if not isinstance(finished, bool):
        raise BadInputError("finished must be true or false.")
    return Lot(
        lot_id or uuid.uuid4().hex,
        inbound.text(body.get("name"), "name", 120, 1),
        inbound.text(body.get("origin", ""), "origin", 120),
        inbound.text(body.get("process", ""), "process", 120),
        inbound.text(body.get("supplier", ""), "supplier", 120),
        None if bought_on is None else _day(bought_on, "bought_on"),
        _maybe(body, "bought_g", 0, _HEAVIEST_G),
        _maybe(body, "corrected_g", -_HEAVIEST_G, _HEAVIEST_G) or 0.0,
        _notes(body.get("notes", ""), "notes"),
        finished,
    )


def moment_label(body: Mapping[str, Any], known: Collection[str]) -> str | None:
    """The label in a body; None takes one back.

    Raises:
        BadInputError: it is something else.
    """
    _only(body, ("label",))
    if "label" not in body:
        raise BadInputError("label is missing.")
    given = body["label"]
    return None if given is None else inbound.one_of(given, "label", list(known))


def station(body: Mapping[str, Any]) -> str | None:
    """The station that a body names; None: it names none.

    Raises:
        BadInputError: it is not a text.
    """
    _only(body, ("station",))
    given = body.get("station")
    return None if given is None else inbound.text(given, "station", 200, 1)


def moment(given: str, name: str) -> datetime:
    """A moment in UTC.

    Raises:
        BadInputError: it is not one.
    """
    try:
        at = datetime.fromisoformat(given)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInputError(f"{name} must be a time such as 2026-03-14T09:26:53Z.") from error


def _properties(given: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {f.name: f.type for f in fields(Properties)}
    _only(given, kinds, "properties")
    found: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            found[name] = None
        elif kinds[name] is str:
            long = name in ("notes", "cupping_notes")
            found[name] = _notes(value, name) if long else inbound.text(value, name, 200)
        elif name == "rating":
            found[name] = inbound.number(value, name, 0, 100)
        else:
            found[name] = inbound.number(value, name, -1e6, 1e6)
    return found


def _notes(value: object, what: str) -> str:
    """Text of several lines.

    Raises:
        BadInputError: it is not text, too long, or contains another control character.
    """
    if not isinstance(value, str) or len(value) > LONGEST_NOTES:
        raise BadInputError(f"{what} must be text of at most {LONGEST_NOTES} characters.")
    lines = value.replace("\r\n", "\n").split("\n")
    return "\n".join(inbound.text(line.replace("\t", " "), what, LONGEST_NOTES) for line in lines)


def _day(value: object, name: str) -> date:
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise BadInputError(f"{name} must be a day such as 2026-03-14.")


def _maybe(body: Mapping[str, Any], name: str, lowest: float, highest: float) -> float | None:
    value = body.get(name)
    return None if value is None else inbound.number(value, name, lowest, highest)


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInputError(f"{what} must be a JSON object.")
    return value


def _only(given: Mapping[str, Any], known: Collection[str], what: str = "The body") -> None:
    """Refuse keys that would be ignored."""
    for key in given:
        if key not in known:
            raise BadInputError(f"{what} has the unknown key {key[:40]!r}: {', '.join(known)}.")
