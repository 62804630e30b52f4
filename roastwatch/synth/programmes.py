"""What a radio plays: drums, strings, tunes over bars, and talk. Each maker returns (n,) float32.

Music is periodic over bars, its hits come at divisions of a beat, and something with a pitch below
3 kHz sounds with them. None of that is true of cracks, and a detector may learn it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from roastwatch.synth.impacts import between, blank
from roastwatch.synth.instruments import Instrument, draw_instrument, draw_kit, normal
from roastwatch.synth.shapes import add_at, filtered, rms
from roastwatch.synth.vocal_sounds import speech
from roastwatch.vocabulary import Float32Array

Float64Array = npt.NDArray[np.float64]
Maker = Callable[[np.random.Generator, int, float], Float32Array]

STEPS = 16
"""Of a bar of four beats."""
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 7, 10), (0, 2, 4, 7, 9))
CHORDS = ((0, 3, 4, 0), (0, 5, 3, 4), (0, 4, 5, 3), (0, 0, 3, 4), (0, 6, 5, 4))
"""Degrees of the scale, a bar each."""


@dataclass(frozen=True, slots=True)
class Time:
    """Where steps lie."""

    step_s: float
    swing: float
    """How late every second step comes, in steps."""
    loose_s: float
    """Spread of a player's time; 0 for a machine."""
    offset_s: float
    """When the first bar began, before the sound."""

    def bars(self, length_s: float) -> int:
        """Bars that are needed for a sound of this length."""
        return int((length_s + self.offset_s) / (self.step_s * STEPS)) + 1

    def at(self, rng: np.random.Generator, bar: int, step: int) -> float:
        """Seconds from the start of the sound."""
        late = self.swing * (step % 2) * self.step_s
        loose = rng.normal(0, self.loose_s) if self.loose_s else 0.0
        return float((bar * STEPS + step) * self.step_s + late + loose - self.offset_s)


def draw_time(rng: np.random.Generator) -> Time:
    """70 to 180 beats a minute, begun somewhere within a bar."""
    step_s = 60 / between(rng, 70, 180) / 4
    machine = rng.random() < 0.5
    return Time(
        step_s,
        float(rng.uniform(0.1, 0.35)) if rng.random() < 0.3 else 0.0,
        0.0 if machine else between(rng, 0.002, 0.012),
        float(rng.uniform(0, STEPS * step_s)),
    )


def drums(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A drum kit alone: a pattern that repeats, with fills."""
    return _mastered(rng, rate_hz, _drums(rng, rate_hz, length_s, draw_time(rng)))


def strings(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A guitar, a harp, a piano or a marimba alone."""
    instrument = draw_instrument(rng, rate_hz, str(rng.choice(("plucked", "struck"))))
    return _mastered(rng, rate_hz, _tune(rng, rate_hz, length_s, draw_time(rng), instrument))


def music(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A band: most often drums, a bass, chords and a tune over the same bars."""
    time, root = draw_time(rng), int(rng.integers(-6, 6))
    scale, chords = SCALES[int(rng.integers(len(SCALES)))], CHORDS[int(rng.integers(len(CHORDS)))]
    whole = blank(rate_hz, length_s)
    if rng.random() < 0.8:
        part = _drums(rng, rate_hz, length_s, time)
        whole += part / np.float32(rms(part)) * np.float32(10 ** (rng.uniform(-8, 3) / 20))
    for octave, chance in ((-24, 0.7), (0, 0.6), (12, 0.7)):
        if rng.random() >= chance:
            continue
        instrument = draw_instrument(rng, rate_hz)
        part = _tune(
            rng,
            rate_hz,
            length_s,
            time,
            instrument,
            root + octave,
            scale,
            chords,
            chord=octave == 0,
        )
        whole += part / np.float32(rms(part)) * np.float32(10 ** (rng.uniform(-8, 3) / 20))
    return _mastered(rng, rate_hz, whole)


def talk(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """One or two speakers in turn with pauses; sometimes music beneath them."""
    whole = blank(rate_hz, length_s)
    at, speakers = float(-rng.uniform(0, 2)), int(rng.integers(1, 3))
    seeds = rng.integers(0, 2**31, speakers)
    turn = 0
    while at < length_s:
        phrase_s = between(rng, 1.0, 5.0)
        own = np.random.default_rng([int(seeds[turn % speakers]), turn])
        phrase = speech(own, rate_hz, phrase_s)
        add_at(whole, int(at * rate_hz), phrase / np.float32(rms(phrase)))
        at += phrase_s + between(rng, 0.15, 1.2)
        turn += 1
    if rng.random() < 0.2:
        below = music(rng, rate_hz, length_s)
        whole += below / np.float32(rms(below)) * np.float32(10 ** (rng.uniform(-25, -8) / 20))
    return _mastered(rng, rate_hz, whole)


PROGRAMMES: dict[str, Maker] = {
    "music": music,
    "drums": drums,
    "strings": strings,
    "talk": talk,
}


def _drums(rng: np.random.Generator, rate_hz: int, length_s: float, time: Time) -> Float32Array:
    kit = draw_kit(rng, rate_hz)
    pattern = _pattern(rng)
    loud = {name: float(10 ** (rng.uniform(-14, 0) / 20)) for name in kit}
    accent = rng.uniform(0.5, 1.0, STEPS)
    whole = blank(rate_hz, length_s)
    for bar in range(time.bars(length_s)):
        fill = bar % 4 == 3 and rng.random() < 0.5
        for name, steps in pattern.items():
            chances = steps if not fill else np.maximum(steps, 0.3 * (np.arange(STEPS) > 11))
            for step in np.flatnonzero(rng.random(STEPS) < chances).tolist():
                gain = loud[name] * accent[step] * 10 ** (rng.normal(0, 1.0) / 20)
                add_at(
                    whole,
                    int(time.at(rng, bar, step) * rate_hz),
                    kit[name] * np.float32(gain),
                )
    return whole


def _pattern(rng: np.random.Generator) -> dict[str, Float64Array]:
    """How likely each drum is at each step: 0 or 1 for most, so that bars repeat."""
    steps = np.arange(STEPS)
    every = int(rng.choice((1, 2, 4)))
    hat = (steps % every == 0).astype(float)
    pattern = {
        "kick": (steps % int(rng.choice((4, 8))) == 0).astype(float),
        "snare": (steps % 8 == 4).astype(float),
        str(rng.choice(("closed hat", "closed hat", "shaker"))): hat,
    }
    for name in ("open hat", "clap", "block", "tom", "cymbal"):
        if rng.random() < 0.3:
            count = int(rng.integers(1, 6 if name in ("block", "clap") else 2))
            chosen = np.isin(steps, rng.choice(STEPS, count, replace=False))
            pattern[name] = np.where(chosen, float(rng.choice((1.0, 0.6))), 0.0)
    for name in list(pattern):
        if rng.random() < 0.2 and len(pattern) > 1:
            del pattern[name]  # not every piece has them all
    return pattern


def _tune(
    rng: np.random.Generator,
    rate_hz: int,
    length_s: float,
    time: Time,
    instrument: Instrument,
    root: int = 0,
    scale: tuple[int, ...] = SCALES[0],
    chords: tuple[int, ...] = CHORDS[0],
    *,
    chord: bool = False,
) -> Float32Array:
    """A phrase over four bars that comes again: single notes, or chords."""
    density = between(rng, 0.2, 0.8)
    starts = rng.random((4, STEPS)) < density * np.where(np.arange(STEPS) % 4 == 0, 1.4, 0.7)
    degrees = np.cumsum(rng.integers(-2, 3, (4, STEPS)), axis=1)
    held = between(rng, 0.8, 4) * time.step_s if instrument.kind != "held" else 4 * time.step_s
    lasts = round(max(held, 0.1), 3)
    whole = blank(rate_hz, length_s)
    for bar in range(time.bars(length_s)):
        line = bar % 4
        degree = chords[line]
        for step in np.flatnonzero(starts[line]).tolist():
            if rng.random() < 0.05:
                continue
            wanted = (0, 2, 4) if chord else (int(np.clip(degrees[line, step], -5, 9)),)
            spread_s = between(rng, 0.002, 0.03) if chord else 0.0
            loud = np.float32(10 ** (rng.normal(0, 2.0) / 20))
            for index, add in enumerate(wanted):
                octave, place = divmod(degree + add, len(scale))
                key = 60 + root + 12 * octave + scale[place]
                at_s = time.at(rng, bar, step) + index * spread_s
                add_at(whole, int(at_s * rate_hz), instrument.note(key, lasts) * loud)
    return whole


def _mastered(rng: np.random.Generator, rate_hz: int, sound: Float32Array) -> Float32Array:
    """As it leaves a small loudspeaker: a curve, some compression, peak 1."""
    low, high = between(rng, 60, 400), between(rng, 5000, 16000)
    points = (low / 3, low, 1000, high, min(high * 1.6, 23000))
    sound = filtered(sound, rate_hz, points, (-24, 0, rng.uniform(-3, 3), rng.uniform(-4, 3), -24))
    drive = between(rng, 0.5, 4) / (4 * rms(sound))
    return normal(np.tanh(sound * np.float32(drive)).astype(np.float32))
