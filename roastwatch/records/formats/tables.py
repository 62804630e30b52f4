"""Shared by the formats: cells to numbers, clocks to seconds, temperatures to °C."""

import csv
import io
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.record import Column, ExtraCurve, RecordedControl, RecordedEvent
from roastwatch.vocabulary import EventKind, Origin


def rows(text: str, delimiter: str, name: str) -> list[list[str]]:
    """A table's rows without empty ones.

    Raises:
        BadInputError: it is not a table, such as one with a cell of 128 kB.
    """
    try:
        return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    except csv.Error as error:
        raise BadInputError(f"{name} is not a readable table ({error}).") from error


def utc(naive: datetime) -> datetime | None:
    """UTC of a time without a zone: programs write local time."""
    try:
        return naive.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        return None


def number(cell: str | None) -> float:
    """A cell's number, NaN if it is empty or not a number; a decimal comma is accepted."""
    text = (cell or "").strip()
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            return math.nan
    return value if math.isfinite(value) else math.nan


def seconds(cell: str | None) -> float:
    """A cell's time (`mm:ss`, `h:mm:ss` or plain seconds) in seconds; NaN if it is not a time."""
    text = (cell or "").strip()
    if re.fullmatch(r"-?\d+(:\d{1,2}){1,2}([.,]\d+)?", text):
        sign = -1.0 if text.startswith("-") else 1.0
        total = 0.0
        for part in text.lstrip("-").replace(",", ".").split(":"):
            total = total * 60.0 + float(part)
        return sign * total
    return number(text)


def celsius(values: Column, fahrenheit: bool) -> Column:
    """Temperatures in °C; −1 is a dropout in every roasting program."""
    values = np.where(values == -1, np.nan, values)
    return (values - 32.0) / 1.8 if fahrenheit else values


def event_at(
    kind: EventKind,
    index: int,
    at_s: Column,
    columns: dict[str, Column],
    origin: Origin = Origin.PERSON,
) -> RecordedEvent:
    """An event at a sample, with the temperatures of that sample."""

    def known(name: str) -> float | None:
        column = columns.get(name)
        return None if column is None or not math.isfinite(column[index]) else float(column[index])

    return RecordedEvent(
        kind=kind,
        at_s=float(at_s[index]),
        origin=origin,
        bean_temp_c=known("bean_temp_c"),
        environment_temp_c=known("environment_temp_c"),
    )


def known_columns(columns: dict[str, Column]) -> dict[str, Column]:
    """Only the columns with at least one value."""
    return {name: values for name, values in columns.items() if np.any(np.isfinite(values))}


def nearest(at_s: Column, wanted_s: float) -> int:
    """The sample nearest to a time."""
    return int(np.argmin(np.abs(at_s - wanted_s)))


def numbers(raw: dict[str, Any], key: str, name: str) -> Column:
    """The list of numbers under a key, NaN for each null; empty without the key.

    Raises:
        BadInputError: it is not a list of numbers.
    """
    values = raw.get(key)
    if values is None:
        return np.empty(0)
    if not isinstance(values, list):
        raise BadInputError(f"{name}: '{key}' is not a list of numbers.")
    try:
        return np.array([math.nan if v is None else float(v) for v in values], dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInputError(f"{name}: '{key}' contains a value that is not a number.") from error


def header(text: str) -> list[str]:
    """The names in a comma-separated table's first line, in lower case."""
    first = text.lstrip("\ufeff").lstrip().split("\n", 1)[0]
    return [cell.strip().strip('"').strip().lower() for cell in first.split(",")]


def headed(text: str, name: str) -> dict[str, list[str]]:
    """A comma-separated table's columns by their names in lower case; a short row is filled.

    Raises:
        BadInputError: it is not a table, or has no row.
    """
    names, *lines = rows(text.lstrip("\ufeff"), ",", name)
    if not lines:
        raise BadInputError(f"{name} contains no samples.")
    columns = [cell.strip().lower() for cell in names]
    return {
        column: [line[place].strip() if place < len(line) else "" for line in lines]
        for place, column in enumerate(columns)
    }


def first_of(table: Mapping[str, list[str]], *names: str) -> Column:
    """The numbers of the first column that is there, NaN for what is none; empty without one."""
    found = next((table[name] for name in names if name in table), None)
    return np.empty(0) if found is None else np.array([number(cell) for cell in found])


def clock(values: Column, count: int, name: str) -> Column:
    """Seconds from the first sample; without a column of times, one sample a second.

    Raises:
        BadInputError: the times are missing in a row, or run backwards.
    """
    if not len(values):
        return np.arange(count, dtype=np.float64)
    if not np.all(np.isfinite(values)) or np.any(np.diff(values) < 0):
        raise BadInputError(f"{name}: the times of the samples are missing or run backwards.")
    return np.asarray(values - values[0], dtype=np.float64)


def changes(at_s: Column, values: Column, what: str) -> list[RecordedControl]:
    """The changes of a setting, beginning with its first value."""
    found: list[RecordedControl] = []
    for when, value in zip(at_s.tolist(), values.tolist(), strict=True):
        if math.isfinite(value) and (not found or found[-1].value != value):
            found.append(RecordedControl(when, what, value))
    return found


def control_changes(at_s: Column, columns: Mapping[str, Column]) -> tuple[RecordedControl, ...]:
    """The changes of heater, fan and drum in a record's columns, in their order."""
    found = [
        control
        for what in ("heater", "fan", "drum")
        if f"{what}_percent" in columns
        for control in changes(at_s, columns[f"{what}_percent"], what)
    ]
    return tuple(sorted(found, key=lambda control: control.at_s))


def extras(
    at_s: Column, curves: Mapping[str, Column], temperatures: tuple[str, ...] = ()
) -> tuple[ExtraCurve, ...]:
    """The curves with at least one value; `temperatures` are in °C."""
    return tuple(
        ExtraCurve(name, at_s, values, name in temperatures)
        for name, values in curves.items()
        if np.any(np.isfinite(values))
    )
