"""Many recordings: real worker processes, a real Dask cluster, deaths and stops."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from roastwatch.cli import cli
from roastwatch.detection.large.micro_batcher import MicroBatcher
from roastwatch.errors import BadInputError
from roastwatch.offline import workers as batch_workers
from roastwatch.offline.batch import Job, discover, judge
from roastwatch.offline.results import Results, Summary

RATE = 16_000
JOB = Job("transients", {}, with_scores=True)


def write_roast(path: Path, seed: int, seconds: float = 40.0) -> None:
    """Noise with clicks in its second half, dense enough to decide."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 0.003, round(seconds * RATE))
    for at_s in rng.uniform(seconds / 2, seconds - 1, round(0.6 * seconds)):
        at = round(at_s * RATE)
        sound[at : at + 40] += rng.normal(0, 0.3, 40) * np.exp(-np.arange(40) / 10)
    soundfile.write(path, sound, RATE)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "sub").mkdir()
    for seed in range(5):
        write_roast(folder / ("sub" if seed == 4 else ".") / f"roast-{seed}.flac", seed)
    (folder / "bad.wav").write_text("this is no sound")
    (folder / "notes.txt").write_text("not looked at")
    return folder


def _analyze(*words: object) -> Result:
    return CliRunner().invoke(cli, ["analyze", *map(str, words)])


def _lines(result: Result) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return {Path(line["file"]).name: line for line in found}


def _same(found: dict[str, dict[str, Any]], wanted: dict[str, dict[str, Any]]) -> None:
    assert found.keys() == wanted.keys()
    for name, one in found.items():
        other = wanted[name]
        assert one.get("error") == other.get("error")
        assert one.get("events") == other.get("events")
        assert np.allclose(one.get("scores", []), other.get("scores", []), atol=1e-5)


@pytest.fixture(scope="module")
def local(recordings: Path) -> dict[str, dict[str, Any]]:
    """What two worker processes find."""
    result = _analyze(recordings, "--json", "--scores", "--workers", 2, "--model", "transients")
    assert result.exit_code == 1, result.output
    return _lines(result)


def test_one_bad_file_never_stops_the_rest(local: dict[str, dict[str, Any]]) -> None:
    assert set(local) == {"bad.wav", *(f"roast-{seed}.flac" for seed in range(5))}
    assert set(local["bad.wav"]) == {"file", "error"}
    for seed in range(5):
        events = local[f"roast-{seed}.flac"]["events"]
        assert events[0]["kind"] == "first_crack"
        assert 15 < events[0]["happened_at_s"] < 30
        assert len(local[f"roast-{seed}.flac"]["scores"]) > 300


def test_the_same_as_one_file_alone(local: dict[str, dict[str, Any]], recordings: Path) -> None:
    alone = _lines(_analyze(recordings / "roast-1.flac", "--json", "--model", "transients"))
    assert alone["roast-1.flac"]["events"] == local["roast-1.flac"]["events"]
    assert alone["roast-1.flac"]["pops"] == local["roast-1.flac"]["pops"]


def test_nothing_cracks_in_the_seconds_after_a_charge_that_is_known(recordings: Path) -> None:
    words = (recordings / "roast-1.flac", "--json", "--model", "transients", "--charge")
    assert _lines(_analyze(*words, 0))["roast-1.flac"]["events"] == []
    assert "give one" in str(_analyze(*words, 0, "--armed-from", 3).exception)
    assert judge(JOB, JOB.load(), recordings / "roast-1.flac")["events"] != []
    charged = replace(JOB, charge_s=0.0)
    assert judge(charged, JOB.load(), recordings / "roast-1.flac")["events"] == []
    assert charged.fingerprint() != JOB.fingerprint()


def test_a_stopped_run_goes_on(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = (recordings, "--out", out, "--workers", 1, "--model", "transients")
    assert _analyze(*words).exit_code == 1
    lines = (out / "results.jsonl").read_text().splitlines()
    assert len(lines) == 6
    # As a stop leaves it: three results, and the beginning of a fourth.
    good = [line for line in lines if "error" not in json.loads(line)]
    (out / "results.jsonl").write_text("\n".join(good[:3]) + '\n{"file": "x", "dur')
    again = _analyze(*words)
    assert again.exit_code == 1
    assert "3 of 6 recordings were judged before" in again.stderr
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["files"], summary["failed"], summary["from_an_earlier_run"]) == (6, 1, 3)
    assert summary["events"]["first_crack"] == 5
    assert list(summary["failures_by_reason"].values()) == [1]
    assert summary["real_time_factor"] > 0
    after = (out / "results.jsonl").read_text().splitlines()
    assert {json.loads(line)["file"] for line in after} == {
        json.loads(line)["file"] for line in lines
    }
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert sum(bool(row["error"]) for row in rows) == 1
    assert all(15 < float(row["first_crack_at_s"]) < 30 for row in rows if not row["error"])


def test_a_changed_file_or_another_job_is_not_taken_for_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_roast(path, 1, 2.0)
    Results(tmp_path / "out", JOB).write({"file": str(path), "events": []})
    assert str(path) in Results(tmp_path / "out", JOB).earlier
    write_roast(path, 1, 3.0)
    assert Results(tmp_path / "out", JOB).earlier == {}
    other = Job("transients", {"threshold": 4.0})
    with pytest.raises(BadInputError, match="another model or other options"):
        Results(tmp_path / "out", other)
    assert Results(tmp_path / "out", other, restart=True).earlier == {}


def test_a_folder_counts_and_names_what_it_skips(tmp_path: Path) -> None:
    for name in ("a.wav", "b.aiff", "c.caf", "d.au", "e.w64"):
        write_roast(tmp_path / name, 1, 2.0)
    for name in ("phone.m4a", "video.mov"):
        (tmp_path / name).write_bytes(b"no sound")
    (tmp_path / "a.json").write_text("{}")  # the sidecar of a recording
    for name in ("notes.txt", "[red]cover.jpg", ".hidden"):
        (tmp_path / name).write_text("no sound")
    result = _analyze(tmp_path, "--model", "transients", "--out", tmp_path / "out")
    assert result.exit_code == 1
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["files"], summary["failed"]) == (7, 2)
    assert [Path(name).name for name in summary["left_out"]] == ["[red]cover.jpg", "notes.txt"]
    said = " ".join(result.stderr.split())
    assert "2 files were skipped" in said
    assert "[red]cover.jpg" in said
    again = _analyze(tmp_path, "--model", "transients", "--json")
    assert "notes.txt" in again.stderr


def test_a_name_that_is_no_utf_8_stops_no_folder_and_markup_stays(tmp_path: Path) -> None:
    names = [b"caf\xe9.wav", b"[bold]1 [x].wav", b"line\nfeed \x1b[31m.wav"]
    write_roast(tmp_path / "plain.wav", 1, 2.0)
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes((tmp_path / "plain.wav").read_bytes())
    (tmp_path / os.fsdecode(b"bad \xff[red].flac")).write_bytes(b"no sound")
    (tmp_path / os.fsdecode(b"notes \xfe.txt")).write_bytes(b"no sound")

    def run(*words: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "roastwatch", "analyze", "--model", "transients"]
        return subprocess.run(
            [*command, *map(str, words)],
            capture_output=True,
            encoding="utf-8",
            env=os.environ | {"LC_ALL": "C.UTF-8", "COLUMNS": "500"},
        )

    for words in ((tmp_path, "--out", tmp_path / "out"), (tmp_path, "--json")):
        many = run(*words)
        assert many.returncode == 1
        assert "Traceback" not in many.stderr
        assert "notes \\xfe.txt" in many.stderr
    shown = run(tmp_path).stderr
    assert "[bold]1 [x].wav: no first crack" in shown
    assert "caf\\xe9.wav: no first crack" in shown
    assert "line\nfeed \\x1b[31m.wav: no first crack" in shown
    assert "bad \\xff[red].flac is not a sound file" in shown
    assert "caf\\udce9.wav" in (tmp_path / "out" / "results.csv").read_text(encoding="utf-8")
    assert len((tmp_path / "out" / "results.jsonl").read_text().splitlines()) == 5
    for name, said in zip(names, ("caf\\xe9.wav", "[bold]1 [x].wav", "\\x1b[31m"), strict=True):
        alone = run("--", tmp_path / os.fsdecode(name))
        assert (alone.returncode, alone.stderr) == (0, "")
        assert said in alone.stdout


def test_folders_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no recordings"):
        discover([tmp_path])
    result = _analyze(tmp_path)
    assert isinstance(result.exception, BadInputError)


def test_a_worker_that_dies_takes_nothing_with_it(recordings: Path) -> None:
    workers = batch_workers.LocalWorkers(JOB, 2)
    paths = discover([recordings]) * 1
    found: list[dict[str, Any]] = []
    killed = False
    for result in workers.run(paths):
        found.append(result)
        if not killed:
            killed = True
            _kill(_children()[-1])
    assert sorted(Path(line["file"]).name for line in found) == sorted(p.name for p in paths)
    assert [line for line in found if "error" in line and "bad.wav" not in line["file"]] == []


def _children() -> list[int]:
    """Worker processes of this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
            command = (entry.parent / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and "spawn_main" in command:
            found.append(int(entry.parent.name))
    return sorted(found)


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_file_that_kills_its_worker_twice_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "deadly.wav"
    write_roast(path, 0, 3600.0)
    workers = batch_workers.LocalWorkers(JOB, 1)
    stop = threading.Event()

    def reap() -> None:
        while not stop.is_set():
            for pid in _children():
                if any("deadly.wav" in _target(fd) for fd in Path(f"/proc/{pid}/fd").glob("*")):
                    _kill(pid)
            stop.wait(0.02)

    thread = threading.Thread(target=reap)
    thread.start()
    try:
        (result,) = workers.run([path])
    finally:
        stop.set()
        thread.join()
    assert "died while it judged" in result["error"]
    assert "signal 9" in result["error"]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def test_a_model_that_cannot_be_had_is_one_sentence(recordings: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    result = _analyze(recordings, "--model", tmp_path / "m")
    assert "no config.json" in str(result.exception)


def test_windows_of_several_threads_share_batches() -> None:
    sizes: list[int] = []

    def run(inputs: Any) -> Any:
        sizes.append(len(inputs))
        time.sleep(0)
        return inputs * 2

    gather = MicroBatcher(run, batch=4)
    wrong: list[object] = []

    def work(number: int) -> None:
        with gather.taking_part():
            for step in range(50):
                inputs = np.full((1, 3), number * 100 + step, np.float32)
                if not np.array_equal(gather(inputs), inputs * 2):
                    wrong.append((number, step))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert sum(sizes) == 200
    assert max(sizes) > 1


def test_a_failing_batch_fails_for_all_who_share_it() -> None:
    def run(inputs: Any) -> Any:
        raise BadInputError("no")

    with pytest.raises(BadInputError):
        MicroBatcher(run, batch=1)(np.zeros((1, 2), np.float32))


def test_the_summary_counts_reasons() -> None:
    summary = Summary()
    for name in ("a", "b"):
        empty = f"/x/{name}.wav is empty: record, or copy {name}.wav to {name}.flac."
        summary.add({"file": f"/x/{name}.wav", "error": empty})
    reason = "the file is empty: record, or copy FILE.wav to FILE.flac."
    assert summary.as_json()["failures_by_reason"] == {reason: 2}
    assert summary.as_json()["real_time_factor"] is None


@contextmanager
def _dask(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and workers, each a process of its own."""
    file = folder / "scheduler.json"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    module = [sys.executable, "-m", "distributed.cli."]

    def start(name: str, *words: str) -> subprocess.Popen[bytes]:
        where = ["--scheduler-file", str(file), "--no-dashboard"]
        return subprocess.Popen(
            [*module[:2], module[2] + name, *where, *words], cwd=folder, **quiet
        )

    processes = [start("dask_scheduler", "--port", "0", "--host", "127.0.0.1")]
    try:
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        processes += [
            start("dask_worker", "--no-nanny", "--nthreads", "1", "--name", f"w{number}")
            for number in range(workers)
        ]
        yield json.loads(file.read_text())["address"], processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_cluster_finds_the_same_though_a_worker_is_killed(
    recordings: Path, local: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    from roastwatch.offline.dask import DaskCluster

    with _dask(tmp_path, 2) as (address, workers):
        found: list[dict[str, Any]] = []
        for result in DaskCluster(JOB, address, 2).run(discover([recordings])):
            if not found:
                workers[0].kill()
            found.append(result)
    _same({Path(line["file"]).name: line for line in found}, local)


def test_a_scheduler_that_is_not_there(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from roastwatch.offline import dask as batch_dask

    monkeypatch.setattr(batch_dask, "_WAIT_S", 1)
    result = _analyze(recordings, "--cluster", "tcp://127.0.0.1:9", "--json")
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in str(result.exception)
