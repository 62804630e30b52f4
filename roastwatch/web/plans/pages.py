"""The handlers of the routes of plans. They store plans and rehearse them; they arm nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from roastwatch.errors import RefusedError
from roastwatch.sinks import incoming
from roastwatch.sinks.sink import SinkContext
from roastwatch.vocabulary import InstructionKind, Origin, Phase, Snapshot
from roastwatch.web import guards
from roastwatch.web.answers import json_bytes, repeating
from roastwatch.web.plans import asking
from roastwatch.web.plans.asking import FieldError
from roastwatch.web.plans.bounds import MOST_POINTS, SMALL_POINTS
from roastwatch.web.plans.files import PlanFiles, StoredPlan, title
from roastwatch.web.plans.rehearsing import Rehearsals
from roastwatch.web.roasts.asking import Asked
from roastwatch.web.roasts.door import NotNowError, NotThereError, Threads, answering
from roastwatch.web.roasts.people import who

Snapshots = Callable[[], Mapping[str, Snapshot]]


class PlanPages:
    """Answers the requests about plans. Close it once."""

    def __init__(self, context: SinkContext, snapshots: Snapshots) -> None:
        """Open nothing yet.

        Args:
            context: where plans lie, and which station offers which.
            snapshots: gives the present state of every station.
        """
        self._context = context
        self._snapshots = snapshots
        self._files = PlanFiles(context.plans)
        self._threads = Threads("plans")
        self._rehearsals = Rehearsals()

    def handlers(self) -> dict[str, guards.Handler]:
        """The handlers by the names of their routes."""
        found: dict[str, guards.Handler] = {
            "plans": self._plans,
            "plan": self._plan,
            "add_plan": self._add,
            "change_plan": self._change,
            "delete_plan": self._delete,
            "rehearse": self._rehearse,
            "station_profile": self._profile,
        }
        return {name: answering(_naming_fields(one)) for name, one in found.items()}

    def close(self) -> None:
        """Drop what waits."""
        self._threads.close()

    async def _plans(self, request: web.Request) -> web.Response:
        Asked(request, ())
        offered = self._offered()
        plans = await self._threads.call(self._files.all, _paths(offered))
        return repeating(
            request,
            {
                "plans": [_row(one, offered) for one in plans],
                "recorded": await self._threads.call(self._files.recorded),
                "can_add": bool(self._context.plans),
            },
        )

    async def _plan(self, request: web.Request) -> web.Response:
        Asked(request, ())
        offered = self._offered()
        plan_id = request.match_info["plan_id"]
        return _whole(await self._threads.call(self._files.one, plan_id, _paths(offered)), offered)

    async def _add(self, request: web.Request) -> web.Response:
        body = await guards.json_body(request)
        asking.only(body, ("plan",))
        known = await self._threads.call(self._files.recorded)
        fresh = await self._threads.call(self._files.add, asking.plan_of(body, known))
        return _whole(fresh, self._offered(), 201)

    async def _change(self, request: web.Request) -> web.Response:
        plan_id, body = request.match_info["plan_id"], await guards.json_body(request)
        asking.only(body, ("plan",))
        revision = asking.revision(request)
        before = await self._ours(plan_id)
        plan = asking.plan_of(body, await self._backgrounds(before))
        self._refuse_in_use(before.path)
        fresh = await self._threads.call(self._files.change, plan_id, revision, plan)
        self._read_again(request, fresh.path)
        return _whole(fresh, self._offered())

    async def _delete(self, request: web.Request) -> web.Response:
        plan_id, revision = request.match_info["plan_id"], asking.revision(request)
        path = (await self._ours(plan_id)).path
        for station, _choice in self._selected(path):
            raise NotNowError(
                f"{self._title(station)} has this plan selected: select another profile first."
            )
        await self._threads.call(self._files.delete, plan_id, revision)
        return web.json_response({"deleted": plan_id})

    async def _rehearse(self, request: web.Request) -> web.Response:
        body = await guards.json_body(request)
        before, plan_id = None, body.get("plan_id")
        if isinstance(plan_id, str):
            offered = _paths(self._offered())
            before = await self._threads.call(self._files.one, plan_id, offered)
        wanted = asking.wanted(body, await self._backgrounds(before))
        folder = before.path.parent if before else next(iter(self._context.plans), None)
        roasting = any(one.phase is not Phase.IDLE for one in self._snapshots().values())
        found = await self._rehearsals.run(wanted, folder, roasting=roasting)
        answer = web.Response(body=json_bytes(found), content_type="application/json")
        answer.enable_compression()
        return answer

    async def _profile(self, request: web.Request) -> web.Response:
        station = request.match_info["station"]
        if station not in self._context.stations:
            raise NotThereError(f"There is no such station: {', '.join(self._context.stations)}.")
        points = self._context.profile(station) if self._context.profile else ()
        snapshot = self._snapshots().get(station)
        name = snapshot.profile if snapshot is not None and points else None
        thin = points[:: 1 + len(points) // MOST_POINTS]
        rows = [(round(at_s, 1), round(bean_c, 1)) for at_s, bean_c in thin]
        return repeating(request, {"name": name, "points": rows})

    async def _ours(self, plan_id: str) -> StoredPlan:
        """A plan that may be changed.

        Raises:
            NotThereError: there is none of this id.
            NotNowError: it lies elsewhere.
        """
        found = await self._threads.call(self._files.one, plan_id, _paths(self._offered()))
        if not found.editable:
            raise NotNowError(
                f"{found.path.name} does not lie in a folder of plans: save a copy of it."
            )
        return found

    async def _backgrounds(self, before: StoredPlan | None) -> list[str]:
        """The recorded roasts that a plan may name: those beside it, and the one it names now."""
        beside = before.path.parent if before else None
        found = await self._threads.call(self._files.recorded, beside)
        if before is not None and before.plan is not None and before.plan.background is not None:
            found = [*found, str(before.plan.background)]
        return found

    def _offered(self) -> dict[str, Mapping[str, Path]]:
        """What each station offers for selection."""
        offered = self._context.offered
        return {} if offered is None else {one: offered(one) for one in self._context.stations}

    def _selected(self, path: Path) -> list[tuple[str, str]]:
        """The stations that have a plan selected, and its name there."""
        found, snapshots = [], self._snapshots()
        for station, offered in self._offered().items():
            snapshot = snapshots.get(station)
            choice = snapshot.profile if snapshot is not None else None
            if choice is not None and offered.get(choice) == path:
                found.append((station, choice))
        return found

    def _refuse_in_use(self, path: Path) -> None:
        """Refuse to change what a roast follows.

        Raises:
            NotNowError: a roast with this plan is in progress.
        """
        for station, _choice in self._selected(path):
            if self._snapshots()[station].phase is not Phase.IDLE:
                raise NotNowError(
                    f"{self._title(station)} is roasting with this plan: change it when the roast "
                    "has ended."
                )

    def _read_again(self, request: web.Request, path: Path) -> None:
        """Select a changed plan again where it is selected, so that its new state holds."""
        for station, choice in self._selected(path):
            body = {"kind": InstructionKind.PROFILE.value, "value": choice}
            instruction = incoming.instruction(station, body, who(request), Origin.PERSON)
            try:
                self._context.requests.instruct(instruction)
            except RefusedError as error:  # shown at the station, too
                raise NotNowError(str(error)) from error

    def _title(self, station: str) -> str:
        return self._context.titles.get(station) or station


def _paths(offered: Mapping[str, Mapping[str, Path]]) -> list[Path]:
    return [path for named in offered.values() for path in named.values()]


def _row(stored: StoredPlan, offered: Mapping[str, Mapping[str, Path]]) -> dict[str, Any]:
    """What the list shows of a plan."""
    plan = stored.plan
    points = plan.target if plan else ()
    return {
        "plan_id": stored.plan_id,
        "file": stored.path.name,
        "name": title(stored),
        "revision": stored.revision,
        "changed_at": stored.changed_at.isoformat(),
        "editable": stored.editable,
        "problem": stored.problem,
        "steps": len(plan.steps) if plan else 0,
        "follow": bool(plan and plan.follow),
        "end_s": plan.end_s if plan else None,
        "curve": points[:: 1 + len(points) // SMALL_POINTS],
        "choices": {
            station: name
            for station, named in offered.items()
            for name, path in named.items()
            if path == stored.path
        },
    }


def _whole(
    stored: StoredPlan, offered: Mapping[str, Mapping[str, Path]], status: int = 200
) -> web.Response:
    """A plan, under the ETag of its content."""
    plan = stored.plan.model_dump(mode="json") if stored.plan else None
    body = json_bytes(_row(stored, offered) | {"plan": plan})
    headers = {"ETag": f'"{stored.revision}"', "Cache-Control": "private, no-cache"}
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def _naming_fields(handler: guards.Handler) -> guards.Handler:
    """A handler whose refusals of a plan's value name it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except FieldError as error:
            found = {"error": str(error)} | ({"field": error.field} if error.field else {})
            return web.json_response(found, status=400)

    return answer
