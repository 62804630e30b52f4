"""Distinguishes a process that hangs from one that only gets no processor time."""

import os
from dataclasses import dataclass
from pathlib import Path

SUSPECT_S = 0.5
"""A guardian sends four times a second; after this silence its process is examined."""
HUNG_S = 1.0
"""After this silence it counts as hung, so that heat is 0 within two seconds."""
STARVED_S = 2.5
"""How long it may wait for a processor or a disk (a small computer under load)."""
STOPPED_S = 0.2
"""How long it may be stopped (SIGSTOP): a Hottop ejects after a second."""
BUSY = 0.5
"""If it uses more than this share of a processor and sends nothing, it is in a loop."""


@dataclass(frozen=True, slots=True)
class _Look:
    state: str
    processor_s: float
    began: str
    """When it began, in the kernel's unit: this differs if its number is used again."""


class Hang:
    """Watches one process while it is silent."""

    def __init__(self, pid: int | None, proc: Path = Path("/proc")) -> None:
        self._stat = proc / str(pid) / "stat"
        self._suspected: tuple[float, _Look] | None = None
        self._stopped_since_s: float | None = None
        self._began = _began(self._stat)

    @property
    def is_alive(self) -> bool:
        """Whether the same process still runs (or is stopped)."""
        look = _look(self._stat)
        return look is not None and look.state not in "ZX" and look.began == self._began

    def is_hung(self, silent_s: float) -> bool:
        """Whether it hangs after this much silence. Call it several times a second."""
        look = _look(self._stat)
        if silent_s < SUSPECT_S:
            self._suspected = None
            return self._stays_stopped(look, silent_s)
        if look is None or silent_s >= STARVED_S:
            return silent_s >= HUNG_S
        if look.state in "TtZX":
            return True
        if self._suspected is None:
            self._suspected = silent_s, look
        if silent_s < HUNG_S:
            return False
        since_s, before = self._suspected
        passed_s = max(silent_s - since_s, 0.01)
        works = (look.processor_s - before.processor_s) / passed_s
        return look.state not in "RD" or works > BUSY

    def _stays_stopped(self, look: _Look | None, silent_s: float) -> bool:
        since_s = self._stopped_since_s
        if look is None or look.state not in "Tt":
            self._stopped_since_s = None
        elif since_s is None or silent_s < since_s:
            self._stopped_since_s = silent_s
        else:
            return silent_s - since_s >= STOPPED_S - 0.001
        return False


def is_stopped(pid: int) -> bool:
    """Whether a process was stopped (SIGSTOP, a debugger) and not continued."""
    look = _look(Path("/proc") / str(pid) / "stat")
    return look is not None and look.state in "Tt"


def _began(stat: Path) -> str | None:
    look = _look(stat)
    return None if look is None else look.began


def _look(stat: Path) -> _Look | None:
    """State and processor time of a process, where the system shows them."""
    try:
        words = stat.read_text().rpartition(")")[2].split()
        ticks = int(words[11]) + int(words[12])
        return _Look(words[0], ticks / os.sysconf("SC_CLK_TCK"), words[19])
    except (OSError, ValueError, IndexError):
        return None
