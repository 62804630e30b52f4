"""Whole processes from outside: start, memory, processor time. Needs /proc (Linux)."""

import fcntl
import os
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import Any

import numpy as np

from roastwatch.bench.machine import peak_mb, resident_mb
from roastwatch.bench.sound import noise_with_pops, write_file
from roastwatch.bench.timing import Figure

PROGRAM = [sys.executable, "-m", "roastwatch"]
_START_LIMIT_S = 60.0

_LOAD = """
import sys, time
began = time.perf_counter()
import roastwatch.app.service
imported = time.perf_counter()
from roastwatch.cli import model_choice
import importlib.util
if importlib.util.find_spec("onnxruntime"):
    import onnxruntime
libraries = time.perf_counter()
model = model_choice.load(*eval(sys.argv[1]))
model.open(32000)
print(imported - began, time.perf_counter() - libraries)
"""


def load(name: str | None, options: tuple[str, ...], target_ms: float | None) -> list[Figure]:
    """Seconds until the program is imported, and until the model is loaded and opened."""
    imports, loads = [], []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", _LOAD, repr((name, options))],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return [Figure("model_load", None, "ms", note=done.stderr.strip()[-200:])]
        imported_s, loaded_s = (float(word) for word in done.stdout.split()[-2:])
        imports.append(imported_s)
        loads.append(loaded_s)
    return [
        Figure("import", min(imports) * 1e3, "ms", note="the service and its libraries, best of 3"),
        Figure("model_load", min(loads) * 1e3, "ms", target=target_ms, note="opened; best of 3"),
    ]


def listening(settings_model: dict[str, Any], rate_hz: int, seconds: float) -> list[Figure]:
    """`roastwatch run` fed with PCM in real time through a pipe, like a microphone.

    Ready: the first sound was taken out of the pipe. Processor time and memory: from a second
    after that on.
    """
    import yaml

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roastwatch.yaml"
        station = {
            "source": {"type": "stdin", "sample_rate_hz": rate_hz},
            "model": settings_model,
        }
        path.write_text(yaml.safe_dump({"data_dir": folder, "stations": [station]}))
        began_s = time.monotonic()
        with subprocess.Popen(
            [*PROGRAM, "run", "--settings", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                return _watch(process, began_s, rate_hz, seconds)
            finally:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=30)


def _watch(
    process: "subprocess.Popen[bytes]", began_s: float, rate_hz: int, seconds: float
) -> list[Figure]:
    assert process.stdin is not None
    pipe = process.stdin.fileno()
    block = round(0.1 * rate_hz)
    raw = (noise_with_pops(10.0, rate_hz) * 32767).astype(np.int16).tobytes()
    os.write(pipe, raw[: 2 * block])
    while _unread(pipe) and process.poll() is None and time.monotonic() - began_s < _START_LIMIT_S:
        time.sleep(0.005)
    if process.poll() is not None:
        return [Figure("run_ready", None, "s", note="the service ended at once")]
    ready_s = time.monotonic() - began_s
    start_s = time.monotonic()
    used_s = steady_s = 0.0
    memory: list[float] = []
    for number in range(1, round(seconds / 0.1)):
        time.sleep(max(0.0, start_s + number * 0.1 - time.monotonic()))
        at = number * 2 * block % (len(raw) - 2 * block)
        os.write(pipe, raw[at : at + 2 * block])
        if number == 10:
            used_s, steady_s = cpu_s(process.pid), time.monotonic()
        if number >= 10:
            memory.append(resident_mb(process.pid) or 0.0)
    percent = 100 * (cpu_s(process.pid) - used_s) / (time.monotonic() - steady_s)
    return [
        Figure("run_ready", ready_s, "s", target=2.0, note="from the start to the first sound"),
        Figure("run_memory", max(memory), "MB", target=120.0, note="resident while listening"),
        Figure("run_cpu", percent, "% of a core", target=5.0, note="while listening"),
    ]


def analyze_memory(model: str | None, options: tuple[str, ...], rate_hz: int) -> list[Figure]:
    """Peak memory of `analyze` on ten minutes and on two hours."""
    peaks: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, seconds in (("10_min", 600.0), ("2_h", 7200.0)):
            path = write_file(Path(folder) / f"{name}.flac", seconds, rate_hz)
            peaks[name] = _peak_mb([str(path)], model, options)
            path.unlink()
    ten, two = peaks["10_min"], peaks["2_h"]
    more = 100 * (two / ten - 1) if ten and two else None
    return [
        Figure("analyze_memory_10_min", ten, "MB", note="peak resident"),
        Figure("analyze_memory_2_h", two, "MB", note="peak resident"),
        Figure("analyze_memory_growth", more, "%", target=10.0, note="2 h over 10 min"),
    ]


def _peak_mb(files: list[str], model: str | None, options: tuple[str, ...]) -> float | None:
    words = [*PROGRAM, "analyze", *files, "--json"]
    words += ["--model", model] if model else []
    words += [word for option in options for word in ("--model-option", option)]
    peak: float | None = None
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        # Not ru_maxrss: a process inherits that of the one that started it.
        while process.poll() is None:
            peak = peak_mb(process.pid) or peak
            time.sleep(0.02)
    return peak if process.returncode == 0 else None


def _unread(pipe: int) -> int:
    """Unread bytes in a pipe."""
    count: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
    return count


def cpu_s(pid: int) -> float:
    """User and system time of a process (all threads), from /proc/<pid>/stat."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks: int = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks
