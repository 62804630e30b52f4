"""One crack of a bean: a damped broadband click that stands out above 3 kHz.

Ranges enclose what was measured on two roasters: rise 1.4-2.5 ms and decay 3.5-4 ms to -10 dB,
almost no excess over a fan below 1.5 kHz, and more in higher bands. Over a quiet drum, the thump
of the bean against the wall is audible as well. Second crack is quieter, shorter and
faster (Wilson, "Coffee roasting acoustics", JASA Express Letters 135, 2014).
"""

from dataclasses import dataclass

import numpy as np

from roastwatch.synth.shapes import add_at, filtered, high_band, loudest_rms, ringing
from roastwatch.vocabulary import Float32Array


@dataclass(frozen=True, slots=True)
class PopFamily:
    """Common properties of the pops of one roast: its bean, chamber and microphone position."""

    decay_s: float
    """Median time to -10 dB."""
    tilt_db_per_octave: float
    """Rise of the spectrum above 2 kHz."""
    low_cut_hz: float
    resonances_hz: tuple[float, ...]
    ringing: float
    """Share of damped resonances relative to noise, 0 to 1."""
    level_spread_db: float
    doublets: float
    """Share of cracks that are two clicks 6-60 ms apart."""
    strikes: float
    """Share of cracks whose bean jumps and hits the wall."""
    wall_hz: float
    wall_s: float
    """Ringing of the wall: frequency, and time to 1 / e."""
    second: bool = False


def draw_family(rng: np.random.Generator, *, second: bool = False) -> PopFamily:
    """Draw the pops of one roast."""
    quick = 0.6 if second else 1.0
    return PopFamily(
        decay_s=float(np.clip(np.exp(rng.normal(np.log(0.0038), 0.4)), 0.0012, 0.014)) * quick,
        tilt_db_per_octave=float(rng.uniform(-4, 9)),
        low_cut_hz=float(np.exp(rng.uniform(np.log(400), np.log(4200)))),
        resonances_hz=tuple(np.exp(rng.uniform(np.log(2000), np.log(15000), rng.integers(2, 7)))),
        ringing=float(rng.uniform(0.0, 0.7)),
        level_spread_db=float(rng.uniform(2, 7)),
        doublets=float(rng.uniform(0, 0.25)),
        strikes=float(rng.uniform(0, 0.8)),
        wall_hz=float(np.exp(rng.uniform(np.log(200), np.log(1500)))),
        wall_s=float(np.exp(rng.uniform(np.log(0.003), np.log(0.025)))),
        second=second,
    )


def pop(rng: np.random.Generator, family: PopFamily, rate_hz: int) -> Float32Array:
    """One crack of about unit RMS over its loudest 4 ms above 4 kHz, from sample 0.

    The click itself is within 2 ms of the start; a doublet's second click comes later.
    """
    sound = _click(rng, family, rate_hz)
    if rng.random() < family.doublets:
        apart = int(rng.uniform(0.006, 0.06) * rate_hz)
        second = _click(rng, family, rate_hz) * np.float32(10 ** (rng.uniform(-12, 3) / 20))
        whole = np.zeros(max(len(sound), apart + len(second)), np.float32)
        add_at(whole, 0, sound)
        add_at(whole, apart, second)
        sound = whole
    return sound


def _click(rng: np.random.Generator, family: PopFamily, rate_hz: int) -> Float32Array:
    decay_s = family.decay_s * float(np.exp(rng.normal(0, 0.3))) / 1.15  # -10 dB is 1.15 / e
    rise_s = float(np.exp(rng.uniform(np.log(0.00008), np.log(0.0014))))
    length_s = float(np.clip(rise_s * 3 + decay_s * 8, 0.008, 0.12))
    n = int(length_s * rate_hz)
    t = np.arange(n, dtype=np.float32) / rate_hz
    noise = rng.standard_normal(n, dtype=np.float32) * np.exp(-t / decay_s)
    if rng.random() < 0.5:  # a leading impulse: the shell breaks suddenly
        noise[: max(int(0.0002 * rate_hz), 1)] += np.float32(rng.uniform(1, 6))
    hz = np.array(family.resonances_hz) * np.exp(rng.normal(0, 0.04, len(family.resonances_hz)))
    decays = decay_s * np.exp(rng.normal(0, 0.4, len(hz)))
    gains = np.exp(rng.normal(0, 0.6, len(hz)))
    rings = ringing(rng, rate_hz, hz, decays, gains, length_s)[:n]
    sound = noise * np.float32(1 - family.ringing)
    sound[: len(rings)] += rings * np.float32(family.ringing)
    sound *= 1 - np.exp(-t / rise_s)
    octave = family.tilt_db_per_octave + float(rng.normal(0, 1.5))
    points = (20, family.low_cut_hz / 3, family.low_cut_hz, 2000 * 2**3)
    top = octave * np.log2(points[3] / max(family.low_cut_hz, 2000))
    sound = filtered(sound, rate_hz, points, (-50, -22, 0, top))
    if rng.random() < family.strikes:
        wall_hz, wall_s = family.wall_hz * float(np.exp(rng.normal(0, 0.1))), family.wall_s
        wall = ringing(rng, rate_hz, (wall_hz,), (wall_s,), (1,), min(4 * wall_s, 0.08))
        loud = float(np.abs(sound).max()) * 10 ** (rng.uniform(-14, 8) / 20)
        sound = np.pad(sound, (0, max(len(wall) - n, 0)))
        sound[: len(wall)] += wall * np.float32(loud / (np.abs(wall).max() + 1e-9))
    return sound / np.float32(loudest_rms(high_band(sound, rate_hz, 3500.0), rate_hz))
