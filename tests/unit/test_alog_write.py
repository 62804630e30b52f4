"""Exporting Artisan's profiles: identical to the last digit unless edited."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roastwatch.records import formats
from roastwatch.records.formats import alog_write, literal
from roastwatch.records.metrics import metrics
from roastwatch.records.record import ExtraCurve, RoastRecord
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind
from tests.support.made_roasts import made_roast
from tests.unit.test_alog import profile, write
from tests.unit.test_roasts_command import run

EXTRAS = {
    "extradevices": [25],
    "extraname1": ["Exhaust"],
    "extraname2": ["Gas"],
    "extratimex": [[0.4000000004 + 2.0 * n for n in range(330)]],
    "extratemp1": [[200.1 + n / 3 for n in range(330)]],
    "extratemp2": [list(range(330))],
    "extraNoneTempHint1": [False],
    "extraNoneTempHint2": [True],
}


def hashed(**changes: Any) -> dict[str, Any]:
    """A profile of Artisan 4.2: times with more than nine decimals, and a hash over all of it."""
    times = [0.4000000004 + 2.0 * n for n in range(330)]
    return profile(timex=times, hash="f" * 64, **EXTRAS) | changes


def through_the_log(tmp_path: Path, tree: dict[str, Any]) -> Path:
    log = tmp_path / "roasts.db"
    run("--log", log, "import", write(tmp_path, tree))
    return log


def exported(tmp_path: Path, log: Path, *options: str) -> dict[str, Any]:
    path = tmp_path / "out.alog"
    run("--log", log, "export", "last", "--to", path, *options)
    tree: dict[str, Any] = literal.parse(path.read_text(), "out")
    return tree


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mode": "F", "temp2": [300.12345678 + n / 7 for n in range(330)]},
        {"timex": list(range(330)), "temp1": [215] * 330},
        {"temp2": [-1.0, 200] + [100.25 + n for n in range(328)]},
    ],
)
def test_unchanged_profile_is_exported_identically(tmp_path: Path, changes: dict[str, Any]) -> None:
    tree = hashed(**changes)
    log = through_the_log(tmp_path, tree)
    run("--log", log, "export", "last", "--to", tmp_path / "out.alog")
    assert (tmp_path / "out.alog").read_text() == repr(tree)


@pytest.mark.parametrize(
    "words",
    [("--title", "Other"), ("--set", "green_weight_g=300"), ("--event", "drop=9:58"),
     ("--event", "first_crack=")],
)  # fmt: skip
def test_edited_profile_has_no_hash(tmp_path: Path, words: tuple[str, str]) -> None:
    log = through_the_log(tmp_path, hashed())
    run("--log", log, "edit", "last", *words)
    tree = exported(tmp_path, log)
    assert "hash" not in tree
    assert tree["timex"] == hashed()["timex"]


def test_profile_imported_by_an_older_version_has_no_hash(tmp_path: Path) -> None:
    record = formats.read_file(write(tmp_path, hashed()))
    older = {k: v for k, v in record.foreign.items() if k != "exact" and v is not None}
    tree = alog_write.profile(replace(record, foreign=older))
    assert "hash" not in tree
    assert tree["timex"] == pytest.approx(hashed()["timex"])


def test_event_edited_between_samples_gets_its_own_sample(tmp_path: Path) -> None:
    log = through_the_log(tmp_path, hashed())
    run("--log", log, "edit", "last", "--event", "first_crack=8:01")
    tree = exported(tmp_path, log)
    crack, charge, drop = (tree["timeindex"][place] for place in (2, 0, 6))
    assert tree["timex"][crack] - tree["timex"][charge] == pytest.approx(481)
    assert tree["timex"][drop] - tree["timex"][charge] == pytest.approx(600)
    assert len(tree["timex"]) == len(tree["temp2"]) == len(tree["extratemp1"][0]) == 331
    assert [t for n, t in enumerate(tree["timex"]) if n != crack] == hashed()["timex"]
    assert tree["temp2"][crack] == pytest.approx(174.2)
    assert tree["specialevents"] == [5, 100]


def test_settings_after_an_added_sample_keep_their_times(tmp_path: Path) -> None:
    log = through_the_log(tmp_path, hashed(specialevents=[5, 300]))
    run("--log", log, "edit", "last", "--event", "first_crack=8:01")
    assert exported(tmp_path, log)["specialevents"] == [5, 301]


def test_slow_readings_do_not_change_development() -> None:
    made = made_roast(period_s=30.0)
    back = formats.read(alog_write.write(made).encode(), "a.alog")
    for figure in ("development_s", "dry_end_s", "first_crack_s", "drop_s"):
        assert getattr(metrics(back), figure) == pytest.approx(
            getattr(metrics(made), figure), abs=0.01
        )
    assert np.all(np.diff(back.at_s) > 0)


def test_own_roast_claims_no_recording_version_and_has_local_times() -> None:
    tree = alog_write.profile(made_roast())
    assert "recording_version" not in tree
    began = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
    assert tree["roasttime"] == f"{began.astimezone():%H:%M:%S}"
    del tree["roastepoch"]
    assert formats.read(repr(tree).encode(), "a.alog").started_at == began


def test_old_profile_gets_no_new_keys(tmp_path: Path) -> None:
    old = {key: profile()[key] for key in ("mode", "timex", "temp1", "temp2", "timeindex")}
    record = formats.read_file(write(tmp_path, old))
    assert alog_write.profile(record) == old


def test_export_in_fahrenheit_is_in_fahrenheit_throughout(tmp_path: Path) -> None:
    log = through_the_log(tmp_path, hashed())
    tree = exported(tmp_path, log, "--fahrenheit")
    assert tree["mode"] == "F"
    assert tree["temp2"][0] == pytest.approx(356)
    assert tree["extratemp1"][0][0] == pytest.approx(200.1 * 1.8 + 32)
    assert tree["extratemp2"][0] == list(range(330))
    assert "hash" not in tree
    back = formats.read_file(tmp_path / "out.alog")
    assert back.bean_temp_c[0] == pytest.approx(180)
    assert back.extras[0].values[0] == pytest.approx(200.1)


def test_extra_fahrenheit_temperatures_are_celsius_in_the_record(
    tmp_path: Path,
) -> None:
    record = formats.read_file(write(tmp_path, hashed(mode="F")))
    assert record.extras[0].temperature
    assert record.extras[0].values[0] == pytest.approx((200.1 - 32) / 1.8)
    assert record.extras[1].values[5] == 5
    with Store(tmp_path / "x.db", create=True) as store:
        store.import_record(record)
        assert [c.temperature for c in store.record("last").extras] == [True, False]


def test_extra_curve_of_our_own_is_marked_as_temperature_or_not() -> None:
    made = made_roast()
    curves = (ExtraCurve("Exhaust", made.at_s, made.bean_temp_c, True),
              ExtraCurve("Gas", made.at_s, made.bean_temp_c))  # fmt: skip
    tree = alog_write.profile(replace(made, extras=curves), fahrenheit=True)
    assert (tree["extraNoneTempHint1"][0], tree["extraNoneTempHint2"][0]) == (False, True)
    assert tree["extratemp1"][0][0] == pytest.approx(made.bean_temp_c[0] * 1.8 + 32)
    assert tree["extratemp2"][0][0] == made.bean_temp_c[0]


def test_our_json_has_no_fahrenheit(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from roastwatch.cli import cli

    log = through_the_log(tmp_path, profile())
    result = CliRunner().invoke(cli, ["roasts", "--log", str(log), "export", "last",
                                      "--fahrenheit"])  # fmt: skip
    assert "always in °C" in str(result.exception)


# Faults in a profile that Artisan opens anyway --------------------------------------------------


def read(tmp_path: Path, **changes: Any) -> RoastRecord:
    return formats.read_file(write(tmp_path, profile(**changes)))


def test_curves_of_different_lengths_are_cut_to_the_shortest(tmp_path: Path) -> None:
    record = read(tmp_path, temp2=profile()["temp2"][:-1])
    assert len(record.at_s) == len(record.bean_temp_c) == 329
    assert "cut to 329" in record.warnings[0]
    back = alog_write.profile(record)
    assert len(back["timex"]) == 330


def test_index_one_past_the_end_is_the_last_sample(tmp_path: Path) -> None:
    record = read(tmp_path, timeindex=[5, 155, 245, 0, 0, 0, 330, 0])
    drop = record.event(EventKind.DROP)
    assert drop is not None
    assert drop.at_s == record.at_s[-1]
    assert len(record.warnings) == 1


def test_index_far_outside_is_left_out(tmp_path: Path) -> None:
    record = read(tmp_path, timeindex=[5, 480, 9999, "x", None, 0, 305, 0])
    assert [e.kind for e in record.events] == [EventKind.CHARGE, EventKind.DROP]
    assert len(record.warnings) == 3


def test_events_out_of_order_give_no_phase_share(tmp_path: Path) -> None:
    record = read(tmp_path, timeindex=[100, 5, 245, 0, 0, 0, 305, 0])
    figures = metrics(record)
    assert figures.drying_percent is None
    assert figures.dry_end_s is None
    assert figures.development_s == pytest.approx(120)
    assert "dry end is marked before the charge" in record.warnings[0]
    known = [value for value in figures.as_json().values() if value is not None]
    assert min(known) >= 0
    late = read(tmp_path, timeindex=[5, 250, 245, 0, 0, 0, 240, 0])
    assert metrics(late).maillard_percent is None
    assert metrics(late).development_s is None


def test_warning_is_shown_at_import_and_later(tmp_path: Path) -> None:
    path = write(tmp_path, profile(timeindex=[100, 5, 245, 0, 0, 0, 305, 0]))
    log = tmp_path / "roasts.db"
    result = run("--log", log, "import", path)
    assert "a.alog: The dry end is marked before the charge" in result.stderr
    assert "dry end is marked before" in run("--log", log, "show", "last").stdout.replace("\n", " ")


@pytest.mark.parametrize(
    "day", ["Sat May 2 2026", "Sa. Mai 2 2026", "Sa 2. Mai 2026", "Sat May 02 2026"]
)
def test_roast_with_only_roastdate_has_its_day(tmp_path: Path, day: str) -> None:
    tree = profile(roastdate=day, roasttime="10:15:00")
    del tree["roastepoch"]
    local = datetime(2026, 5, 2, 10, 15).astimezone()
    assert formats.read_file(write(tmp_path, tree)).started_at == local


def test_dry_end_derived_by_artisan_is_read_and_not_written(tmp_path: Path) -> None:
    tree = profile(timeindex=[5, 0, 245, 0, 0, 0, 305, 0], hash="0" * 64,
                   computed={"DRY_time": 300.0, "DRY_BT": 138.0})  # fmt: skip
    record = formats.read_file(write(tmp_path, tree))
    assert metrics(record).dry_end_s == 300
    assert alog_write.profile(record) == tree


def test_marks_of_profiles_without_timeindex_are_read(tmp_path: Path) -> None:
    tree = profile(startend=[10.4, 180.0, 610.4, 198.0], dryend=[310.4, 138.0],
                   cracks=[490.4, 174.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # fmt: skip
    del tree["timeindex"]
    figures = metrics(formats.read_file(write(tmp_path, tree)))
    assert (figures.dry_end_s, figures.first_crack_s, figures.drop_s) == pytest.approx(
        (300, 480, 600)
    )


def test_roastime_without_a_rate_has_two_samples_per_second() -> None:
    tree = {"beanTemperature": [150.0] * 100, "roastEndIndex": 90, "indexFirstCrackStart": 500,
            "drumTemperature": [200.0] * 99, "wholeColorLevel": {"value": 75}}  # fmt: skip
    record = formats.read(json.dumps(tree).encode(), "a.json")
    drop = record.event(EventKind.DROP)
    assert drop is not None
    assert drop.at_s == 45
    assert len(record.at_s) == 99
    assert len(record.warnings) == 2
    assert record.properties.colour_whole == 75


@pytest.mark.parametrize(
    ("given", "known"),
    [({"value": 22.5, "unit": "C"}, 22.5), ({"value": 77, "unit": "F"}, 25.0), (None, None),
     ({"value": 0}, None), ("warm", None)],
)  # fmt: skip
def test_hibean_ambient_temperature(given: object, known: float | None) -> None:
    points = [{"duration": float(n), "bt": 100.0} for n in range(10)]
    tree = {"dataList": points, "roastContext": {"envTemp": given}}
    record = formats.read(json.dumps(tree).encode(), "a.json")
    assert record.properties.ambient_temp_c == known
