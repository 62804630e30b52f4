"""Roaster beds: the sound of a roaster without cracks.

A bed is drawn once (`draw_bed`) and rendered in pieces (`render`). Tones and the rotation of the
drum follow absolute time; noise is drawn anew for each piece.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from roastwatch.synth.shapes import add_at, convolved, gain_curve, ringing, rms, shaped_noise
from roastwatch.vocabulary import Float32Array

BedKind = Literal["drum", "fluid", "popper", "pan"]
Float64Array: TypeAlias = npt.NDArray[np.float64]
KINDS: tuple[BedKind, ...] = ("drum", "fluid", "popper", "pan")


@dataclass(frozen=True, slots=True)
class RoasterNoise:
    """One machine's noise. Amplitudes are relative to its steady noise of RMS 1."""

    kind: BedKind
    hz: tuple[float, ...]
    db: tuple[float, ...]
    """Spectral density of the steady noise (fan, air, burner)."""
    tones: tuple[tuple[float, float, float], ...]
    """Hz, amplitude, phase of motor and fan tones."""
    turn_hz: float
    """Turns of the drum, or circles of the beans, per second."""
    sway: float
    """How much the steady noise swells with each turn, 0 to 1."""
    tumble_per_s: float
    """Impacts of beans per second."""
    tumble: float
    """RMS of the tumble."""
    tumble_hz: tuple[float, float]
    """Range of an impact's noise, Hz."""
    uneven: float
    """Spread (natural log) of the impacts' amplitudes at one speed: beans differ in mass."""
    scrape: float
    """Amplitude of a drum's scrape or squeak once a turn."""
    scrape_hz: float
    chaff_per_s: float
    """Faint ticks of chaff per second."""
    wander_db: float
    """Slow drift of the whole level."""
    seed: int


def draw_bed(rng: np.random.Generator, kind: BedKind | None = None) -> RoasterNoise:
    """A machine: a quiet drum, a roaring fluid bed, a popcorn popper, a hand-stirred pan."""
    kind = kind or KINDS[int(rng.choice(4, p=(0.45, 0.3, 0.15, 0.1)))]
    air = kind in ("fluid", "popper")
    slope = float(rng.uniform(-5, 0) if air else rng.uniform(-9, -2))
    points = np.array((40, 120, 400, 1000, 2500, 5000, 9000, 16000, 24000.0))
    db = slope * np.log2(points / 1000) + rng.normal(0, 2.5, len(points))
    db[0] -= rng.uniform(0, 12)
    tones = []
    if rng.random() < 0.85:  # mains, motor and fan blades
        base = (
            float(rng.choice((50, 60, rng.uniform(80, 400)))) if not air else rng.uniform(100, 900)
        )
        fall = float(rng.uniform(0.5, 1.6))
        strength = float(np.exp(rng.uniform(np.log(0.02), np.log(1.2))))
        for harmonic in range(1, int(rng.integers(2, 14))):
            amplitude = strength * harmonic**-fall * float(np.exp(rng.normal(0, 0.5)))
            tones.append((base * harmonic, amplitude, float(rng.uniform(0, 6.28))))
    if rng.random() < 0.15:  # a whine high up
        tones.append((float(rng.uniform(2500, 12000)), float(10 ** rng.uniform(-2.5, -1)), 0.0))
    low = float(np.exp(rng.uniform(np.log(300), np.log(2500))))
    return RoasterNoise(
        kind=kind,
        hz=tuple(points),
        db=tuple(float(x) for x in db),
        tones=tuple(tones),
        turn_hz=float(rng.uniform(0.5, 1.4) if kind != "pan" else rng.uniform(0.7, 3)),
        sway=float(rng.uniform(0, 0.5)) * float(rng.random() < 0.6),
        tumble_per_s=float(np.exp(rng.uniform(np.log(30), np.log(3000)))),
        tumble=float(np.exp(rng.uniform(np.log(0.03), np.log(0.5 if air else 1.2)))),
        tumble_hz=(low, float(np.clip(low * rng.uniform(2, 14), 2000, 14000))),
        uneven=float(rng.uniform(0.05, 0.35)),
        scrape=float(rng.uniform(0.1, 1.5))
        * float(kind in ("drum", "pan") and rng.random() < 0.35),
        scrape_hz=float(np.exp(rng.uniform(np.log(600), np.log(9000)))),
        chaff_per_s=float(np.exp(rng.uniform(np.log(0.2), np.log(30)))) * float(rng.random() < 0.5),
        wander_db=float(rng.uniform(0, 2.5)),
        seed=int(rng.integers(2**31)),
    )


def render(
    bed: RoasterNoise, rng: np.random.Generator, rate_hz: int, n: int, first_sample: int = 0
) -> Float32Array:
    """`n` samples of a bed from `first_sample` on, shape (n,); its steady noise has RMS 1."""
    step = max(rate_hz // 200, 1)  # slow changes are computed 200 times a second
    slow = (first_sample + np.arange(0, n + step, step)) / rate_hz
    own = np.random.default_rng(bed.seed)  # values that are equal in all pieces
    total = shaped_noise(rng, n, rate_hz, bed.hz, bed.db)
    total /= np.float32(_density_rms(bed, rate_hz))
    turn = 2 * np.pi * bed.turn_hz * slow
    beat = np.sin(turn + own.uniform(0, 6.28)) + 0.4 * np.sin(2 * turn + own.uniform(0, 6.28))
    total *= _stretched(1 + bed.sway * 0.5 * beat, step, n)
    slip = np.sin(2 * np.pi * 0.11 * slow)
    for hz, amplitude, phase in bed.tones:
        if hz < 0.48 * rate_hz:
            # whole turns are removed in double precision; the sine is fast in single
            turns = np.mod((first_sample + np.arange(n)) * (hz / rate_hz) + phase, 1.0)
            turns = turns.astype(np.float32) + _stretched(0.002 * hz / 100 * slip, step, n)
            total += np.float32(amplitude) * np.sin(np.float32(2 * np.pi) * turns)
    total += _tumble(bed, rng, own, rate_hz, n, beat, step)
    if bed.scrape:
        _scrapes(bed, rng, rate_hz, total, first_sample)
    if bed.chaff_per_s:
        _chaff(bed, rng, rate_hz, total)
    drift = np.sin(2 * np.pi * slow / 37 + bed.seed % 7)
    drift += np.sin(2 * np.pi * slow / 11.3 + bed.seed % 5)
    total *= _stretched(10 ** (bed.wander_db / 40 * drift), step, n)
    return total


def _stretched(slow: Float64Array, step: int, n: int) -> Float32Array:
    """Interpolate a slow curve, one value per `step` samples, to n samples."""
    values = slow.astype(np.float32)
    ramp = np.linspace(0, 1, step, endpoint=False, dtype=np.float32)
    drawn = values[:-1, None] + np.diff(values)[:, None] * ramp
    return drawn.reshape(-1)[:n]


def _density_rms(bed: RoasterNoise, rate_hz: int, above_hz: float = 0.0) -> float:
    """RMS of the steady noise above a frequency, in the units of its density."""
    gains = gain_curve(2048, rate_hz, bed.hz, bed.db)
    gains[: int(above_hz * 2048 / rate_hz)] = 0
    return float(np.sqrt(np.mean(np.square(gains, dtype=np.float64))))


def _tumble(
    bed: RoasterNoise,
    rng: np.random.Generator,
    own: np.random.Generator,
    rate_hz: int,
    n: int,
    beat: Float64Array,
    step: int,
) -> Float32Array:
    """Beans that fall on metal and on one another: Poisson impacts with one sound."""
    low, high = bed.tumble_hz
    length = int(own.uniform(0.003, 0.02) * rate_hz)
    decay = np.exp(-np.arange(length, dtype=np.float32) / (length / own.uniform(3, 8)))
    curve = (-25, 0, 0, -own.uniform(8, 25))
    impact = shaped_noise(own, length, rate_hz, (low / 3, low, high, high * 2), curve)
    impact *= decay
    modes = np.exp(own.uniform(np.log(low), np.log(high), 4))
    rings = ringing(own, rate_hz, modes, own.uniform(0.001, 0.006, 4), (1, 1, 1, 1), 0.02)
    impact += rings[:length] * np.float32(rms(impact) * own.uniform(0, 2) / (rms(rings) + 1e-9))
    count = rng.poisson(bed.tumble_per_s * n / rate_hz)
    at = rng.integers(0, n, count)
    height = _speeds(rng, count) * np.exp(rng.normal(0, bed.uneven, count))
    height *= rng.choice((-1.0, 1.0), count)
    height *= np.clip(1 + 0.6 * beat[at // step], 0.05, None)
    train = np.bincount(at, height, n).astype(np.float32)
    sound = convolved(train, impact)[:n]
    per_s = bed.tumble_per_s * float(np.exp(2 * bed.uneven**2)) * 1.2
    expected = np.sqrt(per_s / rate_hz * np.sum(np.square(impact, dtype=np.float64)))
    return sound * np.float32(bed.tumble / (expected + 1e-9))


def _speeds(rng: np.random.Generator, count: int) -> Float64Array:
    """Speeds of impacts, of RMS 1: random in a plane, limited by the height of the drum."""
    most = 2.5  # in the spread of one component: 2.2 times the median
    cut = np.exp(-(most**2) / 2)
    squares = -2 * np.log(1 - rng.random(count) * (1 - cut))
    mean_square = 2 - most**2 * cut / (1 - cut)
    speeds: Float64Array = np.sqrt(squares / mean_square)
    return speeds


def _scrapes(
    bed: RoasterNoise,
    rng: np.random.Generator,
    rate_hz: int,
    total: Float32Array,
    first_sample: int,
) -> None:
    """A scrape, a squeak or a knock at the same point of each turn."""
    shape = np.random.default_rng(bed.seed + 1)
    length = int(float(np.exp(shape.uniform(np.log(0.008), np.log(0.25)))) * rate_hz)
    tonal = shape.random() < 0.3
    start_s = first_sample / rate_hz
    first = int(start_s * bed.turn_hz)
    last = int((start_s + len(total) / rate_hz) * bed.turn_hz) + 1
    envelope = (
        np.hanning(length) if length > 0.03 * rate_hz else np.exp(-np.arange(length) * 6 / length)
    )
    for turn in range(first, last + 1):
        at = int((turn / bed.turn_hz + rng.normal(0, 0.004) - start_s) * rate_hz)
        points = (bed.scrape_hz / 2, bed.scrape_hz, bed.scrape_hz * 2)
        sound = shaped_noise(rng, length, rate_hz, points, (-18, 0, -18))
        sound /= np.float32(rms(sound))
        if tonal and bed.scrape_hz < 0.45 * rate_hz:
            sound = np.sin(2 * np.pi * bed.scrape_hz * np.arange(length) / rate_hz).astype(
                np.float32
            )
        strength = bed.scrape * float(np.exp(rng.normal(0, 0.3)))
        add_at(total, at, (sound * envelope * strength).astype(np.float32))


def _chaff(bed: RoasterNoise, rng: np.random.Generator, rate_hz: int, total: Float32Array) -> None:
    """Ticks of chaff against the walls: short, and mostly below the bed's high frequencies."""
    count = rng.poisson(bed.chaff_per_s * len(total) / rate_hz)
    length = int(0.006 * rate_hz)
    treble = _density_rms(bed, rate_hz, 4000.0) / _density_rms(bed, rate_hz)
    for at in rng.integers(0, len(total), min(count, 400)).tolist():
        decay = float(np.exp(rng.uniform(np.log(0.0003), np.log(0.002)))) * rate_hz
        tick = rng.standard_normal(length, dtype=np.float32)
        tick *= np.exp(-np.arange(length, dtype=np.float32) / np.float32(decay))
        add_at(total, at, tick * np.float32(treble * np.exp(rng.normal(0.3, 0.6))))
