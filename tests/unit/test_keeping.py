"""The whole service with a roast log: events are logged, and an interrupted roast is resumed."""

import asyncio
import contextlib
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roastwatch.app.outlet import Outlet
from roastwatch.app.service import Service
from roastwatch.channel import Events, Latest
from roastwatch.corpus.labels import collect
from roastwatch.roastlog import writer as log_durable
from roastwatch.roastlog.file import LogError
from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.store import Store
from roastwatch.roastlog.usual import usual_time
from roastwatch.settings import model as settings
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    ComponentState,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Phase,
    RoastEvent,
    Snapshot,
)
from tests.unit.test_service import Notebook


def service(
    path: Path, source: dict[str, float] | None = None, **options: Any
) -> tuple[Service, Notebook]:
    demo = {"type": "demo", "seed": 3, "speed": 0, "first_crack_at_s": 40, "fooling_per_h": 0}
    demo |= source or {}
    station = {
        "name": "kitchen",
        "source": demo,
        "model": {"type": "transients"},
        "roast": {"begins": "person"},
        **options,
    }
    raw = {"stations": [station], "data_dir": str(path.parent)}
    made = Service(settings.parse(raw), log_path=path)
    notebook = Notebook()
    made.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
    return made, notebook


def asked(kind: InstructionKind) -> Instruction:
    return Instruction("kitchen", kind, Origin.PERSON, datetime.now(UTC), by="Ada")


async def test_published_events_are_logged(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    made, notebook = service(path)
    made.instruct(asked(InstructionKind.CHARGE))
    await made.run()
    with Store(path) as store:
        (line,) = store.list_json()
        record = store.record("last")
    published = {event.event_id for event in notebook.events}
    assert {event.event_id for event in record.events} == published
    crack = record.event(EventKind.FIRST_CRACK)
    assert crack is not None
    assert crack.level in (Level.FIRST_CRACK, Level.CERTAIN)
    charge, *_, last = notebook.events
    since_s = (last.happened_at - charge.happened_at).total_seconds()
    assert json.loads(line)["metrics"]["first_crack_s"] == pytest.approx(since_s, abs=0.01)
    assert len(record.pops) > 3
    assert len(record.scores) > 20


async def earlier(log: RoastLog, name: str, after_s: float, *, said: str) -> None:
    """A finished roast whose first crack a person marked, confirmed, or did not label."""
    began = datetime.now(UTC) - timedelta(days=1)
    await log.start_roast(name, "kitchen", began)
    for kind, at_s in ((EventKind.CHARGE, 0.0), (EventKind.FIRST_CRACK, after_s)):
        origin = Origin.PERSON if said == "marked" else Origin.SOUND
        at = began + timedelta(seconds=at_s)
        event = RoastEvent(f"{name}-{kind}", "kitchen", name, kind, at, at, origin)
        await log.commit(event, at_s)
    if said == "confirmed":
        log.record_label(f"{name}-{EventKind.FIRST_CRACK}", "crack", "Ada")
    await log.end_roast(name)


async def test_confirmed_first_cracks_become_a_prior(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    async with RoastLog.open(path) as log:
        for number in range(4):
            await earlier(log, f"unsaid-{number}", 100.0, said="nothing")
        await earlier(log, "one", 500.0, said="marked")
        await earlier(log, "two", 530.0, said="confirmed")
        assert usual_time(path, "kitchen") is None
        await earlier(log, "three", 510.0, said="confirmed")
        assert usual_time(path, "other") is None
    made, _ = service(path)
    made.instruct(asked(InstructionKind.CHARGE))
    await made.run()
    usual = made.stations["kitchen"].roast.usual
    assert usual is not None
    assert usual.usual_s == pytest.approx(510, abs=0.01)
    with Store(path) as store:
        said = store.connection.execute(
            "SELECT log_likelihood_ratio FROM evidence WHERE kind = 'time'"
        ).fetchall()
    assert said[0] == (-2.0,)  # the demonstration cracks at 40 s


async def test_an_interrupted_roast_is_resumed(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    began = datetime.now(UTC) - timedelta(minutes=8)
    async with RoastLog.open(path) as log:
        await log.start_roast("r1", "kitchen", began)
        charge = RoastEvent("r1-charge-1", "kitchen", "r1", EventKind.CHARGE, began, began,
                            Origin.PERSON)  # fmt: skip
        await log.commit(charge, 0.0)
    made, notebook = service(path)
    await made.run()
    assert {event.roast_id for event in notebook.events} == {"r1"}
    assert EventKind.FIRST_CRACK in {event.kind for event in notebook.events}
    assert made.latest.value is not None
    shown = made.latest.value["kitchen"]
    assert shown.phase in (Phase.FIRST_CRACK, Phase.DEVELOPMENT)
    assert shown.elapsed_s is not None
    assert shown.elapsed_s > 480
    with Store(path) as store:
        record = store.record("r1")
    assert record.event(EventKind.CHARGE) is not None
    ((from_s, to_s),) = record.gaps
    assert from_s == 0.0
    assert 480 <= to_s < 600  # eight minutes, and what a slow machine takes to start


async def test_a_failing_log_does_not_hide_first_crack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_durable, "LIVE_BUSY_MS", 20)
    path = tmp_path / "roasts.db"
    made, notebook = service(path)
    assert made.keeper is not None
    made.instruct(asked(InstructionKind.CHARGE))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    running = asyncio.create_task(made.run())
    for _ in range(2000):
        if made.keeper.log.part.state is ComponentState.RUNNING:
            break
        await asyncio.sleep(0.005)
    other.execute("BEGIN EXCLUSIVE")
    await running
    other.close()
    cracks = [event for event in notebook.events if event.kind is EventKind.FIRST_CRACK]
    assert cracks[-1].level in (Level.FIRST_CRACK, Level.CERTAIN)
    assert any(event.unlogged for event in notebook.events)
    assert made.latest.value is not None
    assert any(p.name == "log" and p.problem for p in made.latest.value["kitchen"].parts)


async def test_log_that_can_not_be_opened_stops_the_start(tmp_path: Path) -> None:
    made, _ = service(tmp_path)
    with pytest.raises(LogError, match="is a folder"):
        await made.run()


class Confirming(Notebook):
    """Presses a button as soon as first crack is published at a level."""

    def __init__(self, made: Service, level: Level, kind: InstructionKind) -> None:
        super().__init__()
        self.made, self.level, self.kind = made, level, kind

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        async for event in events:
            self.events.append(event)
            if event.level is self.level and event.kind is EventKind.FIRST_CRACK:
                self.made.instruct(asked(self.kind))


@pytest.mark.parametrize(
    ("level", "kind"),
    [
        (Level.FIRST_CRACK, InstructionKind.FIRST_CRACK_NOW),
        (Level.CERTAIN, InstructionKind.FIRST_CRACK_NOW),
        (Level.POSSIBLE, InstructionKind.CONFIRM_CRACK),
    ],
)
async def test_a_confirmed_first_crack_keeps_its_date_and_is_labelled(
    tmp_path: Path, level: Level, kind: InstructionKind
) -> None:
    source: dict[str, float] = {"speed": 100, "first_crack_at_s": 300, "seed": 4}
    recording = {"roasts": True}
    made, _ = service(tmp_path / "roasts.db", source, model="pops", recording=recording)
    person = Confirming(made, level, kind)
    made.outlets = [Outlet("person", person, ComponentHealth("person"))]
    made.instruct(asked(InstructionKind.CHARGE))
    await made.run()
    charge = person.events[0]
    cracks = [e for e in person.events if e.kind is EventKind.FIRST_CRACK]
    published = next(e for e in cracks if e.level is level)
    assert cracks[-1].happened_at < published.decided_at  # not when it was pressed, which was later
    assert cracks[-1].level is Level.CERTAIN
    (roast,), _ = collect(tmp_path, "kitchen")
    since_s = (cracks[-1].happened_at - charge.happened_at).total_seconds()
    assert roast.onset_s == pytest.approx(since_s, abs=0.2)
    assert roast.charge_s == pytest.approx(0, abs=0.2)
    assert {e.origin for e in cracks} == {Origin.SOUND}
    with Store(tmp_path / "roasts.db") as store:
        labels = store.connection.execute("SELECT event_id, label, said_by FROM labels").fetchall()
    assert labels == [(cracks[-1].event_id, "crack", "Ada")]


async def test_clips_and_recordings_are_indexed_in_the_log(tmp_path: Path) -> None:
    demo = {"type": "demo", "seed": 3, "speed": 0, "first_crack_at_s": 40, "fooling_per_h": 0}
    station = {
        "name": "kitchen",
        "source": demo,
        "model": "transients",
        "roast": {"begins": "sound"},
        "recording": {"clips": True, "clip_s": 5, "roasts": True},
    }
    path = tmp_path / "roasts.db"
    raw = {"stations": [station], "data_dir": str(tmp_path)}
    made = Service(settings.parse(raw), log_path=path)
    notebook = Notebook()
    made.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
    await made.run()
    crack = next(event for event in notebook.events if event.kind is EventKind.FIRST_CRACK)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT path, from_s, duration_s, note, roast_id FROM clips "
            "JOIN roasts USING (roast_no)"
        ).fetchall()
        [(at_s,)] = connection.execute(
            "SELECT at_s FROM events WHERE event_id = ?", (crack.event_id,)
        )
    [(file, from_s, duration_s, note, roast_id)] = [row for row in rows if row[3] == crack.event_id]
    assert Path(file).is_file()
    assert roast_id == crack.roast_id
    assert from_s <= at_s <= from_s + duration_s
    assert note == crack.event_id
    [(file, from_s)] = [row[:2] for row in rows if not row[3]]
    sidecar = json.loads(Path(file).with_suffix(".json").read_text())
    (happened_s,) = [
        one["happened_s"] for one in sidecar["events"] if one["event_id"] == crack.event_id
    ]
    assert from_s + happened_s == pytest.approx(at_s, abs=0.01)


async def test_a_clock_set_back_does_not_shorten_the_roast(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    ahead = datetime.now(UTC) + timedelta(hours=1)  # the clock before the power cut
    async with RoastLog.open(path) as log:
        await log.start_roast("r1", "kitchen", ahead)
        for kind, after_s in ((EventKind.CHARGE, 0.0), (EventKind.TURNING_POINT, 90.0)):
            at = ahead + timedelta(seconds=after_s)
            event = RoastEvent(f"r1-{kind}-1", "kitchen", "r1", kind, at, at, Origin.PERSON)
            await log.commit(event, after_s)
    made, _ = service(path)
    await made.run()
    assert made.latest.value is not None
    elapsed_s = made.latest.value["kitchen"].elapsed_s
    assert elapsed_s is not None
    assert elapsed_s >= 90
    with Store(path) as store:
        record = store.record("r1")
        (note,) = store.connection.execute(
            "SELECT at_s, text FROM controls WHERE what = 'note'"
        ).fetchall()
    assert note[0] == 90.0
    assert "clock was set back" in note[1]
    assert record.event(EventKind.FIRST_CRACK) is not None
