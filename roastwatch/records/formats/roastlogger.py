"""Read RoastLogger's text log.

Remarks at the top, then a table that begins with `Elapsed time`: T1 (the beans: the channel whose
rate of rise the program shows), T2, and the event's name. The program writes no unit; any T1 above
300 means °F.
"""

import re
from datetime import datetime

import numpy as np

from roastwatch.errors import BadInputError
from roastwatch.records.formats.tables import celsius, event_at, known_columns, number, seconds, utc
from roastwatch.records.formats.tables import rows as table_rows
from roastwatch.records.record import Properties, RecordedControl, RoastRecord
from roastwatch.vocabulary import EventKind

HOTTEST_C = 300.0
_EVENTS = (
    (r"beans? (loaded|in|added)|^load|^charge", EventKind.CHARGE),
    (r"dry|yellow", EventKind.DRY_END),
    (r"(first|1st) crack end", EventKind.FIRST_CRACK_END),
    (r"(first|1st) crack", EventKind.FIRST_CRACK),
    (r"(second|2nd) crack end", None),
    (r"(second|2nd) crack", EventKind.SECOND_CRACK),
    (r"beans? (ejected|out|dumped|dropped)|^eject|^dump|^drop", EventKind.DROP),
    (r"cool", EventKind.COOL_END),
)


def _table_starts(text: str) -> int | None:
    for number_, line in enumerate(text.splitlines()[:200]):
        if re.match(r'\s*"?elapsed time', line, re.IGNORECASE) and "T1" in line.upper():
            return number_
    return None


def looks_like(text: str) -> bool:
    """Whether a text is RoastLogger's."""
    return _table_starts(text) is not None


def read(text: str, name: str) -> RoastRecord:
    """Read a roast from RoastLogger's log.

    Raises:
        BadInputError: no sample can be read from it.
    """
    lines = text.splitlines()
    start = _table_starts(text) or 0
    remarks = lines[:start]
    delimiter = next((d for d in "\t;" if d in lines[start]), ",")
    rows = table_rows("\n".join(lines[start:]), delimiter, name)
    names = [cell.strip().strip('"').lower() for cell in rows[0]]
    place = {column: index for index, column in enumerate(names)}
    t1, t2 = place.get("t1"), place.get("t2")
    event = next((i for i, column in enumerate(names) if column.startswith("event")), None)
    samples = [row for row in rows[1:] if row and np.isfinite(seconds(row[0]))]
    if not samples or t1 is None:
        raise BadInputError(f"{name} contains no samples.")

    def cell(row: list[str], index: int | None) -> str:
        return row[index].strip() if index is not None and index < len(row) else ""

    at_s = np.array([seconds(row[0]) for row in samples])
    if np.any(np.diff(at_s) < 0):
        raise BadInputError(f"{name}: the elapsed time runs backwards.")
    beans = np.array([number(cell(row, t1)) for row in samples])
    around = np.array([number(cell(row, t2)) for row in samples])
    fahrenheit = bool(np.any(beans[np.isfinite(beans)] > HOTTEST_C))
    columns = known_columns(
        {
            "bean_temp_c": celsius(beans, fahrenheit),
            "environment_temp_c": celsius(around, fahrenheit),
        }
    )
    clock_s = at_s - at_s[0]
    marked: dict[EventKind, int] = {}
    notes: list[RecordedControl] = []
    for index, row in enumerate(samples):
        remark = cell(row, event)
        if not remark:
            continue
        found = [kind for pattern, kind in _EVENTS if re.search(pattern, remark, re.IGNORECASE)]
        if found and found[0] is not None:
            marked.setdefault(found[0], index)
        else:
            notes.append(RecordedControl(float(clock_s[index]), "note", None, remark))
    events = [event_at(kind, index, clock_s, columns) for kind, index in marked.items()]
    return RoastRecord(
        roast_id="",
        title=_remark(remarks, r"(coffee|bean|title|name)[^:]*") or name.rsplit(".", 1)[0],
        started_at=_when(_remark(remarks, r"(roast )?(started|date)[^:]*")),
        at_s=clock_s,
        columns=columns,
        events=tuple(sorted(events, key=lambda e: e.at_s)),
        controls=tuple(notes),
        properties=Properties(notes="\n".join(line.strip() for line in remarks).strip()),
        source_file=name,
        source_format="roastlogger",
        fahrenheit=fahrenheit,
    )


def _remark(lines: list[str], key: str) -> str:
    for line in lines:
        match = re.match(rf"\s*\"?{key}\s*:\s*(?P<text>.+)", line, re.IGNORECASE)
        if match:
            return match["text"].strip().strip('",')
    return ""


def _when(text: str) -> datetime | None:
    for pattern in ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d"):
        try:
            return utc(datetime.strptime(text, pattern))
        except ValueError:
            continue
    return None
