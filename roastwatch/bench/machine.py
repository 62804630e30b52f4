"""The machine on which the figures were measured."""

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LIBRARIES = ("numpy", "onnxruntime", "soundfile", "soxr", "torch", "transformers", "openvino")


def describe() -> dict[str, Any]:
    """Processor, memory, system, versions and load."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": _processor(),
        "cores": len(cores()),
        "memory_mb": _memory_mb(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
        "libraries": {name: version for name in _LIBRARIES if (version := _version(name))},
        "load_before": None if load is None else round(load, 2),
    }


def cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def one_core() -> Iterator[bool]:
    """Bind to one core, including library threads; False if the system can't."""
    if not hasattr(os, "sched_setaffinity"):
        yield False
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield True
    finally:
        os.sched_setaffinity(0, before)


def resident_mb(pid: int | None = None) -> float | None:
    """Resident memory of a process (this one) now, in MB; None without /proc."""
    return _status(pid, "VmRSS")


def peak_mb(pid: int | None = None) -> float | None:
    """Most resident memory that a process (this one) has had, in MB; None without /proc."""
    return _status(pid, "VmHWM")


def _status(pid: int | None, key: str) -> float | None:
    try:
        text = Path(f"/proc/{pid or 'self'}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    return None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model")):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (AttributeError, ValueError, OSError):
        return None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
