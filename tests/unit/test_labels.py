"""Labels are kept in the roast log; sidecars are its export, and count where it knows nothing."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from roastwatch.cli.learn import command as learn_command
from roastwatch.cli.roasts.command import command as roasts_command
from roastwatch.corpus import importers
from roastwatch.corpus.labels import collect, mark
from roastwatch.errors import BadInputError
from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.store import Store
from roastwatch.roastlog.usual import usual_time
from roastwatch.vocabulary import EventKind, Level, Origin, RoastEvent

BEGAN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
BEGINS_S = 4.0
"""The recording begins this long after the charge."""
CRACK = "r1-first_crack-1"


def event(kind: EventKind, event_id: str, at_s: float, origin: Origin) -> RoastEvent:
    at = BEGAN + timedelta(seconds=at_s)
    level = Level.CERTAIN if kind is EventKind.FIRST_CRACK else None
    decided_at = at + timedelta(seconds=2)
    return RoastEvent(event_id, "drum", "r1", kind, at, decided_at, origin, level=level)


def beside(path: Path, **content: Any) -> Path:
    """A recording of a minute with its sidecar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(60 * 8000), 8000)
    path.with_suffix(".json").write_text(json.dumps(content))
    return path


def described(event_id: str, kind: str, at_s: float, **more: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "kind": kind,
        "origin": "sound",
        "happened_s": at_s - BEGINS_S,
        "decided_s": at_s - BEGINS_S + 2,
        "revoked": False,
        **more,
    }


async def recorded(
    folder: Path, *, indexed: bool = True, said: str | None = None, **sidecar: Any
) -> Path:
    """A finished roast in the log, its first crack at 30 s, and its recording."""
    events = [described("r1-charge-1", "charge", 0), described(CRACK, "first_crack", 30)]
    path = beside(
        folder / "roasts" / "drum" / "r1.flac",
        **{"roast_id": "r1", "station": "drum", "duration_s": 60.0, "events": events, **sidecar},
    )
    async with RoastLog.open(folder / "roasts.db") as log:
        await log.start_roast("r1", "drum", BEGAN)
        await log.commit(event(EventKind.CHARGE, "r1-charge-1", 0, Origin.PERSON), 0.0)
        await log.commit(event(EventKind.FIRST_CRACK, CRACK, 30, Origin.SOUND), 30.0)
        await log.commit(event(EventKind.DROP, "r1-drop-1", 55, Origin.PERSON), 55.0)
        if indexed:
            log.record_clip("r1", str(path), BEGINS_S, 60.0)
        if said:
            log.record_label(CRACK, said, "Ada")
        await log.end_roast("r1", BEGAN + timedelta(seconds=60))
    return path


def onsets(folder: Path) -> list[float | None]:
    return [roast.onset_s for roast in collect(folder, "drum")[0]]


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    return content


async def test_label_given_after_the_recording_ended_is_learned_from(tmp_path: Path) -> None:
    await recorded(tmp_path)
    assert onsets(tmp_path) == []
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        log.record_label(CRACK, "crack", "Ada")
    assert onsets(tmp_path) == [30 - BEGINS_S]


@pytest.mark.parametrize("indexed", [True, False])
async def test_edited_first_crack_is_learned_from_and_exported(
    tmp_path: Path, indexed: bool
) -> None:
    path = await recorded(tmp_path, indexed=indexed, said="crack")
    ran = CliRunner().invoke(
        roasts_command,
        ["edit", "r1", "--log", str(tmp_path / "roasts.db"), "--event", "first_crack=0:40"],
    )
    assert ran.exit_code == 0, ran.output
    assert onsets(tmp_path) == [40 - BEGINS_S]
    (crack,) = [one for one in read(path)["events"] if one["kind"] == "first_crack"]
    assert (crack["happened_s"], crack["origin"]) == (40 - BEGINS_S, "person")
    (tmp_path / "roasts.db").unlink()  # the sidecar goes to another machine without the log
    assert onsets(tmp_path) == [40 - BEGINS_S]


async def test_first_crack_taken_back_in_the_log_is_no_label(tmp_path: Path) -> None:
    events = [described(CRACK, "first_crack", 30, origin="person")]
    await recorded(tmp_path, events=events)
    assert onsets(tmp_path) == [30 - BEGINS_S]
    with Store(tmp_path / "roasts.db") as store:
        store.edit("r1", events={EventKind.FIRST_CRACK: None})
    assert onsets(tmp_path) == []


async def test_mark_goes_into_the_log_and_its_sidecar(tmp_path: Path) -> None:
    path = await recorded(tmp_path, said="crack", first_crack_s=11.0)
    ran = CliRunner().invoke(
        learn_command, [str(tmp_path), "--model", "transients", "--mark", f"{path}=33"]
    )
    assert "Labelled roasts: 1; at least 3 are needed" in str(ran.exception)
    with Store(tmp_path / "roasts.db") as store:
        crack = store.record("r1").event(EventKind.FIRST_CRACK)
    assert crack is not None
    assert (crack.at_s, crack.origin) == (33 + BEGINS_S, Origin.PERSON)
    assert onsets(tmp_path) == [33.0]
    assert "first_crack_s" not in read(path)


async def test_mark_of_a_recording_that_the_log_lacks_goes_into_its_sidecar(
    tmp_path: Path,
) -> None:
    await recorded(tmp_path)
    other = beside(tmp_path / "roasts" / "drum" / "r2.flac", roast_id="r2", duration_s=60.0)
    mark(other, 22.5)
    assert onsets(tmp_path) == [22.5]
    assert read(other)["first_crack_s"] == 22.5


@pytest.mark.parametrize(
    ("sidecar", "onset_s"),
    [
        ({"label": "first_crack", "first_crack_s": 21.5}, 21.5),
        ({"label": "not_a_crack"}, None),
        ({"events": [described(CRACK, "first_crack", 30, origin="person")]}, 30 - BEGINS_S),
        ({"events": [described("lost-1", "first_crack", 35, origin="person")]}, 35 - BEGINS_S),
    ],
    ids=["marked", "none", "confirmed", "event that the log lost"],
)
async def test_labels_of_older_versions_that_the_log_lacks_are_read(
    tmp_path: Path, sidecar: dict[str, Any], onset_s: float | None
) -> None:
    path = await recorded(tmp_path, **sidecar)
    assert onsets(tmp_path) == [onset_s]
    with Store(tmp_path / "roasts.db") as store:  # another export keeps them
        store.edit("r1", events={EventKind.DROP: 50.0})
    ran = CliRunner().invoke(
        roasts_command,
        ["edit", "r1", "--log", str(tmp_path / "roasts.db"), "--event", "drop=0:51"],
    )
    assert ran.exit_code == 0, ran.output
    assert [e["happened_s"] for e in read(path)["events"] if e["kind"] == "drop"] == [47.0]
    assert onsets(tmp_path) == [onset_s]


async def test_clip_has_the_logs_label_before_its_own(tmp_path: Path) -> None:
    clips = tmp_path / "clips" / "drum"
    about = {"roast_id": "r1", "station": "drum", "duration_s": 20.0, "kind": "first_crack"}
    beside(clips / "a.flac", event_id=CRACK, label="first_crack", **about)
    beside(clips / "b.flac", event_id="lost-1", label="not_a_crack", **about)
    await recorded(tmp_path)
    assert [clip.path.stem for clip in collect(tmp_path, "drum")[1]] == ["b"]
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        log.record_label(CRACK, "not_a_crack", "Ada")
    assert [clip.path.stem for clip in collect(tmp_path, "drum")[1]] == ["a", "b"]
    kinds = {Path(one.path).stem: one.kind for one in importers.scanned(tmp_path)}
    assert kinds == {"a": "negative", "b": "negative", "r1": "roast"}


async def test_clip_that_ends_before_the_edited_crack_is_no_example_of_one(
    tmp_path: Path,
) -> None:
    await recorded(tmp_path)
    path = beside(
        tmp_path / "clips" / "drum" / "a.flac",
        roast_id="r1", event_id=CRACK, station="drum", duration_s=20.0, kind="first_crack",
        label="first_crack",
    )  # fmt: skip
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        log.record_clip("r1", str(path), 20.0, 20.0, CRACK)
    command = ["edit", "r1", "--log", str(tmp_path / "roasts.db"), "--event", "first_crack=0:50"]
    assert CliRunner().invoke(roasts_command, command).exit_code == 0
    assert read(path)["label"] is None


async def test_of_two_labels_the_later_one_counts(tmp_path: Path) -> None:
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        for number in range(3):
            name, began = f"s{number}", BEGAN + timedelta(days=number)
            await log.start_roast(name, "drum", began)
            for kind, at_s in ((EventKind.CHARGE, 0.0), (EventKind.FIRST_CRACK, 500.0)):
                at = began + timedelta(seconds=at_s)
                one = RoastEvent(f"{name}-{kind}", "drum", name, kind, at, at, Origin.SOUND)
                await log.commit(one, at_s)
            log.record_label(f"{name}-{EventKind.FIRST_CRACK}", "crack", "Ada")
            await log.end_roast(name)
    assert usual_time(tmp_path / "roasts.db", "drum") is not None
    with Store(tmp_path / "roasts.db") as store, store.writing() as connection:
        connection.execute(
            "INSERT INTO labels VALUES ('s0-first_crack', 'not_a_crack', 'Ben', '2099-01-01')"
        )
    assert usual_time(tmp_path / "roasts.db", "drum") is None


async def test_crack_edited_to_after_the_end_of_a_recording_is_left_out_of_it(
    tmp_path: Path,
) -> None:
    await recorded(tmp_path, said="crack", duration_s=40.0)
    with Store(tmp_path / "roasts.db") as store:
        store.edit("r1", events={EventKind.FIRST_CRACK: 50.0})
    assert onsets(tmp_path) == []  # and it is no error, which would end the learning of all


async def test_revoked_event_places_no_recording_unknown_to_the_log(
    tmp_path: Path,
) -> None:
    events = [described(CRACK, "first_crack", 30), described("r1-charge-1", "charge", 0)]
    await recorded(tmp_path, indexed=False, events=events)
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        late = BEGAN + timedelta(seconds=300)  # a person says so minutes later
        wrong = event(EventKind.FIRST_CRACK, CRACK, 30, Origin.PERSON)
        await log.commit(replace(wrong, revoked=True, decided_at=late), 30.0)
        right = event(EventKind.FIRST_CRACK, "r1-first_crack-2", 45, Origin.PERSON)
        await log.commit(right, 45.0)
    assert onsets(tmp_path) == [45 - BEGINS_S]


async def test_recording_that_ends_before_first_crack_is_not_labelled(tmp_path: Path) -> None:
    events = [described("r1-charge-1", "charge", 0)]
    await recorded(tmp_path, said="crack", duration_s=10.0, events=events)
    assert onsets(tmp_path) == []


async def test_sidecar_that_is_not_json_is_an_error(tmp_path: Path) -> None:
    path = await recorded(tmp_path)
    path.with_suffix(".json").write_text("not json")
    with pytest.raises(BadInputError, match=r"r1\.json is not valid JSON: correct or delete it"):
        collect(tmp_path, "drum")
