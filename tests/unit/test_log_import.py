"""A roast saved and imported again: newer file data replaces older, edits stay."""

import json
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from roastwatch.records.formats import own_json
from roastwatch.records.record import RoastRecord
from roastwatch.roastlog import schema as log_schema
from roastwatch.roastlog.file import open_log
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind
from tests.support.made_roasts import made_roast
from tests.unit.test_alog import profile, write
from tests.unit.test_roasts_command import run

SAVED = datetime(2026, 5, 1, tzinfo=UTC).timestamp()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log" / "roasts.db"


def saved(folder: Path, tree: dict[str, Any], at_s: float = 0.0, name: str = "a.alog") -> Path:
    """A profile that was saved some seconds after the first."""
    path = write(folder, tree, name)
    os.utime(path, (SAVED + at_s, SAVED + at_s))
    return path


def only(log: Path) -> RoastRecord:
    with Store(log) as store:
        (record,) = store.records()
    return record


def shortened(count: int, **changes: Any) -> dict[str, Any]:
    whole = profile()
    cut = {key: whole[key][:count] for key in ("timex", "temp1", "temp2")}
    return profile(timeindex=[5, 155, 245, 0, 0, 0, 0, 0], **cut, **changes)


def test_corrected_profile_replaces_file_data_and_says_so(tmp_path: Path, log: Path) -> None:
    first = profile(timeindex=[-1, 0, 245, 0, 0, 0, 0, 0])
    run("--log", log, "import", saved(tmp_path, first))
    again = run("--log", log, "import", saved(tmp_path, profile(title="Guji, corrected"), 60))
    assert "1 replaced" in again.stdout
    assert "Replaced: title, charge, drop, dry end" in again.stdout
    record = only(log)
    assert record.title == "Guji, corrected"
    assert record.charge_s == 10
    assert record.event(EventKind.DROP) is not None
    assert "1 known" in run("--log", log, "import", tmp_path / "a.alog").stdout


def test_corrected_profile_of_the_same_second_replaces_in_a_later_run(
    tmp_path: Path, log: Path
) -> None:
    run("--log", log, "import", saved(tmp_path, profile(), name="first.alog"))
    corrected = profile(weight=[0.25, 0.2, "Kg"])
    result = run("--log", log, "import", saved(tmp_path, corrected, name="corrected.alog"))
    assert "1 replaced" in result.stdout
    assert only(log).properties.roasted_weight_g == 200


def test_longer_save_keeps_rating_notes_labels_and_edits(tmp_path: Path, log: Path) -> None:
    run("--log", log, "import", saved(tmp_path, shortened(290)))
    run("--log", log, "edit", "last", "--rating", "88", "--note", "plums", "--title", "Mine",
        "--set", "green_weight_g=", "--event", "first_crack=7:50")  # fmt: skip
    with Store(log) as store:
        crack = store.record("last").event(EventKind.FIRST_CRACK)
        assert crack is not None
        with store.writing() as connection:
            connection.execute(
                "INSERT INTO labels VALUES (?, 'crack', 'Ada', '2026-05-01')", (crack.event_id,)
            )
    result = run("--log", log, "import", saved(tmp_path, profile(roastingnotes="theirs"), 60))
    assert "curve" in result.stdout
    assert (
        "Kept from roastwatch: title, notes, rating, green weight g, first crack, 1 label."
        in result.stdout
    )
    record = only(log)
    assert len(record.at_s) == 330
    assert (record.title, record.properties.notes, record.properties.rating) == (
        "Mine",
        "plums",
        88,
    )
    assert record.properties.green_weight_g is None
    moved = record.event(EventKind.FIRST_CRACK)
    assert moved is not None
    assert record.from_charge(moved.at_s) == pytest.approx(470)
    with Store(log) as store:
        labels = store.connection.execute("SELECT event_id, label FROM labels").fetchall()
    assert labels == [(moved.event_id, "crack")]


def test_removed_event_stays_away_after_the_next_import(tmp_path: Path, log: Path) -> None:
    run("--log", log, "import", saved(tmp_path, profile()))
    run("--log", log, "edit", "last", "--event", "first_crack_end=")
    run("--log", log, "import", saved(tmp_path, profile(title="New"), 60))
    assert only(log).title == "New"
    assert only(log).event(EventKind.FIRST_CRACK_END) is None


def test_older_save_never_replaces_a_newer(tmp_path: Path, log: Path) -> None:
    new = saved(tmp_path, profile(title="new"), 60, "new.alog")
    old = saved(tmp_path, profile(title="old"), 0, "old.alog")
    run("--log", log, "import", new)
    assert "1 duplicate" in run("--log", log, "import", old).stdout
    assert only(log).title == "new"


def test_folder_with_both_saves_imports_the_same_way_twice(tmp_path: Path, log: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    saved(folder, profile(title="new"), 60, "a-new.alog")
    saved(folder, profile(title="old"), 0, "b-old.alog")
    run("--log", log, "import", folder)
    assert "2 known" in run("--log", log, "import", folder).stdout
    assert only(log).title == "new"


def test_same_id_within_the_hour_but_other_curve_is_another_roast(
    tmp_path: Path, log: Path
) -> None:
    other = [t + 3 for t in profile()["temp2"]]
    run("--log", log, "import", saved(tmp_path, profile(), name="a.alog"))
    later = profile(temp2=other, roastepoch=1_700_000_900)
    run("--log", log, "import", saved(tmp_path, later, 900, "b.alog"))
    corrected = later | {"title": "corrected"}
    result = run("--log", log, "import", saved(tmp_path, corrected, 960, "b.alog"))
    assert "1 replaced" in result.stdout
    with Store(log) as store:
        assert sorted(r.title for r in store.records()) == ["A roast", "corrected"]


def test_equal_curves_of_different_days_are_two_roasts(tmp_path: Path, log: Path) -> None:
    run("--log", log, "import", saved(tmp_path, profile(), name="a.alog"))
    other = profile(roastUUID="f" * 32, roastepoch=1_700_900_000)
    assert "1 new" in run("--log", log, "import", saved(tmp_path, other, name="b.alog")).stdout


def test_file_without_an_id_is_identified_by_name_and_curve(tmp_path: Path, log: Path) -> None:
    tree = profile(roastUUID="")
    run("--log", log, "import", saved(tmp_path, tree))
    result = run("--log", log, "import", saved(tmp_path, tree | {"title": "Named"}, 60))
    assert "1 replaced" in result.stdout
    longer = tree | {key: [*tree[key], tree[key][-1] + 2] for key in ("timex", "temp1", "temp2")}
    assert "1 replaced" in run("--log", log, "import", saved(tmp_path, longer, 120)).stdout
    assert len(only(log).at_s) == 331


def test_edits_made_before_they_were_kept_apart_stay(tmp_path: Path, log: Path) -> None:
    run("--log", log, "import", saved(tmp_path, profile()))
    run("--log", log, "edit", "last", "--rating", "90", "--title", "Mine")
    with sqlite3.connect(log) as older:
        older.execute("UPDATE roasts SET edits = NULL, file_digest = NULL, saved_at = NULL")
    older.close()
    run("--log", log, "import", saved(tmp_path, profile(weight=[0.25, 0.2, "Kg"]), 60))
    record = only(log)
    assert (record.title, record.properties.rating) == ("Mine", 90)
    assert record.properties.roasted_weight_g == 200


def test_log_of_the_first_version_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    connection = sqlite3.connect(path)
    connection.executescript(log_schema.MIGRATIONS[0])
    connection.execute(f"PRAGMA application_id = {log_schema.APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO roasts (roast_id, title) VALUES ('r1', 'Old')")
    connection.commit()
    connection.close()
    open_log(path).close()
    assert only(path).title == "Old"


def test_corrected_export_of_a_recorded_roast_keeps_the_recording(
    tmp_path: Path, log: Path
) -> None:
    made = made_roast()
    with Store(log, create=True) as store:
        store.import_record(made)
        with store.writing() as connection:  # as the service records it: no file, no digest
            connection.execute("UPDATE roasts SET file_digest = NULL")
    run("--log", log, "export", "last", "--to", tmp_path / "out.alog")
    text = (tmp_path / "out.alog").read_text()
    assert "1 duplicate" in run("--log", log, "import", tmp_path / "out.alog").stdout
    (tmp_path / "out.alog").write_text(text.replace("'roastertype': '1 kg drum'",
                                                    "'roastertype': '2 kg drum'"))  # fmt: skip
    result = run("--log", log, "import", tmp_path / "out.alog")
    assert "Replaced: roaster." in result.stdout
    record = only(log)
    assert record.properties.roaster == "2 kg drum"
    assert record.pops == made.pops
    assert len(record.at_s) == len(made.at_s)


def test_roast_with_the_event_ids_of_another_is_kept(tmp_path: Path, log: Path) -> None:
    with Store(log, create=True) as store:
        store.import_record(made_roast())
        kept = store.record("last")
    tree = json.loads(own_json.write(kept))
    tree |= {"roast_id": "another", "started_at": "2026-04-01T10:00:00+00:00"}
    tree["readings"]["bean_temp_c"] = [
        None if t is None else t + 1 for t in tree["readings"]["bean_temp_c"]
    ]
    (tmp_path / "copy.json").write_text(json.dumps(tree))
    result = run("--log", log, "import", tmp_path / "copy.json")
    assert "1 new" in result.stdout, result.output
    with Store(log) as store:
        assert all(len(record.events) == 5 for record in store.records())


def test_event_outside_the_roast_is_refused(tmp_path: Path, log: Path) -> None:
    run("--log", log, "import", saved(tmp_path, profile()))
    from click.testing import CliRunner

    from roastwatch.cli import cli

    for words in ("first_crack=90:00", "first_crack=soon", "nonsense=1:00"):
        result = CliRunner().invoke(
            cli, ["roasts", "--log", str(log), "edit", "last", "--event", words]
        )
        assert result.exit_code != 0
        assert result.exception is not None
        assert "\n" not in str(result.exception)
