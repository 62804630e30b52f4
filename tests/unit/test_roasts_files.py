"""`roastwatch roasts import` and `export`: a bad file or name does not stop the others."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from roastwatch.cli import cli
from roastwatch.records.formats import own_json
from roastwatch.records.record import Properties
from roastwatch.roastlog.store import Store
from tests.support.made_roasts import made_roast
from tests.unit.test_alog import profile, write
from tests.unit.test_roasts_command import run


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log" / "roasts.db"


@pytest.fixture
def in_seattle(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def own(**changes: Any) -> str:
    tree = json.loads(own_json.write(made_roast()))
    return json.dumps(tree | changes)


HOSTILE = {
    "cell.csv": "Date:\tUnit:C\nTime1\tTime2\tET\tBT\tEvent\n00:01\t\t1\t2\t" + "x" * 200_000,
    "cell2.csv": "Elapsed time,T1,T2,Event type\n00:00,1,2," + "x" * 200_000,
    "cell3.csv": "timestamp_utc,bean_temp_c\n" + "x" * 200_000 + ",1",
    "deep.json": "[" * 100_000,
    "huge-number.json": own(pops=[[10**400, 0.5]]),
    "nan.json": own(gaps=[[0, "NaN"]]),
    "wrong-type.json": own(properties={"green_weight_g": "much"}),
    "no-list.json": own(events=7),
    "event-time.json": own(events=[{"kind": "charge", "at_s": "NaN"}]),
    "bean.json": json.dumps({"beanTemperature": [10**400]}),
    "hibean.json": json.dumps({"dataList": [{"duration": 10**400}]}),
    "epoch.alog": repr(profile(timex=[1e308] * 330)),
    "cut.alog": repr(profile())[:500],
}


def test_bad_file_is_one_sentence_and_the_others_are_imported(tmp_path: Path, log: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in HOSTILE.items():
        (folder / name).write_text(text)
    write(folder, profile(), "zz-good.alog")
    os.mkfifo(folder / "pipe.alog")
    (folder / "nothing.alog").symlink_to("/dev/zero")
    result = run("--log", log, "import", folder)
    assert result.exit_code == 1
    assert "1 new" in result.stdout
    count = len(HOSTILE) + 2
    assert f"{count - 1} refused" in result.stdout or f"{count} refused" in result.stdout
    for line in result.stderr.splitlines():
        assert line.split()[0].rstrip(":") in {*HOSTILE, "pipe.alog", "nothing.alog"}


def test_unusual_texts_are_stored_and_shown(tmp_path: Path, log: Path) -> None:
    (tmp_path / "a.json").write_text(own(title="half \ud800 and \x1b[2J"))
    assert run("--log", log, "import", tmp_path / "a.json").exit_code == 0
    for words in (("list",), ("show", "last"), ("list", "--json"), ("stats",)):
        assert "\x1b" not in run("--log", log, *words).stdout


def test_file_name_that_is_not_utf8_is_imported(tmp_path: Path, log: Path) -> None:
    path = os.fsencode(tmp_path) + b"/Caf\xe9.alog"
    with open(path, "w") as file:  # noqa: PTH123 (a name of bytes)
        file.write(repr(profile()))
    assert "1 new" in run("--log", log, "import", tmp_path).stdout
    assert "Caf\\\\xe9.alog" in run("--log", log, "list", "--json").stdout


def test_folder_import_goes_by_content_and_names_skipped_files(tmp_path: Path, log: Path) -> None:
    folder = tmp_path / "roast-time"
    folder.mkdir()
    tree = {"uid": "u1", "beanTemperature": [150.0 + n for n in range(60)]}
    (folder / "0f1e2d3c").write_text(json.dumps(tree))
    write(folder, profile(), "attached.alog.txt")
    (folder / "notes.txt").write_text("bought more beans")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (folder / "script.js").write_text("{ let a = 1 }")
    result = run("--log", log, "import", folder)
    assert result.exit_code == 0, result.output
    assert "5 files: 2 new, 3 skipped." in result.stdout
    for name in ("notes.txt", "picture.png", "script.js"):
        assert name in result.stdout


def test_folder_without_a_roast_is_an_error(tmp_path: Path, log: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "notes.txt").write_text("none")
    result = run("--log", log, "import", folder)
    assert result.exit_code == 1
    assert f"No roast was found in {folder}." in result.stderr


IDS = ["a/b", "../../x", "..", "nul\0", "con", "x" * 5000, "a:b*?", "浅" * 300, " ", "-"]


def test_every_id_and_title_is_exported_into_the_folder(tmp_path: Path, log: Path) -> None:
    with Store(log, create=True) as store:
        for number, roast_id in enumerate(IDS):
            made = made_roast(seed=number)
            store.import_record(
                replace(made, roast_id=roast_id, title=roast_id[:80], started_at=None)
            )
    out = tmp_path / "out" / "folder"
    for format_ in ("json", "alog", "artisan-csv"):
        result = run("--log", log, "export", "all", "--to", out, "--format", format_)
        assert result.exit_code == 0, result.output
        assert f"{len(IDS)} roasts" in result.stderr
    files = list(out.rglob("*"))
    assert len(files) == 3 * len(IDS)
    assert all(file.parent == out for file in files)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"folder"}


def test_two_roasts_of_one_minute_and_title_get_two_files(tmp_path: Path, log: Path) -> None:
    with Store(log, create=True) as store:
        for number in range(3):
            made = made_roast(seed=number)
            store.import_record(replace(made, roast_id=f"20260314-{number}"))
    run("--log", log, "export", "all", "--to", tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_roast_that_fails_to_export_is_named_and_others_follow(tmp_path: Path, log: Path) -> None:
    with Store(log, create=True) as store:
        for number in range(3):
            store.import_record(replace(made_roast(seed=number), title=f"Roast {number}"))
        with store.writing() as connection:
            connection.execute("UPDATE roasts SET gaps = 'damaged' WHERE title = 'Roast 1'")
    result: Result = CliRunner().invoke(
        cli, ["roasts", "--log", str(log), "export", "all", "--to", str(tmp_path / "out")]
    )
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert "The roast made-1 was not exported" in result.stderr
    assert "1 of 3 roasts could not be exported" in str(result.exception)


def test_text_output_has_local_times_and_json_utc(
    tmp_path: Path, log: Path, in_seattle: None
) -> None:
    evening = made_roast()  # 09:26 UTC is 02:26 in Seattle
    late = replace(evening, started_at=evening.started_at.replace(hour=3))
    with Store(log, create=True) as store:
        store.import_record(replace(late, properties=Properties(bean_name="Guji")))
    assert "2026-03-13 20:26" in run("--log", log, "list").stdout
    assert "began 2026-03-13 20:26 PDT" in run("--log", log, "show", "last").stdout
    assert "2026-03-14T03:26:53" in run("--log", log, "list", "--json").stdout
    run("--log", log, "export", "last", "--to", tmp_path)
    assert (tmp_path / "2026-03-13_2026_Guji-washed_made-0.roast.json").exists()
    csv = run("--log", log, "export", "last", "--format", "artisan-csv").stdout
    assert csv.startswith("Date:13.03.2026\t")
    assert "Time:20:26" in csv
    run("--log", log, "plot", "last", "--to", tmp_path / "a.svg")
    assert "13 March 2026, 20:26 PDT" in (tmp_path / "a.svg").read_text()
    run("--log", log, "compare", "last", "--to", tmp_path / "b.svg")
    assert "2026-03-13" in (tmp_path / "b.svg").read_text()


def test_csv_with_local_time_is_imported_as_utc(
    tmp_path: Path, log: Path, in_seattle: None
) -> None:
    lines = ["Date:13.03.2026\tUnit:C\tCHARGE:00:00\tTP:\tDRYe:\tFCs:\tFCe:\tSCs:\tSCe:\tDROP:\t"
             "COOL:\tTime:20:26", "Time1\tTime2\tET\tBT\tEvent"]  # fmt: skip
    lines += [f"00:{n:02d}\t00:{n:02d}\t200.0\t{100 + n}.0\t" for n in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    lines[0] = lines[0].replace("20:26", "21:40")
    (tmp_path / "b.csv").write_text("\n".join(lines))
    assert "2 new" in run("--log", log, "import", tmp_path / "a.csv", tmp_path / "b.csv").stdout
    assert "2026-03-14T03:26:00" in run("--log", log, "list", "--json").stdout
