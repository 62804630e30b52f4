"""One whole roast as a record, which formats read and write, the log stores and plots show.

Times in a record are seconds on its own clock (0 = the recording's start). Times that people see
count from the charge: `from_charge`. Missing values are NaN in arrays and None everywhere else.
"""

import hashlib
import json
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from roastwatch.records.tasting import Lot, Tasting
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
    """An event, on the record's clock."""

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
    """A change of a roaster's setting (or a note on the curve, if `what` is note)."""

    at_s: float
    what: str
    """heater, fan, drum, damper, cooling, note, or the source's own name."""
    value: float | None
    """Percent; None if the source does not give it."""
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ExtraCurve:
    """A curve in addition to the readings."""

    name: str
    at_s: Column
    values: Column
    temperature: bool = False
    """Whether the values are temperatures in °C; else they are in the source's unit."""


@dataclass(frozen=True, slots=True)
class Properties:
    """What a person writes about a roast. Unknown is None or empty."""

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
    """The person's rating of the cup, 0 to 100."""
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
    """UTC of the charge, or without one of the recording's start; None = unknown."""
    at_s: Column
    columns: dict[str, Column] = field(default_factory=dict)
    """By name of `COLUMNS`, each as long as `at_s`; a missing column = no such probe."""
    events: tuple[RecordedEvent, ...] = ()
    controls: tuple[RecordedControl, ...] = ()
    extras: tuple[ExtraCurve, ...] = ()
    pops: tuple[tuple[float, float], ...] = ()
    """Time and probability of each sound that counted as a pop."""
    scores: tuple[tuple[float, float, float], ...] = ()
    """Thinned scores: time, probability, decision (0 to 1)."""
    gaps: tuple[tuple[float, float], ...] = ()
    """Known gaps in the record, from and to (a crash, a restart)."""
    properties: Properties = Properties()
    tastings: tuple[Tasting, ...] = ()
    lot: Lot | None = None
    """The beans that it was taken from."""
    station: str = ""
    source_file: str = ""
    source_format: str = ""
    fahrenheit: bool = False
    """Whether the source was in °F; the record is always in °C."""
    foreign: dict[str, Any] = field(default_factory=dict)
    """Data of the source that does not fit this record, kept for an export."""
    saved_at: datetime | None = None
    """UTC at which the source file was last written; None = unknown, or not from a file."""
    derived_id: bool = False
    """The source has no id of its own: `roast_id` was made from its content."""
    warnings: tuple[str, ...] = ()
    """A sentence for everything in the source that could not be used as it is."""

    @property
    def bean_temp_c(self) -> Column:
        """Bean temperature, all NaN without a probe; shape as `at_s`."""
        return self.columns.get("bean_temp_c", np.full(len(self.at_s), np.nan))

    def event(self, kind: EventKind) -> RecordedEvent | None:
        """The first event of a kind that is not revoked, nor only due by temperature."""
        found = (e for e in self.events if e.kind is kind and not e.revoked)
        return next((e for e in found if not (e.level and e.origin is Origin.TEMPERATURE)), None)

    @property
    def charge_s(self) -> float | None:
        """When the beans went in; None if unknown."""
        charge = self.event(EventKind.CHARGE)
        return charge.at_s if charge else None

    def from_charge(self, at_s: float | None) -> float | None:
        """Seconds from the charge; None if either is unknown."""
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
        """A hash that is equal for records with the same content, wherever they were saved.

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
        """A hash that is equal for records with the same curve, however they were edited."""
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
