"""Durations of one stage and their statistics."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(slots=True)
class Stage:
    """The wall-clock durations of one stage's steps."""

    name: str
    seconds: list[float] = field(default_factory=list)
    sound_s: float = 0.0
    """Seconds of sound processed by the steps."""

    @contextmanager
    def timed(self, sound_s: float = 0.0) -> Iterator[None]:
        """Time one step."""
        began_s = time.perf_counter()
        yield
        self.seconds.append(time.perf_counter() - began_s)
        self.sound_s += sound_s

    def as_json(self) -> dict[str, Any]:
        """Milliseconds: mean, percentiles, the longest, jitter (standard deviation); None: none."""
        if not self.seconds:
            return {"name": self.name, "steps": 0}
        ms = np.array(self.seconds) * 1e3
        p50, p95, p99 = (float(value) for value in np.percentile(ms, [50, 95, 99]))
        return {
            "name": self.name,
            "steps": len(ms),
            "mean_ms": round(float(ms.mean()), 4),
            "p50_ms": round(p50, 4),
            "p95_ms": round(p95, 4),
            "p99_ms": round(p99, 4),
            "max_ms": round(float(ms.max()), 4),
            "jitter_ms": round(float(ms.std()), 4),
            "ms_per_s_of_sound": (
                round(float(ms.sum()) / self.sound_s, 4) if self.sound_s else None
            ),
        }


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that later reports can be compared with."""

    name: str
    value: float | None
    unit: str
    higher_is_better: bool = False
    target: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target or value."""
        if self.target is None or self.value is None:
            return None
        return self.value >= self.target if self.higher_is_better else self.value <= self.target

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "value": None if self.value is None else round(self.value, 4),
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "target": self.target,
            "met": self.met,
            "note": self.note,
        }
