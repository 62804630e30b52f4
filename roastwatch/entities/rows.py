"""Shorthand for rows."""

from collections.abc import Callable

from roastwatch.entities.entity import Entity, Platform
from roastwatch.vocabulary import InstructionKind, Snapshot

SENSOR, BINARY = Platform.SENSOR, Platform.BINARY_SENSOR
MEASURED, DIAGNOSTIC, CONFIG = "measurement", "diagnostic", "config"


def button(
    key: str,
    name: tuple[str, str],
    help_: tuple[str, str],
    asks: InstructionKind,
    icon: str,
    offered: Callable[[Snapshot], bool | None] = lambda _snapshot: True,
) -> Entity:
    """A button that requests one instruction."""
    return Entity(
        key, Platform.BUTTON, name, help_, asks=(asks,), icon=f"mdi:{icon}", offered=offered
    )
