"""What people add: tastings of a roast, lots of beans, and labels of moments."""

import logging
from typing import Any

from aiohttp import web

from roastwatch.errors import RoastwatchError
from roastwatch.files.json_values import json_safe
from roastwatch.records.tasting import Lot, Tasting
from roastwatch.roastlog import labels as log_labels
from roastwatch.roastlog import lot_rows, reviews, tasting_rows
from roastwatch.roastlog.event_rows import stamp
from roastwatch.roastlog.store import Store
from roastwatch.web import guards
from roastwatch.web.answers import repeating
from roastwatch.web.roasts import asking, shown
from roastwatch.web.roasts.bounds import LONGEST_REVIEW
from roastwatch.web.roasts.door import LogDoor, NotThereError

_AROUND_S = 1.5
"""Of the sound to play on each side of a moment."""
_log = logging.getLogger(__name__)


class People:
    """Answers requests about tastings, beans and reviews."""

    def __init__(self, log: LogDoor) -> None:
        self._log = log

    async def add_tasting(self, request: web.Request) -> web.Response:
        """Add a tasting to a roast."""
        fresh = asking.tasting(await guards.json_body(request), None, who(request))
        await self._log.call(_add_tasting, request.match_info["roast_id"], fresh)
        return web.json_response(json_safe(_tasting(fresh)), status=201)

    async def change_tasting(self, request: web.Request) -> web.Response:
        """Replace a tasting of a roast."""
        where = request.match_info
        fresh = asking.tasting(await guards.json_body(request), where["tasting_id"], who(request))
        await self._log.call(_change_tasting, where["roast_id"], fresh)
        return web.json_response(json_safe(_tasting(fresh)))

    async def delete_tasting(self, request: web.Request) -> web.Response:
        """Delete a tasting of a roast."""
        where = request.match_info
        await self._log.call(_delete_tasting, where["roast_id"], where["tasting_id"])
        return web.json_response({"deleted": where["tasting_id"]})

    async def beans(self, request: web.Request) -> web.Response:
        """All lots with what is left of each."""
        asking.Asked(request, ())
        lots = await self._log.call(lambda store: lot_rows.stock(store.connection))
        return repeating(request, {"lots": [lot.as_json() for lot in lots]})

    async def add_lot(self, request: web.Request) -> web.Response:
        """Add a lot."""
        fresh = asking.lot(await guards.json_body(request), None)
        return web.json_response(await self._log.call(_add_lot, fresh), status=201)

    async def change_lot(self, request: web.Request) -> web.Response:
        """Replace what is known of a lot."""
        fresh = asking.lot(await guards.json_body(request), request.match_info["lot_id"])
        return web.json_response(await self._log.call(_change_lot, fresh))

    async def delete_lot(self, request: web.Request) -> web.Response:
        """Delete a lot."""
        lot_id = request.match_info["lot_id"]
        await self._log.call(_delete_lot, lot_id)
        return web.json_response({"deleted": lot_id})

    async def review(self, request: web.Request) -> web.Response:
        """The moments that the detector was least sure of."""
        asked = asking.Asked(request, ("roast", "station", "limit"))
        limit = asked.whole("limit", 1, LONGEST_REVIEW, 20)
        given = (asked.text("roast"), asked.text("station"), limit)
        return repeating(request, await self._log.call(_review, *given))

    async def label_moment(self, request: web.Request) -> web.Response:
        """Label a moment."""
        label = asking.moment_label(await guards.json_body(request), reviews.LABELS)
        given = (request.match_info["moment_id"], label, who(request))
        return web.json_response(json_safe(await self._log.call(_label, *given)))


def who(request: web.Request) -> str:
    """By whom a change is, for the log."""
    return f"rest {request.remote}"


def update_sidecars(store: Store, roast_id: str) -> None:
    """Bring the JSON beside a roast's sound up to date; a failure is logged only.

    The log is what counts: the sidecars carry its labels along with a copy of the sound.
    """
    try:
        log_labels.export(store, roast_id)
    except RoastwatchError as error:
        _log.warning("The labels beside the sound of %s are old: %s", roast_id, error)


def _tasting(fresh: Tasting) -> dict[str, Any]:
    return fresh.as_json() | {"changed_at": stamp(fresh.changed_at)}


def _add_tasting(store: Store, roast_id: str, fresh: Tasting) -> None:
    with store.writing() as connection:
        tasting_rows.add(connection, store.find_exactly(roast_id), fresh)


def _change_tasting(store: Store, roast_id: str, fresh: Tasting) -> None:
    with store.writing() as connection:
        if not tasting_rows.replace(connection, store.find_exactly(roast_id), fresh):
            raise NotThereError("This roast has no such tasting.")


def _delete_tasting(store: Store, roast_id: str, tasting_id: str) -> None:
    with store.writing() as connection:
        if not tasting_rows.delete(connection, store.find_exactly(roast_id), tasting_id):
            raise NotThereError("This roast has no such tasting.")


def _add_lot(store: Store, fresh: Lot) -> dict[str, Any]:
    with store.writing() as connection:
        lot_rows.add(connection, fresh)
        return _one(store, fresh.lot_id)


def _change_lot(store: Store, fresh: Lot) -> dict[str, Any]:
    with store.writing() as connection:
        if not lot_rows.replace(connection, fresh):
            raise NotThereError("There is no such lot of beans.")
        return _one(store, fresh.lot_id)


def _delete_lot(store: Store, lot_id: str) -> None:
    with store.writing() as connection:
        if not lot_rows.delete(connection, lot_id):
            raise NotThereError("There is no such lot of beans.")


def _one(store: Store, lot_id: str) -> dict[str, Any]:
    found = lot_rows.one(store.connection, lot_id)
    assert found is not None
    return found.as_json()


def _review(store: Store, roast_id: str | None, station: str | None, limit: int) -> dict[str, Any]:
    moments = reviews.unsure(store, limit, roast_id=roast_id, station=station)
    found: dict[str, Any] = json_safe(
        {
            "moments": [shown.moment(one, _AROUND_S) for one in moments],
            "labelled": reviews.counts(store),
        }
    )
    return found


def _label(store: Store, moment_id: str, label: str | None, by: str) -> dict[str, Any]:
    done = reviews.label(store, moment_id, label, by)
    update_sidecars(store, done.roast_id)
    zero_s = store.record_exactly(done.roast_id).charge_s or 0.0
    return shown.labelled(done, zero_s)
