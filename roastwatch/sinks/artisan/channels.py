"""What Artisan reads: ten channels of numbers, the same over its WebSocket and over its MQTT.

Artisan converts each value with `float` and loses the whole reading if one of them is null, so an
unknown value is left out; Artisan then shows −1, its own sign for no reading.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from roastwatch.vocabulary import Level, Phase, Reading, RoastEvent, Snapshot

_LEVELS: Mapping[Level, float] = {Level.POSSIBLE: 1, Level.FIRST_CRACK: 2, Level.CERTAIN: 3}


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of Artisan."""

    node: str
    """Its name in a message."""
    label: str
    """Its name on Artisan's screen; `{3}` is Artisan's name of its slider 4, and so on."""
    value_of: Callable[[Snapshot], float | None]
    temperature: bool = False
    """Whether the values are in °C; Artisan converts them to its own unit."""


def _reading(value_of: Callable[[Reading], float | None]) -> Callable[[Snapshot], float | None]:
    return lambda shown: None if shown.reading is None else value_of(shown.reading)


def _crack(shown: Snapshot) -> RoastEvent | None:
    crack = shown.first_crack
    return None if crack is None or crack.revoked else crack


def level(shown: Snapshot) -> float:
    """First crack as a number: 0 none, 1 possible, 2 first crack, 3 certain, 4 it has ended."""
    crack = _crack(shown)
    if crack is None:
        return 0.0
    return 4.0 if shown.phase is Phase.DEVELOPMENT else _LEVELS[crack.level or Level.CERTAIN]


def _since_onset_s(shown: Snapshot) -> float | None:
    crack = _crack(shown)
    if crack is None or crack.by_temperature:
        return None
    return max(0.0, (shown.at - crack.happened_at).total_seconds())


CHANNELS = (
    Channel("BT", "BT", _reading(lambda r: r.bean_temp_c), temperature=True),
    Channel("ET", "ET", _reading(lambda r: r.environment_temp_c), temperature=True),
    Channel("heater", "{3}", _reading(lambda r: r.heater_percent)),
    Channel("fan", "{0}", _reading(lambda r: r.fan_percent)),
    Channel("drum", "{1}", _reading(lambda r: r.drum_percent)),
    Channel("popsPerMinute", "Pops/min", lambda s: s.pops_per_minute),
    Channel("decision", "Decision %", lambda s: 100.0 * min(1.0, max(0.0, s.decision))),
    Channel("firstCrack", "First crack", level),
    Channel("sinceFirstCrack", "Since FC s", _since_onset_s),
    Channel("refused", "Refused", lambda _: None),
)
"""In Artisan's order: 1 is BT, 2 is ET, 3 and 4 are the first extra device, and so on."""
REFUSED = "refused"
"""The channel that is not of a snapshot: the code of a refusal (see refusals.py), else 0."""


def row(shown: Snapshot, refused: int = 0) -> dict[str, float]:
    """The channels that have a value; `refused` is the code of a refusal, or 0.

    Returns:
        Node → value. Temperatures are in °C, settings in percent, times in seconds.
    """
    values = {channel.node: channel.value_of(shown) for channel in CHANNELS}
    known = {node: round(value, 3) for node, value in values.items() if value is not None}
    return known | {REFUSED: float(refused)}
