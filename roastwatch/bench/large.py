"""Cost of a large windowed model on this machine, by back end, threads and batch size.

Each combination is a process of its own, so that threads and memory are its own too.
"""

import json
import os
import subprocess
import sys
import time
import warnings
from typing import Any

import numpy as np

from roastwatch.bench.machine import one_core, resident_mb
from roastwatch.bench.sound import noise_with_pops
from roastwatch.bench.timing import Figure, Stage
from roastwatch.detection.large import backends, logmel
from roastwatch.detection.large.checkpoint import WEIGHTS
from roastwatch.detection.large.windowed import Windowed, WindowedOptions
from roastwatch.detection.large.windows import Window, stack
from roastwatch.errors import BadInputError

_WINDOWS = 8
_WINDOW_S = 10.0
_REPEATS = 15
_TWO = 2
"""Threads on which int8 must reach 5 times real time."""
_DTYPES = {
    "torch": ("float32", "bfloat16"),
    "torchscript": ("float32",),
    "onnx": ("float32",),
    "openvino": ("float32", "bfloat16"),
}


def combinations(model: Windowed) -> list[dict[str, Any]]:
    """The available back ends, on few and all threads, with and without batches."""
    cores = os.cpu_count() or 1
    runs: list[tuple[str, str]] = []
    for name in WEIGHTS:
        path = model.checkpoint.weights(name)
        if path is None:
            continue
        if name == "openvino" and path.suffix == ".onnx" and not backends.has_openvino():
            continue  # another way to run the ONNX file
        # The back end chooses the precision of the layers that int8 leaves.
        runs += [(name, dtype) for dtype in _DTYPES[name][: 1 if "int8" in path.name else None]]
    return [
        {"backend": backend, "dtype": dtype, "threads": threads, "batch": batch}
        for backend, dtype in runs
        for threads, batch in dict.fromkeys([(1, 1), (min(_TWO, cores), 1), (cores, 1), (cores, 4)])
    ]


def run(model: Windowed, combination: dict[str, Any]) -> dict[str, Any]:
    """Measure one combination in its own process.

    Raises:
        BadInputError: it failed; the sentence says how.
    """
    options = model.options.model_dump(mode="json") | combination
    options |= {"device": "cpu", "log_windows": None}
    environment = {**os.environ, "OMP_NUM_THREADS": str(combination["threads"])}
    done = subprocess.run(
        [sys.executable, "-m", "roastwatch.bench.large", json.dumps(options)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.returncode:
        last = next(iter(done.stderr.strip().splitlines()[::-1]), "no reason given")
        raise BadInputError(f"{combination['backend']} could not be measured: {last}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def figures(row: dict[str, Any]) -> list[Figure]:
    """The figures of one combination, for comparison with later reports."""
    name = (
        f"{row['backend']}_{row['dtype']}_{row['threads']}t"
        f"{'' if row['batch'] == 1 else '_batch' + str(row['batch'])}"
    )
    return [
        Figure(
            f"window_{name}", row["p50_ms"], "ms",
            note=f"{row['times_real_time']:g}x real time, {row['resident_mb']:.0f} MB, "
            f"loaded in {row['load_s']:g} s",
        )
    ]  # fmt: skip


def int8_pace(rows: list[dict[str, Any]]) -> list[Figure]:
    """The fastest way to run an int8 export on two threads; empty without one."""
    found = [
        (row["times_real_time"], row["backend"])
        for row in rows
        if (row["dtype"], row["threads"], row["batch"]) == ("int8", _TWO, 1)
    ]
    if not found:
        return []
    pace, backend = max(found)
    note = f"{backend}, {_TWO} threads, one stream"
    return [Figure("int8_pace", pace, "x real time", True, 5.0, note=note)]


def front_ends(model: Windowed) -> list[Figure]:
    """The numpy front end compared with transformers' own, on 10 s of sound and one core.

    Empty where the checkpoint's front end is not in numpy, or transformers is not installed.
    """
    spec = model.checkpoint.log_mel
    try:
        from roastwatch.detection.large.backends_torch import WaveFrontEnd
    except ModuleNotFoundError:
        return []
    if spec is None:
        return []
    sound = noise_with_pops(_WINDOW_S, spec.sample_rate_hz)
    ours_s, theirs_s = [], []
    with one_core(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an empty mel band, which AST has always had
        theirs = WaveFrontEnd(model.checkpoint.folder, spec.sample_rate_hz)
        for _ in range(_REPEATS):
            began_s = time.perf_counter()
            wanted = theirs.network_input(sound)
            theirs_s.append(time.perf_counter() - began_s)
            began_s = time.perf_counter()
            found = logmel.inputs(logmel.frames(sound, spec), spec)
            ours_s.append(time.perf_counter() - began_s)
    unit = "x as fast"
    return [
        Figure("front_end", min(ours_s) * 1e3, "ms per 10 s", note="numpy, one core, best of 15"),
        Figure("front_end_transformers", min(theirs_s) * 1e3, "ms per 10 s"),
        Figure("front_end_gain", min(theirs_s) / min(ours_s), unit, True, 3.0),
        Figure("front_end_difference", float(np.abs(found - wanted).max()), "", target=1e-4),
    ]


def measure(options: WindowedOptions) -> dict[str, Any]:
    """Load, then windows one batch at a time, in this process."""
    before_mb = resident_mb() or 0.0
    began_s = time.perf_counter()
    model = Windowed(options)
    loaded_s = time.perf_counter() - began_s
    rate = model.checkpoint.sample_rate_hz
    stream, front = model.window_stream(rate), Stage("front end")
    rng = np.random.default_rng(0)
    windows: list[Window] = []
    while len(windows) < _WINDOWS:
        sound = rng.normal(0, 0.05, round(model.spec.hop_s * rate)).astype(np.float32)
        with front.timed(model.spec.hop_s):
            windows += stream.push(sound)
    inputs = stack(windows)
    model.network.logits(inputs[: options.batch])  # the first is slower
    stage = Stage("windows")
    began_cpu_s = time.process_time()
    for first in range(0, _WINDOWS, options.batch):
        with stage.timed():
            model.network.logits(inputs[first : first + options.batch])
    cpu_ms = (time.process_time() - began_cpu_s) * 1e3 / _WINDOWS
    one_ms = np.array(stage.seconds) * 1e3 / options.batch
    return {
        "backend": model.network.backend.name,
        "dtype": model.network.backend.dtype,
        "threads": options.threads,
        "batch": options.batch,
        "p50_ms": round(float(np.median(one_ms)), 1),
        "max_ms": round(float(one_ms.max()), 1),
        "processor_ms": round(cpu_ms, 1),
        "times_real_time": round(model.spec.hop_s / (float(np.median(one_ms)) / 1e3), 2),
        "front_end_ms_per_s": front.as_json()["ms_per_s_of_sound"],
        "load_s": round(loaded_s, 2),
        "resident_mb": round(resident_mb() or 0.0, 0),
        "model_mb": round((resident_mb() or 0.0) - before_mb, 0),
    }


if __name__ == "__main__":
    print(json.dumps(measure(WindowedOptions.model_validate(json.loads(sys.argv[1])))))  # noqa: T201
