"""One whole roast as a record: what formats read and write, the log keeps, plots show.

Every time in a record counts seconds on the record's own clock (0 = the recording's start). What
people read counts from the charge: `from_charge`. Missing values in columns are NaN inside arrays
and None everywhere else.
"""

import hashlib
import json
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from roastwatch.vocabulary import EventKind, Level, Origin

Column: TypeAlias = npt.NDArray[np.float64]

# The columns of a record's readings, besides `at_s`.
COLUMNS = (
    "bean_temp_c",
    "environment_temp_c",
    "heater_percent",
    "fan_percent",
    "drum_percent",
    "cooling_percent",
    "door_open",
    "crack_count",
)


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """Something that happened, on the record's clock."""

    kind: EventKind
    at_s: float
    origin: Origin = Origin.PERSON
    bean_temp_c: float | None = None
    environment_temp_c: float | None = None
    event_id: str = ""
    level: Level | None = None
    happened_at: datetime | None = None
    decided_at: datetime | None = None
    happened_sample: int | None = None
    decided_sample: int | None = None
    confidence: float | None = None
    message: str = ""
    revoked: bool = False
    unlogged: bool = False


@dataclass(frozen=True, slots=True)
class RecordedControl:
    """A setting of the roaster that changed (or a remark on the curve, where `what` is note)."""

    at_s: float
    what: str
    """heater, fan, drum, damper, cooling, note, or the name that the source gave."""
    value: float | None
    """Percent, where the source knows it."""
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ExtraCurve:
    """A curve beyond the readings."""

    name: str
    at_s: Column
    values: Column
    temperature: bool = False
    """Whether the values are known to be temperatures, in °C; else in the unit of the source."""


@dataclass(frozen=True, slots=True)
class Properties:
    """What a person writes of a roast. Unknown is None or empty."""

    bean_name: str = ""
    bean_origin: str = ""
    bean_process: str = ""
    green_weight_g: float | None = None
    roasted_weight_g: float | None = None
    moisture_green_percent: float | None = None
    moisture_roasted_percent: float | None = None
    density_g_per_l: float | None = None
    colour_whole: float | None = None
    colour_ground: float | None = None
    colour_system: str = ""
    roaster: str = ""
    operator: str = ""
    batch: str = ""
    ambient_temp_c: float | None = None
    ambient_humidity_percent: float | None = None
    ambient_pressure_hpa: float | None = None
    rating: float | None = None
    """0 to 100, as the person rated the cup."""
    notes: str = ""
    cupping_notes: str = ""

    def as_json(self) -> dict[str, Any]:
        """Only what is known."""
        pairs = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value for name, value in pairs if value not in (None, "")}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> "Properties":
        """From `as_json`; keys of a newer version are ignored."""
        known = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in raw.items() if key in known})


@dataclass(frozen=True, slots=True, eq=False)
class RoastRecord:
    """One roast."""

    roast_id: str
    title: str
    started_at: datetime | None
    """UTC of the charge, or of the recording's start where there was none; None = unknown."""
    at_s: Column
    columns: dict[str, Column] = field(default_factory=dict)
    """By name of `COLUMNS`, each as long as `at_s`; a missing column = no such probe."""
    events: tuple[RecordedEvent, ...] = ()
    controls: tuple[RecordedControl, ...] = ()
    extras: tuple[ExtraCurve, ...] = ()
    pops: tuple[tuple[float, float], ...] = ()
    """Time and probability of each sound that counted as a pop."""
    scores: tuple[tuple[float, float, float], ...] = ()
    """Thinned: time, probability, decision (0 to 1)."""
    gaps: tuple[tuple[float, float], ...] = ()
    """Where the record is known to have a hole (a crash, a restart)."""
    properties: Properties = Properties()
    station: str = ""
    source_file: str = ""
    source_format: str = ""
    fahrenheit: bool = False
    """Whether the source spoke °F; the record is in °C all the same."""
    foreign: dict[str, Any] = field(default_factory=dict)
    """What the source held beyond this record, kept so that an export gives it back."""
    saved_at: datetime | None = None
    """UTC at which the source file was last written; None = unknown, or not from a file."""
    derived_id: bool = False
    """The source has no id of its own: `roast_id` was made from its content."""
    warnings: tuple[str, ...] = ()
    """What of the source could not be used as it stands, a sentence each."""

    @property
    def bean_temp_c(self) -> Column:
        """Bean temperature, all NaN without a probe; shape as `at_s`."""
        return self.columns.get("bean_temp_c", np.full(len(self.at_s), np.nan))

    def event(self, kind: EventKind) -> RecordedEvent | None:
        """The event of a kind that stands (not revoked), the first where there are several."""
        return next((e for e in self.events if e.kind is kind and not e.revoked), None)

    @property
    def charge_s(self) -> float | None:
        """When the beans went in, None if nobody knows."""
        charge = self.event(EventKind.CHARGE)
        return charge.at_s if charge else None

    def from_charge(self, at_s: float | None) -> float | None:
        """Seconds from the charge, None where either is unknown."""
        charge_s = self.charge_s
        return None if at_s is None or charge_s is None else at_s - charge_s

    def temperature_at(self, at_s: float, column: str = "bean_temp_c") -> float | None:
        """The column's value at a time, interpolated over gaps of at most 10 s."""
        values = self.columns.get(column)
        if values is None:
            return None
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            return None
        times = self.at_s[known]
        after = int(np.searchsorted(times, at_s))
        if after < len(times) and times[after] == at_s:
            return float(values[known[after]])
        if after in (0, len(times)):
            edge = known[min(after, len(times) - 1)]
            return float(values[edge]) if abs(self.at_s[edge] - at_s) <= 10 else None
        if times[after] - times[after - 1] > 10:
            return None
        return float(np.interp(at_s, times, values[known]))

    @property
    def recording_started_at(self) -> datetime | None:
        """UTC of the record's second 0."""
        if self.started_at is None:
            return None
        return self.started_at - timedelta(seconds=self.charge_s or 0.0)

    def digest(self) -> str:
        """Equal for two records that say the same, wherever they were saved.

        Ids, file names, the time of saving and warnings do not count.
        """
        digest = hashlib.sha256(np.asarray(self.at_s).tobytes())
        for name, column in sorted(self.columns.items()):
            digest.update(name.encode() + column.tobytes())
        for curve in self.extras:
            digest.update(curve.name.encode("utf-8", "replace"))
            digest.update(curve.at_s.tobytes() + curve.values.tobytes())
        marks = [
            (e.kind.value, e.at_s, e.origin.value, e.bean_temp_c, e.message, e.revoked)
            for e in self.events
        ]
        rest = (self.title, self.started_at, marks, self.controls, self.pops, self.scores,
                self.gaps, self.fahrenheit, self.properties)  # fmt: skip
        digest.update(repr(rest).encode("utf-8", "replace"))
        digest.update(json.dumps(self.foreign).encode())
        return digest.hexdigest()[:32]

    def fingerprint(self) -> str:
        """Equal for two records of the same curve, however else they were edited."""
        digest = hashlib.sha256()
        digest.update(np.round(self.at_s, 2).tobytes())
        for name in ("bean_temp_c", "environment_temp_c"):
            column = self.columns.get(name)
            if column is not None:
                digest.update(np.round(column, 2).tobytes())
        if not len(self.at_s):
            digest.update(repr([(e.kind, e.at_s) for e in self.events]).encode())
            digest.update(self.roast_id.encode())
        return digest.hexdigest()[:32]
