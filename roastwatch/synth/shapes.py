"""Building blocks of the synthesis. Sounds are mono float32."""

import numpy as np
import numpy.typing as npt

from roastwatch.vocabulary import Float32Array


def fast_size(n: int) -> int:
    """The smallest 2^a·3^b·5^c that is at least n: sizes at which an FFT is fast."""
    best = 1 << max(n - 1, 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            two = three << max(0, (-(-n // three) - 1).bit_length())
            if n <= two < best:
                best = two
            three *= 3
        five *= 5
    return best


def gain_curve(n_fft: int, rate_hz: int, hz: npt.ArrayLike, db: npt.ArrayLike) -> Float32Array:
    """Amplitude gains of an rfft's bins from points in dB, linear over log-frequency."""
    bins = np.maximum(np.fft.rfftfreq(n_fft, 1.0 / rate_hz), 1.0)
    curve = np.interp(np.log(bins), np.log(np.asarray(hz, float)), np.asarray(db, float))
    return np.asarray(10.0 ** (curve / 20.0), np.float32)


def shaped_noise(
    rng: np.random.Generator, n: int, rate_hz: int, hz: npt.ArrayLike, db: npt.ArrayLike
) -> Float32Array:
    """Gaussian noise, shape (n,), whose spectral density follows the points in dB."""
    n_fft = fast_size(n)
    spectrum = np.fft.rfft(rng.standard_normal(n_fft, dtype=np.float32))
    spectrum *= gain_curve(n_fft, rate_hz, hz, db)
    return np.fft.irfft(spectrum, n_fft)[:n].astype(np.float32)


def filtered(
    sound: Float32Array, rate_hz: int, hz: npt.ArrayLike, db: npt.ArrayLike
) -> Float32Array:
    """A sound through a zero-phase filter given by points in dB; same length."""
    n_fft = fast_size(len(sound) + rate_hz // 50)
    spectrum = np.fft.rfft(sound, n_fft)
    spectrum *= gain_curve(n_fft, rate_hz, hz, db)
    return np.fft.irfft(spectrum, n_fft)[: len(sound)].astype(np.float32)


def convolved(sound: Float32Array, kernel: Float32Array) -> Float32Array:
    """Full linear convolution, length len(sound) + len(kernel) - 1."""
    n = len(sound) + len(kernel) - 1
    n_fft = fast_size(n)
    spectrum = np.fft.rfft(sound, n_fft) * np.fft.rfft(kernel, n_fft)
    return np.fft.irfft(spectrum, n_fft)[:n].astype(np.float32)


def ringing(
    rng: np.random.Generator,
    rate_hz: int,
    hz: npt.ArrayLike,
    decay_s: npt.ArrayLike,
    gains: npt.ArrayLike,
    length_s: float,
) -> Float32Array:
    """A sum of damped sinusoids with random phases; `decay_s` are times to -8.7 dB (1/e)."""
    frequencies = np.asarray(hz, np.float32)
    keep = frequencies < 0.47 * rate_hz
    t = np.arange(max(int(length_s * rate_hz), 8), dtype=np.float32) / rate_hz
    if not keep.any():
        return np.zeros(len(t), np.float32)
    phase = rng.uniform(0, 2 * np.pi, len(frequencies)).astype(np.float32)
    waves = np.sin(2 * np.pi * frequencies[keep, None] * t + phase[keep, None])
    waves *= np.exp(-t / np.asarray(decay_s, np.float32)[keep, None])
    total: Float32Array = (waves * np.asarray(gains, np.float32)[keep, None]).sum(0)
    return total.astype(np.float32)


def add_at(target: Float32Array, start: int, sound: Float32Array) -> None:
    """Add a sound to a longer one in place; what exceeds either end is cut."""
    first, last = max(start, 0), min(start + len(sound), len(target))
    if first < last:
        target[first:last] += sound[first - start : last - start]


def rms(sound: Float32Array) -> float:
    """Root mean square; a tiny number for silence, so that it can be a divisor."""
    return (
        float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)) + 1e-20)) if len(sound) else 1e-10
    )


def high_band(sound: Float32Array, rate_hz: int, above_hz: float = 4000.0) -> Float32Array:
    """The part of a sound above a frequency (brick wall), where pops exceed the fan."""
    n_fft = fast_size(len(sound))
    spectrum = np.fft.rfft(sound, n_fft)
    spectrum[: int(above_hz * n_fft / rate_hz)] = 0
    return np.fft.irfft(spectrum, n_fft)[: len(sound)].astype(np.float32)


def loudest_rms(sound: Float32Array, rate_hz: int, over_s: float = 0.004) -> float:
    """The largest RMS over windows of `over_s`."""
    width = max(int(over_s * rate_hz), 1)
    power = np.concatenate(([0.0], np.cumsum(np.square(sound, dtype=np.float64))))
    if len(power) <= width:
        return rms(sound)
    return float(np.sqrt(np.max(power[width:] - power[:-width]) / width + 1e-20))
