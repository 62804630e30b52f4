"""Why a command was refused, as a number for Artisan, whose channels hold numbers only.

Artisan's alarms turn the number back into a sentence: the settings files in integrations/artisan
have one for each. A refusal is shown for ten seconds, so that every sampling interval sees it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from roastwatch.vocabulary import CommandResult, Outcome, Snapshot

SHOWN_S = 10.0


class Refused(IntEnum):
    """The kinds of refusals. The numbers are in people's settings of Artisan and never change."""

    OTHER = 1
    NOT_ARMED = 2
    NOBODY_PRESENT = 3
    EMERGENCY = 4
    CONNECTION = 5
    TEMPERATURE = 6
    DRUM_OR_FAN = 7
    DOOR = 8
    NOT_OFFERED = 9
    BUSY = 10
    LOG = 11


SENTENCES: Mapping[Refused, str] = {
    Refused.OTHER: "Refused: roastwatch drives no roaster here, or its log says why.",
    Refused.NOT_ARMED: "Refused: the roaster is not armed, or its time is over. Press ARM.",
    Refused.NOBODY_PRESENT: "Refused: confirm that somebody is with the roaster. Press HERE.",
    Refused.EMERGENCY: "Refused: the roaster is in emergency stop. Look at it, then press ARM.",
    Refused.CONNECTION: "Refused: the roaster is not connected.",
    Refused.TEMPERATURE: "Refused: a temperature is too high, rises too fast or is not plausible.",
    Refused.DRUM_OR_FAN: "Refused: heat needs the drum and enough fan.",
    Refused.DOOR: "Refused: the drop door must not move now.",
    Refused.NOT_OFFERED: "Refused: the roaster has no such control, or not that value.",
    Refused.BUSY: "Refused: another command is in progress. Repeat it.",
    Refused.LOG: "Refused: the roast log can't be written, so heat is not raised.",
}

KIND_OF: Mapping[str, Refused] = {
    "armed": Refused.NOT_ARMED,
    "maximum_time": Refused.NOT_ARMED,
    "attendance": Refused.NOBODY_PRESENT,
    "people_raise_heat": Refused.NOBODY_PRESENT,
    "people_drop": Refused.NOBODY_PRESENT,
    "emergency_stop": Refused.EMERGENCY,
    "link_up": Refused.CONNECTION,
    "service_alive": Refused.CONNECTION,
    "not_restarted": Refused.CONNECTION,
    "stale_reading": Refused.CONNECTION,
    "panel": Refused.CONNECTION,
    "bean_temperature": Refused.TEMPERATURE,
    "environment_temperature": Refused.TEMPERATURE,
    "over_range": Refused.TEMPERATURE,
    "rise_without_heat": Refused.TEMPERATURE,
    "heater_contradicts": Refused.TEMPERATURE,
    "heat_missing": Refused.TEMPERATURE,
    "implausible_reading": Refused.TEMPERATURE,
    "rate_of_rise": Refused.TEMPERATURE,
    "heat_without_rise": Refused.TEMPERATURE,
    "frozen_reading": Refused.TEMPERATURE,
    "probe_follows": Refused.TEMPERATURE,
    "drum_turns": Refused.DRUM_OR_FAN,
    "minimum_fan": Refused.DRUM_OR_FAN,
    "cooling_for_safety": Refused.DRUM_OR_FAN,
    "door_shut": Refused.DOOR,
    "door_and_fire": Refused.DOOR,
    "eject_before_fire": Refused.DOOR,
    "zero_echoed": Refused.NOT_OFFERED,
    "independent_cutoff": Refused.NOT_OFFERED,
    "heater_ceiling": Refused.NOT_OFFERED,
    "capabilities": Refused.NOT_OFFERED,
    "range": Refused.NOT_OFFERED,
    "busy": Refused.BUSY,
    "log_works": Refused.LOG,
}
"""What refused a command → kind; a test holds it complete."""


def code(result: CommandResult) -> int:
    """The number of a refusal; 0 if the command was carried out, perhaps with a limited value."""
    if result.outcome in (Outcome.APPLIED, Outcome.LIMITED):
        return 0
    return int(KIND_OF.get(result.interlock or "", Refused.OTHER))


@dataclass(slots=True)
class Refusals:
    """The latest refusal of each station, while it is shown."""

    now_s: Callable[[], float] = time.monotonic
    _shown: dict[str, tuple[int, float]] = field(default_factory=dict)
    _reported: dict[str, str] = field(default_factory=dict)

    def note(self, station: str, refused: int) -> None:
        """Show a refusal; one without a known kind does not hide one that has it."""
        if refused and (refused != Refused.OTHER or not self.code(station)):
            self._shown[station] = (refused, self.now_s() + SHOWN_S)

    def follow(self, shown: Snapshot) -> None:
        """Note what the roaster refused by itself, such as arming; once for each sentence."""
        said = shown.roaster.last_refusal if shown.roaster is not None else ""
        if said and said != self._reported.get(shown.station, said):
            self.note(shown.station, Refused.OTHER)
        self._reported[shown.station] = said

    def code(self, station: str) -> int:
        """The number that is shown now; 0 if there is none."""
        refused, until_s = self._shown.get(station, (0, 0.0))
        return refused if self.now_s() < until_s else 0
