"""The three states that decide whether a machine may heat.

Heat needs `LinkState.UP`, `LeaseState.HELD` and `ArmingState.ARMED` at the same moment. Leaving any
of them ends arming and sets heat to 0 until a person arms again.
"""

from enum import StrEnum


class LinkState(StrEnum):
    """The wire between the guardian and its machine."""

    NEVER = "never"
    """It has not been open since the guardian began."""
    UP = "up"
    """It is open, and heat 0 was written when it opened."""
    SILENT = "silent"
    """It is open and written to, but the machine sends nothing valid."""
    LOST = "lost"
    """It was open, and is closed: what the machine does is unknown."""

    @property
    def is_open(self) -> bool:
        """Whether the machine gets what is written."""
        return self in (LinkState.UP, LinkState.SILENT)


class LeaseState(StrEnum):
    """The service's claim to the machine, which it renews several times a second."""

    NEVER = "never"
    """No service has held it since the guardian began."""
    HELD = "held"
    """It was renewed within the last half second."""
    ENDED = "ended"
    """The service fell silent or left."""


class ArmingState(StrEnum):
    """Whether a person allows heat."""

    DISARMED = "disarmed"
    ARMED = "armed"
    """For a limited time, which a lost lease or link, a trip or a stop ends early."""
    STOPPED = "stopped"
    """An emergency stop holds; only arming ends it."""
