"""Buttons on phones become instructions or commands, each answer once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from roastwatch import inbound
from roastwatch.errors import BadInputError
from roastwatch.printing.printable import printable
from roastwatch.sinks.incoming import of_person
from roastwatch.sinks.outbox.dedupe_set import DedupeSet
from roastwatch.sinks.sink import Requests
from roastwatch.vocabulary import (
    Actuator,
    Command,
    InstructionKind,
    Origin,
    Outcome,
)

_INSTRUCTIONS = {
    "CONFIRM": InstructionKind.CONFIRM_CRACK,
    "NOT_A_CRACK": InstructionKind.NOT_A_CRACK,
    "UNDER_WAY": InstructionKind.UNDER_WAY,
    "DROP": InstructionKind.DROP,
    "ACKNOWLEDGE": InstructionKind.ACKNOWLEDGE,
    "PRESENT": InstructionKind.PRESENT,
}


class NotificationActions:
    """Handles answers, and remembers which were given and which alerts were acknowledged."""

    def __init__(self, requests: Requests, stations: Sequence[str], remembered: DedupeSet) -> None:
        self._requests = requests
        self._stations = stations
        self._remembered = remembered

    async def restore(self) -> None:
        """Load what was answered before a restart."""
        await self._remembered.restore()

    def has_seen(self, tag: str) -> bool:
        """Whether somebody acknowledged the alerts of a tag."""
        return f"seen|{tag}" in self._remembered

    async def acknowledge(self, tag: str) -> None:
        """Repeat the alerts of a tag no more."""
        await self._remembered.add(f"seen|{tag}")

    async def take(self, fired: dict[str, Any]) -> str | None:
        """One `mobile_app_notification_action`: the tag it answers, None if it isn't ours."""
        try:
            parts = inbound.text(fired.get("action"), "action", 255).split("|")
        except BadInputError:
            return None
        if len(parts) != 4 or parts[0] != "RW" or parts[2] not in self._stations:
            return None
        _, action, station, tag = parts
        by = printable(str(fired.get("device_id") or "phone"), 80)
        given = f"{action}|{tag}"
        if given in self._remembered:
            return None
        await asyncio.gather(self._remembered.add(given), self.acknowledge(tag))
        if action == "STOP_HEAT":
            await self._stop_heat(station, by)
        elif action in _INSTRUCTIONS:
            self._instruct(station, _INSTRUCTIONS[action], by, tag)
        else:
            return None
        return tag

    async def _stop_heat(self, station: str, by: str) -> None:
        """Command heat 0; if it is not applied, request the emergency stop."""
        result = await self._requests.command(
            Command.new(station, Actuator.HEATER, 0.0, Origin.PERSON)
        )
        if result.outcome is not Outcome.APPLIED:
            self._instruct(station, InstructionKind.EMERGENCY_STOP, by)

    def _instruct(self, station: str, kind: InstructionKind, by: str, tag: str = "") -> None:
        meant = tag if kind is InstructionKind.CONFIRM_CRACK else None
        self._requests.instruct(of_person(station, kind, meant, by=by))
