"""Killed, unplugged, full, read-only, damaged: the log opens, and no durable event is missing."""

import asyncio
import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from roastwatch.cli import cli
from roastwatch.roastlog import maintenance as log_care
from roastwatch.roastlog.file import LogError, open_log
from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.store import Store
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import EventKind
from tests.support.made_roasts import made_roast
from tests.unit.test_roast_log import START, event, reading, written

ROOT = Path(__file__).resolve().parents[2]


class Writers:
    """Forks writers and reads their output."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "fakes" / "log_writer.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        )
        self._rest = b""

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def start(self, path: Path, seed: int) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path} {seed}\n".encode())
        self._process.stdin.flush()
        for line in self.lines(until=lambda line: line.startswith("pid ")):
            if line.startswith("pid "):
                return int(line.split()[1])
        pytest.fail("no writer was forked")

    def lines(self, until: object = None, timeout_s: float = 60.0) -> Iterator[str]:
        """Printed lines, up to `until`, or while some wait if there is no `until`."""
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        ends = time.monotonic() + timeout_s
        while True:
            while b"\n" in self._rest:
                line, self._rest = self._rest.split(b"\n", 1)
                yield line.decode()
                if callable(until) and until(line.decode()):
                    return
            wait_s = 0.0 if until is None else max(0.0, ends - time.monotonic())
            ready, _, _ = select.select([handle], [], [], wait_s)
            if not ready:
                return
            self._rest += os.read(handle, 65536)


def gone(pid: int) -> None:
    """Wait until a killed process is gone."""
    for _ in range(6000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.005)
    pytest.fail(f"the process {pid} will not die")


def kill_often(folder: Path, times: int, *, seed: int = 1) -> tuple[int, int]:
    """Kill a writer `times` times at random moments; return durable events and resumed roasts."""
    draw = random.Random(seed)
    writers = Writers()
    durable_in_all = resumed = 0
    try:
        for number in range(times):
            if number % 25 == 0:
                path = folder / f"roasts-{number}.db"
                durable: set[str] = set()
                alerts: set[str] = set()
                roast = ""
            pid = writers.start(path, number)
            said = list(writers.lines(until=lambda line: line.startswith(("began", "resumed"))))
            time.sleep(draw.uniform(0.0, 0.12))
            os.kill(pid, signal.SIGKILL)
            gone(pid)
            said += writers.lines()
            for line in said:
                what, _, name = line.partition(" ")
                if what == "began":
                    assert not roast, f"the roast {roast} was lost by kill {number}"
                    roast = name
                elif what == "resumed":
                    assert name == roast
                    resumed += 1
                elif what == "durable":
                    durable.add(name)
                    durable_in_all += 1
                elif what == "alert":
                    alerts.add(name)
            with Store(path) as store:
                rows = store.connection
                kept = {row[0] for row in rows.execute("SELECT event_id FROM events")}
                assert durable <= kept, f"kill {number} lost {sorted(durable - kept)}"
                waiting = {row[0] for row in rows.execute("SELECT alert_id FROM outbox")}
                assert alerts <= waiting
                assert rows.execute("SELECT roast_id, open FROM roasts").fetchall() == [(roast, 1)]
                assert rows.execute("PRAGMA quick_check").fetchone() == ("ok",)
    finally:
        writers.close()
    return durable_in_all, resumed


def test_thirty_kills_lose_no_durable_event(tmp_path: Path) -> None:
    durable, resumed = kill_often(tmp_path, 30)
    assert durable > 0
    assert resumed == 28


@pytest.mark.verify
@pytest.mark.timeout(1800)
def test_a_thousand_kills_lose_no_durable_event(tmp_path: Path) -> None:
    durable, resumed = kill_often(tmp_path, 1000, seed=2)
    print(
        f"\n1000 kills: {durable} durable events, none missing; {resumed} times the roast went on"
    )
    assert resumed == 960


async def test_write_ahead_log_cut_at_any_page_opens(tmp_path: Path) -> None:
    """After a power cut: any beginning of the log, its last page torn or whole."""
    path = tmp_path / "roasts.db"
    wal = tmp_path / "roasts.db-wal"
    durable: list[tuple[int, str]] = []
    async with RoastLog.open(path) as log:
        await log.start_roast("r1", "roaster", START)
        await log._writer.read(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
        for number in range(12):
            for second in range(40):
                log.record_reading("r1", reading(100.0 + number), number * 40 + second)
            made = event(EventKind.FIRST_CRACK, number * 40, number)
            if not await log.commit(made):
                await written(log)
            durable.append((wal.stat().st_size, made.event_id))
        copy = tmp_path / "cut" / "roasts.db"
        copy.parent.mkdir()
        whole, main = wal.read_bytes(), path.read_bytes()
    frame, head = 4096 + 24, 32
    cuts = range(head, len(whole) + 1, frame)
    assert len(cuts) > 20
    for cut in cuts:
        for torn in (0, 700):
            left = whole[: cut + torn]
            for stale in copy.parent.iterdir():
                stale.unlink()
            copy.write_bytes(main)
            (copy.parent / "roasts.db-wal").write_bytes(left)
            async with RoastLog.open(copy) as again:
                roast = await again.resume("roaster", START + timedelta(seconds=600))
                assert roast is not None
                kept = {e.event_id for e in roast.events}
                expected = {name for size, name in durable if size <= len(left)}
                assert expected <= kept
                assert len(roast.readings) >= 40 * len(kept)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A real file system of a few hundred kB; skips where it can't be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system needs root and mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(disk: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(disk)], check=True)


@pytest.mark.verify
async def test_disk_that_fills_up_during_a_roast_loses_no_event(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "600k") as disk:
        part = ComponentHealth("log")
        async with RoastLog.open(disk / "roasts.db", part) as log:
            await log.start_roast("r1", "roaster", START)
            (disk / "ballast").write_bytes(bytes(200_000))
            for second in range(9000):
                log.record_reading("r1", reading(100.0 + second % 7), second)
            assert not await log.commit(event(EventKind.CHARGE, 1))
            assert not await log._writer.flush()
            assert part.problem is not None
            assert "full" in part.problem
            (disk / "ballast").unlink()
            remount(disk, "size=8m")
            await written(log)
            assert part.problem is None
        with Store(disk / "roasts.db") as store:
            record = store.record("r1")
        assert len(record.at_s) == 9000
        assert [e.kind for e in record.events] == [EventKind.CHARGE]


@pytest.mark.verify
async def test_full_or_read_only_disk_stops_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "600k") as disk:
        with Store(disk / "roasts.db", create=True):
            pass
        with pytest.raises(OSError, match="No space"):
            (disk / "ballast").write_bytes(bytes(900_000))
        with pytest.raises(LogError, match=r"full|fails"):
            async with RoastLog.open(disk / "roasts.db"):
                pass
        (disk / "ballast").unlink()
        with Store(disk / "roasts.db") as store:
            store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        remount(disk, "ro")
        with pytest.raises(LogError, match="can't be"):
            async with RoastLog.open(disk / "roasts.db"):
                pass
        with Store(disk / "roasts.db", writing=False) as store:
            assert store.list_json() == []


async def test_locked_log_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    open_log(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LogError, match="locked"):
        await RoastLog.open(path).__aenter__()
    other.close()


def damage(path: Path, places: range) -> None:
    content = bytearray(path.read_bytes())
    for place in places:
        content[place * 4096 : place * 4096 + 2000] = os.urandom(2000)
    path.write_bytes(content)


async def test_damaged_pages_during_a_roast_are_shown_as_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    with Store(path, create=True) as store:
        for number in range(5):
            store.import_record(made_roast(seed=number))
    part = ComponentHealth("log")
    async with RoastLog.open(path, part) as log:
        await log.start_roast("r1", "roaster", START)
        await log._writer.read(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
        await log._writer._on_thread(log._writer._drop)
        damage(path, range(1, path.stat().st_size // 4096))
        log.record_reading("r1", reading(100.0), 1)
        assert not await log.commit(event(EventKind.CHARGE, 1))
        await log._writer.flush()
        assert part.problem is not None
        assert "damaged" in part.problem
        assert not log.healthy


def test_repair_recovers_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    with Store(path, create=True) as store:
        for number in range(20):
            store.import_record(made_roast(seed=number))
        (last,) = (
            store.connection.execute(
                "SELECT max(pageno) FROM dbstat WHERE name = 'readings'"
            ).fetchone()
            if _has_dbstat(store)
            else (path.stat().st_size // 4096 - 5,)
        )
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert log_care.check(path) == []
    middle = last // 2
    damage(path, range(middle, middle + 2))
    assert log_care.check(path)

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["roasts", "repair", "--log", str(path), *words])
        return result.exit_code, result.output

    assert run("--check")[0] == 1
    code, said = run()
    assert code == 0
    assert "20 roasts saved" in said
    assert log_care.check(path) == []
    assert run("--check")[0] == 0
    with Store(path) as store:
        whole = [r for r in store.records() if len(r.at_s) == len(made_roast().at_s)]
    assert len(whole) >= 17
    assert len(list(tmp_path.glob("roasts.damaged-*"))) >= 1


def _has_dbstat(store: Store) -> bool:
    try:
        store.connection.execute("SELECT 1 FROM dbstat LIMIT 1")
    except sqlite3.OperationalError:
        return False
    return True


async def test_backup_of_a_log_in_use_is_complete(tmp_path: Path) -> None:
    path, copy = tmp_path / "roasts.db", tmp_path / "copy.db"
    async with RoastLog.open(path) as log:
        await log.start_roast("r1", "roaster", START)
        if not await log.commit(event(EventKind.CHARGE, 1)):
            await written(log)
        size = await asyncio.to_thread(log_care.backup, path, copy)
    assert size > 10_000
    assert not copy.with_name("copy.db-wal").exists()
    with Store(copy) as store:
        assert [e.kind for e in store.record("r1").events] == [EventKind.CHARGE]
    with pytest.raises(LogError, match="itself"):
        log_care.backup(path, path)
    with pytest.raises(LogError, match="no roast log"):
        log_care.backup(tmp_path / "none.db", copy)


def test_edit_delete_and_stats_by_command(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    with Store(path, create=True) as store:
        for number in range(6):
            made = made_roast(seed=number, first_crack_s=470 + 9 * number)
            began = datetime(2026, 1, 1 + number, tzinfo=UTC)
            store.import_record(replace(made, started_at=began))

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, ["roasts", "--log", str(path), *words])
        return result.exit_code, result.output + str(result.exception or "")

    assert run("edit", "made-0", "--title", "New", "--rating", "88", "--set", "bean_name=Sidamo",
               "--set", "green_weight_g=")[0] == 0  # fmt: skip
    with Store(path) as store:
        record = store.record("made-0")
    assert (record.title, record.properties.rating) == ("New", 88)
    assert (record.properties.bean_name, record.properties.green_weight_g) == ("Sidamo", None)
    assert "no such property" in run("edit", "made-0", "--set", "colour=brown")[1]
    assert "is not a number" in run("edit", "made-0", "--set", "green_weight_g=much")[1]
    assert "Nothing to change" in run("edit", "made-0")[1]
    said = run("stats")[1]
    assert "6 roasts" in said
    assert "Next time expect first crack" in said
    assert "median error" in said
    assert run("stats", "--json")[0] == 0
    assert run("delete", "made-5")[0] == 1  # nobody said yes
    assert run("delete", "made-5", "--yes")[0] == 0
    assert "No roast has the id" in run("show", "made-5")[1]
    assert run("delete", "--older-than-days", "1", "--yes")[0] == 0
    with Store(path) as store:
        left = store.connection.execute("SELECT count(*) FROM readings").fetchone()
        count = len(store.list_json())
    assert (left[0] == 0) == (count == 0)
