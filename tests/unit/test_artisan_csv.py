"""Artisan's CSV, checked against Artisan's own way of reading it."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from roastwatch.records import formats
from roastwatch.records.formats import artisan_csv
from roastwatch.records.record import ExtraCurve, RecordedEvent, RoastRecord
from roastwatch.vocabulary import EventKind
from tests.fakes import artisan_reader
from tests.support.made_roasts import made_roast

MARKS = {
    "CHARGE": (EventKind.CHARGE, 40.0),
    "DRYe": (EventKind.DRY_END, 331.0),
    "FCs": (EventKind.FIRST_CRACK, 530.0),
    "FCe": (EventKind.FIRST_CRACK_END, 600.0),
    "SCs": (EventKind.SECOND_CRACK, 615.0),
    "DROP": (EventKind.DROP, 640.0),
    "COOL": (EventKind.COOL_END, 700.0),
}


def marked(record: RoastRecord) -> RoastRecord:
    return replace(record, events=tuple(RecordedEvent(*mark) for mark in MARKS.values()))


def extra(name: str, value: float, **more: bool) -> ExtraCurve:
    at_s = made_roast().at_s
    return ExtraCurve(name, at_s, np.full(len(at_s), value), **more)


def test_artisan_finds_every_event() -> None:
    loaded = artisan_reader.load(artisan_csv.write(marked(made_roast())))
    assert loaded.events == {name: at_s for name, (_, at_s) in MARKS.items()}
    assert len(loaded.timex) == len(made_roast().at_s)


def test_charge_at_the_first_second_is_found() -> None:
    made = made_roast()
    kept = made.at_s >= 40
    events = tuple(replace(e, at_s=e.at_s - 40) for e in marked(made).events)
    record = replace(
        made, at_s=made.at_s[kept] - 40, events=events,
        columns={name: column[kept] for name, column in made.columns.items()},
    )  # fmt: skip
    loaded = artisan_reader.load(artisan_csv.write(record))
    assert loaded.events["CHARGE"] == 0
    assert loaded.events["DROP"] == 600


def test_slow_readings_do_not_move_events() -> None:
    slow = marked(made_roast(period_s=30.0))
    loaded = artisan_reader.load(artisan_csv.write(slow))
    assert loaded.events["DROP"] - loaded.events["FCs"] == 110


def test_fast_readings_give_one_row_per_second() -> None:
    loaded = artisan_reader.load(artisan_csv.write(marked(made_roast(period_s=0.25))))
    assert loaded.events["FCs"] == 530
    assert max(np.diff(loaded.timex)) == 1


def test_start_time_survives_both_ways() -> None:
    record = replace(made_roast(), started_at=datetime(2026, 3, 14, 23, 26, tzinfo=UTC))
    loaded = artisan_reader.load(artisan_csv.write(record))
    local = datetime(2026, 3, 14, 23, 26, tzinfo=UTC).astimezone()
    assert (loaded.day, loaded.clock) == (f"{local:%d.%m.%Y}", f"{local:%H:%M}")
    back = formats.read(artisan_csv.write(record).encode(), "a.csv")
    assert back.started_at == record.started_at


@pytest.mark.parametrize("count", [1, 2, 3, 21])
def test_extra_columns_come_in_pairs_that_artisan_accepts(count: int) -> None:
    record = replace(made_roast(), extras=tuple(extra("Extra", 100.0 + n) for n in range(count)))
    loaded = artisan_reader.load(artisan_csv.write(record))
    assert len(loaded.names) == min(20, count + count % 2)
    assert [curve[0] for curve in loaded.extras][:count] == [100.0 + n for n in range(count)][:20]


@pytest.mark.parametrize("name", ["ET", "Time1", "", "a\tb\nc"])
def test_extra_column_names_that_artisan_has_itself_are_changed(name: str) -> None:
    record = replace(made_roast(), extras=(extra(name, 5.0), extra(name, 6.0)))
    loaded = artisan_reader.load(artisan_csv.write(record))
    assert [curve[0] for curve in loaded.extras] == [5, 6]
    assert len(loaded.timex) == len(record.at_s)


def test_columns_with_equal_names_keep_their_own_numbers() -> None:
    lines = [
        "Date:02.05.2026\tUnit:C\tCHARGE:00:02\tTP:\tDRYe:\tFCs:\tFCe:\tSCs:\tSCe:\tDROP:\t"
        "COOL:\tTime:10:15",
        "Time1\tTime2\tET\tBT\tEvent\tExtra 1\tExtra 2\tExtra 1\tExtra 2",
    ]
    lines += [f"00:{n:02d}\t\t200.0\t100.0\t\t1\t2\t3\t4" for n in range(10)]  # fmt: skip
    record = formats.read("\n".join(lines).encode(), "a.csv")
    assert [(c.name, c.values[0]) for c in record.extras] == [
        ("Extra 1", 1), ("Extra 2", 2), ("Extra 1", 3), ("Extra 2", 4),
    ]  # fmt: skip
    loaded = artisan_reader.load(artisan_csv.write(record))
    assert [curve[0] for curve in loaded.extras] == [1, 2, 3, 4]


def test_one_file_has_one_unit() -> None:
    record = replace(made_roast(), extras=(extra("Exhaust", 100.0, temperature=True),
                                           extra("Gas", 4.0)))  # fmt: skip
    for in_f, unit, shown in ((False, "C", 100.0), (True, "F", 212.0)):
        loaded = artisan_reader.load(artisan_csv.write(record, fahrenheit=in_f))
        assert loaded.unit == unit
        assert [curve[0] for curve in loaded.extras] == [shown, 4.0]
        bean = made_roast().bean_temp_c[0]
        assert loaded.temp2[0] == pytest.approx(bean * 1.8 + 32 if in_f else bean, abs=0.01)


def test_roast_without_probes_keeps_its_events() -> None:
    record = replace(marked(made_roast()), at_s=np.empty(0), columns={}, pops=())
    assert artisan_reader.load(artisan_csv.write(record)).events["FCs"] == 530
