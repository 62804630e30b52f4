"""Single notes and drum hits, (n,) float32 of peak 1: what a radio plays that is like a crack.

A kit or an instrument is drawn once and keeps its sound, as in a piece of music. Its hits are
alike, come with a pitch or a decay that cracks do not have, and repeat in time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from roastwatch.synth.impacts import between, struck
from roastwatch.synth.shapes import add_at, filtered, shaped_noise
from roastwatch.vocabulary import Float32Array

DRUMS = ("kick", "snare", "closed hat", "open hat", "clap", "block", "tom", "shaker", "cymbal")


def normal(sound: Float32Array) -> Float32Array:
    """Peak 1."""
    return np.asarray(sound / (np.abs(sound).max() + 1e-9), np.float32)


def draw_kit(rng: np.random.Generator, rate_hz: int) -> dict[str, Float32Array]:
    """One hit of each of `DRUMS`: sampled, electronic or from a beat box, by chance."""
    makers: dict[str, Callable[[np.random.Generator, int], Float32Array]] = {
        "kick": _kick,
        "snare": _snare,
        "closed hat": partial(_metal, decay_s=(0.012, 0.06)),
        "open hat": partial(_metal, decay_s=(0.1, 0.4)),
        "clap": _clap,
        "block": _block,
        "tom": partial(_kick, low_hz=(80, 220)),
        "shaker": _shaker,
        "cymbal": partial(_metal, decay_s=(0.3, 0.9)),
    }
    return {name: normal(makers[name](rng, rate_hz)) for name in DRUMS}


def _time(rate_hz: int, length_s: float) -> Float32Array:
    return np.arange(int(length_s * rate_hz), dtype=np.float32) / np.float32(rate_hz)


def _kick(
    rng: np.random.Generator, rate_hz: int, low_hz: tuple[float, float] = (40, 70)
) -> Float32Array:
    """A skin whose pitch falls, with the click of the beater."""
    t = _time(rate_hz, 0.4)
    low, drop = between(rng, *low_hz), between(rng, 1.5, 6)
    hz = low * (1 + drop * np.exp(-t / between(rng, 0.008, 0.04)))
    wave = np.sin(2 * np.pi * np.cumsum(hz) / rate_hz) * np.exp(-t / between(rng, 0.05, 0.15))
    skin: Float32Array = wave.astype(np.float32)
    n = int(0.01 * rate_hz)
    click = rng.standard_normal(n, dtype=np.float32)
    click *= np.exp(-np.arange(n) / (between(rng, 0.0005, 0.002) * rate_hz))
    add_at(skin, 0, (click * rng.uniform(0, 0.3)).astype(np.float32))
    return skin


def _snare(rng: np.random.Generator, rate_hz: int) -> Float32Array:
    """Two modes of the skin under the noise of the wires; a rim shot at times."""
    t = _time(rate_hz, 0.35)
    low = between(rng, 150, 280)
    skin = sum(
        np.sin(2 * np.pi * low * ratio * t) * np.exp(-t / between(rng, 0.02, 0.09))
        for ratio in (1.0, between(rng, 1.5, 1.9))
    )
    centre = between(rng, 2500, 7000)
    points = (centre / 8, centre / 2, centre, min(centre * 2.5, 16000))
    wires = shaped_noise(rng, len(t), rate_hz, points, (-24, -6, 0, -8))
    wires *= np.exp(-t / between(rng, 0.03, 0.13)).astype(np.float32)
    sound = normal(np.asarray(skin, np.float32)) * np.float32(rng.uniform(0.2, 0.8))
    sound = sound + normal(wires) * np.float32(rng.uniform(0.4, 1.0))
    if rng.random() < 0.25:
        add_at(sound, 0, struck(rng, rate_hz, 800, 6000, (0.002, 0.02), 1.0)[: len(sound)])
    return sound


def _metal(rng: np.random.Generator, rate_hz: int, decay_s: tuple[float, float]) -> Float32Array:
    """A hi-hat or cymbal: square waves at odd ratios (electronic), or dense noise, above 5 kHz."""
    decay = between(rng, *decay_s)
    t = _time(rate_hz, min(decay * 6, 3.0))
    if rng.random() < 0.5:
        base = between(rng, 250, 600)
        ratios = np.array((1, 1.342, 1.2312, 1.6532, 1.9523, 2.1523)) * rng.uniform(0.97, 1.03, 6)
        waves = np.sign(np.sin(2 * np.pi * base * ratios[:, None] * t)).sum(0).astype(np.float32)
        sound = waves + rng.standard_normal(len(t), dtype=np.float32) * np.float32(
            rng.uniform(0, 2)
        )
    else:
        sound = rng.standard_normal(len(t), dtype=np.float32)
    edge = between(rng, 4000, 9000)
    points = (edge / 4, edge / 1.5, edge, min(edge * 2, 18000))
    sound = filtered(sound, rate_hz, points, (-40, -14, 0, rng.uniform(-8, 3)))
    fade = np.minimum(1, 4 * (1 - np.arange(len(t)) / len(t)))
    return np.asarray(sound * np.exp(-t / decay) * fade, np.float32)


def _clap(rng: np.random.Generator, rate_hz: int) -> Float32Array:
    """Several hands, some 10 ms apart, then the room."""
    n = int(0.25 * rate_hz)
    centre = between(rng, 900, 2500)
    points = (centre / 4, centre, centre * 3, min(centre * 8, 16000))
    noise = shaped_noise(rng, n, rate_hz, points, (-20, 0, -6, -16))
    t = np.arange(n) / rate_hz
    shape = np.zeros(n)
    gap = rng.uniform(0.007, 0.014)
    for index in range(int(rng.integers(2, 5))):
        since = t - index * gap
        shape = np.maximum(shape, (since >= 0) * np.exp(-np.maximum(since, 0) / 0.004))
    since = t - index * gap
    tail = 0.6 * np.exp(-np.maximum(since, 0) / between(rng, 0.02, 0.07))
    shape = np.maximum(shape, (since >= 0) * tail)
    return np.asarray(noise * shape, np.float32)


def _block(rng: np.random.Generator, rate_hz: int) -> Float32Array:
    """A wood block, a rim, claves, a cowbell: a few short modes and hardly any noise."""
    low = between(rng, 600, 2600)
    ring = (between(rng, 0.004, 0.02), between(rng, 0.02, 0.06))
    return struck(rng, rate_hz, low, low * 4, ring, float(rng.uniform(0, 0.6)), 4)


def _shaker(rng: np.random.Generator, rate_hz: int) -> Float32Array:
    """Grains that swell and stop within a tenth of a second."""
    n = int(between(rng, 0.04, 0.12) * rate_hz)
    centre = between(rng, 4500, 9000)
    points = (centre / 3, centre, min(centre * 2, 18000))
    return shaped_noise(rng, n, rate_hz, points, (-24, 0, -6)) * np.hanning(n).astype(np.float32)


@dataclass(slots=True)
class Instrument:
    """Something with a pitch; notes are kept, since a tune comes back to them."""

    kind: str
    """plucked, struck or held."""
    rate_hz: int
    ratios: Float32Array
    """Of the partials to the pitch."""
    levels: Float32Array
    decay_s: float
    """Of the lowest partial, to 1 / e."""
    damping: float
    """How much sooner high partials die away: exponent over their ratio."""
    attack_s: float
    contact: float
    """The click of the pick or hammer, beside the peak of the note."""
    contact_s: float
    seed: int
    kept: dict[tuple[int, int], Float32Array]

    def note(self, key: int, length_s: float) -> Float32Array:
        """A note of the piano key `key` (69 is 440 Hz), held for `length_s`."""
        n = int((length_s + 0.08) * self.rate_hz)
        if (key, n) in self.kept:
            return self.kept[key, n]
        rng = np.random.default_rng([self.seed, key])
        t = np.arange(n, dtype=np.float32) / np.float32(self.rate_hz)
        hz = 440 * 2 ** ((key - 69) / 12) * self.ratios
        hz = hz[hz < 0.46 * self.rate_hz]
        whole = np.zeros(n, np.float32)
        for index, partial_hz in enumerate(hz.tolist()):
            wave = np.sin(np.float32(2 * np.pi * partial_hz) * t + np.float32(rng.uniform(0, 6.28)))
            if self.kind != "held":
                decay = self.decay_s * float(self.ratios[index]) ** -self.damping
                wave *= np.exp(-t / np.float32(max(decay, 0.004)))
            whole += wave * self.levels[index]
        whole *= np.minimum(t / np.float32(self.attack_s), 1)
        if self.contact:
            click = rng.standard_normal(int(0.02 * self.rate_hz), dtype=np.float32)
            click *= np.exp(-np.arange(len(click)) / (self.contact_s * self.rate_hz))
            click *= np.float32(self.contact * np.abs(whole).max())
            add_at(whole, 0, click.astype(np.float32))
        release = np.minimum((n - np.arange(n)) / (0.06 * self.rate_hz), 1)
        self.kept[key, n] = normal((whole * release).astype(np.float32))
        return self.kept[key, n]


def draw_instrument(rng: np.random.Generator, rate_hz: int, kind: str | None = None) -> Instrument:
    """A guitar or harp (plucked), a piano or marimba (struck), an organ or strings (held)."""
    kind = kind or str(rng.choice(("plucked", "struck", "held")))
    count = int(rng.integers(6, 20))
    index = np.arange(1, count + 1)
    stiff = between(rng, 1e-5, 8e-4) if kind != "held" else 0.0
    ratios = index * np.sqrt(1 + stiff * index**2)
    levels = index ** -rng.uniform(0.6, 2.0)
    if kind == "plucked":
        levels = levels * np.abs(np.sin(np.pi * index * rng.uniform(0.06, 0.4)))
    elif kind == "struck" and rng.random() < 0.4:  # bars and bells
        ratios = np.cumsum(rng.uniform(0.6, 2.8, count))
        ratios = ratios / ratios[0]
    quick = kind == "held"
    return Instrument(
        kind=kind,
        rate_hz=rate_hz,
        ratios=ratios.astype(np.float32),
        levels=levels.astype(np.float32),
        decay_s=between(rng, 0.08, 1.5),
        damping=float(rng.uniform(0.3, 1.2)),
        attack_s=between(rng, 0.01, 0.12) if quick else between(rng, 0.0003, 0.004),
        contact=0.0 if quick else float(rng.uniform(0, 0.7)),
        contact_s=between(rng, 0.0003, 0.003),
        seed=int(rng.integers(2**31)),
        kept={},
    )
