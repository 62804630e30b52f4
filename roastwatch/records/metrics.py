"""The figures of a roast, by Artisan's definitions. Pure.

Turning point: the last sample with the lowest bean temperature between charge and drop. A phase's
rate of rise is the difference of its ends' bean temperatures over its time (for drying: from the
turning point). Development ratio: first crack to drop over charge to drop. Area under the curve:
°C·min of bean temperature above a base, from the turning point to the drop. Checked against the
`computed` values of real profiles by tests.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from roastwatch.records.record import RoastRecord
from roastwatch.vocabulary import EventKind

# Without a drop, look for the turning point in the first minutes only: cooling beans fall below it.
TURNING_POINT_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """Seconds count from the charge; None = unknown, or marked out of order."""

    turning_point_s: float | None = None
    turning_point_c: float | None = None
    dry_end_s: float | None = None
    first_crack_s: float | None = None
    drop_s: float | None = None
    development_s: float | None = None
    development_ratio_percent: float | None = None
    drying_percent: float | None = None
    maillard_percent: float | None = None
    drying_ror_c_per_min: float | None = None
    maillard_ror_c_per_min: float | None = None
    development_ror_c_per_min: float | None = None
    total_ror_c_per_min: float | None = None
    area_under_curve_c_min: float | None = None
    area_base_c: float | None = None

    def promised(self) -> dict[str, float | None]:
        """The six figures that `list --json` guarantees, rounded to thousandths."""
        everything = self.as_json()
        return {
            name: everything[name]
            for name in (
                "turning_point_s",
                "dry_end_s",
                "first_crack_s",
                "drop_s",
                "development_s",
                "development_ratio_percent",
            )
        }

    def as_json(self) -> dict[str, Any]:
        """All of them, rounded to thousandths."""
        return {
            name: None if value is None else round(value, 3) for name, value in asdict(self).items()
        }


def turning_point_index(record: RoastRecord) -> int | None:
    """The sample of the turning point, None without a charge, a probe or a turn."""
    charge_s = record.charge_s
    if charge_s is None or not len(record.at_s):
        return None
    drop = record.event(EventKind.DROP)
    start = int(np.searchsorted(record.at_s, charge_s))
    until_s = drop.at_s if drop else charge_s + TURNING_POINT_WITHIN_S
    end = int(np.searchsorted(record.at_s, until_s))
    beans = record.bean_temp_c[start:end]
    known = np.isfinite(beans) & (beans > 0)
    if known.sum() < 3:
        return None
    lowest = np.min(beans[known])
    index = start + int(np.flatnonzero(known & (beans == lowest))[-1])
    turned = index > start and np.any(record.bean_temp_c[index:end] > lowest)
    return index if turned else None


def metrics(record: RoastRecord, area_base_c: float | None = None) -> Metrics:
    """The figures of a roast.

    Args:
        record: the roast.
        area_base_c: base of the area under the curve; None = the turning point's temperature.
    """

    def at(kind: EventKind) -> float | None:
        event = record.event(kind)
        since_s = record.from_charge(event.at_s) if event else None
        return None if since_s is None or since_s < 0 else since_s

    dry, crack, drop = at(EventKind.DRY_END), at(EventKind.FIRST_CRACK), at(EventKind.DROP)
    turn = turning_point_index(record)
    turn_s = turn_c = None
    if turn is not None:
        turn_s = record.from_charge(float(record.at_s[turn]))
        turn_c = float(record.bean_temp_c[turn])
    elif record.event(EventKind.TURNING_POINT):
        turn_s = at(EventKind.TURNING_POINT)
    crack_in_time = crack is not None and drop is not None and 0 < crack <= drop
    developed = drop - crack if crack_in_time and drop is not None and crack is not None else None
    base = area_base_c if area_base_c is not None else turn_c
    return Metrics(
        turning_point_s=turn_s,
        turning_point_c=turn_c,
        dry_end_s=dry,
        first_crack_s=crack,
        drop_s=drop,
        development_s=developed,
        development_ratio_percent=_share(developed, drop),
        drying_percent=_phase_share(0.0, dry, drop),
        maillard_percent=_phase_share(dry, crack, drop),
        drying_ror_c_per_min=_ror(record, turn_s, dry),
        maillard_ror_c_per_min=_ror(record, dry, crack),
        development_ror_c_per_min=_ror(record, crack, drop),
        total_ror_c_per_min=_ror(record, turn_s, drop),
        area_under_curve_c_min=area_under_curve(record, turn_s, drop, base),
        area_base_c=base,
    )


def order_faults(record: RoastRecord) -> list[str]:
    """A sentence for each pair of events that is out of order; figures leave it out."""
    kinds = (
        EventKind.CHARGE,
        EventKind.DRY_END,
        EventKind.FIRST_CRACK,
        EventKind.FIRST_CRACK_END,
        EventKind.SECOND_CRACK,
        EventKind.DROP,
        EventKind.COOL_END,
    )
    marks = [event for kind in kinds if (event := record.event(kind)) is not None]
    faults = []
    for number, later in enumerate(marks):
        before = next((e for e in marks[:number] if e.at_s > later.at_s), None)
        overlap = {EventKind.FIRST_CRACK_END, EventKind.SECOND_CRACK}
        if before is not None and {before.kind, later.kind} != overlap:
            names = [event.kind.value.replace("_", " ") for event in (later, before)]
            faults.append(
                f"The {names[0]} is marked before the {names[1]}: figures that need both are left "
                "out."
            )
    return faults


def _phase_share(start_s: float | None, end_s: float | None, drop_s: float | None) -> float | None:
    """A phase's share of the roast, None where its ends are unknown or out of order."""
    if start_s is None or end_s is None or drop_s is None or not start_s <= end_s <= drop_s:
        return None
    return _share(end_s - start_s, drop_s)


def _share(part: float | None, whole: float | None) -> float | None:
    return 100.0 * part / whole if part is not None and whole and whole > 0 else None


def _ror(record: RoastRecord, from_s: float | None, to_s: float | None) -> float | None:
    if from_s is None or to_s is None or record.charge_s is None or to_s <= from_s:
        return None
    first = record.temperature_at(from_s + record.charge_s)
    last = record.temperature_at(to_s + record.charge_s)
    if first is None or last is None:
        return None
    return (last - first) / (to_s - from_s) * 60.0


def area_under_curve(
    record: RoastRecord, from_s: float | None, to_s: float | None, base_c: float | None
) -> float | None:
    """°C·min of bean temperature above the base between two times from the charge."""
    if from_s is None or to_s is None or base_c is None or record.charge_s is None:
        return None
    times = record.at_s - record.charge_s
    inside = (times >= from_s) & (times <= to_s) & np.isfinite(record.bean_temp_c)
    if inside.sum() < 2:
        return None
    above = np.maximum(record.bean_temp_c[inside] - base_c, 0.0)
    return float(np.trapezoid(above, times[inside]) / 60.0)
