"""What came of a condition: one row of figures with 95 % intervals, for JSON and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roastwatch.evaluation.statistics import (
    Judged,
    Rate,
    early_rate,
    quantile_interval,
    rate_text,
    wilson_interval,
)

CONDITIONS = ("radio", "kitchen", "timelines")


@dataclass(slots=True)
class Row:
    """One condition at one level over one kind of roaster."""

    condition: str
    sound: str
    """What was played: music, talk, a kitchen, a timeline."""
    over: str
    """The roaster under it, or `bare`."""
    part: str
    """The parts that its ingredients belong to."""
    level_db: float | None = None
    """Over the roaster's own noise; None: no such level."""
    judged: list[Judged] = field(default_factory=list)
    """Every roast; empty where only alarms are counted."""
    alarms: Rate | None = None
    """Where nothing cracks; None: those before first crack are counted."""
    more: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """All figures; unknown ones are null."""
        rate = self.alarms if self.alarms is not None else early_rate(self.judged)
        return {
            "condition": self.condition,
            "sound": self.sound,
            "over": self.over,
            "part": self.part,
            "level_db": self.level_db,
            **(outcome(self.judged) if self.judged else {"roasts": 0}),
            "alarms": rate.as_json(),
            **self.more,
        }


def of_alarms(condition: str, sound: str, over: str, part: str, found: Mapping[str, Any]) -> Row:
    """A row of what `noise.count_alarms` found."""
    more = {key: found[key] for key in ("pops_per_min", "by_kind")}
    rate = Rate(found["count"], found["hours"])
    return Row(condition, sound, over, part, alarms=rate, more=more)


def outcome(judged: Sequence[Judged]) -> dict[str, Any]:
    """Early reports, misses, delay and onset error.

    A roast counts as missed if first crack is not reported from 20 s before its first pop on; one
    that was reported early is missed, too. Delay and onset error are of the others. A miss is
    announced if hearing was known to be limited or blocked two minutes before; null: not examined.
    """
    unheard = [one for one in judged if one.early or one.missed]
    examined = any(one.warned is not None for one in judged)
    delays = [one.delay_s for one in judged if one.delay_s is not None]
    errors = [one.error_s for one in judged if one.error_s is not None]
    return {
        "roasts": len(judged),
        "early": _share(sum(one.early for one in judged), len(judged)),
        "missed": _share(len(unheard), len(judged)),
        "misses_announced": sum(bool(one.warned) for one in unheard) if examined else None,
        "delay_s": _quantiles(delays),
        "onset_error_s": _quantiles(errors),
        "onset_error_absolute_s": _quantiles([abs(error) for error in errors]),
        "each": [
            {
                "roast": one.name,
                "truth_s": round(one.onset_s, 2),
                "decided_s": None if one.decided_s is None else round(one.decided_s, 2),
                "happened_s": None if one.happened_s is None else round(one.happened_s, 2),
                "warned": one.warned,
            }
            for one in judged
        ],
    }


def _share(count: int, total: int) -> dict[str, float]:
    low, high = wilson_interval(count, total)
    return {"count": count, "low": round(low, 4), "high": round(high, 4)}


def _quantiles(values: Sequence[float]) -> dict[str, float | None]:
    """Median and 90 % value, each with its interval."""
    found: dict[str, float | None] = {}
    for name, quantile in (("median", 0.5), ("p90", 0.9)):
        low, high = quantile_interval(values, quantile)
        middle = float(np.quantile(values, quantile)) if values else None
        for key, value in ((name, middle), (f"{name}_low", low), (f"{name}_high", high)):
            found[key] = None if value is None else round(value, 2)
    return found


HEAD = (
    "condition",
    "roaster",
    "part",
    "roasts",
    "early (95 %)",
    "missed (95 %)",
    "misses announced",
    "median delay s (95 %)",
    "90 % s",
    "median onset error s (95 %)",
    "90 % error size s",
    "false alarms/h (95 %)",
    "pops/min",
)


def cells(row: Mapping[str, Any]) -> list[object]:
    """One row of the table `HEAD`, from what `Row.as_json` gave."""
    level = row["level_db"]
    name = row["sound"] if level is None else f"{row['sound']}, {level:+g} dB"
    given: list[object] = [f"{row['condition']}: {name}", row["over"], row["part"]]
    rate = [rate_text(row["alarms"]), row.get("pops_per_min")]
    if not row["roasts"]:
        return [*given, *[None] * 8, *rate]
    shares = [_share_text(row[key], row["roasts"]) for key in ("early", "missed")]
    delay, error, size = (
        row[key] for key in ("delay_s", "onset_error_s", "onset_error_absolute_s")
    )
    announced = row.get("misses_announced")
    said = None if announced is None else f"{announced} of {row['missed']['count']}"
    figures = [said, _median_text(delay), delay["p90"], _median_text(error), size["p90"]]
    return [*given, row["roasts"], *shares, *figures, *rate]


def _share_text(share: Mapping[str, float], total: int) -> str:
    return f"{share['count']} of {total} ({100 * share['low']:.0f}–{100 * share['high']:.0f} %)"


def _median_text(found: Mapping[str, float | None]) -> str | None:
    if found["median"] is None:
        return None
    bounds = ("?" if (v := found[k]) is None else f"{v:.0f}" for k in ("median_low", "median_high"))
    return f"{found['median']:.1f} ({' to '.join(bounds)})"


__all__ = ["CONDITIONS", "HEAD", "Row", "cells", "of_alarms", "outcome"]
