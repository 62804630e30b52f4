"""A roast heard by two microphones: one at the roaster, one beside a radio or a popping pan.

The roaster with its cracks reaches the second one `leak_db` weaker, and what is beside it reaches
it `nearer_db` louder; each arrives 6 ms later at the farther microphone.
"""

from dataclasses import dataclass

import numpy as np

from roastwatch import plugins
from roastwatch.detection.model import CrackModel
from roastwatch.detection.reference.reference import Reference
from roastwatch.settings.model import chosen
from roastwatch.synth import pops
from roastwatch.synth.programmes import PROGRAMMES
from roastwatch.synth.rates import CrackPhase, RoastRates
from roastwatch.synth.roasts import SynthRoast
from roastwatch.synth.shapes import add_at, high_band, rms
from roastwatch.vocabulary import AudioBlock, Float32Array

RATE_HZ = 32_000
LENGTH_S = 100.0
CRACKS_FROM_S = 45.0
_TUNE_S = 25.0
_SETTLED_S = 12.0
_NEAR_S = 0.03


@dataclass(frozen=True, slots=True)
class Scene:
    """Both sounds, shape (n,), and the times of the cracks."""

    main: Float32Array
    reference: Float32Array
    cracks_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Pops from `since_s` on: cracks among them, and others."""

    cracks: int
    others: int


def scene(
    seed: int,
    beside: str = "pan",
    *,
    level_db: float = 5.0,
    nearer_db: float = 6.0,
    leak_db: float = 15.0,
) -> Scene:
    """Make a scene; `beside` is `level_db` over the roaster above 4 kHz at the main microphone.

    It is one of `PROGRAMMES`, or "pan": oil that pops as beans do, which deceives any net.
    """
    curve = RoastRates(LENGTH_S, CrackPhase(CRACKS_FROM_S, 10, 30, 10, 2.0))
    roast = SynthRoast(seed, RATE_HZ, curve=curve, pop_level_db=16, fooling_per_h=0, bed_dbfs=-40)
    roaster = np.concatenate(list(roast.blocks(1.0)))
    rng = np.random.default_rng([seed, 9])
    maker = _pan if beside == "pan" else PROGRAMMES[beside]
    other = np.resize(maker(rng, RATE_HZ, _TUNE_S), len(roaster))
    noise = rms(high_band(roaster[: 20 * RATE_HZ], RATE_HZ))
    other *= np.float32(noise * 10 ** (level_db / 20) / rms(high_band(other, RATE_HZ)))
    late = round(0.006 * RATE_HZ)
    hiss = np.float32(1e-4) * rng.standard_normal(len(roaster), dtype=np.float32)
    there = np.roll(roaster, late) * np.float32(10 ** (-leak_db / 20))
    there += other * np.float32(10 ** (nearer_db / 20)) + hiss
    return Scene(roaster + np.roll(other, late), there, roast.truth.pop_times_s)


def _pan(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A pop every half second on average, at random."""
    sound = np.zeros(round(length_s * rate_hz), np.float32)
    family = pops.draw_family(rng)
    for at_s in rng.uniform(0, length_s - 0.1, round(2 * length_s)):
        add_at(sound, round(at_s * rate_hz), pops.pop(rng, family, rate_hz))
    return sound


def pops_model() -> CrackModel:
    """The shipped net."""
    model: CrackModel = plugins.load("models", "pops")(chosen("models", "pops").options)
    return model


def found(
    heard: Scene, model: CrackModel, reference: Reference | None, *, since_s: float = _SETTLED_S
) -> Found:
    """Pops that the model finds in the main sound, and the reference (already fed) keeps."""
    stream = model.open(RATE_HZ)
    scores = stream.push(heard.main) + stream.finish()
    if reference is not None:
        scores = reference.judge(scores)
    cracks = others = 0
    for score in scores:
        for pop in score.pops:
            at_s = pop.sample / RATE_HZ
            if pop.probability < model.spec.pop_threshold or at_s < since_s:
                continue
            real = min(abs(at_s - crack_s) for crack_s in heard.cracks_s) < _NEAR_S
            cracks, others = cracks + real, others + (not real)
    return Found(cracks, others)


def blocks(heard: Scene, size: int) -> list[AudioBlock]:
    """The scene as blocks of a source with a reference channel."""
    starts = range(0, len(heard.main), size)
    return [
        AudioBlock(at, heard.main[at : at + size], 0.0, reference=heard.reference[at : at + size])
        for at in starts
    ]
