"""What an agent can look at: stations, a roast in progress, recorded roasts. Changes nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.mcp.api import ServiceApi
from roastwatch.mcp.watch import StationView, Watch
from roastwatch.vocabulary import Level

Progress = Callable[[float, float, str], Awaitable[None]]
"""Called with the seconds that have passed, of how many, and a sentence."""
_SENTENCE_EACH_S = 1.0
_FIGURES = (
    *("duration_s", "dry_end_s", "first_crack_s", "first_crack_c", "drop_s", "drop_c"),
    *("development_s", "development_ratio_percent", "weight_loss_percent", "score"),
)
"""What a comparison shows of each roast besides its metrics."""


async def stations(api: ServiceApi) -> dict[str, Any]:
    """The values of every station."""
    found: dict[str, Any] = await api.get("stations")
    return found


async def station(watch: Watch, name: str) -> dict[str, Any]:
    """One station: its values, and the events of its latest roast."""
    return shown(await watch.station(name))


def shown(view: StationView) -> dict[str, Any]:
    """What an agent sees of a station."""
    return {
        "title": view.title,
        "summary": sentence(view),
        "state": view.state,
        "events": view.events_of_roast(),
    }


async def wait_for_first_crack(
    watch: Watch, name: str, within_s: float, least: Level, progress: Progress
) -> dict[str, Any]:
    """Wait until the roast in progress has a first crack; at most `within_s` seconds.

    One that is there already is returned at once. An earlier roast's does not count if another
    has begun since.
    """

    def found(view: StationView) -> dict[str, Any] | None:
        return view.first_crack(least)

    with watch.waiting():
        view, event, waited_s = await _until(watch, name, within_s, found, progress)
    return {
        "first_crack": event is not None,
        "event": event,
        "waited_s": round(waited_s, 1),
        **shown(view),
    }


async def watch_roast(
    watch: Watch, name: str, for_s: float, until: str | None, progress: Progress
) -> dict[str, Any]:
    """Watch for some seconds, or until an event of a type; returns the events that came."""
    before = [(one["event_id"], one["event_type"]) for one in (await watch.station(name)).events]

    def new(view: StationView) -> list[dict[str, Any]]:
        return [e for e in view.events if (e["event_id"], e["event_type"]) not in before]

    def found(view: StationView) -> dict[str, Any] | None:
        return next((one for one in new(view) if one["event_type"] == until), None)

    with watch.waiting():
        view, event, waited_s = await _until(watch, name, for_s, found, progress)
    return {
        "happened": event is not None if until else None,
        "new_events": new(view),
        "waited_s": round(waited_s, 1),
        **shown(view),
    }


async def _until(
    watch: Watch,
    name: str,
    within_s: float,
    found: Callable[[StationView], dict[str, Any] | None],
    progress: Progress,
) -> tuple[StationView, dict[str, Any] | None, float]:
    """Look at each change until something is found; report progress about once a second."""
    began_s = time.monotonic()
    reported_s = -_SENTENCE_EACH_S
    while True:
        view = await watch.station(name)
        event = found(view)
        waited_s = time.monotonic() - began_s
        if event is not None or waited_s >= within_s:
            return view, event, waited_s
        if waited_s - reported_s >= _SENTENCE_EACH_S:
            reported_s = waited_s
            await progress(round(waited_s, 3), within_s, sentence(view))
        await watch.next_change(min(_SENTENCE_EACH_S, within_s - waited_s))


def sentence(view: StationView) -> str:
    """The present state in one line."""
    state = view.state
    parts = [str(state.get("phase") or "unknown")]
    if state.get("elapsed") is not None:
        minutes, seconds = divmod(round(state["elapsed"]), 60)
        parts.append(f"{minutes}:{seconds:02}")
    for key, text in (
        ("bean_temperature", "{:.0f} °C"),
        ("rate_of_rise", "{:+.1f} °C/min"),
        ("heater", "heat {:.0f} %"),
        ("pops_per_minute", "{:.0f} pops/min"),
        ("decision", "decision {:.0f} %"),
    ):
        if isinstance(state.get(key), int | float):
            parts.append(text.format(state[key]))
    return ", ".join(parts)


async def events(api: ServiceApi, name: str | None, limit: int) -> list[dict[str, Any]]:
    """The latest events, oldest first."""
    found = await api.get("events")
    return [one for one in found if name is None or one["station"] == name][-limit:]


async def roasts(api: ServiceApi, search: str, limit: int) -> dict[str, Any]:
    """Recorded roasts, the newest first, without their curves."""
    query = {"search": search} if search else {}
    page = await api.get("roasts", limit=limit, **query)
    rows = [{key: one[key] for key in one if key != "curve"} for one in page["roasts"]]
    return {"roasts": rows, "total": page["total"]}


async def roast(api: ServiceApi, roast_id: str, points: int) -> dict[str, Any]:
    """One recorded roast; its curves with at most `points` points each (0: none)."""
    found: dict[str, Any] = await api.get(f"roasts/{_id(roast_id)}", points=max(2, points))
    for key in ("decision", "pops"):
        found.pop(key, None)
    found["summary"].pop("curve", None)
    if not points:
        found.pop("curves", None)
    return found


async def compare(api: ServiceApi, roast_ids: Sequence[str]) -> dict[str, Any]:
    """The figures of several roasts side by side, each with its difference to the first."""
    if not 2 <= len(set(roast_ids)) == len(roast_ids) <= 8:
        raise BadInputError("Compare 2 to 8 different roasts.")
    found = await asyncio.gather(*(roast(api, one, 0) for one in roast_ids))
    columns = [{**{k: one["summary"].get(k) for k in _FIGURES}, **one["metrics"]} for one in found]
    figures = {}
    for name in columns[0]:
        values = [column.get(name) for column in columns]
        if all(value is None for value in values):
            continue
        change = [_difference(one, values[0]) for one in values]
        figures[name] = {"values": values, "against_first": change}
    return {
        "roasts": [
            {key: one["summary"].get(key) for key in ("roast_id", "title", "bean", "started_at")}
            for one in found
        ],
        "figures": figures,
    }


def _difference(value: float | None, first: float | None) -> float | None:
    return None if value is None or first is None else round(value - first, 3)


def _id(roast_id: str) -> str:
    """A roast's id as part of a path."""
    if not 0 < len(roast_id) <= 100 or not all(c.isalnum() or c in "-_" for c in roast_id):
        raise BadInputError(f"{roast_id!r:.100} is no id of a roast: `list_roasts` shows them.")
    return roast_id
