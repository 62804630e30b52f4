"""The review queue: which moments are asked about, and that their labels reach `learn`."""

import json
import sqlite3
from pathlib import Path

import pytest

from roastwatch.corpus.labels import collect, mark, reviewed
from roastwatch.roastlog import reviews
from roastwatch.roastlog.file import open_log
from roastwatch.roastlog.reviews import MomentKind, NoSuchMomentError
from roastwatch.roastlog.schema import APPLICATION_ID, MIGRATIONS
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind
from tests.support.checked_client import client
from tests.support.recorded_roasts import BEGINS_S, UNSURE_S, recorded

PERHAPS = "event:r0-perhaps"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recorded(tmp_path)
    return tmp_path


def store_of(folder: Path) -> Store:
    return Store(folder / "roasts.db")


def sidecar(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "roasts/kitchen/r0.json").read_text())
    return found


def test_the_least_sure_moments_with_sound_come_first(folder: Path) -> None:
    with store_of(folder) as store:
        found = reviews.unsure(store, 10)
    assert [(one.kind, one.at_s) for one in found] == [
        (MomentKind.DECISION, 541.0),
        (MomentKind.POP, UNSURE_S[0]),  # 0.5
        (MomentKind.POP, UNSURE_S[1]),  # 0.55: once, though its second has a score too
    ]  # 0.3 is too near to the decision, others are sure or have no sound
    assert found[0].event_id == "r0-perhaps"


def test_roasts_take_turns(folder: Path) -> None:
    for seed in (1, 2):
        recorded(folder, seed=seed)
    recorded(folder, seed=3, sound=False)
    with store_of(folder) as store:
        found = reviews.unsure(store, 5)
        assert [one.roast_id for one in found[:3]] == ["r2", "r1", "r0"]
        assert len(found) == 5
        assert {one.roast_id for one in reviews.unsure(store, 9, roast_id="r1")} == {"r1"}
        assert not reviews.unsure(store, 9, station="attic")


def test_what_is_labelled_is_not_asked_again_until_it_is_taken_back(folder: Path) -> None:
    with store_of(folder) as store:
        before = [one.moment_id for one in reviews.unsure(store, 10)]
        for moment_id, label in zip(before, ("crack", "not_a_crack", "unsure"), strict=True):
            reviews.label(store, moment_id, label, "Ada")
        assert reviews.counts(store) == {"crack": 1, "not_a_crack": 1, "unsure": 1}
        left = [one.at_s for one in reviews.unsure(store, 10)]
        assert left == [UNSURE_S[2]]
        for moment_id in before:
            reviews.label(store, moment_id, None, "Ada")
        assert [one.moment_id for one in reviews.unsure(store, 10)] == before
        assert reviews.counts(store) == {"crack": 0, "not_a_crack": 0, "unsure": 0}


@pytest.mark.parametrize(
    "moment_id",
    ["", "event:none", "sound:1:r0", "sound:524000:none", "sound::r0", "sound:0524000:r0",
     "sound:99999999999999999999:r0", "sound:5.24e5:r0", "noise:524000:r0", "event:r0-drop"],
)  # fmt: skip
def test_moments_that_are_not_in_the_log_are_refused(folder: Path, moment_id: str) -> None:
    with store_of(folder) as store, pytest.raises(NoSuchMomentError):
        reviews.label(store, moment_id, "crack", "")


async def test_labels_of_the_page_reach_the_sidecar_and_learn(folder: Path) -> None:
    async with client(folder) as ask:
        page = await ask("GET", "/review?limit=10")
        first, second, third = page["moments"]
        assert (first["kind"], first["at_s"], first["level"]) == ("decision", 501.0, "possible")
        assert second["at_s"] == pytest.approx(UNSURE_S[0] - 40)
        assert second["from_s"] < second["at_s"] < second["to_s"]
        for moment, label in ((second, "not_a_crack"), (third, "crack"), (first, "unsure")):
            done = await ask("POST", f"/review/{moment['moment_id']}", 200, "/review/{moment_id}",
                             json={"label": label})  # fmt: skip
            assert (done["label"], done["at_s"]) == (label, moment["at_s"])
        roast = await ask("GET", "/roasts/r0", template="/roasts/{roast_id}")
        assert [one["label"] for one in roast["labels"]] == ["not_a_crack", "crack", "unsure"]
        for body in ({"label": "bang"}, {}, {"label": "crack", "x": 1}):
            await ask("POST", f"/review/{first['moment_id']}", 400, "/review/{moment_id}",
                      json=body)  # fmt: skip
        await ask("GET", "/review?roast=none", 404, "/review")
    expected = ((UNSURE_S[0] - BEGINS_S, False), (UNSURE_S[1] - BEGINS_S, True))
    assert [row["at_s"] for row in sidecar(folder)["moments"]] == [4.0, 11.0]  # type: ignore[attr-defined]
    (found,) = reviewed(folder, "kitchen")
    assert (found.roast_id, found.moments) == ("r0", expected)
    assert collect(folder, "kitchen") == ([], [])
    mark(folder / "roasts/kitchen/r0.flac", 12.0)
    (roast,), _ = collect(folder, "kitchen")
    assert (roast.onset_s, roast.moments) == (12.0, expected)
    assert not reviewed(folder, "kitchen")


def test_a_label_that_is_taken_back_leaves_the_sidecar(folder: Path) -> None:
    from roastwatch.roastlog import labels

    moment_id = f"sound:{round(UNSURE_S[0] * 1000)}:r0"
    with store_of(folder) as store:
        labels.export(store, "r0")
        assert "moments" not in sidecar(folder)
        reviews.label(store, moment_id, "crack", "")
        labels.export(store, "r0")
        assert sidecar(folder)["moments"] == [{"at_s": 4.0, "label": "crack"}]
        reviews.label(store, moment_id, None, "")
        labels.export(store, "r0")
        assert sidecar(folder)["moments"] == []


def test_log_of_the_second_version_keeps_all_and_gets_new_tables(
    tmp_path: Path,
) -> None:
    path = tmp_path / "roasts.db"
    with sqlite3.connect(path) as older:
        for step in MIGRATIONS[:2]:
            older.executescript(step)
        older.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        older.execute("PRAGMA user_version = 2")
        older.execute("INSERT INTO roasts (roast_id, title, edits, properties, started_at) VALUES "
                      "('old', 'Old', '{\"events\": {}}', '{\"green_weight_g\": 300}', "
                      "'2025-01-01T00:00:00.000+00:00')")  # fmt: skip
        older.execute(
            "INSERT INTO readings (roast_no, seq, at_s, bean_temp_c) VALUES (1, 0, 0, 200), "
            "(1, 1, 500, 205)"
        )
        older.execute("INSERT INTO events (event_id, roast_no, kind, at_s, origin) VALUES "
                      "('c', 1, 'charge', 0, 'person')")  # fmt: skip
    older.close()
    open_log(path).close()
    with Store(path) as store:
        record = store.record("old")
        assert (record.title, record.properties.green_weight_g) == ("Old", 300)
        assert (record.tastings, record.lot) == ((), None)
        store.edit("old", events={EventKind.DROP: 480.0}, by="Ada")
        assert store.record("old").event(EventKind.DROP) is not None
        assert not reviews.unsure(store, 5)
