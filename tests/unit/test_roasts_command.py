"""`roastwatch roasts` as a user runs it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from roastwatch.cli import cli
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind
from tests.support.made_roasts import made_roast
from tests.unit.test_alog import profile, write


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["roasts", *map(str, words)], catch_exceptions=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "new" / "roasts.db"


def test_import_list_show(tmp_path: Path, log: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder, profile(), "one.alog")
    write(folder, profile(roastUUID="", title="Again"), "same-curve.alog")
    later = [t + 0.5 for t in profile()["temp2"]]
    write(folder, profile(temp2=later, roastUUID="ffff", roastepoch=1_700_900_000), "two.alog")
    (folder / "broken.alog").write_text("{'timex': [1,")
    (folder / "package.json").write_text("{}")
    first = run("--log", log, "import", folder)
    assert first.exit_code == 1
    assert "broken.alog is damaged" in first.stderr
    assert "5 files: 2 new, 1 duplicate, 1 skipped, 1 refused." in first.stdout
    again = run("import", "--log", log, folder)
    assert "3 known" in again.stdout

    rows = [json.loads(line) for line in run("list", "--json", "--log", log).stdout.splitlines()]
    assert [row["source_file"] for row in rows] == ["two.alog", "one.alog"]
    row = rows[1]
    assert row["also_saved_as"] == ["same-curve.alog"]
    assert row["roast_id"] == "0123456789abcdef0123456789abcdef"
    assert row["started_at"] == "2023-11-14T22:13:20.000+00:00"
    assert row["metrics"] == {
        "turning_point_s": 60.0,
        "dry_end_s": 300.0,
        "first_crack_s": 480.0,
        "drop_s": 600.0,
        "development_s": 120.0,
        "development_ratio_percent": 20.0,
    }
    crack = next(event for event in row["events"] if event["kind"] == "first_crack")
    assert (crack["at_s"], crack["bean_temp_c"]) == (480.0, 174.0)
    shown = json.loads(run("show", "0123", "--json", "--log", log).stdout)
    assert shown == row | {"witnesses": {"person": 480.0}}
    assert "first crack" in run("--log", log, "show", "last").stdout
    assert "A roast" in run("--log", log, "list").stdout


def test_show_counts_from_the_start_without_a_charge(log: Path) -> None:
    made = made_roast()
    events = tuple(event for event in made.events if event.kind is not EventKind.CHARGE)
    with Store(log, create=True) as store:
        store.import_record(replace(made, events=events))
    shown = run("--log", log, "show", "last").stdout
    assert "first crack      8:55" in shown  # 8:15 after the charge, which was at 0:40
    assert "No charge: times from the start of the recording." in shown
    assert (
        json.loads(run("--log", log, "show", "last", "--json").stdout)["events"][0]["at_s"] is None
    )


def test_another_roast_with_a_copied_id_gets_its_own(tmp_path: Path, log: Path) -> None:
    other = [t + 3 for t in profile()["temp2"]]
    write(tmp_path, profile(), "a.alog")
    write(tmp_path, profile(temp2=other, roastepoch=1_600_000_000), "b.alog")
    assert run("--log", log, "import", tmp_path / "a.alog", tmp_path / "b.alog").exit_code == 0
    assert len(run("--log", log, "list", "--json").stdout.splitlines()) == 2


def test_longer_save_replaces_a_shorter_one(tmp_path: Path, log: Path) -> None:
    whole = profile()
    cut = {key: whole[key][:310] for key in ("timex", "temp1", "temp2")}
    write(tmp_path, profile(**cut), "a.alog")
    write(tmp_path, whole, "b.alog")
    result = run("--log", log, "import", tmp_path / "a.alog", tmp_path / "b.alog")
    assert "1 new, 1 replaced" in result.stdout
    (line,) = run("--log", log, "list", "--json").stdout.splitlines()
    assert json.loads(line)["source_file"] == "b.alog"


def test_real_folder(shared: Path, log: Path) -> None:
    folder = shared / "data/telemetry/artisan"
    result = run("import", "--log", log, folder)
    assert result.exit_code == 0, result.output
    assert "43 files: 40 new, 3 duplicate." in result.stdout
    assert len(run("list", "--json", "--log", log).stdout.splitlines()) == 40
