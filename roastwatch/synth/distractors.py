"""Everyday sounds that are not cracks: `draw(rng, rate_hz, length_s)` gives a named one."""

from collections.abc import Callable

import numpy as np

from roastwatch.synth import impacts as blows
from roastwatch.synth import vocal_sounds as voices
from roastwatch.vocabulary import Float32Array

Maker = Callable[[np.random.Generator, int, float], Float32Array]


MAKERS: dict[str, Maker] = {
    "clatter": blows.clatter,
    "clicks": blows.clicks,
    "typing": blows.typing,
    "claps": blows.claps,
    "knocks": blows.knocks,
    "speech": voices.speech,
    "bouncing": blows.bouncing,
    "fire": voices.fire,
    "grains": voices.grains,
    "drops": voices.drops,
    "clock": blows.clock,
    "woodpecker": blows.woodpecker,
    "door": blows.door,
    "calls": voices.calls,
    "breath": voices.breath,
    "faults": voices.faults,
}


def draw(
    rng: np.random.Generator, rate_hz: int, length_s: float, kind: str | None = None
) -> tuple[str, Float32Array]:
    """A fooling sound of so many seconds: its name and samples of peak 1."""
    name = kind or str(rng.choice(list(MAKERS)))
    sound = MAKERS[name](rng, rate_hz, length_s)
    return name, sound / np.float32(np.abs(sound).max() + 1e-9)
