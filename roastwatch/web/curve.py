"""The curve of each station's roast up to now, for a page that is opened in the middle of it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from roastwatch.files.json_values import json_safe
from roastwatch.vocabulary import Snapshot

_KEPT = 5400
"""Points, one a second: an hour and a half."""


@dataclass(slots=True)
class _Curve:
    roast_id: str | None = None
    points: deque[tuple[float | None, ...]] = field(default_factory=lambda: deque(maxlen=_KEPT))


class Curves:
    """Collects a point of each snapshot during a roast; a new roast begins a new curve."""

    COLUMNS = (
        "elapsed",
        "bean_temperature",
        "environment_temperature",
        "rate_of_rise",
        "heater",
        "fan",
    )

    def __init__(self) -> None:
        self._curves: dict[str, _Curve] = {}

    def show(self, snapshots: Mapping[str, Snapshot]) -> None:
        """The newest snapshots."""
        for name, snapshot in snapshots.items():
            if snapshot.roast_id is None or snapshot.elapsed_s is None:
                continue
            curve = self._curves.setdefault(name, _Curve())
            if curve.roast_id != snapshot.roast_id:
                curve.roast_id = snapshot.roast_id
                curve.points.clear()
            while curve.points and (curve.points[-1][0] or 0.0) >= snapshot.elapsed_s:
                curve.points.pop()  # the charge was dated anew
            curve.points.append(_point(snapshot, snapshot.elapsed_s))

    def row(self, station: str) -> dict[str, Any]:
        """The columns of a station's curve, of equal length; null is unknown."""
        curve = self._curves.get(station) or _Curve()
        columns = list(zip(*curve.points, strict=True)) or [()] * len(self.COLUMNS)
        found: dict[str, Any] = json_safe(
            {"roast_id": curve.roast_id}
            | {name: list(column) for name, column in zip(self.COLUMNS, columns, strict=True)}
        )
        return found


def _point(snapshot: Snapshot, elapsed_s: float) -> tuple[float | None, ...]:
    reading = snapshot.reading
    found = (
        elapsed_s,
        reading.bean_temp_c if reading else None,
        reading.environment_temp_c if reading else None,
        snapshot.rate_of_rise_c_per_min,
        reading.heater_percent if reading else None,
        reading.fan_percent if reading else None,
    )
    return tuple(None if value is None else round(value, 1) for value in found)
