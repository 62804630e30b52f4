"""`roastwatch roasts taste | beans | undo`, and lots in `edit`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from roastwatch.cli.roasts.command import command
from roastwatch.roastlog.maintenance import repair
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind
from tests.support.recorded_roasts import CRACK_S, recorded


@pytest.fixture
def log(tmp_path: Path) -> Path:
    recorded(tmp_path)
    return tmp_path / "roasts.db"


def run(log: Path, *arguments: str, fails: str | None = None) -> Result:
    result = CliRunner().invoke(command, ["--log", str(log), *arguments])
    if fails is None:
        assert result.exit_code == 0, (result.output, result.exception)
    else:
        assert fails in str(result.exception), result.output
    return result


def test_tastings_are_added_and_shown(log: Path) -> None:
    run(log, "taste", "last", "--score", "86", "--brew", "espresso", "--attribute", "acidity=7,5",
        "--defect", "baked", "--note", "like tea", "--on", "2026-03-20")  # fmt: skip
    run(log, "taste", "last", "--score", "80")
    shown = run(log, "show", "last").output
    assert "tasted on 2026-03-20; espresso; score 86; acidity 7.5; defects: baked; like tea" in (
        " ".join(shown.split())
    )
    exported = json.loads(run(log, "export", "last").output)
    assert [tasting["score"] for tasting in exported["tastings"]] == [86, 80]


@pytest.mark.parametrize(
    "arguments",
    [("--attribute", "acidity=11"), ("--attribute", "acidity"), ("--attribute", "=5")],
)
def test_wrong_attributes_are_refused(log: Path, arguments: tuple[str, ...]) -> None:
    run(log, "taste", "last", *arguments, fails="from 0 to 10")
    run(log, "taste", "last", "--on", "yesterday", fails="is not a day")


def test_beans_know_what_is_left(log: Path) -> None:
    run(log, "beans", "--add", "Guji", "--grams", "2000", "--bought", "2026-01-02")
    run(log, "edit", "last", "--lot", "guji", "--set", "roasted_weight_g=425")
    (row,) = map(json.loads, run(log, "beans", "--json").output.splitlines())
    assert (row["left_g"], row["weight_loss_percent"], row["roasts"]) == (1500.0, 15.0, 1)
    assert "1500 g" in run(log, "beans").output
    assert "beans from Guji" in run(log, "show", "last").output
    exported = json.loads(run(log, "export", "last").output)
    assert exported["lot"]["name"] == "Guji"
    run(log, "beans", "--delete", "Guji", fails="mark it as finished")
    assert "(finished)" in run(log, "beans", "--finish", row["lot_id"][:6]).output
    run(log, "edit", "last", "--lot", "Bourbon", fails="No lot has the name or id 'Bourbon'")
    run(log, "edit", "last", "--lot", "")
    assert "No beans yet" in run(log, "beans", "--delete", "Guji").output


def test_undo_takes_back_the_newest_edit_first(log: Path) -> None:
    run(log, "edit", "last", "--event", "first_crack=8:00")
    run(log, "edit", "last", "--title", "Mine")
    assert "title" in run(log, "undo", "last").output
    assert "first crack" in run(log, "undo", "last").output
    run(log, "undo", "last", fails="no edit to take back")
    with Store(log) as store:
        record = store.record("last")
        event = record.event(EventKind.FIRST_CRACK)
        assert event is not None
        assert (record.title, record.from_charge(event.at_s)) == ("Roast 0", CRACK_S)


def test_repair_keeps_what_people_added(log: Path) -> None:
    run(log, "beans", "--add", "Guji")
    run(log, "edit", "last", "--lot", "Guji", "--title", "Mine")
    run(log, "taste", "last", "--score", "86")
    assert repair(log).roasts == 1
    with Store(log) as store:
        record = store.record("last")
        assert record.lot is not None
        assert (record.lot.name, record.tastings[0].score) == ("Guji", 86)
    run(log, "undo", "last")


def test_a_later_save_of_the_file_keeps_tastings_and_lot(log: Path, tmp_path: Path) -> None:
    file = tmp_path / "roast.json"
    tree = json.loads(run(log, "export", "last").output)
    tree |= {"roast_id": "other", "source_file": "", "started_at": "2026-04-01T10:00:00+00:00"}
    file.write_text(json.dumps(tree))
    run(log, "import", str(file))
    run(log, "beans", "--add", "Guji")
    run(log, "edit", "other", "--lot", "Guji", "--event", "drop=9:50")
    run(log, "taste", "other", "--score", "86")
    tree["title"] = "A later title"
    file.write_text(json.dumps(tree))
    assert "Replaced: title" in run(log, "import", str(file)).output
    with Store(log) as store:
        record = store.record("other")
        assert (record.title, len(record.tastings)) == ("A later title", 1)
        assert record.lot is not None
    run(log, "undo", "other")  # the lot
    assert "drop" in run(log, "undo", "other").output
    with Store(log) as store:
        drop = store.record("other").event(EventKind.DROP)
        assert drop is not None
        assert store.record("other").from_charge(drop.at_s) == 600.0
