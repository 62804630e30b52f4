"""Everyday sounds that are not cracks: `draw(rng, rate_hz, length_s)` gives a named one.

Each maker returns (n,) float32 of about unit peak. Short sounds repeat in the rhythm that people
and machines make them in: what tells them from cracks is often the company they come in.
"""

from collections.abc import Callable

import numpy as np

from roastwatch.synth.shapes import add_at, convolved, filtered, ringing, rms, shaped_noise
from roastwatch.vocabulary import Float32Array

Maker = Callable[[np.random.Generator, int, float], Float32Array]


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _blank(rate_hz: int, length_s: float) -> Float32Array:
    return np.zeros(int(length_s * rate_hz), np.float32)


def struck(
    rng: np.random.Generator,
    rate_hz: int,
    low_hz: float,
    high_hz: float,
    decay_s: tuple[float, float],
    click: float = 0.5,
    modes: int = 8,
) -> Float32Array:
    """One blow on a body: a contact click and damped modes."""
    hz = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), modes))
    decay = np.array([between(rng, *decay_s) for _ in range(modes)]) * np.sqrt(low_hz / hz)
    sound = ringing(rng, rate_hz, hz, decay, np.exp(rng.normal(0, 0.7, modes)), decay_s[1] * 4)
    contact = rng.standard_normal(max(int(0.004 * rate_hz), 4), dtype=np.float32)
    contact *= np.exp(-np.arange(len(contact)) / (between(rng, 0.0002, 0.0015) * rate_hz))
    peak = float(np.abs(sound).max()) + 1e-6
    add_at(sound, 0, contact * np.float32(click * peak))
    return sound / np.float32(np.abs(sound).max() + 1e-6)


def _train(
    rng: np.random.Generator,
    rate_hz: int,
    length_s: float,
    times_s: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    one: Callable[[], Float32Array],
    spread_db: float = 4.0,
    same: bool = False,
) -> Float32Array:
    whole = _blank(rate_hz, length_s)
    sound = one()
    for at in times_s[times_s < length_s].tolist():
        if not same:
            sound = one()
        add_at(whole, int(at * rate_hz), sound * np.float32(10 ** (rng.normal(0, spread_db) / 20)))
    return whole


def _rhythm(
    rng: np.random.Generator, length_s: float, per_s: float, jitter: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    steps = np.exp(rng.normal(0, jitter, int(length_s * per_s * 2) + 2)) / per_s
    return np.asarray(np.cumsum(steps) - steps[0] * rng.random())


def clatter(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Dishes, cutlery, pans: blows in clusters with long metallic or glassy rings."""
    low = between(rng, 400, 4000)
    ring = (between(rng, 0.008, 0.05), between(rng, 0.05, 0.4))

    def one() -> Float32Array:
        return struck(rng, rate_hz, low, min(low * 6, 14000), ring, float(rng.uniform(0.1, 1.5)))

    whole = _blank(rate_hz, length_s)
    at = float(rng.uniform(0, min(2, length_s / 2)))
    while at < length_s:
        burst = at + np.cumsum(rng.exponential(between(rng, 0.02, 0.25), rng.integers(1, 9)))
        whole += _train(rng, rate_hz, length_s, burst, one, 6)
        at = float(burst[-1]) + between(rng, 0.3, 4)
    return whole


def clicks(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A mouse, a switch, a pen: press and release some 40-200 ms apart, each 1-4 ms long."""
    low = between(rng, 900, 4500)
    press = struck(rng, rate_hz, low, 12000, (0.0004, 0.003), float(rng.uniform(0.3, 2)))
    release = struck(rng, rate_hz, low * 1.1, 13000, (0.0004, 0.003), float(rng.uniform(0.3, 2)))
    release *= np.float32(10 ** (rng.uniform(-12, 2) / 20))
    gap = rng.uniform(0.04, 0.2)
    whole = _blank(rate_hz, length_s)
    for at in _rhythm(rng, length_s, between(rng, 0.25, 4), 0.5).tolist():
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
        whole = _blank(rate_hz, 0.2)
        add_at(whole, 0, struck(rng, rate_hz, low, high, decay, float(rng.uniform(0.3, 1.5))))
        back = struck(rng, rate_hz, low, high, decay, 1.0) * np.float32(rng.uniform(0.1, 0.7))
        add_at(whole, int(rng.uniform(0.05, 0.13) * rate_hz), back)
        return whole

    times = _rhythm(rng, length_s, between(rng, 2.5, 11), 0.35)
    words = np.cumsum(rng.random(len(times)) < 0.15)
    return _train(rng, rate_hz, length_s, times + words * between(rng, 0.1, 0.8), key, 3)


def claps(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Hands: 5-25 ms of noise around 1-3 kHz, alone or in applause."""

    def clap() -> Float32Array:
        length = int(0.06 * rate_hz)
        centre = between(rng, 700, 3000)
        points = (centre / 4, centre, centre * 3, centre * 8)
        sound = shaped_noise(rng, length, rate_hz, points, (-18, 0, -8, -24))
        sound *= np.exp(-np.arange(length) / (between(rng, 0.003, 0.012) * rate_hz))
        return np.asarray(sound / (np.abs(sound).max() + 1e-6), np.float32)

    return _train(rng, rate_hz, length_s, _rhythm(rng, length_s, between(rng, 0.3, 7), 0.2), clap)


def knocks(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Wood: knuckles on a door, things set down, steps."""
    low = between(rng, 80, 500)
    times = _rhythm(rng, length_s, between(rng, 0.4, 5), 0.25)
    return _train(
        rng,
        rate_hz,
        length_s,
        times,
        lambda: struck(rng, rate_hz, low, low * 8, (0.004, 0.04), float(rng.uniform(0, 0.8))),
    )


def speech(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Speech-like: voiced syllables with formants, hissing fricatives, plosives before vowels."""
    whole = _blank(rate_hz, length_s)
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


def bouncing(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A ball, a coin, a bean on the floor: the same blow, sooner and weaker each time."""
    whole = _blank(rate_hz, length_s)
    at = float(rng.uniform(0, length_s / 2))
    while at < length_s:
        low = between(rng, 300, 4000)
        ring = (between(rng, 0.0008, 0.003), between(rng, 0.003, 0.03))
        blow = struck(rng, rate_hz, low, min(low * 8, 14000), ring, float(rng.uniform(0.1, 1.5)))
        gap, keep = between(rng, 0.12, 0.7), float(rng.uniform(0.6, 0.93))
        loud = 1.0
        for _ in range(40):
            add_at(whole, int(at * rate_hz), blow * np.float32(loud * np.exp(rng.normal(0, 0.2))))
            at += gap
            gap, loud = gap * keep, loud * keep ** float(rng.uniform(0.8, 1.4))
            if gap < 0.015 or at > length_s:
                break
        at += between(rng, 0.3, 3)
    return whole


def fire(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Wood fire, frying: crackles of all sizes in flurries over a rumble; nearly the same sound."""
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
    """Many small blows in swells: a scoop of beans, rustling paper or foil, rain, keys, gravel."""
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
    return _train(rng, rate_hz, length_s, times, drop, 7)


def clock(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A clock, a metronome, a relay, a projector: the same blow in strict time, tick and tock."""
    low = between(rng, 800, 5000)
    ring = (between(rng, 0.0006, 0.003), between(rng, 0.003, 0.03))
    tick = struck(rng, rate_hz, low, 13000, ring, float(rng.uniform(0.2, 2)))
    tock = struck(rng, rate_hz, low, 13000, ring, float(rng.uniform(0.2, 2)))
    tock *= np.float32(rng.uniform(0.1, 1))
    step, shift = 1 / between(rng, 0.9, 14), float(rng.uniform(0.2, 0.5))
    times = np.arange(rng.random() * step, length_s, step)
    times += rng.normal(0, 0.004 * step, len(times))
    whole = _train(rng, rate_hz, length_s, times, lambda: tick, 0.7, same=True)
    if rng.random() < 0.6:
        whole += _train(rng, rate_hz, length_s, times + shift * step, lambda: tock, 0.7, same=True)
    return whole


def woodpecker(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Rolls of quick equal blows: a woodpecker, a drum roll, a ratchet, a rattling lid, a zip."""
    low = between(rng, 500, 3500)
    blow = struck(rng, rate_hz, low, low * 6, (0.001, between(rng, 0.003, 0.02)), 0.7)
    whole = _blank(rate_hz, length_s)
    at = float(rng.uniform(0, 1))
    while at < length_s:
        per_s, count = between(rng, 9, 45), int(rng.integers(5, 30))
        times = at + np.arange(count) / per_s
        loud = np.hanning(count + 4)[2:-2] + 0.15
        for when, height in zip(times.tolist(), loud.tolist(), strict=True):
            add_at(whole, int(when * rate_hz), blow * np.float32(height))
        at = float(times[-1]) + between(rng, 0.5, 4)
    return whole


def door(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A door, a drawer, a lid: a squeak or a slide, a thud, the latch."""
    whole = _blank(rate_hz, length_s)
    for at in _rhythm(rng, length_s, between(rng, 0.15, 0.6), 0.6).tolist():
        low = between(rng, 60, 300)
        thud = struck(rng, rate_hz, low, low * 10, (0.01, 0.09), float(rng.uniform(0, 0.7)))
        latch = struck(rng, rate_hz, 900, 9000, (0.001, 0.012), 1.0) * np.float32(
            rng.uniform(0.1, 0.9)
        )
        add_at(whole, int(at * rate_hz), thud)
        for _ in range(int(rng.integers(0, 4))):
            add_at(whole, int((at + rng.normal(0, 0.12)) * rate_hz), latch)
    return whole


def calls(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """Barks, cries, beeps and alarms: harmonic sounds that begin at once, some with noise."""
    whole = _blank(rate_hz, length_s)
    beep, base = bool(rng.random() < 0.4), between(rng, 200, 4000)
    for at in _rhythm(rng, length_s, between(rng, 0.4, 4), 0.3).tolist():
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
    """Sneezes, coughs, hisses of steam, a hand on the microphone: noise that swells and goes."""
    whole = _blank(rate_hz, length_s)
    for at in _rhythm(rng, length_s, between(rng, 0.2, 1.2), 0.6).tolist():
        n = int(between(rng, 0.03, 1.2) * rate_hz)
        centre = between(rng, 150, 7000)
        points = (centre / 8, centre, centre * 4)
        sound = shaped_noise(rng, n, rate_hz, points, (-20, 0, rng.uniform(-25, -4)))
        attack = int(between(rng, 0.0008, 0.1) * rate_hz)
        envelope = np.minimum(np.arange(n) / attack, 1) * np.exp(-np.arange(n) * 4 / n)
        add_at(whole, int(at * rate_hz), (sound * envelope / (rms(sound) * 3)).astype(np.float32))
    return whole


def faults(rng: np.random.Generator, rate_hz: int, length_s: float) -> Float32Array:
    """A loose plug: single-sample spikes, steps and hum that comes and goes."""
    whole = _blank(rate_hz, length_s)
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


MAKERS: dict[str, Maker] = {
    "clatter": clatter,
    "clicks": clicks,
    "typing": typing,
    "claps": claps,
    "knocks": knocks,
    "speech": speech,
    "bouncing": bouncing,
    "fire": fire,
    "grains": grains,
    "drops": drops,
    "clock": clock,
    "woodpecker": woodpecker,
    "door": door,
    "calls": calls,
    "breath": breath,
    "faults": faults,
}


def draw(
    rng: np.random.Generator, rate_hz: int, length_s: float, kind: str | None = None
) -> tuple[str, Float32Array]:
    """A fooling sound of so many seconds: its name and samples of peak 1."""
    name = kind or str(rng.choice(list(MAKERS)))
    sound = MAKERS[name](rng, rate_hz, length_s)
    return name, sound / np.float32(np.abs(sound).max() + 1e-9)
