"""The picture of a roast in progress, for the sinks that show it."""

import asyncio
import importlib.util
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from roastwatch.channel import Latest
from roastwatch.errors import RoastwatchError
from roastwatch.vocabulary import Snapshot

_log = logging.getLogger(__name__)


def painter(
    log_path: Path | None,
    latest: Latest[dict[str, Snapshot]],
    profile_of: Callable[[str], Sequence[tuple[float, float]]] = lambda _station: (),
    *,
    fahrenheit: bool = False,
) -> Callable[[str], Awaitable[bytes | None]] | None:
    """Draws a station's roast so far from the log, over the profile that it follows.

    None without a log or without matplotlib.
    """
    if log_path is None or importlib.util.find_spec("matplotlib") is None:
        return None
    one_at_a_time = asyncio.Lock()

    async def picture(station: str) -> bytes | None:
        snapshot = (latest.value or {}).get(station)
        if snapshot is None or snapshot.roast_id is None:
            return None
        async with one_at_a_time:
            profile = profile_of(station)
            return await asyncio.to_thread(
                _draw, log_path, snapshot.roast_id, profile, fahrenheit=fahrenheit
            )

    return picture


def _draw(
    log_path: Path, roast_id: str, profile: Sequence[tuple[float, float]], *, fahrenheit: bool
) -> bytes | None:
    from roastwatch.plots.picture import roast_png
    from roastwatch.roastlog.store import Store

    try:
        with Store(log_path, writing=False) as store:
            record = store.record(roast_id)
            return roast_png(record, size="small", background=profile, fahrenheit=fahrenheit)
    except RoastwatchError as error:
        _log.info("Could not draw %s: %s", roast_id, error)
        return None
