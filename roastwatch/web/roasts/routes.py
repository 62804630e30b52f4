"""The routes of recorded roasts, reviews, learning, tastings and beans, as one table.

There is no route that compares roasts: a client fetches each of them. Their answers have tags, so
what a browser has already is not sent again, and a comparison needs the same curves as a roast.
"""

from typing import Any

from roastwatch.records import formats
from roastwatch.roastlog.listing import SORTS
from roastwatch.web.accounts import Role
from roastwatch.web.roasts.bounds import (
    LONGEST_PAGE,
    LONGEST_REVIEW,
    MOST_POINTS,
    SOUND_S,
    SPECTROGRAM_S,
)
from roastwatch.web.route import BYTES, Route

_SEES, _ACTS = Role.VIEWER, Role.OPERATOR
_ROAST = "/roasts/{roast_id}"
_SORTS = [sign + name for name in SORTS for sign in ("", "-")]


def _text(said: str, longest: int = 200, **more: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "description": said} | more


def _number(said: str, lowest: float, highest: float, **more: Any) -> dict[str, Any]:
    limits = {"minimum": lowest, "maximum": highest}
    return {"type": "number", "description": said} | limits | more


def _whole(said: str, lowest: int, highest: int, default: int) -> dict[str, Any]:
    return _number(said, lowest, highest, type="integer", default=default)


def _span(longest_s: float) -> dict[str, dict[str, Any]]:
    of = "in seconds of the roast (see `zero`)"
    return {
        "from": _number(f"Where it begins, {of}.", -86400, 86400, required=True),
        "to": _number(f"Where it ends, at most {longest_s:g} s later.", -86400, 86400,
                      required=True),
    }  # fmt: skip


_LIST = {
    "search": _text("Words that its title, bean, notes, tastings or id contain, in any order."),
    "bean": _text("The bean's exact name."),
    "lot": _text("The id of a lot of beans."),
    "station": _text("The station's name."),
    "since": _text("Began on this day or later, such as 2026-03-01 (UTC).", 40, format="date"),
    "until": _text("Began on this day or earlier.", 40, format="date"),
    "sound": {"type": "boolean", "description": "Only roasts with sound (or only without)."},
    "sort": {"type": "string", "enum": _SORTS, "default": "-started_at",
             "description": "Order; unknown values come last."},
    "limit": _whole("Roasts in the answer.", 1, LONGEST_PAGE, 50),
    "offset": _whole("Roasts to leave out before them.", 0, 1_000_000, 0),
}  # fmt: skip

ROAST_ROUTES = (
    Route(
        "GET", "/roasts", "roasts", "The recorded roasts, a page of them, with small curves.",
        _SEES, {200: "RoastPage"}, refusals=(404, 503), query=_LIST,
    ),
    Route(
        "GET", _ROAST, "roast", "One roast: events, curves, pops, decision, tastings, changes.",
        _SEES, {200: "Roast"}, refusals=(404, 503),
        query={"points": _whole("The most points of a curve.", 2, MOST_POINTS, MOST_POINTS)},
    ),
    Route(
        "PATCH", _ROAST, "change_roast",
        "Change its title, properties, lot, or move, mark and remove its events.",
        _ACTS, {200: "Roast"}, "RoastChange", (404, 409, 503),
    ),
    Route(
        "DELETE", _ROAST, "delete_roast", "Delete it from the roast log; its sound stays.",
        _ACTS, {200: "Deleted"}, refusals=(404, 409, 415, 503),
    ),
    Route(
        "POST", _ROAST + "/changes/{change_id}/revoke", "revoke_change",
        "Revoke a change: what it replaced holds again.",
        _ACTS, {200: "Roast"}, "Nothing", (404, 409, 503),
    ),
    Route(
        "GET", _ROAST + "/sound", "roast_sound",
        "Some of its sound as WAV (16 bits); silence where nothing was recorded.",
        _SEES, {200: "Bytes"}, refusals=(404, 416, 503), media="audio/wav", ranges=True,
        query=_span(SOUND_S),
    ),
    Route(
        "GET", _ROAST + "/spectrogram", "roast_spectrogram",
        "What the detector sees of its sound, as columns of the live picture.",
        _SEES, {200: "Bytes"}, refusals=(404, 503), media=BYTES, query=_span(SPECTROGRAM_S),
    ),
    Route(
        "GET", _ROAST + "/export", "export_roast", "The roast as a file.",
        _SEES, {200: "Bytes"}, refusals=(404, 503), media=BYTES,
        query={
            "format": {"type": "string", "enum": sorted(formats.WRITERS), "default": "json",
                       "description": "Its format."},
            "fahrenheit": {"type": "boolean", "default": False,
                           "description": "In °F (Artisan's formats only)."},
        },
    ),
    Route(
        "GET", _ROAST + "/picture", "roast_picture", "A picture of it, to share.",
        _SEES, {200: "Bytes"}, refusals=(404, 501, 503), media="image/png",
        query={
            "theme": {"type": "string", "enum": ["light", "dark"], "default": "light",
                      "description": "Its colours."},
            "size": {"type": "string", "enum": ["paper", "phone", "small"], "default": "phone",
                     "description": "Its shape: landscape, portrait or small."},
            "fahrenheit": {"type": "boolean", "default": False, "description": "In °F."},
        },
    ),
    Route(
        "POST", "/roasts/import", "import_roast",
        "Import a roast from a file of another program (or of roastwatch).",
        _ACTS, {200: "ImportedRoast"}, "Bytes", (404, 409, 503), body_media=BYTES,
        query={
            "name": _text("The file's name.", 255, required=True, minLength=1),
            "saved_at": _text("When it was last saved; without it, now.", 40, format="date-time"),
        },
    ),
    Route(
        "POST", _ROAST + "/tastings", "add_tasting", "Add a tasting of it.",
        _ACTS, {201: "Tasting"}, "TastingBody", (404, 409, 503),
    ),
    Route(
        "PUT", _ROAST + "/tastings/{tasting_id}", "change_tasting", "Replace a tasting.",
        _ACTS, {200: "Tasting"}, "TastingBody", (404, 503),
    ),
    Route(
        "DELETE", _ROAST + "/tastings/{tasting_id}", "delete_tasting", "Delete a tasting.",
        _ACTS, {200: "Deleted"}, refusals=(404, 415, 503),
    ),
    Route(
        "GET", "/beans", "beans", "The lots of green beans, with what is left of each.",
        _SEES, {200: "Lots"}, refusals=(404, 503),
    ),
    Route(
        "POST", "/beans", "add_lot", "Add a lot of beans.",
        _ACTS, {201: "Lot"}, "LotBody", (404, 503),
    ),
    Route(
        "PUT", "/beans/{lot_id}", "change_lot", "Replace what is known of a lot.",
        _ACTS, {200: "Lot"}, "LotBody", (404, 503),
    ),
    Route(
        "DELETE", "/beans/{lot_id}", "delete_lot", "Delete a lot that no roast was taken from.",
        _ACTS, {200: "Deleted"}, refusals=(404, 409, 415, 503),
    ),
    Route(
        "GET", "/review", "review",
        "The moments that the detector was least sure of, those of several roasts mixed.",
        _SEES, {200: "Review"}, refusals=(404, 503),
        query={
            "roast": _text("Only moments of this roast."),
            "station": _text("Only moments of this station."),
            "limit": _whole("The most moments.", 1, LONGEST_REVIEW, 20),
        },
    ),
    Route(
        "POST", "/review/{moment_id}", "label_moment",
        "Say what a moment was, or take that back. `learn` uses it.",
        _ACTS, {200: "Labelled"}, "MomentLabel", (404, 503),
    ),
    Route(
        "GET", "/learn", "learning", "The state of learning and its figures, before and after.",
        _SEES, {200: "Learning"}, refusals=(404, 503),
    ),
    Route(
        "POST", "/learn", "learn", "Learn from the labelled roasts, in a process of its own.",
        _ACTS, {202: "Learning"}, "LearnBody", (404, 409, 503),
    ),
    Route(
        "POST", "/learn/stop", "stop_learning", "Stop learning; nothing is changed.",
        _ACTS, {200: "Learning"}, "Nothing", (409, 503),
    ),
    Route(
        "POST", "/learn/undo", "undo_learning", "Undo the newest calibration of a station.",
        _ACTS, {200: "Undone"}, "LearnBody", (404, 409, 503),
    ),
)  # fmt: skip
