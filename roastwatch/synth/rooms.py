"""Rooms and microphones: the path of sound from the roaster to the samples."""

from dataclasses import dataclass

import numpy as np

from roastwatch.synth.shapes import convolved, filtered, shaped_noise
from roastwatch.vocabulary import Float32Array


def room_response(rng: np.random.Generator, rate_hz: int) -> Float32Array:
    """An impulse response: direct sound at sample 0, early echoes, and a tail that loses treble.

    Reverberation time 0.08-0.9 s. The energy of the tail follows from the distance, 15 cm to 2 m,
    relative to that of equal direct and reverberant sound: 0.057 m·sqrt(volume in m³ /
    reverberation time in s) for an omnidirectional source (Kuttruff, Room Acoustics).
    """
    time_s = float(np.exp(rng.uniform(np.log(0.08), np.log(0.9))))
    volume_m3 = float(np.exp(rng.uniform(np.log(15), np.log(150))))
    distance_m = float(np.exp(rng.uniform(np.log(0.15), np.log(2))))
    tail_db = 20 * np.log10(distance_m / (0.057 * np.sqrt(volume_m3 / time_s)))
    n = int(min(time_s, 0.6) * rate_hz)
    t = np.arange(n, dtype=np.float32) / rate_hz
    dull = float(rng.uniform(-14, -2))
    tail = shaped_noise(rng, n, rate_hz, (50, 1500, 16000), (0, 0, dull)) * np.exp(
        -6.9 * t / time_s
    )
    tail[: int(rng.uniform(0.001, 0.008) * rate_hz)] = 0
    for _ in range(int(rng.integers(0, 8))):
        at = int(rng.uniform(0.0006, 0.03) * rate_hz)
        if at < n:
            tail[at] += rng.choice((-1, 1)) * np.float32(np.abs(tail).max() * rng.uniform(1, 6))
    energy = float(np.sqrt(np.sum(np.square(tail, dtype=np.float64)) + 1e-20))
    tail *= np.float32(10 ** (tail_db / 20) / energy)
    tail[0] += 1
    return tail.astype(np.float32)


@dataclass(frozen=True, slots=True)
class MicrophoneResponse:
    """A microphone with its processing and codec."""

    hz: tuple[float, ...]
    db: tuple[float, ...]
    """Its frequency response, as points of a curve."""
    gain: bool = False
    """Automatic gain control."""
    suppression: bool = False
    """Noise suppression: stationary bands are attenuated."""
    codec: bool = False
    """Lossy codec: bands below a masking threshold are dropped frame by frame."""
    clip_db: float | None = None
    """Peaks are clipped this far below the loudest moment."""
    noise_dbfs: float = -90.0
    """Its own hiss."""


_POINTS = (60.0, 150.0, 400.0, 1000.0, 2500.0, 5000.0, 8000.0, 12000.0, 16000.0, 22000.0)


def draw_microphone(rng: np.random.Generator, *, plain: bool = False) -> MicrophoneResponse:
    """Draw a microphone; a plain one has only a response and hiss."""
    wander = np.cumsum(rng.normal(0, 2.2, len(_POINTS)))
    db = wander - wander[3]
    db[:2] -= np.array((2.0, 1.0)) * rng.uniform(0, 8)
    points, curve = list(_POINTS), [float(x) for x in np.clip(db, -22, 14)]
    if rng.random() < 0.45:  # a codec or driver cuts off high frequencies
        cut = float(rng.choice((7000, 7600, 8000, 9500, 11000, 12000, 14000, 15500, 16000)))
        keep = [i for i, hz in enumerate(points) if hz < cut * 0.95]
        points = [*(points[i] for i in keep), cut * 0.98, cut * 1.03, 30000]
        level = float(np.interp(np.log(cut), np.log(_POINTS), db))
        curve = [*(curve[i] for i in keep), level, -75, -85]
    if plain:
        return MicrophoneResponse(
            tuple(points), tuple(curve), noise_dbfs=float(rng.uniform(-96, -72))
        )
    return MicrophoneResponse(
        tuple(points),
        tuple(curve),
        gain=bool(rng.random() < 0.15),
        suppression=bool(rng.random() < 0.1),
        codec=bool(rng.random() < 0.3),
        clip_db=float(rng.uniform(1, 14)) if rng.random() < 0.08 else None,
        noise_dbfs=float(rng.uniform(-100, -66)),
    )


def recorded(
    rng: np.random.Generator, sound: Float32Array, rate_hz: int, microphone: MicrophoneResponse
) -> Float32Array:
    """A whole clip through a microphone: (n,) to (n,), ±1. Streams use only its response."""
    sound = filtered(sound, rate_hz, microphone.hz, microphone.db)
    peak = float(np.abs(sound).max()) + 1e-9
    if microphone.gain:
        sound = _gain_control(rng, sound, rate_hz)
    if microphone.clip_db is not None:
        limit = peak * 10 ** (-microphone.clip_db / 20)
        sound = np.clip(sound, -limit, limit)
    sound = sound * np.float32(min(1.0, 0.98 / (float(np.abs(sound).max()) + 1e-9)))
    sound += rng.standard_normal(len(sound), dtype=np.float32) * np.float32(
        10 ** (microphone.noise_dbfs / 20)
    )
    if microphone.suppression:
        sound = _gated(
            sound, rate_hz, keep_db=float(rng.uniform(3, 9)), floor_db=-rng.uniform(6, 18)
        )
    if microphone.codec:
        sound = _lossy(rng, sound, rate_hz)
    return (np.round(np.clip(sound, -1, 1) * 32767) / 32768).astype(np.float32)


def through_room(sound: Float32Array, response: Float32Array) -> Float32Array:
    """A dry sound in a room, of the same length: the last tail is cut."""
    return convolved(sound, response)[: len(sound)]


def _gain_control(rng: np.random.Generator, sound: Float32Array, rate_hz: int) -> Float32Array:
    """Gain from the recent level, in steps of 10 ms: fast down, slow up."""
    step = rate_hz // 100
    count = -(-len(sound) // step)
    padded = np.pad(sound, (0, count * step - len(sound))).reshape(count, step)
    level = np.sqrt(np.mean(np.square(padded), axis=1)) + 1e-6
    level /= np.median(level)
    down, up = float(rng.uniform(0.2, 0.9)), float(np.exp(rng.uniform(np.log(0.004), np.log(0.06))))
    strength = float(rng.uniform(0.3, 1.0))
    gains, follower = np.empty(count + 1, np.float32), 1.0
    gains[0] = 1.0
    for index, now in enumerate(level.tolist()):
        follower += (now - follower) * (down if now > follower else up)
        gains[index + 1] = follower**-strength
    ramp = np.interp(np.arange(len(sound)), np.arange(count + 1) * step, gains)
    return (sound * ramp).astype(np.float32)


def _frames(sound: Float32Array, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.complex64]]:
    hop = size // 2
    padded = np.pad(sound, (hop, size + hop))
    views = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.sin(np.pi * (np.arange(size, dtype=np.float32) + 0.5) / size)
    return np.fft.rfft(views * window, axis=1).astype(np.complex64)


def _joined(
    spectra: np.ndarray[tuple[int, ...], np.dtype[np.complex64]], n: int, size: int
) -> Float32Array:
    hop = size // 2
    window = np.sin(np.pi * (np.arange(size, dtype=np.float32) + 0.5) / size)
    frames = np.fft.irfft(spectra, size, axis=1).astype(np.float32) * window
    whole = np.zeros((len(frames) + 1, hop), np.float32)
    whole[:-1] += frames[:, :hop]
    whole[1:] += frames[:, hop:]
    return whole.reshape(-1)[hop : hop + n]


def _gated(sound: Float32Array, rate_hz: int, keep_db: float, floor_db: float) -> Float32Array:
    size = 1 << int(np.log2(0.024 * rate_hz))
    spectra = _frames(sound, size)
    power = np.abs(spectra) ** 2
    noise = np.median(power, axis=0) * 1.44
    over = power / (noise * 10 ** (keep_db / 10) + 1e-12)
    gain = np.maximum(over / (1 + over), 10 ** (floor_db / 20)).astype(np.float32)
    return _joined(spectra * gain, len(sound), size)


def _lossy(rng: np.random.Generator, sound: Float32Array, rate_hz: int) -> Float32Array:
    """The artefacts of a low-bit-rate transform codec: coarse steps, holes, pre-echo."""
    size = 1 << int(np.log2(float(rng.choice((0.006, 0.012, 0.024, 0.045))) * rate_hz))
    spectra = _frames(sound, size)
    bins = spectra.shape[1]
    edges = np.unique(np.geomspace(4, bins, 22).astype(int))
    edges = np.concatenate(([0], edges[edges < bins]))
    power = np.add.reduceat(np.abs(spectra) ** 2, edges, axis=1)
    widths = np.diff(np.append(edges, bins))
    level = np.sqrt(power / widths + 1e-14)
    below_db = float(rng.uniform(4, 18))
    step = level * 10 ** (-below_db / 20) * 2
    # a band far below its louder neighbours is not coded at all
    loudest = level.max(axis=1, keepdims=True) * 10 ** (-float(rng.uniform(32, 60)) / 20)
    step = np.where(level < loudest, level * 20, step)
    fine = np.repeat(step, widths, axis=1).astype(np.float32)
    coarse = (np.round(spectra.real / fine) + 1j * np.round(spectra.imag / fine)) * fine
    return _joined(coarse.astype(np.complex64), len(sound), size)
