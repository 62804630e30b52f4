"""stub"""

from enum import StrEnum


class LearnState(StrEnum):
    """What learning does."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    """A roast is in progress: it goes on afterwards."""
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
