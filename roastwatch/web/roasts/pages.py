"""The handlers of the routes of recorded roasts, learning, tastings and beans."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from roastwatch.files.json_values import json_safe
from roastwatch.roastlog import edits as log_edits
from roastwatch.roastlog import listing
from roastwatch.roastlog.listing import Query
from roastwatch.roastlog.store import Store
from roastwatch.sinks.sink import SinkContext
from roastwatch.vocabulary import Phase, Snapshot
from roastwatch.web import guards
from roastwatch.web.answers import repeating, tagged
from roastwatch.web.roasts import asking, shown
from roastwatch.web.roasts.asking import Asked
from roastwatch.web.roasts.bounds import MOST_NAMES, MOST_POINTS, SMALL_POINTS
from roastwatch.web.roasts.door import LogDoor, NotNowError, answering
from roastwatch.web.roasts.files import Files
from roastwatch.web.roasts.learning import Learning
from roastwatch.web.roasts.people import People, update_sidecars, who
from roastwatch.web.roasts.sound import Sounds

Snapshots = Callable[[], Mapping[str, Snapshot]]


class RoastPages:
    """Answers the requests about recorded roasts. Close it once."""

    def __init__(self, context: SinkContext, snapshots: Snapshots) -> None:
        """Open nothing yet.

        Args:
            context: where the roast log and the recordings are.
            snapshots: gives the present state of every station.
        """
        self._snapshots = snapshots
        self._log = LogDoor(context.log)
        self._files = Files(self._log)
        self._sounds = Sounds(self._log)
        self._people = People(self._log)
        self._learning = Learning(context.folder, context.part, self._is_roasting)

    def handlers(self) -> dict[str, guards.Handler]:
        """The handlers by the names of their routes."""
        people, files, sounds = self._people, self._files, self._sounds
        found: dict[str, guards.Handler] = {
            "roasts": self._roasts,
            "roast": self._roast,
            "change_roast": self._change,
            "delete_roast": self._delete,
            "revoke_change": self._revoke,
            "roast_sound": sounds.sound,
            "roast_spectrogram": sounds.spectrogram,
            "export_roast": files.export,
            "roast_picture": files.picture,
            "import_roast": self._import,
            "add_tasting": people.add_tasting,
            "change_tasting": people.change_tasting,
            "delete_tasting": people.delete_tasting,
            "beans": people.beans,
            "add_lot": people.add_lot,
            "change_lot": people.change_lot,
            "delete_lot": people.delete_lot,
            "review": people.review,
            "label_moment": people.label_moment,
            "learning": self._learnt,
            "learn": self._learn,
            "stop_learning": self._stop_learning,
            "undo_learning": self._undo_learning,
        }
        return {name: answering(handler) for name, handler in found.items()}

    def _is_roasting(self) -> bool:
        """Whether a roast is in progress at any station."""
        return any(one.phase is not Phase.IDLE for one in self._snapshots().values())

    async def close(self) -> None:
        """End what runs."""
        self._sounds.close()
        self._log.close()
        await self._learning.close()

    async def _roasts(self, request: web.Request) -> web.Response:
        body = await self._log.call(_page, asking.query(request))
        return tagged(request, body)

    async def _roast(self, request: web.Request) -> web.Response:
        points = Asked(request, ("points",)).whole("points", 2, MOST_POINTS, MOST_POINTS)
        body = await self._log.call(shown.roast, request.match_info["roast_id"], points)
        return tagged(request, body)

    async def _change(self, request: web.Request) -> web.Response:
        change = asking.change(await guards.json_body(request))
        roast_id = request.match_info["roast_id"]
        return tagged(request, await self._log.call(_changed, roast_id, change, who(request)))

    async def _revoke(self, request: web.Request) -> web.Response:
        await guards.json_body(request)
        where = request.match_info
        return tagged(
            request, await self._log.call(_revoked, where["roast_id"], where["change_id"])
        )

    async def _delete(self, request: web.Request) -> web.Response:
        roast_id = request.match_info["roast_id"]
        if any(one.roast_id == roast_id for one in self._snapshots().values()):
            raise NotNowError("This roast is still in progress: delete it when it has ended.")
        await self._log.call(_deleted, roast_id)
        return web.json_response({"deleted": roast_id})

    async def _import(self, request: web.Request) -> web.Response:
        return await self._files.take(request, self._is_roasting())

    async def _learnt(self, request: web.Request) -> web.Response:
        Asked(request, ())
        return repeating(request, json_safe(await self._learning.shown()))

    async def _learn(self, request: web.Request) -> web.Response:
        self._learning.start(asking.station(await guards.json_body(request)))
        return web.json_response(json_safe(await self._learning.shown()), status=202)

    async def _stop_learning(self, request: web.Request) -> web.Response:
        await guards.json_body(request)
        self._learning.stop()
        return web.json_response(json_safe(await self._learning.shown()))

    async def _undo_learning(self, request: web.Request) -> web.Response:
        station = asking.station(await guards.json_body(request))
        return web.json_response({"said": await self._learning.undo(station)})


def _page(store: Store, query: Query) -> bytes:
    found = listing.page(store, query, SMALL_POINTS, MOST_NAMES)
    return shown.page(found, query.offset, query.limit)


def _changed(store: Store, roast_id: str, change: dict[str, Any], by: str) -> bytes:
    store.find_exactly(roast_id)
    store.edit(roast_id, **change, by=by)
    if change.get("events"):
        update_sidecars(store, roast_id)
    return shown.roast(store, roast_id, MOST_POINTS)


def _revoked(store: Store, roast_id: str, change_id: str) -> bytes:
    with store.writing() as connection:
        log_edits.revoke(connection, store.find_exactly(roast_id), change_id)
    update_sidecars(store, roast_id)
    return shown.roast(store, roast_id, MOST_POINTS)


def _deleted(store: Store, roast_id: str) -> None:
    with store.writing() as connection:
        connection.execute("DELETE FROM roasts WHERE roast_no = ?", (store.find_exactly(roast_id),))
