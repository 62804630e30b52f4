"""False alarms: everyday sounds in seeded orders, alone and mixed into roasters' noise."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.evaluation.manifest import ManifestRecording
from roastwatch.evaluation.recordings import FIRE, Played, load, play
from roastwatch.evaluation.statistics import RULES, Rate, alarms
from roastwatch.synth.backgrounds import KINDS
from roastwatch.synth.rates import RoastRates
from roastwatch.synth.roasts import SynthRoast
from roastwatch.vocabulary import Float32Array

RATE_HZ = 32_000
REARM_S = 60.0
"""Seconds without a decision after an alarm, as if a person had answered it."""
SNR_DB = (-10.0, 15.0)
"""Level of a sound over the roaster's noise, drawn uniformly for each sound."""
PAUSE_S = 2.0
"""Mean pause between mixed sounds in seconds: far denser than in a kitchen."""
BEDS = KINDS
BED_S = 120.0
_FIRST_BED_SEED = 770_000


@dataclass(frozen=True, slots=True)
class Sound:
    """One everyday sound at `RATE_HZ`."""

    kind: str
    samples: Float32Array


def load_sounds(recordings: Sequence[ManifestRecording]) -> list[Sound]:
    """Load negatives at one rate."""
    return [Sound(r.label, load(r.path, RATE_HZ)) for r in recordings]


def false_alarms(
    model: CrackModel,
    sounds: Sequence[Sound],
    orders: int,
    onset: OnsetOptions | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Alarms an hour over the sounds: bare, fire alone, and mixed into noise."""
    fire = [sound for sound in sounds if sound.kind in FIRE]
    others = [sound for sound in sounds if sound.kind not in FIRE]
    beds = [synthesised_bed(seed) for seed in range(min(orders, len(BEDS)) if others else 0)]
    return {
        "orders": orders,
        "sounds": len(others),
        "bare": count_alarms(model, others, orders, onset, progress, name="bare"),
        "fire, bare": count_alarms(model, fire, orders, onset, progress, name="fire, bare"),
        "mixed": count_alarms(model, others, orders, onset, progress, name="mixed", beds=beds),
    }


def count_alarms(
    model: CrackModel,
    sounds: Sequence[Sound],
    orders: int,
    onset: OnsetOptions | None = None,
    progress: Callable[[str], None] = lambda _: None,
    *,
    name: str = "bare",
    beds: Sequence[Float32Array] = (),
) -> dict[str, Any]:
    """Alarms an hour over the sounds in seeded orders, armed throughout, re-armed after 60 s.

    With `beds` (at `RATE_HZ`, repeatable) the sounds are mixed into them, a bed for each order.
    """
    hours, count, pops, blamed = 0.0, 0, 0, Counter[str]()
    baselines: Counter[str] = Counter()
    for seed in range(orders if sounds else 0):
        progress(f"{name}, order {seed + 1} of {orders}")
        rng = np.random.default_rng([seed, 11 if beds else 10])
        placed: list[tuple[float, str]] = []
        stream = _bare(sounds, rng, placed)
        if beds:
            stream = _mixed(sounds, rng, placed, beds[seed % len(beds)])
        played = play(model, RATE_HZ, stream, onset=onset, rearm_after_s=REARM_S)
        hours += played.duration_s / 3600
        count += len(played.reported)
        blamed.update(_kind_at(placed, decided) for decided, _ in played.reported)
        sure = _sure(model, played)
        pops += len(sure)
        baselines.update({rule: alarms(rule, sure) for rule in RULES})
    return {
        **Rate(count, hours).as_json(),
        "pops_per_min": round(pops / hours / 60, 3) if hours else None,
        "by_kind": dict(blamed.most_common()),
        "baselines": {rule: Rate(baselines[rule], hours).as_json() for rule in RULES},
    }


def _sure(model: CrackModel, played: Played) -> list[float]:
    return sorted(at for at, p in played.pops if p >= model.spec.pop_threshold)


def _bare(
    sounds: Sequence[Sound], rng: np.random.Generator, placed: list[tuple[float, str]]
) -> Iterator[Float32Array]:
    at = 0
    for index in rng.permutation(len(sounds)):
        placed.append((at / RATE_HZ, sounds[index].kind))
        at += len(sounds[index].samples)
        yield sounds[index].samples


def _mixed(
    sounds: Sequence[Sound],
    rng: np.random.Generator,
    placed: list[tuple[float, str]],
    bed: Float32Array,
) -> Iterator[Float32Array]:
    """Each sound over the bed at a drawn level, with pauses; the bed repeats."""
    loudness = float(np.sqrt(np.mean(bed**2)))
    at = 0
    for index in rng.permutation(len(sounds)):
        sound = sounds[index].samples
        pause = np.zeros(round(rng.exponential(PAUSE_S) * RATE_HZ), np.float32)
        own = float(np.sqrt(np.mean(sound**2))) + 1e-9
        gain = loudness / own * 10 ** (rng.uniform(*SNR_DB) / 20)
        placed.append(((at + len(pause)) / RATE_HZ, sounds[index].kind))
        whole = np.concatenate([pause, sound * np.float32(gain)])
        noise = np.take(bed, np.arange(at, at + len(whole)), mode="wrap")
        at += len(whole)
        yield np.clip(whole + noise, -1, 1)


def synthesised_bed(index: int, rate_hz: int = RATE_HZ) -> Float32Array:
    """Two minutes of a roaster without cracks, repeatable without a click."""
    roast = SynthRoast(
        _FIRST_BED_SEED + index,
        rate_hz,
        kind=BEDS[index % len(BEDS)],
        curve=RoastRates(BED_S + 1.0, None),
        fooling_per_h=0.0,
    )
    return join_ends(np.concatenate(list(roast.blocks(5.0)))[3 * rate_hz :], rate_hz)


def join_ends(samples: Float32Array, rate_hz: int) -> Float32Array:
    """A sound that can be repeated: its end fades into its beginning over 0.1 s."""
    over = min(rate_hz // 10, len(samples) // 2)
    ramp = np.linspace(0, 1, over, dtype=np.float32)
    joined = samples[over:].copy()
    joined[len(joined) - over :] *= 1 - ramp
    joined[len(joined) - over :] += samples[:over] * ramp
    return joined


def _kind_at(placed: Sequence[tuple[float, str]], at_s: float) -> str:
    """The kind of the last sound that began before an alarm."""
    kinds = [kind for begins_s, kind in placed if begins_s <= at_s]
    return kinds[-1] if kinds else "none"
