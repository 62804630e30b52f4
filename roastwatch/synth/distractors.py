"""Distractors: everyday sounds that are not cracks. `draw(rng, rate_hz, length_s)` makes one."""

from collections.abc import Callable

import numpy as np

from roastwatch.synth import impacts, vocal_sounds
from roastwatch.vocabulary import Float32Array

Maker = Callable[[np.random.Generator, int, float], Float32Array]


MAKERS: dict[str, Maker] = {
    "clatter": impacts.clatter,
    "clicks": impacts.clicks,
    "typing": impacts.typing,
    "claps": impacts.claps,
    "knocks": impacts.knocks,
    "speech": vocal_sounds.speech,
    "bouncing": impacts.bouncing,
    "fire": vocal_sounds.fire,
    "grains": vocal_sounds.grains,
    "drops": vocal_sounds.drops,
    "clock": impacts.clock,
    "woodpecker": impacts.woodpecker,
    "door": impacts.door,
    "calls": vocal_sounds.calls,
    "breath": vocal_sounds.breath,
    "faults": vocal_sounds.faults,
}


def draw(
    rng: np.random.Generator, rate_hz: int, length_s: float, kind: str | None = None
) -> tuple[str, Float32Array]:
    """A distractor of `length_s`: its name, and samples of peak 1."""
    name = kind or str(rng.choice(list(MAKERS)))
    sound = MAKERS[name](rng, rate_hz, length_s)
    return name, sound / np.float32(np.abs(sound).max() + 1e-9)
