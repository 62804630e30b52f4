"""Every format is read, written and read again."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from roastwatch.cli import cli
from roastwatch.errors import BadInputError
from roastwatch.records import formats
from roastwatch.records.formats import alog_parts, alog_write, literal, own_json
from roastwatch.records.metrics import metrics
from roastwatch.records.record import Properties, RecordedControl, RecordedEvent, RoastRecord
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind, Level, Origin
from tests.unit.test_alog import profile, write


def heard() -> RoastRecord:
    """A recorded roast with every field of a record."""
    at_s = np.arange(0.0, 660.0)
    beans = np.where(at_s < 60, 180 - 1.5 * at_s, 90 + (at_s - 60) * 0.2)
    beans[100] = np.nan
    return RoastRecord(
        roast_id="20260102T030405000-roaster",
        title="Größe ☕ \\ 'quoted'",
        started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        at_s=at_s,
        columns={"bean_temp_c": beans, "heater_percent": np.where(at_s < 300, 80.0, 55.0)},
        events=(
            RecordedEvent(EventKind.CHARGE, 0.0, Origin.PERSON, 180.0),
            RecordedEvent(EventKind.DRY_END, 360.0, Origin.TEMPERATURE, 150.0),
            RecordedEvent(
                EventKind.FIRST_CRACK, 480.0, Origin.SOUND, 174.0, event_id="e1",
                level=Level.CERTAIN, confidence=0.98, happened_sample=15_360_000,
                decided_at=datetime(2026, 1, 2, 3, 12, 20, tzinfo=UTC),
            ),
            RecordedEvent(EventKind.SOUND_LOST, 500.0, Origin.SOUND, message="unplugged"),
            RecordedEvent(EventKind.DROP, 600.0, Origin.PERSON, 198.0),
        ),
        controls=(RecordedControl(300.0, "note", None, "smells of bread"),),
        pops=tuple((480.0 + 2 * n, 0.9) for n in range(30)),
        scores=tuple((float(n), 0.1, 0.5) for n in range(0, 660, 5)),
        gaps=((200.0, 215.0),),
        properties=Properties(bean_name="Geisha", green_weight_g=250, roasted_weight_g=212,
                              rating=88, notes="two\nlines"),
        station="roaster",
        source_format="live",
    )  # fmt: skip


def same(one: RoastRecord, other: RoastRecord) -> bool:
    for name in (
        "roast_id", "title", "started_at", "events", "controls", "pops", "scores", "gaps",
        "properties", "station", "fahrenheit", "foreign",
    ):  # fmt: skip
        assert getattr(one, name) == getattr(other, name), name
    assert np.array_equal(one.at_s, other.at_s)
    assert one.columns.keys() == other.columns.keys()
    for name, column in one.columns.items():
        assert np.array_equal(column, other.columns[name], equal_nan=True), name
    assert [c.name for c in one.extras] == [c.name for c in other.extras]
    for mine, theirs in zip(one.extras, other.extras, strict=True):
        assert np.array_equal(mine.values, theirs.values, equal_nan=True)
    return True


def test_own_json_and_log_lose_no_data(tmp_path: Path) -> None:
    record = heard()
    text = own_json.write(record)
    tree = json.loads(text)
    jsonschema.validate(tree, json.loads(own_json.SCHEMA.read_text(encoding="utf-8")))
    again = formats.read(text.encode(), "x.json")
    assert same(record, again)
    with Store(tmp_path / "roasts.db", create=True) as store:
        store.import_record(again)
        kept = store.record("last")
    assert [e.kind for e in kept.events] == [e.kind for e in record.events]
    assert np.array_equal(kept.bean_temp_c, record.bean_temp_c, equal_nan=True)
    assert (kept.pops, kept.scores, kept.gaps) == (record.pops, record.scores, record.gaps)
    assert kept.properties == record.properties
    assert same(kept, formats.read(own_json.write(kept).encode(), "x.json"))


def test_alog_is_exported_as_it_was_imported(tmp_path: Path) -> None:
    for tree in (profile(), profile(mode="F", alarmtime=[-1], custom="Caf\\xe9")):
        record = formats.read_file(write(tmp_path, tree))
        out = alog_write.profile(record)
        assert {key: out[key] for key in tree} == tree


def test_recorded_roast_is_exported_with_pops_and_decision() -> None:
    record = heard()
    tree = literal.parse(alog_write.write(record), "x")
    assert alog_parts.text(tree, "title") == record.title
    assert tree["timeindex"] == [0, 360, 480, 0, 0, 0, 600, 0]
    assert tree["temp2"][100] == -1
    assert tree["extraname1"] == ["Pops/min"]
    assert tree["extraname2"] == ["Decision %"]
    assert max(tree["extratemp1"][0]) == pytest.approx(30, abs=4)
    for key in ("extratimex", "extratemp1", "extratemp2", "extradevicecolor1", "extradevices"):
        assert len(tree[key]) == 1
    assert len(tree["specialevents"]) == 2
    assert len(tree["roastUUID"]) == 32
    assert "unplugged" in tree["specialeventsStrings"]
    back = formats.read(alog_write.write(record).encode(), "x.alog")
    assert metrics(back).promised() == metrics(record).promised()
    assert back.roast_id == record.roast_id
    assert back.properties.notes == "two\nlines"
    in_f = formats.read(alog_write.write(record, fahrenheit=True).encode(), "x.alog")
    assert in_f.bean_temp_c[200] == pytest.approx(record.bean_temp_c[200])


def test_roast_without_probes_is_exported() -> None:
    record = replace(heard(), at_s=np.empty(0), columns={})
    for suffix, write_ in formats.WRITERS.values():
        text = write_(record)
        if suffix != ".csv":
            back = formats.read(text.encode(), f"x{suffix}")
            assert metrics(back).first_crack_s == 480
            assert metrics(back).turning_point_s is None


def test_artisan_csv() -> None:
    text = (
        "Date:31.08.2025\tUnit:F\tCHARGE:00:04\tTP:\tDRYe:\tFCs:00:08\tFCe:\tDROP:00:12\tTime:\n"
        "Time1\tTime2\tET\tBT\tEvent\tGas\n"
        "00:00\t\t392.0\t356.0\t\t1\n00:04\t00:00\t392.0\t-1\tCharge\t2\n"
        "00:08\t00:04\t392.0\t338.0\tFCs\t3\n00:12\t00:08\t392.0\t347.0\t\t4\n"
    )
    record = formats.read(text.encode(), "a.csv")
    assert metrics(record).first_crack_s == 4
    assert metrics(record).drop_s == 8
    assert record.bean_temp_c[2] == pytest.approx(170)
    assert math.isnan(record.bean_temp_c[1])
    assert record.extras[0].name == "Gas"
    assert record.started_at == datetime(2025, 8, 31, tzinfo=UTC)
    again = formats.read(formats.WRITERS["artisan-csv"][1](record).encode(), "a.csv")
    assert metrics(again).promised() == metrics(record).promised()
    assert again.bean_temp_c[2] == pytest.approx(170)


def test_roastime() -> None:
    tree = {
        "uid": "abc", "roastName": "Bullet", "dateTime": 1_700_000_000_000, "sampleRate": 2,
        "beanTemperature": [150.0 + n / 10 for n in range(1000)],
        "drumTemperature": [200.0] * 1000,
        "roastStartIndex": 0, "indexYellowingStart": 400, "indexFirstCrackStart": 700,
        "indexFirstCrackEnd": 0, "roastEndIndex": 1000, "weightGreen": 800,
        "actions": {"actionTimeList": [{"ctrlType": 0, "index": 10, "value": 9}]},
    }  # fmt: skip
    record = formats.read(json.dumps(tree).encode(), "a.json")
    figures = metrics(record)
    assert (figures.dry_end_s, figures.first_crack_s, figures.drop_s) == (200, 350, 499.5)
    assert record.controls == (RecordedControl(5.0, "heater", 100.0, "9"),)
    assert record.event(EventKind.FIRST_CRACK_END) is None


def test_hibean() -> None:
    points = [{"duration": 1.0 * n, "bt": 212.0 + n, "et": 300.0} for n in range(300)]
    for place, number in ((10, 1), (100, 3), (200, 4), (290, 8)):
        points[place]["event"] = number
    points[20]["roasterParams"] = [{"key": "HP", "value": "70"}]  # type: ignore[assignment]
    tree = {
        "temperatureUnit": "F", "dateTime": "2025-03-29T09:09:29.000", "dataList": points,
        "roastContext": {"name": "Hi", "greenBeanWeight": {"value": 1, "unit": "lbs"}},
    }  # fmt: skip
    record = formats.read(json.dumps(tree).encode(), "a.json")
    figures = metrics(record)
    assert (figures.dry_end_s, figures.first_crack_s, figures.drop_s) == (90, 190, 280)
    assert record.bean_temp_c[0] == pytest.approx(100)
    assert record.properties.green_weight_g == pytest.approx(453.6, abs=0.1)
    assert record.controls == (RecordedControl(20.0, "heater", 70.0),)


def test_roastlogger() -> None:
    text = (
        "Coffee type: Kenya AA\nRoast started at: 2013-05-04 10:11:12\n\n"
        "Elapsed time ,T1,T2,Event type\n00:00,180.1,200,Beans loaded\n00:30,120,200,\n"
        "01:00,130,200,Turned fan up\n08:00,196,210,First crack start\n"
        "09:10,205,210,Beans ejected\n"
    )
    record = formats.read(text.encode(), "a.csv")
    figures = metrics(record)
    assert record.title == "Kenya AA"
    assert (figures.turning_point_s, figures.first_crack_s, figures.drop_s) == (30, 480, 550)
    assert [c.text for c in record.controls] == ["Turned fan up"]


@pytest.mark.parametrize(
    "tree",
    [
        {"format": "roastwatch-roast", "version": 99},
        {"format": "roastwatch-roast", "version": 1, "roast_id": "a"},
        {"format": "roastwatch-roast", "version": 1, "roast_id": "a", "readings": {"at_s": ["x"]}},
        {"beanTemperature": ["x"]},
        {"beanTemperature": []},
        {"beanTemperature": [1.0, 2.0], "indexFirstCrackStart": 99},
        {"dataList": []},
        {"dataList": [{"duration": "soon"}]},
    ],
)
def test_damaged_file_is_one_sentence(tree: object) -> None:
    with pytest.raises(BadInputError, match=r"^bad\.json"):
        formats.read(json.dumps(tree).encode(), "bad.json")


def test_export_and_import_again_by_command(tmp_path: Path) -> None:
    def run(*words: object) -> str:
        result = CliRunner().invoke(cli, ["roasts", *map(str, words)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    log, folder = tmp_path / "a.db", tmp_path / "out"
    write(tmp_path, profile())
    run("import", "--log", log, tmp_path / "a.alog")
    before = run("list", "--json", "--log", log)
    run("export", "all", "--log", log, "--to", folder)
    other = tmp_path / "b.db"
    run("--log", other, "import", folder)
    assert run("list", "--json", "--log", other) == before
    run("export", "last", "--log", log, "--to", tmp_path / "c.alog")
    assert literal.parse((tmp_path / "c.alog").read_text(), "c")["timex"] == profile()["timex"]
    assert "Time1" in run("export", "last", "--log", log, "--format", "artisan-csv")


def test_real_files_are_exported_as_they_were_imported(shared: Path) -> None:
    files = sorted((shared / "data/telemetry/artisan").glob("*.alog"))
    assert files
    for file in files[::6]:
        theirs = literal.parse(file.read_text(encoding="utf-8"), file.name)
        assert alog_write.profile(formats.read_file(file)) == theirs


def test_real_hottop_logs(shared: Path) -> None:
    for number, (crack, drop) in enumerate(((541.52, 637.106), (535.576, 639.346)), start=1):
        file = shared / f"data/telemetry/hottop/roast-{number}.csv"
        record = formats.read_file(file)
        summary = json.loads((file.parent / f"roast-{number}-summary.json").read_text())
        figures = metrics(record)
        assert figures.first_crack_s == pytest.approx(crack, abs=0.01)
        assert figures.drop_s == pytest.approx(drop, abs=0.01)
        share = summary["development_time_percent"]
        assert figures.development_ratio_percent == pytest.approx(share, abs=0.01)
        charge = record.event(EventKind.CHARGE)
        assert charge is not None
        assert charge.bean_temp_c == (165, 156)[number - 1]
