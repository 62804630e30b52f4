"""Voices, water, fire and faults: distractors that are not impacts.

Each maker returns (n,) float32.
"""

import numpy as np

from roastwatch.synth.impacts import between, blank, rhythm, struck, train
from roastwatch.synth.shapes import add_at, convolved, filtered, rms, shaped_noise
from roastwatch.vocabulary import Float32Array


def speech(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Speech-like: voiced syllables with formants, hissing fricatives, plosives before vowels."""
    whole = blank(rate_hz, length_s)
    pitch = between(rng, 85, 320)
    at = float(rng.uniform(0, 0.5))
    while at < length_s:
        vowel_s = between(rng, 0.05, 0.3)
        n = int(vowel_s * rate_hz)
        glide = pitch * np.exp(np.cumsum(rng.normal(0, 0.02, 8)))
        f0 = np.interp(np.linspace(0, 7, n), np.arange(8), glide)
        phase = np.cumsum(f0) / rate_hz
        pulses = (np.diff(np.floor(phase), prepend=0) > 0).astype(np.float32)
        formants = np.sort(rng.uniform((250, 800, 2000, 3300), (900, 2300, 3000, 4200)))
        points = np.ravel([(f * 0.85, f, f * 1.15) for f in formants])
        levels = np.ravel([(-16 - 5 * i, -5 * i, -16 - 5 * i) for i in range(4)])
        vowel = filtered(pulses, rate_hz, np.maximum.accumulate(points), levels)
        vowel *= np.hanning(n).astype(np.float32) ** np.float32(0.5)
        add_at(whole, int(at * rate_hz), vowel / (np.abs(vowel).max() + 1e-6))
        kind = rng.random()
        if kind < 0.3:  # s, sh, f
            length, centre = int(between(rng, 0.04, 0.2) * rate_hz), between(rng, 2500, 8000)
            hiss = shaped_noise(
                rng, length, rate_hz, (centre / 3, centre, centre * 2), (-25, 0, -6)
            )
            hiss *= np.hanning(length).astype(np.float32) * np.float32(
                rng.uniform(0.05, 0.6) / rms(hiss) / 3
            )
            add_at(whole, int(at * rate_hz) - length, hiss)
        elif kind < 0.65:  # p, t, k: a burst some 10-60 ms before the voice
            length, centre = int(between(rng, 0.006, 0.03) * rate_hz), between(rng, 1200, 7000)
            burst = shaped_noise(
                rng, length, rate_hz, (centre / 4, centre, centre * 3), (-15, 0, -10)
            )
            burst *= np.exp(-np.arange(length) * 4 / length).astype(np.float32)
            burst *= np.float32(rng.uniform(0.1, 0.9) / (np.abs(burst).max() + 1e-6))
            add_at(whole, int((at - rng.uniform(0.01, 0.06)) * rate_hz), burst)
        at += vowel_s + (
            between(rng, 0.02, 0.15) if rng.random() < 0.85 else between(rng, 0.3, 1.5)
        )
    return whole


def fire(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Wood fire, frying: flurries of crackles over a rumble; almost the same sound as cracks."""
    whole = shaped_noise(
        rng, int(length_s * rate_hz), rate_hz, (60, 400, 4000, 16000), (0, -8, -24, -30)
    )
    whole *= np.float32(between(rng, 0.01, 0.1) / rms(whole))
    at = 0.0
    while at < length_s:
        for _ in range(int(rng.geometric(0.35))):
            length = int(0.012 * rate_hz)
            snap = rng.standard_normal(length, dtype=np.float32)
            snap *= np.exp(-np.arange(length) / (between(rng, 0.0004, 0.003) * rate_hz))
            height = min(float(rng.pareto(1.3)) * 0.06, 1.0)
            add_at(whole, int(at * rate_hz), (snap * height).astype(np.float32))
            at += between(rng, 0.004, 0.12)
        at += float(rng.exponential(between(rng, 0.1, 0.6)))
    return whole


def grains(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Swells of many small impacts: a scoop of beans, paper, foil, rain, keys, gravel."""
    n = int(length_s * rate_hz)
    swell = np.interp(
        np.arange(n),
        np.sort(rng.integers(0, n, 12)),
        np.exp(rng.normal(-1.0, 1.3, 12)) * (rng.random(12) < 0.8),
    )
    per_s = between(rng, 4, 1500)
    at = rng.integers(0, n, rng.poisson(per_s * length_s))
    height = np.exp(rng.normal(0, rng.uniform(0.3, 1.3), len(at))) * rng.choice((-1, 1), len(at))
    train = np.bincount(at, height * swell[at], n).astype(np.float32)
    low = between(rng, 500, 5000)
    ring = (between(rng, 0.0005, 0.002), between(rng, 0.002, 0.03))
    grain = struck(rng, rate_hz, low, min(low * 5, 15000), ring, float(rng.uniform(0.2, 2)), 5)
    return convolved(train, grain)[:n]


def drops(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Rain drops, a dripping or running tap, boiling: ticks and rising bubbles."""

    def drop() -> Float32Array:
        n = int(0.05 * rate_hz)
        t = np.arange(n, dtype=np.float32) / rate_hz
        hz = between(rng, 500, 4500)
        bubble = np.sin(2 * np.pi * hz * t * (1 + rng.uniform(0, 6) * t))
        bubble *= np.exp(-t / between(rng, 0.003, 0.02)) * rng.uniform(0, 1)
        tick = rng.standard_normal(n, dtype=np.float32)
        tick *= np.exp(-t / between(rng, 0.0003, 0.002)) * rng.uniform(0, 1)
        return (bubble + tick).astype(np.float32)

    times = np.cumsum(rng.exponential(1 / between(rng, 1, 60), 400))
    return train(rng, rate_hz, length_s, times, drop, 7)


def calls(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Barks, cries, beeps and alarms: harmonic sounds with a sudden start, some with noise."""
    whole = blank(rate_hz, length_s)
    beep, base = bool(rng.random() < 0.4), between(rng, 200, 4000)
    for at in rhythm(rng, length_s, between(rng, 0.4, 4), 0.3).tolist():
        n = int(between(rng, 0.04, 0.6) * rate_hz)
        glide = np.interp(np.arange(n), np.linspace(0, n, 4), base * np.exp(rng.normal(0, 0.15, 4)))
        phase = 2 * np.pi * (np.full(n, base) if beep else glide).cumsum() / rate_hz
        sound = np.zeros(n)
        for harmonic in range(1, 9):
            if base * harmonic * 1.4 < 0.5 * rate_hz:
                sound += np.sin(phase * harmonic) * harmonic ** -rng.uniform(0.5, 2)
        edge = max(int(between(rng, 0.0005, 0.03) * rate_hz), 2)
        sound *= np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / edge, 0, 1)
        if not beep:
            sound += rng.normal(0, rng.uniform(0, 0.4), n) * np.hanning(n)
        add_at(whole, int(at * rate_hz), (sound / (np.abs(sound).max() + 1e-6)).astype(np.float32))
    return whole


def breath(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Sneezes, coughs, hissing steam, a hand on the microphone: noise that swells and fades."""
    whole = blank(rate_hz, length_s)
    for at in rhythm(rng, length_s, between(rng, 0.2, 1.2), 0.6).tolist():
        n = int(between(rng, 0.03, 1.2) * rate_hz)
        centre = between(rng, 150, 7000)
        points = (centre / 8, centre, centre * 4)
        sound = shaped_noise(rng, n, rate_hz, points, (-20, 0, rng.uniform(-25, -4)))
        attack = int(between(rng, 0.0008, 0.1) * rate_hz)
        envelope = np.minimum(np.arange(n) / attack, 1) * np.exp(-np.arange(n) * 4 / n)
        add_at(whole, int(at * rate_hz), (sound * envelope / (rms(sound) * 3)).astype(np.float32))
    return whole


def faults(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A loose plug: single-sample spikes, steps and intermittent hum."""
    whole = blank(rate_hz, length_s)
    for at in np.cumsum(rng.exponential(between(rng, 0.15, 2), 100)).tolist():
        start = int(at * rate_hz)
        if start >= len(whole):
            break
        if rng.random() < 0.5:
            n = int(between(rng, 1, 40))
            add_at(whole, start, np.full(n, rng.uniform(-1, 1), np.float32))
        else:
            n = int(between(rng, 0.02, 0.4) * rate_hz)
            hum = np.sign(np.sin(2 * np.pi * 50 * np.arange(n) / rate_hz + rng.uniform(0, 6)))
            add_at(whole, start, (hum * rng.uniform(0.05, 0.5)).astype(np.float32))
    return whole
