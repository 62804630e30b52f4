"""RoasTime's JSON (Aillio Bullet), read.

Curves are lists at `sampleRate` Hz (2 where the file names none) in °C; events are indices into
them, 0 = not marked (but for the charge, `roastStartIndex`). `ctrlType` 0 is power (0–9), 1 fan
(1–12), 2 drum (1–9).
"""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.formats.tables import event_at, known_columns, numbers
from roastwatch.records.record import Properties, RecordedControl, RoastRecord
from roastwatch.vocabulary import EventKind

USUAL_RATE_HZ = 2.0
FEWEST_SAMPLES = 3
_PLACES = {
    "roastStartIndex": EventKind.CHARGE,
    "indexYellowingStart": EventKind.DRY_END,
    "indexFirstCrackStart": EventKind.FIRST_CRACK,
    "indexFirstCrackEnd": EventKind.FIRST_CRACK_END,
    "indexSecondCrackStart": EventKind.SECOND_CRACK,
    "roastEndIndex": EventKind.DROP,
}
_CONTROLS = {0: ("heater", 9.0), 1: ("fan", 12.0), 2: ("drum", 9.0)}


def looks_like(raw: Any) -> bool:
    """Whether a parsed file is RoasTime's."""
    return isinstance(raw, dict) and "beanTemperature" in raw


def read(raw: dict[str, Any], name: str) -> RoastRecord:
    """Read a roast from a RoasTime file.

    Raises:
        BadInputError: its curves are missing or damaged.
    """
    beans = numbers(raw, "beanTemperature", name)
    if not len(beans):
        raise BadInputError(f"{name} contains no samples.")
    rate = _number(raw.get("sampleRate")) or USUAL_RATE_HZ
    if not 0.01 <= rate <= 1000:
        raise BadInputError(f"{name}: 'sampleRate' is {rate}: the file is damaged.")
    at_s = np.arange(len(beans)) / rate
    columns = {"bean_temp_c": beans}
    drum = numbers(raw, "drumTemperature", name)
    warnings: list[str] = []
    if len(drum) and len(drum) != len(beans):
        size = min(len(drum), len(beans))
        warnings.append(
            f"'beanTemperature' has {len(beans)} samples and 'drumTemperature' {len(drum)}: the "
            f"curves were cut to {size}."
        )
        beans, drum, at_s = beans[:size], drum[:size], at_s[:size]
        columns["bean_temp_c"] = beans
    if len(drum):
        columns["environment_temp_c"] = drum
    columns = known_columns(columns)
    events = []
    for key, kind in _PLACES.items():
        place = _number(raw.get(key))
        if place is None or place < 0 or (place == 0 and kind is not EventKind.CHARGE):
            continue
        # The end is often one past the last sample.
        index = int(place) - 1 if int(place) == len(beans) else int(place)
        if index >= len(beans):
            sentence = f"'{key}' is sample {int(place)}, but there are only {len(beans)}"
            if len(beans) < FEWEST_SAMPLES:
                raise BadInputError(f"{name}: {sentence}: the file is damaged.")
            warnings.append(f"{sentence}: it was left out.")
            continue
        events.append(event_at(kind, index, at_s, columns))
    when = _number(raw.get("dateTime"))
    started_at = datetime.fromtimestamp(when / 1000.0, UTC) if when and when > 1e11 else None
    return RoastRecord(
        roast_id=str(raw.get("uid") or ""),
        title=str(raw.get("roastName") or ""),
        started_at=started_at,
        at_s=at_s,
        columns=columns,
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        controls=_controls(raw, rate),
        properties=Properties(
            green_weight_g=_positive(raw.get("weightGreen")),
            roasted_weight_g=_positive(raw.get("weightRoasted")),
            ambient_temp_c=_number(raw.get("ambient", raw.get("ambientTemp"))) or None,
            ambient_humidity_percent=_positive(raw.get("humidity", raw.get("roomHumidity"))),
            colour_whole=_colour(raw.get("wholeColorLevel")),
            colour_ground=_colour(raw.get("groundColorLevel")),
            roaster="Aillio Bullet",
            batch=str(raw.get("roastNumber") or ""),
            notes=str(raw.get("comments") or ""),
        ),
        source_file=name,
        source_format="roastime",
        foreign={k: v for k, v in raw.items() if not isinstance(v, list) or len(v) < 100},
        warnings=tuple(warnings),
    )


def _controls(raw: dict[str, Any], rate: float) -> tuple[RecordedControl, ...]:
    actions = raw.get("actions")
    listed = actions.get("actionTimeList") if isinstance(actions, dict) else None
    found = []
    for action in listed if isinstance(listed, list) else []:
        if not isinstance(action, dict):
            continue
        kind, value = _number(action.get("ctrlType")), _number(action.get("value"))
        place = _number(action.get("index"))
        if (
            kind is None
            or value is None
            or place is None
            or int(kind) not in _CONTROLS
            or place < 0
        ):
            continue
        what, full = _CONTROLS[int(kind)]
        found.append(RecordedControl(place / rate, what, 100.0 * value / full, f"{value:g}"))
    return tuple(found)


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return float(value)


def _colour(value: Any) -> float | None:
    return _positive(value.get("value") if isinstance(value, dict) else value)


def _positive(value: Any) -> float | None:
    known = _number(value)
    return known if known and known > 0 else None
