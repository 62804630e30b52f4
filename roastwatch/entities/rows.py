"""Shorthand for rows."""

from collections.abc import Callable

from roastwatch.entities.entity import Entity, Needs, Platform
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
    category: str | None = None,
    needs: Needs | None = None,
) -> Entity:
    """A button that requests one instruction.

    One that begins or ends a roast, or concerns heat, is in the category `config`: Home Assistant
    leaves these out of areas, groups of devices and voice.
    """
    return Entity(
        key,
        Platform.BUTTON,
        name,
        help_,
        asks=(asks,),
        icon=f"mdi:{icon}",
        offered=offered,
        category=category,
        needs=needs,
    )
