"""The service fed from a pipe, or without a microphone, as a process."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 16_000


def run_with(tmp_path: Path, source: str) -> subprocess.Popen[bytes]:
    (tmp_path / "roastwatch.yaml").write_text(
        f"data_dir: {tmp_path}/data\npage: false\n"
        "stations:\n"
        "  - name: kitchen\n"
        f"    source: {source}\n"
        "    model: {type: transients}\n"
        "    roast: {begins: sound}\n"
        "sinks:\n"
        "  - {type: console}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-m", "roastwatch", "run", "--settings", tmp_path / "roastwatch.yaml"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def service(tmp_path: Path, *, live: bool) -> subprocess.Popen[bytes]:
    options = f"sample_rate_hz: {RATE_HZ}, live: {str(live).lower()}"
    return run_with(tmp_path, f"{{type: stdin, {options}}}")


def open_roasts(tmp_path: Path) -> int:
    """How many roasts the log holds that go on."""
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "roasts.db")) as log:
        return int(log.execute("SELECT count(*) FROM roasts WHERE open").fetchone()[0])


def test_a_pipe_that_ends_in_mid_roast_ends_the_service_with_an_event(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 300, 3 * RATE_HZ).astype("<i2").tobytes()
    process = service(tmp_path, live=True)
    out, error = process.communicate(noise, timeout=60)
    assert process.returncode == 1  # not 2, which the shipped unit doesn't restart
    assert b"sound lost" in out.lower()
    assert b"has ended" in error
    assert open_roasts(tmp_path) == 1  # the next start goes on with it


def test_the_end_of_a_recording_is_a_normal_one(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 300, 3 * RATE_HZ).astype("<i2").tobytes()
    process = service(tmp_path, live=False)
    out, _ = process.communicate(noise, timeout=60)
    assert process.returncode == 0
    assert b"sound lost" not in out.lower()
    assert open_roasts(tmp_path) == 0


@pytest.mark.parametrize(("wait", "code"), [("", 0), (", wait: false", 2)])
def test_run_waits_for_a_missing_microphone_or_exits_as_set(
    tmp_path: Path, wait: str, code: int
) -> None:
    process = run_with(tmp_path, f"{{type: microphone, device: No such one{wait}}}")
    assert process.stderr is not None
    said = process.stderr.readline()
    if b"PortAudio" in said:
        process.kill()
        process.communicate()
        pytest.skip("PortAudio is not installed")
    assert b"no microphone" in said
    if code == 0:
        process.terminate()  # it still runs, and ends as it should
    process.communicate(timeout=60)
    assert process.returncode == code
