"""The log of a running roast: durable before sending, never delayed, resumed after a crash."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roastwatch.roastlog import writer as log_durable
from roastwatch.roastlog.file import LogError, migrate, open_log
from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.schema import MIGRATIONS, VERSION
from roastwatch.roastlog.store import Store
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    ComponentState,
    EventKind,
    Evidence,
    EvidenceKind,
    Level,
    Origin,
    Outcome,
    Reading,
    RoastEvent,
)

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def event(kind: EventKind, at_s: float, number: int = 0, **more: Any) -> RoastEvent:
    made = RoastEvent(
        event_id=f"{kind}-{number}",
        station="roaster",
        roast_id="r1",
        kind=kind,
        happened_at=START + timedelta(seconds=at_s),
        decided_at=START + timedelta(seconds=at_s + 5),
        origin=Origin.SOUND,
    )
    return replace(made, **more)


def reading(bean_c: float | None, at_s: float = 0.0) -> Reading:
    return Reading("roaster", at_s, bean_temp_c=bean_c, environment_temp_c=200.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "roasts.db"


@pytest.fixture
async def log(path: Path) -> AsyncIterator[RoastLog]:
    async with RoastLog.open(path) as log:
        assert await log.start_roast("r1", "roaster", START, title="Morning")
        yield log


async def patiently(log: RoastLog, made: RoastEvent) -> None:
    """Commit, and wait for a slow machine that sent it first."""
    if not await log.commit(made):
        await written(log)


async def written(log: RoastLog) -> None:
    """Wait until the log could write again."""
    for _ in range(500):
        if await log._writer.flush():
            return
        await asyncio.sleep(0.01)
    pytest.fail("the log did not come back")


async def test_roast_is_read_back_as_recorded(log: RoastLog, path: Path) -> None:
    await patiently(log, event(EventKind.CHARGE, 10, bean_temp_c=180.0))
    for second in range(120):
        log.record_reading("r1", reading(100.0 + second), second)
        log.record_scores("r1", second + 0.2, 0.1, 0.0)
        log.record_scores("r1", second + 0.7, 0.3, 0.5)
    log.record_pops("r1", [(90.0, 0.9), (95.5, 0.8)])
    log.record_evidence(
        "r1", Evidence(EvidenceKind.TEMPERATURE, 1.5, START + timedelta(seconds=90))
    )
    log.record_note("r1", 50, "smells of bread")
    log.record_clip("r1", "clips/a.flac", 80, 20)
    log.record_command(
        Command("c1", "roaster", Actuator.HEATER, 80, Origin.PERSON, 0.0),
        CommandResult("c1", Outcome.LIMITED, 60, "bean_temperature", "too hot"),
    )
    crack = event(EventKind.FIRST_CRACK, 90, level=Level.POSSIBLE)
    await patiently(log, crack)
    await patiently(log, replace(crack, level=Level.CERTAIN, confidence=0.97))
    log.record_label(crack.event_id, "crack", by="Ada's phone")
    assert await log.end_roast("r1", START + timedelta(seconds=120))
    with Store(path) as store:
        assert store.witnesses("r1") == {"sound": 80.0, "temperature": 80.0}
        record = store.record("r1")
        levels = store.connection.execute("SELECT level FROM event_levels").fetchall()
        command = store.connection.execute("SELECT outcome, interlock FROM commands").fetchone()
        evidence = store.connection.execute("SELECT at_s FROM evidence").fetchone()
        label = store.connection.execute("SELECT label, said_by FROM labels").fetchone()
    assert record.title == "Morning"
    assert len(record.at_s) == 120
    assert record.bean_temp_c[-1] == 219
    assert [e.kind for e in record.events] == [EventKind.CHARGE, EventKind.FIRST_CRACK]
    assert record.events[1].level is Level.CERTAIN
    assert record.events[1].at_s == pytest.approx(90, abs=0.01)
    assert record.from_charge(record.events[1].at_s) == pytest.approx(80, abs=0.01)
    assert record.started_at == START + timedelta(seconds=10)
    assert record.pops == ((90.0, 0.9), (95.5, 0.8))
    assert len(record.scores) == 120
    assert {score[1] for score in record.scores} == {0.3}
    assert record.controls[0].text == "smells of bread"
    assert (record.controls[1].what, record.controls[1].value) == ("heater", 60)
    assert sorted(levels) == [("certain",), ("possible",)]
    assert command == ("limited", "bean_temperature")
    assert evidence[0] == pytest.approx(90, abs=0.01)
    assert label == ("crack", "Ada's phone")


async def test_roast_continues_after_a_crash(path: Path) -> None:
    log = await RoastLog.open(path).__aenter__()
    await log.start_roast("r1", "roaster", START)
    for second in range(30):
        log.record_reading("r1", reading(150.0), second)
    await patiently(log, event(EventKind.CHARGE, 5))
    # As a crash leaves it: nothing is closed. (The thread is ended so that no test leaks it.)
    writer = log._writer
    assert writer._flushing is not None
    writer._flushing.cancel()
    await writer._on_thread(writer._drop)
    writer._thread.shutdown()
    now = START + timedelta(seconds=75)
    async with RoastLog.open(path) as again:
        assert await again.resume("another", now) is None
        roast = await again.resume("roaster", now)
        assert roast is not None
        assert roast.gap_s == (29, 75)
        charge = roast.event(EventKind.CHARGE)
        assert charge is not None
        assert charge.happened_at == START + timedelta(seconds=5)
        assert len(roast.readings) == 30
        again.record_reading("r1", reading(160.0), 76)
        await patiently(again, event(EventKind.DROP, 80))
        await again.end_roast("r1")
    with Store(path) as store:
        record = store.record("r1")
    assert record.gaps == ((29, 75),)
    assert len(record.at_s) == 31
    async with RoastLog.open(path) as third:
        assert await third.resume("roaster", now) is None


async def test_open_roast_of_yesterday_is_closed(path: Path) -> None:
    async with RoastLog.open(path) as log:
        await log.start_roast("r1", "roaster", START)
        await patiently(log, event(EventKind.CHARGE, 5))
    async with RoastLog.open(path) as log:
        assert await log.resume("roaster", START + timedelta(days=1)) is None
        assert await log.resume("roaster", START) is None


async def test_outbox_keeps_alerts_until_done(log: RoastLog) -> None:
    await log.outbox_add("a1", {"text": "first crack"}, due_at=START, target="phone")
    await log.outbox_add("a2", {"text": "later"}, due_at=START + timedelta(hours=1))
    (alert,) = await log.outbox_due(START)
    assert alert.payload == {"text": "first crack"}
    assert await log.outbox_due(START, target="mail") == []
    await log.outbox_failed("a1", "no network", START + timedelta(seconds=30))
    assert await log.outbox_due(START) == []
    (alert,) = await log.outbox_due(START + timedelta(minutes=1))
    assert (alert.attempts, alert.problem) == (1, "no network")
    await log.outbox_done("a1")
    assert [a.alert_id for a in await log.outbox_due(START + timedelta(hours=2))] == ["a2"]


async def test_event_in_a_locked_log_is_unlogged_and_written_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_durable, "LIVE_BUSY_MS", 50)
    part = ComponentHealth("log")
    async with RoastLog.open(path, part) as log:
        await log.start_roast("r1", "roaster", START)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        made = event(EventKind.CHARGE, 1)
        assert not await log.commit(made)
        assert not log.healthy or part.state is ComponentState.DEGRADED
        assert part.problem is not None
        assert "locked" in part.problem or "slow" in part.problem
        other.execute("COMMIT")
        other.close()
        await written(log)
        assert log.healthy
        assert part.state is ComponentState.RUNNING
    with Store(path) as store:
        (kept,) = store.record("r1").events
    assert kept.unlogged
    assert kept.event_id == made.event_id


async def test_full_disk_is_shown_and_loses_nothing(path: Path) -> None:
    part = ComponentHealth("log")
    async with RoastLog.open(path, part) as log:
        await log.start_roast("r1", "roaster", START)
        await log._writer.read(lambda c: c.execute("VACUUM"))  # the room it made itself
        (pages,) = await log._writer.read(lambda c: c.execute("PRAGMA page_count").fetchone())
        limit = f"PRAGMA max_page_count = {pages}"
        await log._writer.read(lambda c: c.execute(limit).fetchone())
        for second in range(3000):
            log.record_reading("r1", reading(100.0), second)
        assert not await log.commit(event(EventKind.CHARGE, 1))
        assert not await log._writer.flush()
        assert not log.healthy
        assert part.problem is not None
        assert "full" in part.problem
        await log._writer.read(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
        assert await log._writer.flush()
        assert part.problem is None
    with Store(path) as store:
        record = store.record("r1")
    assert len(record.at_s) == 3000
    assert [e.kind for e in record.events] == [EventKind.CHARGE]


async def test_event_is_written_into_reserved_space(log: RoastLog, path: Path) -> None:
    ahead = path.with_name(path.name + "-wal")
    length = ahead.stat().st_size
    assert length > 1_000_000
    await log.start_roast("r1", "roaster", START)
    assert await log.commit(event(EventKind.CHARGE, 1))
    assert ahead.stat().st_size == length
    with Store(path) as store:
        assert len(store.record("r1").events) == 1


async def test_log_that_was_moved_away_is_created_again(log: RoastLog, path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    log.record_reading("r1", reading(100.0), 1)
    await patiently(log, event(EventKind.CHARGE, 1))
    with Store(path) as store:
        assert len(store.record("r1").events) == 1


async def test_write_refused_by_the_tables_does_not_block_others(log: RoastLog) -> None:
    log.record_pops("r1", [("not a time", None)])  # type: ignore[list-item]
    await patiently(log, event(EventKind.CHARGE, 1))
    assert log.healthy


def test_log_that_can_not_be_opened_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    with pytest.raises(LogError, match="no roast log"):
        open_log(path, create=False)
    with pytest.raises(LogError, match="is a folder"):
        open_log(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(LogError, match="can't be made"):
        open_log(tmp_path / "file" / "below" / "roasts.db")
    (tmp_path / "text.db").write_text("this is no database at all, is it? " * 100)
    with pytest.raises(LogError, match="not a roast log"):
        open_log(tmp_path / "text.db")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (a)")
    other.close()
    with pytest.raises(LogError, match="another program"):
        open_log(tmp_path / "other.db")
    newer = open_log(path)
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(LogError, match="newer roastwatch"):
        open_log(path)


def test_failed_migration_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    connection = open_log(path)
    before = connection.execute("PRAGMA user_version").fetchone()
    broken = (*MIGRATIONS, "CREATE TABLE new (a);\nCREATE TABLE roasts (a);\n")
    with pytest.raises(sqlite3.Error):
        migrate(connection, broken)
    assert connection.execute("PRAGMA user_version").fetchone() == before
    migrate(connection, (*MIGRATIONS, "CREATE TABLE new (a);\n"))
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)
    connection.close()


@pytest.mark.parametrize("poison", ["surrogate", "number"])
async def test_write_refused_by_sqlite_does_not_block_others(path: Path, poison: str) -> None:
    async with RoastLog.open(path) as log:
        await log.start_roast("r1", "roaster", START)
        if poison == "surrogate":
            log.record_note("r1", 1.0, "half a pair: \ud800")
        else:
            log.record_reading("r1", replace(reading(180.0), crack_count=2**70), 1.0)
        await patiently(log, event(EventKind.CHARGE, 5))
        assert log.healthy
    with Store(path) as store:
        assert [e.kind for e in store.record("r1").events] == [EventKind.CHARGE]
