"""Speed and size of a log of many years on this machine, with generated roasts."""

import contextlib
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from roastwatch.errors import MissingExtraError
from roastwatch.records.record import Properties, RecordedEvent, RoastRecord
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind

SECONDS = 900


@dataclass(frozen=True, slots=True)
class LogFigures:
    """Figures; times are medians in milliseconds."""

    roasts: int
    readings: int
    import_ms_per_roast: float
    size_mb: float
    list_ms: float
    show_ms: float
    show_worst_ms: float
    record_ms: float
    plot_ms: float | None
    """None without matplotlib."""
    plot_cpu_ms: float | None
    """Processor time, which is what remains on an idle machine."""
    memory_mb: float
    """Peak memory while all roasts were written and read."""

    def as_json(self) -> dict[str, Any]:
        """Rounded to hundredths."""
        return {k: v if v is None else round(v, 2) for k, v in asdict(self).items()}


def made_up(number: int) -> RoastRecord:
    """A roast at 1 s readings: charge, turning point, dry end, first crack, drop, 15 minutes."""
    draw = np.random.default_rng(number)
    at_s = np.arange(float(SECONDS))
    slower = 1.0 + 0.1 * draw.random()
    beans = np.maximum(200 * np.exp(-at_s / 40), 90 + 0.19 / slower * (at_s - 80))
    beans = np.round(beans + draw.normal(0, 0.1, SECONDS), 2)
    marks = (
        (EventKind.CHARGE, 0.0),
        (EventKind.DRY_END, 395.0 * slower),
        (EventKind.FIRST_CRACK, 550.0 * slower),
        (EventKind.DROP, 680.0 * slower),
    )
    began = datetime(2016, 1, 1, 9, tzinfo=UTC) + timedelta(hours=35 * number)
    return RoastRecord(
        roast_id=f"bench-{number:05d}",
        title=f"Roast {number}",
        started_at=began,
        at_s=at_s,
        columns={
            "bean_temp_c": beans,
            "environment_temp_c": np.round(beans + 25 + draw.normal(0, 0.3, SECONDS), 2),
            "heater_percent": np.where(at_s < 400, 80.0, 60.0),
            "fan_percent": np.full(SECONDS, 40.0),
        },
        events=tuple(RecordedEvent(kind, when) for kind, when in marks),
        pops=tuple((550.0 * slower + n * 1.5, 0.9) for n in range(60)),
        scores=tuple((float(n), 0.1, 0.0) for n in range(0, SECONDS, 2)),
        properties=Properties(bean_name=f"Bean {number % 40}", green_weight_g=500.0),
        station="roaster",
        source_format="live",
    )


def measure(
    path: Path, roasts: int = 2500, progress: Callable[[int], None] | None = None
) -> LogFigures:
    """Fill a new log and measure it.

    Args:
        path: file of the new log.
        roasts: number of roasts.
        progress: called repeatedly with the number of imported roasts.

    Raises:
        LogError: the log can't be written.
    """
    began = time.perf_counter()
    with Store(path, create=True) as store:
        for first in range(0, roasts, 50):
            store.import_records([made_up(n) for n in range(first, min(first + 50, roasts))])
            if progress is not None:
                progress(min(first + 50, roasts))
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    import_ms = (time.perf_counter() - began) / roasts * 1e3
    chosen = [f"bench-{n:05d}" for n in range(0, roasts, max(1, roasts // 100))]
    with Store(path, writing=False) as store:
        lists = [_timed(store.list_json) for _ in range(5)]
        shows = [_timed(partial(store.show_json, one)) for one in chosen]
        reads = [_timed(partial(store.record, one)) for one in chosen]
        for _ in store.records():
            pass
        memory_mb = _peak_mb()
        plots: list[float] = []
        plot_cpu_ms: float | None = None
        with contextlib.suppress(MissingExtraError):
            from roastwatch.plots.picture import roast_png

            roast_png(store.record("last"))  # the first picture loads fonts
            began_cpu = time.process_time()
            plots = [_timed(lambda: roast_png(store.record("last"))) for _ in range(3)]
            plot_cpu_ms = (time.process_time() - began_cpu) / len(plots) * 1e3
    return LogFigures(
        roasts=roasts,
        readings=roasts * SECONDS,
        import_ms_per_roast=import_ms,
        size_mb=path.stat().st_size / 1e6,
        list_ms=median(lists),
        show_ms=median(shows),
        show_worst_ms=max(shows),
        record_ms=median(reads),
        plot_ms=median(plots) if plots else None,
        plot_cpu_ms=plot_cpu_ms,
        memory_mb=memory_mb,
    )


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def _peak_mb() -> float:
    """Peak memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
