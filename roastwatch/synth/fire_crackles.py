"""Cracks cut from recordings of wood fire: real sounds in real rooms with real microphones.

Wood crackles as beans crack: steam bursts its cells. Each crack is cut where it stands out above
3 kHz, and the noise of the fire is subtracted from its spectrum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from roastwatch.synth.shapes import filtered, high_band, loudest_rms
from roastwatch.vocabulary import Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class Fire:
    """The cracks of one recording."""

    rate_hz: int
    cracks: tuple[Float32Array, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CrackleFamily:
    """The cracks of one roast, from one fire, scaled and filtered."""

    fire: Fire
    stretch: float
    """Factor of their length, which also lowers their pitch."""
    hz: tuple[float, ...]
    db: tuple[float, ...]
    """Points of their filter."""


_LEAST_CRACKS = 4  # in the fire of a roast
_STRETCH = (0.8, 2.2)  # roasters' cracks decay in 4 ms, these in 1.5
_ABOVE_HZ = 3000.0
_OVER_DB = 18.0
"""A crack exceeds the fire around it by this, so that the cut contains little else."""
_RISE_DB = 10.0
_BEFORE_MS, _AFTER_MS = 25, 80
_AROUND_MS = 150
_NOISE_S = 0.1
_POINTS_HZ = np.geomspace(150.0, 20_000.0, 22)


def draw_family(rng: np.random.Generator, fires: Sequence[Fire]) -> CrackleFamily:
    """Draw the cracks of one roast."""
    rich = [fire for fire in fires if len(fire.cracks) >= _LEAST_CRACKS] or fires
    low_cut_hz = float(np.exp(rng.uniform(np.log(150), np.log(3000))))
    octave_db = float(rng.uniform(-2, 5))
    return CrackleFamily(
        fire=rich[int(rng.integers(len(rich)))],
        stretch=float(np.exp(rng.uniform(*np.log(_STRETCH)))),
        hz=(20.0, low_cut_hz / 3, low_cut_hz, 3000.0, 12000.0),
        db=(-45.0, -20.0, 0.0, 0.0, 2 * octave_db),
    )


def crackle(rng: np.random.Generator, family: CrackleFamily, rate_hz: int) -> Float32Array:
    """One crack at another rate, with unit RMS over its loudest 4 ms above 3.5 kHz."""
    cracks = family.fire.cracks
    stretch = family.stretch * float(np.exp(rng.normal(0, 0.1)))
    sound = _resampled(
        cracks[int(rng.integers(len(cracks)))], stretch * rate_hz / family.fire.rate_hz
    )
    sound = filtered(sound, rate_hz, family.hz, family.db)
    return sound / np.float32(loudest_rms(high_band(sound, rate_hz, 3500.0), rate_hz))


def _resampled(sound: Float32Array, factor: float) -> Float32Array:
    n = round(len(sound) * factor)
    spectrum = np.fft.rfft(sound)[: n // 2 + 1]
    return (np.fft.irfft(spectrum, n) * (n / len(sound))).astype(np.float32)


def cut(sound: Float32Array, rate_hz: int) -> list[Float32Array]:
    """The cracks in a recording of fire, each of shape (n,) with n up to 82 ms.

    Each begins 2 ms before its loudest millisecond and has unit RMS over its loudest 4 ms above
    3.5 kHz, as `pops.pop` gives them.
    """
    width = rate_hz // 1000
    count = len(sound) // width
    if count <= _BEFORE_MS + _AFTER_MS:
        return []
    high = high_band(sound, rate_hz, _ABOVE_HZ)[: count * width].reshape(count, width)
    level_db = 10 * np.log10(np.mean(np.square(high, dtype=np.float64), axis=1) + 1e-12)
    noise = _noise_power(sound, rate_hz)
    cracks = []
    for at in range(_BEFORE_MS, count - _AFTER_MS):
        around = level_db[max(at - _AROUND_MS, 0) : at + _AROUND_MS]
        floor_db = float(np.median(around))
        before = level_db[at - _BEFORE_MS : at - 3].max()
        if level_db[at] < level_db[at - _BEFORE_MS : at + 30].max():
            continue
        if level_db[at] < max(floor_db + _OVER_DB, before + _RISE_DB):
            continue
        gone = np.flatnonzero(level_db[at + 4 : at + _AFTER_MS] < floor_db + 4)
        end = at + 4 + (int(gone[0]) if len(gone) else _AFTER_MS - 4)
        piece = sound[(at - 2) * width : end * width].copy()
        cracks.append(_cleaned(piece, noise, rate_hz))
    return cracks


def _noise_power(sound: Float32Array, rate_hz: int) -> npt.NDArray[np.float64]:
    """The fire's own noise: median power density at `_POINTS_HZ`."""
    n = int(_NOISE_S * rate_hz)
    frames = np.lib.stride_tricks.sliding_window_view(sound, n)[:: n // 2] * np.hanning(n)
    power = np.median(np.abs(np.fft.rfft(frames, axis=1)) ** 2, axis=0) / 0.69
    return _at_points(power / (0.375 * n), n, rate_hz)


def _at_points(power: npt.NDArray[np.float64], n: int, rate_hz: int) -> npt.NDArray[np.float64]:
    """A power density, by bin, as means over a third of an octave around each point."""
    hz = np.arange(len(power)) * rate_hz / n
    means = []
    for point in _POINTS_HZ:
        near = power[(hz > point / 1.15) & (hz < point * 1.15)]
        means.append(float(near.mean()) if len(near) else 0.0)
    return np.array(means)


def _cleaned(piece: Float32Array, noise: npt.NDArray[np.float64], rate_hz: int) -> Float32Array:
    """A crack without the fire's share of each band."""
    n = len(piece)
    fade = max(rate_hz // 1000, 1)
    piece[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    tail = n // 3
    piece[-tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    power = _at_points(np.abs(np.fft.rfft(piece)).astype(np.float64) ** 2 / n, n, rate_hz)
    share = np.clip(1 - noise / (power + 1e-20), 1e-3, 1)
    clean = filtered(piece, rate_hz, _POINTS_HZ, 10 * np.log10(share))
    return clean / np.float32(loudest_rms(high_band(clean, rate_hz, 3500.0), rate_hz))
