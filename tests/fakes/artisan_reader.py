"""Artisan's side of its CSV, written after its behaviour (versions 3 and 4) in words of our own.

What it does: it splits the first line at tabs and reads it by position; cells 3 to 11 hold the
recording's second of each event as mm:ss and the twelfth the clock time of the start. Extra columns
come in pairs, at most ten of them. Of a row it looks up every cell by its column's *name*; a row
with another number of cells, with a cell that is no number, or without a second of its own is left
out. An event goes to the row nearest to its second.
"""

import csv
import io
from dataclasses import dataclass, field

POSITIONS = ("CHARGE", "TP", "DRYe", "FCs", "FCe", "SCs", "SCe", "DROP", "COOL")


@dataclass
class Loaded:
    """What Artisan would show."""

    day: str
    unit: str
    clock: str
    timex: list[float] = field(default_factory=list)
    temp1: list[float] = field(default_factory=list)
    temp2: list[float] = field(default_factory=list)
    events: dict[str, float] = field(default_factory=dict)
    """Seconds of the recording, at the row that the event went to."""
    extras: list[list[float]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


def load(text: str) -> Loaded:
    """Load a CSV; raises where Artisan would refuse the file."""
    table = csv.reader(io.StringIO(text, newline=""), delimiter="\t")
    head, names = next(table), next(table)
    extra = names[5:]
    if len(extra) > 20:
        raise IndexError("more than ten pairs of extra curves")
    if len(extra) % 2:
        raise IndexError("the last extra curve has no partner")
    found = Loaded(
        day=head[0].split("Date:")[1],
        unit=head[1].split("Unit:")[1],
        clock=head[11].split("Time:")[1] if len(head) > 11 else "",
        names=extra,
        extras=[[] for _ in extra],
    )
    for row in table:
        if len(row) != len(names):
            continue
        cells = dict(zip(names, row, strict=True))
        try:
            at_s = float(_seconds(cells["Time1"]))
            numbers = [float(cells[name]) for name in ("ET", "BT", *extra)]
        except ValueError:
            continue
        if found.timex and at_s <= found.timex[-1]:
            continue
        found.timex.append(at_s)
        found.temp1.append(numbers[0])
        found.temp2.append(numbers[1])
        for curve, value in zip(found.extras, numbers[2:], strict=True):
            curve.append(value)
    for place, name in enumerate(POSITIONS, start=2):
        _, label, time = head[place].rpartition(f"{name}:")
        if not label or name == "TP":
            continue  # the turning point is found from the curve
        try:
            at_s = _seconds(time)
        except ValueError:
            continue
        if at_s > 0 or (name == "CHARGE" and at_s == 0):
            found.events[name] = min(found.timex, key=lambda row_s: abs(row_s - at_s))
    return found


def _seconds(text: str) -> int:
    minutes, seconds = text.split(":")
    return int(minutes) * 60 + int(seconds)
