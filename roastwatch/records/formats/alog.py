"""Read Artisan's .alog. Meanings of its keys: Artisan's documentation and files of 3.2 to 4.2.

A profile is one dictionary, written as a Python literal (`.alog`) or as JSON (`.json`). `timeindex`
names the samples of CHARGE, DRY, FCs, FCe, SCs, SCe, DROP and COOL; CHARGE is unset at −1, the
others at 0 (third parties write −1 there too). −1 in a temperature is a dropout. `temp1` is the
environment, `temp2` the beans, both in the unit that `mode` names. As Artisan does, curves of
different lengths are cut to the shortest.
"""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.formats import alog_curves
from roastwatch.records.formats.alog_parts import (
    control_columns,
    controls,
    extras,
    in_fahrenheit,
    is_number,
    properties,
    text,
)
from roastwatch.records.formats.tables import event_at, numbers
from roastwatch.records.record import Column, RecordedEvent, RoastRecord
from roastwatch.vocabulary import EventKind, Origin

# The place of each event in `timeindex`; SCe (5) has no kind here and is kept in `foreign`.
PLACES = {
    0: EventKind.CHARGE,
    1: EventKind.DRY_END,
    2: EventKind.FIRST_CRACK,
    3: EventKind.FIRST_CRACK_END,
    4: EventKind.SECOND_CRACK,
    6: EventKind.DROP,
    7: EventKind.COOL_END,
}
FEWEST_SAMPLES = 3
"""If less than this part of the curves fits together, they are damaged."""
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan", "feb", "mar mär mrz", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt",
         "nov", "dec dez"),
        start=1,
    )
    for name in names.split()
}  # fmt: skip


def looks_like(raw: Any) -> bool:
    """Whether a parsed file is an Artisan profile."""
    return isinstance(raw, dict) and "timex" in raw and ("temp2" in raw or "temp1" in raw)


def read(raw: dict[str, Any], name: str) -> RoastRecord:
    """Read a profile; what can't be used is left out and named in the record's warnings.

    Args:
        raw: the parsed dictionary.
        name: the file's name for errors.

    Raises:
        BadInputError: it is not a profile, or its curves do not fit together.
    """
    fahrenheit = in_fahrenheit(raw)
    warnings: list[str] = []
    at_s, columns = _curves(raw, name, warnings)
    clock_s = at_s - at_s[0]
    changes = controls(raw, clock_s)
    columns |= control_columns(changes, clock_s)
    record = RoastRecord(
        roast_id=str(raw.get("roastwatch_id") or raw.get("roastUUID") or "").strip(),
        title=text(raw, "title"),
        started_at=_started(raw),
        at_s=clock_s,
        columns=columns,
        controls=changes,
        extras=extras(raw, float(at_s[0])),
        properties=properties(raw),
        source_file=name,
        source_format="alog",
        fahrenheit=fahrenheit,
    )
    record = replace(
        record,
        events=events(record, raw, float(at_s[0]), warnings),
        foreign=alog_curves.kept(raw, record, float(at_s[0])),
    )
    return replace(record, warnings=tuple(warnings))


def _curves(
    raw: dict[str, Any], name: str, warnings: list[str]
) -> tuple[Column, dict[str, Column]]:
    """The samples' times and the known temperatures in °C, all of equal length."""
    at_s = numbers(raw, "timex", name)
    if not len(at_s):
        raise BadInputError(f"{name} contains no samples ('timex' is empty).")
    found = {key: numbers(raw, key, name) for key in ("temp2", "temp1") if key in raw}
    found = {key: values for key, values in found.items() if len(values)}
    size = min([len(at_s), *(len(values) for values in found.values())])
    differing = [key for key, values in found.items() if len(values) != len(at_s)]
    if differing:
        lengths = ", ".join(f"'{key}' has {len(found[key])}" for key in differing)
        if size < FEWEST_SAMPLES:
            raise BadInputError(
                f"{name}: 'timex' has {len(at_s)} samples and {lengths}: the file is damaged."
            )
        warnings.append(
            f"'timex' has {len(at_s)} samples and {lengths}: the curves were cut to {size}."
        )
    at_s = at_s[:size]
    if not np.all(np.isfinite(at_s)):
        raise BadInputError(f"{name}: 'timex' contains a value that is not a time.")
    if np.any(np.diff(at_s) < 0):
        where = int(np.argmax(np.diff(at_s) < 0)) + 1
        raise BadInputError(f"{name}: time runs backwards at sample {where} of 'timex'.")
    columns = {}
    for key, column in (("temp2", "bean_temp_c"), ("temp1", "environment_temp_c")):
        if key in found:
            values = _temperatures(found[key][:size], in_fahrenheit(raw))
            if np.any(np.isfinite(values)):
                columns[column] = values
    return at_s, columns


def events(
    record: RoastRecord, raw: dict[str, Any], first_s: float, warnings: list[str]
) -> tuple[RecordedEvent, ...]:
    """The events marked in a profile, and Artisan's derived dry end if none is marked.

    Args:
        record: the profile's curves.
        raw: the parsed dictionary.
        first_s: the first sample's time in the profile.
        warnings: extended by what could not be used.
    """
    places = _places(raw, record, first_s, warnings)
    found = [
        event_at(kind, places[place], record.at_s, record.columns)
        for place, kind in PLACES.items()
        if place in places
    ]
    found += _derived_dry_end(raw, found)
    return tuple(sorted(found, key=lambda event: event.at_s))


def _places(
    raw: dict[str, Any], record: RoastRecord, first_s: float, warnings: list[str]
) -> dict[int, int]:
    """The sample of each marked event, by its place in `timeindex`."""
    size = len(record.at_s)
    listed = raw.get("timeindex")
    if listed is None:
        return _old_places(raw, record.at_s + first_s)
    if not isinstance(listed, list):
        raise BadInputError(f"{record.source_file}: 'timeindex' is not a list of sample numbers.")
    places = {}
    for place, kind in PLACES.items():
        index = listed[place] if place < len(listed) else None
        if index is None:
            continue
        name = kind.value.replace("_", " ")
        if not is_number(index):
            _warn(warnings, f"The mark of {name} is not a sample number: it was left out.")
            continue
        index = int(index)
        if index < 0 or (index == 0 and place > 0):
            continue
        if index == size:
            _warn(warnings, f"The {name} is marked one sample after the last: taken as the last.")
            index = size - 1
        if index > size:
            _warn(
                warnings,
                f"The {name} is marked at sample {index}, but there are only {size}: it was left "
                "out.",
            )
            continue
        places[place] = index
    return places


def _warn(warnings: list[str], sentence: str) -> None:
    if sentence not in warnings:
        warnings.append(sentence)


def _old_places(raw: dict[str, Any], timex: Column) -> dict[int, int]:
    """The marks of old profiles without `timeindex`: pairs of time and temperature."""
    start, dry, cracks = (
        values if isinstance(values, list) else []
        for values in (raw.get("startend"), raw.get("dryend"), raw.get("cracks"))
    )
    times = {0: start[:1], 1: dry[:1], 2: cracks[:1], 3: cracks[2:3], 4: cracks[4:5],
             6: start[2:3]}  # fmt: skip
    return {
        place: int(np.argmin(np.abs(timex - float(known[0]))))
        for place, known in times.items()
        if known and is_number(known[0]) and known[0] > 0
    }


def _derived_dry_end(raw: dict[str, Any], found: list[RecordedEvent]) -> list[RecordedEvent]:
    """The dry end that Artisan derived from temperature, if none is marked."""
    computed = raw.get("computed")
    computed = computed if isinstance(computed, dict) else {}
    since_s, temp = computed.get("DRY_time"), computed.get("DRY_BT")
    charge = next((e for e in found if e.kind is EventKind.CHARGE), None)
    marked = any(event.kind is EventKind.DRY_END for event in found)
    if marked or charge is None or not is_number(since_s) or not since_s or since_s <= 0:
        return []
    beans = None
    if is_number(temp) and temp:
        beans = (float(temp) - 32.0) / 1.8 if in_fahrenheit(raw) else float(temp)
    return [
        RecordedEvent(EventKind.DRY_END, charge.at_s + float(since_s), Origin.TEMPERATURE, beans)
    ]


def _temperatures(values: Column, fahrenheit: bool) -> Column:
    values = np.where(values == -1, np.nan, values)
    values = np.where(np.isfinite(values), values, np.nan)
    return (values - 32.0) / 1.8 if fahrenheit else values


def _started(raw: dict[str, Any]) -> datetime | None:
    epoch = raw.get("roastepoch")
    if is_number(epoch) and 0 < float(epoch or 0) < 32503680000:
        return datetime.fromtimestamp(float(epoch or 0), UTC)
    try:
        clock = datetime.strptime(str(raw.get("roasttime") or "00:00:00")[:8], "%H:%M:%S").time()
    except ValueError:
        clock = datetime.min.time()
    day = _day(raw)
    if day is None:
        return None
    local = datetime.combine(day, clock)
    west_s = raw.get("roasttzoffset")
    try:
        if not is_number(west_s):
            return local.astimezone(UTC)  # as Artisan has it: this computer's time
        # Artisan's offset counts westwards, as C's `timezone` does.
        return local.replace(tzinfo=UTC) + timedelta(seconds=float(west_s or 0))
    except OverflowError:
        return None


def _day(raw: dict[str, Any]) -> date | None:
    """The day by `roastisodate`, else by `roastdate` as Qt writes it ("Sat May 2 2026")."""
    try:
        return date.fromisoformat(str(raw.get("roastisodate") or ""))
    except ValueError:
        pass
    words = re.findall(r"\w+", text(raw, "roastdate").lower())
    month = next((_MONTHS[word[:3]] for word in words if word[:3] in _MONTHS), None)
    numbers = [int(word) for word in words if re.fullmatch(r"\d{1,4}", word)]
    year = next((number for number in numbers if number > 31), None)
    day = next((number for number in numbers if number <= 31), None)
    try:
        return date(year or 0, month or 0, day or 0)
    except ValueError:
        return None
