"""Impacts that are not cracks: dishes, keys, hands, balls, clocks, doors.

Each maker returns (n,) float32. Short sounds repeat in the rhythm of people and machines, which is
often all that distinguishes them from cracks.
"""

from collections.abc import Callable

import numpy as np

from roastwatch.synth.shapes import add_at, ringing, shaped_noise
from roastwatch.vocabulary import Float32Array


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A log-uniform random number."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def struck(
    rng: np.random.Generator,
    rate_hz: int,
    low_hz: float,
    high_hz: float,
    decay_s: tuple[float, float],
    click: float = 0.5,
    modes: int = 8,
) -> Float32Array:
    """One impact on a body: a contact click and damped modes."""
    hz = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), modes))
    decay = np.array([between(rng, *decay_s) for _ in range(modes)]) * np.sqrt(low_hz / hz)
    sound = ringing(rng, rate_hz, hz, decay, np.exp(rng.normal(0, 0.7, modes)), decay_s[1] * 4)
    contact = rng.standard_normal(max(int(0.004 * rate_hz), 4), dtype=np.float32)
    contact *= np.exp(-np.arange(len(contact)) / (between(rng, 0.0002, 0.0015) * rate_hz))
    peak = float(np.abs(sound).max()) + 1e-6
    add_at(sound, 0, contact * np.float32(click * peak))
    return sound / np.float32(np.abs(sound).max() + 1e-6)


def blank(rate_hz: int, length_s: float) -> Float32Array:
    """Silence."""
    return np.zeros(int(length_s * rate_hz), np.float32)


def train(
    rng: np.random.Generator,
    rate_hz: int,
    length_s: float,
    times_s: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    one: Callable[[], Float32Array],
    spread_db: float = 4.0,
    same: bool = False,
) -> Float32Array:
    """A sound at each of the times (seconds), with another level or sound each time."""
    whole = blank(rate_hz, length_s)
    sound = one()
    for at in times_s[times_s < length_s].tolist():
        if not same:
            sound = one()
        add_at(whole, int(at * rate_hz), sound * np.float32(10 ** (rng.normal(0, spread_db) / 20)))
    return whole


def rhythm(
    rng: np.random.Generator, length_s: float, per_s: float, jitter: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Times in seconds, about `per_s` per second, whose steps vary by `jitter` (natural log)."""
    steps = np.exp(rng.normal(0, jitter, int(length_s * per_s * 2) + 2)) / per_s
    return np.asarray(np.cumsum(steps) - steps[0] * rng.random())


def clatter(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Dishes, cutlery, pans: clusters of impacts with long metallic or glassy rings."""
    low = between(rng, 400, 4000)
    ring = (between(rng, 0.008, 0.05), between(rng, 0.05, 0.4))

    def one() -> Float32Array:
        return struck(rng, rate_hz, low, min(low * 6, 14000), ring, float(rng.uniform(0.1, 1.5)))

    whole = blank(rate_hz, length_s)
    at = float(rng.uniform(0, min(2, length_s / 2)))
    while at < length_s:
        burst = at + np.cumsum(rng.exponential(between(rng, 0.02, 0.25), rng.integers(1, 9)))
        whole += train(rng, rate_hz, length_s, burst, one, 6)
        at = float(burst[-1]) + between(rng, 0.3, 4)
    return whole


def clicks(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A mouse, a switch, a pen: press and release 40-200 ms apart, each 1-4 ms long."""
    low = between(rng, 900, 4500)
    press = struck(rng, rate_hz, low, 12000, (0.0004, 0.003), float(rng.uniform(0.3, 2)))
    release = struck(rng, rate_hz, low * 1.1, 13000, (0.0004, 0.003), float(rng.uniform(0.3, 2)))
    release *= np.float32(10 ** (rng.uniform(-12, 2) / 20))
    gap = rng.uniform(0.04, 0.2)
    whole = blank(rate_hz, length_s)
    for at in rhythm(rng, length_s, between(rng, 0.25, 4), 0.5).tolist():
        loud = np.float32(10 ** (rng.normal(0, 2) / 20))
        apart = gap * float(np.exp(rng.normal(0, 0.25)))
        add_at(whole, int(at * rate_hz), press * loud)
        add_at(whole, int((at + apart) * rate_hz), release * loud)
        if rng.random() < 0.15:  # a double click
            add_at(whole, int((at + 0.16) * rate_hz), press * loud)
            add_at(whole, int((at + 0.16 + apart) * rate_hz), release * loud)
    return whole


def typing(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Keys of a keyboard or a typewriter in bursts; each key a thud with clicks around it."""
    low, high = between(rng, 300, 1800), between(rng, 3000, 10000)
    decay = (0.001, between(rng, 0.003, 0.02))

    def key() -> Float32Array:
        whole = blank(rate_hz, 0.2)
        add_at(whole, 0, struck(rng, rate_hz, low, high, decay, float(rng.uniform(0.3, 1.5))))
        back = struck(rng, rate_hz, low, high, decay, 1.0) * np.float32(rng.uniform(0.1, 0.7))
        add_at(whole, int(rng.uniform(0.05, 0.13) * rate_hz), back)
        return whole

    times = rhythm(rng, length_s, between(rng, 2.5, 11), 0.35)
    words = np.cumsum(rng.random(len(times)) < 0.15)
    return train(rng, rate_hz, length_s, times + words * between(rng, 0.1, 0.8), key, 3)


def claps(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Hands: 5-25 ms of noise around 1-3 kHz, alone or in applause."""

    def clap() -> Float32Array:
        length = int(0.06 * rate_hz)
        centre = between(rng, 700, 3000)
        points = (centre / 4, centre, centre * 3, centre * 8)
        sound = shaped_noise(rng, length, rate_hz, points, (-18, 0, -8, -24))
        sound *= np.exp(-np.arange(length) / (between(rng, 0.003, 0.012) * rate_hz))
        return np.asarray(sound / (np.abs(sound).max() + 1e-6), np.float32)

    return train(rng, rate_hz, length_s, rhythm(rng, length_s, between(rng, 0.3, 7), 0.2), clap)


def knocks(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Wood: knuckles on a door, things set down, steps."""
    low = between(rng, 80, 500)
    times = rhythm(rng, length_s, between(rng, 0.4, 5), 0.25)
    return train(
        rng,
        rate_hz,
        length_s,
        times,
        lambda: struck(rng, rate_hz, low, low * 8, (0.004, 0.04), float(rng.uniform(0, 0.8))),
    )


def bouncing(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A ball, a coin, a bean on the floor: the same impact, sooner and weaker each time."""
    whole = blank(rate_hz, length_s)
    at = float(rng.uniform(0, length_s / 2))
    while at < length_s:
        low = between(rng, 300, 4000)
        ring = (between(rng, 0.0008, 0.003), between(rng, 0.003, 0.03))
        impact = struck(rng, rate_hz, low, min(low * 8, 14000), ring, float(rng.uniform(0.1, 1.5)))
        gap, keep = between(rng, 0.12, 0.7), float(rng.uniform(0.6, 0.93))
        loud = 1.0
        for _ in range(40):
            add_at(whole, int(at * rate_hz), impact * np.float32(loud * np.exp(rng.normal(0, 0.2))))
            at += gap
            gap, loud = gap * keep, loud * keep ** float(rng.uniform(0.8, 1.4))
            if gap < 0.015 or at > length_s:
                break
        at += between(rng, 0.3, 3)
    return whole


def clock(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A clock, a metronome, a relay, a projector: the same impact at strict times."""
    low = between(rng, 800, 5000)
    ring = (between(rng, 0.0006, 0.003), between(rng, 0.003, 0.03))
    tick = struck(rng, rate_hz, low, 13000, ring, float(rng.uniform(0.2, 2)))
    tock = struck(rng, rate_hz, low, 13000, ring, float(rng.uniform(0.2, 2)))
    tock *= np.float32(rng.uniform(0.1, 1))
    step, shift = 1 / between(rng, 0.9, 14), float(rng.uniform(0.2, 0.5))
    times = np.arange(rng.random() * step, length_s, step)
    times += rng.normal(0, 0.004 * step, len(times))
    whole = train(rng, rate_hz, length_s, times, lambda: tick, 0.7, same=True)
    if rng.random() < 0.6:
        whole += train(rng, rate_hz, length_s, times + shift * step, lambda: tock, 0.7, same=True)
    return whole


def woodpecker(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Rolls of fast equal impacts: a woodpecker, a drum roll, a ratchet, a lid, a zip."""
    low = between(rng, 500, 3500)
    impact = struck(rng, rate_hz, low, low * 6, (0.001, between(rng, 0.003, 0.02)), 0.7)
    whole = blank(rate_hz, length_s)
    at = float(rng.uniform(0, 1))
    while at < length_s:
        per_s, count = between(rng, 9, 45), int(rng.integers(5, 30))
        times = at + np.arange(count) / per_s
        loud = np.hanning(count + 4)[2:-2] + 0.15
        for when, height in zip(times.tolist(), loud.tolist(), strict=True):
            add_at(whole, int(when * rate_hz), impact * np.float32(height))
        at = float(times[-1]) + between(rng, 0.5, 4)
    return whole


def door(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A door, a drawer, a lid: a squeak or a slide, a thud, the latch."""
    whole = blank(rate_hz, length_s)
    for at in rhythm(rng, length_s, between(rng, 0.15, 0.6), 0.6).tolist():
        low = between(rng, 60, 300)
        thud = struck(rng, rate_hz, low, low * 10, (0.01, 0.09), float(rng.uniform(0, 0.7)))
        latch = struck(rng, rate_hz, 900, 9000, (0.001, 0.012), 1.0) * np.float32(
            rng.uniform(0.1, 0.9)
        )
        add_at(whole, int(at * rate_hz), thud)
        for _ in range(int(rng.integers(0, 4))):
            add_at(whole, int((at + rng.normal(0, 0.12)) * rate_hz), latch)
    return whole
