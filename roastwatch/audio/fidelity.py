"""Detects processing by a microphone or a codec that makes sound unfit for detecting pops.

Gain control and noise suppression can erase pops. They are recognised by what they do around other
sounds, not by the sound at one moment:

* gain control: after a loud sound the steady noise is *lower* than before, and slowly returns. In
  a room it is higher, never lower. The noise of a drum that swells and fades does so without loud
  sounds, too: moments without any are compared.
* a gate (noise suppression that closes): steady noise falls by 20 dB or more within 60 ms to near
  silence, repeatedly. In a room sound decays gradually.
* a telephone or Bluetooth codec: the spectrum ends abruptly where the band of pops starts.
* a dead or muted microphone: zeros, or a constant.

Two properties are not faults, but limits: sound that ends at 8 kHz, because it once was sampled at
16 kHz (a voice satellite), and sound without bass (a high-pass in the firmware of some ESP32
microphones).

A suppressor that only lowers steady noise by a constant leaves no trace and is not detected. The
thresholds were set on synthesised gates and gain controls, and on recordings without them.
"""

import statistics
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from roastwatch.vocabulary import Float32Array

Levels = npt.NDArray[np.float64]

FRAME_S = 0.01
SILENT_DBFS = -80.0
"""No microphone in a room is below this: self-noise and any fan are louder."""
SILENT_FOR_S = 10.0
_BEFORE = 30
"""Frames of past that a decision needs."""
_AFTER = 320
"""Frames of future that a decision needs: gain control takes seconds to return."""
_CHUNK = 500
_PIECE = 100
_REMEMBERED = 200
_NOISE = 4 * np.arange(10)[:, None] + np.arange(8)
"""Frames after a loud sound whose medians are the noise just after it."""
_LATER = 12 * np.arange(26)[:, None] + np.arange(12)
"""Frames after the lowest of those, whose medians show whether the noise returns."""
_SPECTRUM = 1024
_WINDOW = np.hanning(_SPECTRUM).astype(np.float32)
_CODEC_EDGE_HZ = 6_000.0
_NARROW_HZ = 16_000
_KNOWN_SPECTRA = 10
"""One each second; of fewer, a single sound may be all there is."""
_NARROW_DB = 30.0
_NO_BASS_DB = (6.0, 4.0, 13.0)
"""By how much 200 to 350 Hz exceed 90 to 160 Hz, 600 to 1000 Hz exceed those, and both together. A
second-order high-pass at 500 Hz takes away 24, 11 and 2 dB in them; the noise of rooms and roasters
rises towards the bass.
"""
_CALM_EVERY, _CALM_AFTER = 100, 160
_SWELLS = 0.15
"""Where the noise dips after more than this share of moments without a loud sound, it swells by
itself.
"""


@dataclass(slots=True)
class Fidelity:
    """Analyses frames of 10 ms for traces of processing.

    `gain_control`, `gate` and `cut_above_hz` are about everything so far, or about the time since
    a frame. Memory is constant.
    """

    sample_rate_hz: int
    frames_seen: int = 0
    silent_frames: int = 0
    """Length of the current silence."""
    longest_silence: int = 0
    all_silent: bool = True
    _high: Levels = field(default_factory=lambda: np.zeros(0))
    _total: Levels = field(default_factory=lambda: np.zeros(0))
    _first: int = 0
    _next: int = _BEFORE
    _dips: deque[tuple[int, bool, float, bool]] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED)
    )
    _calm: deque[tuple[int, bool]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """Moments without a loud sound, and whether the noise dips after them all the same."""
    _gates: deque[int] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _spectrum: Levels = field(default_factory=lambda: np.zeros(_SPECTRUM // 2 + 1))
    _spectra: int = 0
    _spectrum_in: int = 0

    def push(self, frames: Float32Array, ac_powers: Levels) -> None:
        """Take frames of shape (k, samples of 10 ms) and the power of each without its mean."""
        total = 10 * np.log10(ac_powers + 1e-16)
        high = _bend_powers(frames)
        self._watch_silence(total < SILENT_DBFS)
        self._total = np.concatenate([self._total, total])
        self._high = np.concatenate([self._high, 10 * np.log10(high + 1e-10)])
        self.frames_seen += len(frames)
        self._add_spectrum(frames.reshape(-1))
        if self._first + len(self._high) - self._next >= _AFTER + _CHUNK:
            self._decide()

    def finish(self) -> None:
        """Evaluate the last seconds too, as far as possible."""
        self._decide()

    def gain_control(self, since_frame: int = 0) -> bool:
        """Whether loud sounds lower the noise after them, and nothing else does."""
        dips = [dip for dip in self._dips if dip[0] >= since_frame]
        high = [(depth, ducked) for _, is_high, depth, ducked in dips if is_high]
        total = [ducked for _, is_high, _, ducked in dips if not is_high]
        if len(high) < 5 or sum(ducked for _, ducked in high) < 0.5 * len(high):
            return False  # numpy would cost more than all of this
        deep = statistics.median(depth for depth, _ in high) >= 3.0
        denied = len(total) >= 3 and sum(total) / len(total) < 0.3
        calm = [ducked for frame, ducked in self._calm if frame >= since_frame]
        steady = len(calm) >= 5 and sum(calm) / len(calm) <= _SWELLS
        return deep and not denied and steady

    def gate(self, since_frame: int = 0) -> bool:
        """Whether noise repeatedly falls to near silence."""
        return sum(frame >= since_frame for frame in self._gates) >= 4

    def is_narrow(self) -> bool:
        """Whether the sound ends at 8 kHz, where that of 16 kHz ends."""
        if self.sample_rate_hz <= _NARROW_HZ:
            return True
        if self._spectra < _KNOWN_SPECTRA or self.sample_rate_hz < 2 * 9_300:
            return False
        return self._band_db(7_000, 7_800) - self._band_db(8_300, 9_300) > _NARROW_DB

    def has_no_bass(self) -> bool:
        """Whether a high-pass near 500 Hz was applied."""
        if self._spectra < _KNOWN_SPECTRA:
            return False
        bass, low, above = (self._band_db(*band) for band in ((90, 160), (200, 350), (600, 1_000)))
        rises = (low - bass, above - low, above - bass)
        return all(rise > least for rise, least in zip(rises, _NO_BASS_DB, strict=True))

    def _band_db(self, from_hz: float, to_hz: float) -> float:
        """Mean power of a band, dB."""
        first, last = (round(hz * _SPECTRUM / self.sample_rate_hz) for hz in (from_hz, to_hz))
        power = float(self._spectrum[first : last + 1].mean()) / self._spectra
        return 10.0 * float(np.log10(power + 1e-16))

    def cut_above_hz(self) -> float | None:
        """Where the spectrum ends abruptly below the band of pops; None if it does not."""
        if self._spectra < 2:
            return None
        hz = np.arange(len(self._spectrum)) * self.sample_rate_hz / _SPECTRUM
        edges = np.arange(0.0, self.sample_rate_hz / 2 - 499, 500.0)
        *starts, end = np.searchsorted(hz, [*edges, edges[-1] + 500.0])
        # vectorised over the bands: this is computed with every event, before it is sent
        bands = np.add.reduceat(self._spectrum[:end], starts) / np.diff([*starts, end])
        bands = 10 * np.log10(bands / self._spectra + 1e-16)
        for band in range(2, len(bands) - 2):
            if edges[band] > _CODEC_EDGE_HZ:
                return None
            if bands[band - 1] - bands[band + 1 :].max() > 40.0:
                reached = bands[band] > bands[band - 1] - 20.0
                return float(edges[band + 1 if reached else band])
        return None

    def _watch_silence(self, silent: npt.NDArray[np.bool_]) -> None:
        if silent.all():
            self.silent_frames += len(silent)
            self.longest_silence = max(self.longest_silence, self.silent_frames)
            return
        self.all_silent = False
        if not silent.any():
            self.longest_silence = max(self.longest_silence, self.silent_frames)
            self.silent_frames = 0
            return
        sound = np.flatnonzero(~silent)
        gaps = np.diff(sound, prepend=-1 - self.silent_frames) - 1
        self.longest_silence = max(self.longest_silence, int(gaps.max()))
        self.silent_frames = len(silent) - 1 - int(sound[-1])

    def _add_spectrum(self, flat: Float32Array) -> None:
        """Add one spectrum per second; the next one starts in `_spectrum_in` samples."""
        starts = range(self._spectrum_in, len(flat) - _SPECTRUM + 1, self.sample_rate_hz)
        if starts:
            pieces = np.stack([flat[start : start + _SPECTRUM] for start in starts])
            bins = np.fft.rfft(pieces * _WINDOW)
            self._spectrum += (bins.real**2 + bins.imag**2).sum(axis=0)
            self._spectra += len(pieces)
            self._spectrum_in = starts[-1] + self.sample_rate_hz
        self._spectrum_in = max(0, self._spectrum_in - len(flat))

    def _decide(self) -> None:
        """Evaluate the frames whose future is known, then drop what no decision needs."""
        start = self._next - self._first
        stop = len(self._high) - _AFTER
        if stop > start:
            for levels, is_high in ((self._high, True), (self._total, False)):
                for frame, depth, ducked in _dips(levels, start, stop):
                    self._dips.append((self._first + frame, is_high, depth, ducked))
            self._calm += [
                (self._first + frame, ducked) for frame, ducked in _calm(self._high, start, stop)
            ]
            for frame in _gates(self._high, start, stop):
                if not self._gates or self._first + frame - self._gates[-1] > 30:
                    self._gates.append(self._first + frame)
            self._next = self._first + stop
        forget = max(0, self._next - self._first - _BEFORE)
        self._high, self._total = self._high[forget:], self._total[forget:]
        self._first += forget


def _bend_powers(frames: Float32Array) -> Float32Array:
    """Mean square of the second difference within each frame: a cheap high-pass near 3 kHz.

    In pieces, because allocating memory for long sound costs more than the computation.
    """
    count, length = frames.shape
    work = np.empty((2, min(count, _PIECE) * length), np.float32)
    powers = np.empty(count, np.float32)
    for first in range(0, count, _PIECE):
        piece = frames[first : first + _PIECE]
        flat = piece.reshape(-1)  # across frames: one long pass is twice as fast as many short ones
        slope, bend = work[:, : len(flat)]
        np.subtract(flat[1:], flat[:-1], out=slope[:-1])
        np.subtract(slope[1:-1], slope[:-2], out=bend[:-2])
        inside = bend.reshape(piece.shape)[:, :-2]
        np.einsum("ij,ij->i", inside, inside, out=powers[first : first + _PIECE])
    powers /= length - 2
    return powers


def _dips(levels: Levels, start: int, stop: int) -> list[tuple[int, float, bool]]:
    """Loud sounds on steady noise: (frame, drop of the noise after it in dB, ducked).

    Ducked: at least 3 dB lower within 0.4 s after the sound, and at least 2 dB back by 3 s.
    """
    levels = np.maximum(levels, -100.0)
    sums = np.concatenate([[0.0], np.cumsum(levels)])
    at = np.arange(start, stop)
    rough = (sums[at - 2] - sums[at - _BEFORE]) / (_BEFORE - 2)
    found: list[tuple[int, float, bool]] = []
    blind_until = 0
    loud = at[levels[start:stop] > rough + 9.0]
    before = np.sort(levels[loud[:, None] + np.arange(-_BEFORE, -2)], axis=1)
    lows, normals, highs = (_quantile(before, part) for part in (0.1, 0.5, 0.9))
    steady = (levels[loud] > normals + 12.0) & (highs - lows < 6.0)
    for frame, normal in zip(loud[steady].tolist(), normals[steady].tolist(), strict=True):
        if frame < blind_until:
            continue
        after = levels[frame : frame + _AFTER]
        back = np.flatnonzero(after < normal + 1.0)
        if not len(back) or back[0] > 100:
            blind_until = frame + _BEFORE
            continue
        end = int(back[0])
        noise = _medians(after[end + _NOISE])
        lowest = end + 4 * int(noise.argmin())
        later = _medians(after[lowest + _LATER[: -(-(_AFTER - 12 - lowest) // 12)]])
        depth = normal - float(noise.min())
        ducked = depth > 3.0 and bool(later.max() - noise.min() > 2.0)
        found.append((frame, depth, ducked))
        blind_until = frame + end + _BEFORE
    return found


def _calm(levels: Levels, start: int, stop: int) -> list[tuple[int, bool]]:
    """Moments without a loud sound: (frame, whether the noise dips and returns after it).

    The same as `_dips`, where nothing is loud: gain control leaves such noise alone.
    """
    levels = np.maximum(levels, -100.0)
    at = np.arange(start, stop, _CALM_EVERY)
    around = levels[at[:, None] + np.arange(-_BEFORE, _CALM_AFTER)]
    normal = np.median(around[:, :_BEFORE], axis=1)
    at, around, normal = (part[around.max(axis=1) < normal + 9.0] for part in (at, around, normal))
    if not len(at):
        return []
    noise = np.median(around[:, _BEFORE + _NOISE], axis=2)
    lowest = noise.argmin(axis=1) * 4
    least = noise.min(axis=1)
    later = np.stack([
        np.median(row[_BEFORE + low + _LATER[:9]], axis=1).max()
        for row, low in zip(around, lowest.tolist(), strict=True)
    ])  # fmt: skip
    ducked = (normal - least > 3.0) & (later - least > 2.0)
    return list(zip(at.tolist(), ducked.tolist(), strict=True))


def _quantile(ordered: Levels, part: float) -> Levels:
    """Quantile of each sorted row, linearly interpolated."""
    at = part * (ordered.shape[1] - 1)
    below = min(int(at), ordered.shape[1] - 2)
    low, high = ordered[:, below], ordered[:, below + 1]
    quantiles: Levels = low + (at - below) * (high - low)
    return quantiles


def _medians(stretches: Levels) -> Levels:
    """Median of each row; the length of a row is even."""
    stretches = np.sort(stretches, axis=1)
    half = stretches.shape[1] // 2
    middle: Levels = (stretches[:, half - 1] + stretches[:, half]) / 2
    return middle


def _gates(levels: Levels, start: int, stop: int) -> list[int]:
    """Frames where 0.2 s of steady noise falls by 20 dB within 60 ms to 0.3 s of near silence."""
    steady, fall, quiet = 20, 6, 30
    if levels[start : stop + fall + quiet].min() > -60.0:
        return []
    before = sliding_window_view(levels[start - steady : stop], steady)
    after = sliding_window_view(levels[start + fall : stop + fall + quiet], quiet)
    before, after = before[: stop - start], after[: stop - start]
    normal, loudest_after = np.median(before, axis=1), after.max(axis=1)
    falls = (
        (normal - loudest_after >= 20.0)
        & (normal - before.min(axis=1) < 6.0)
        & (loudest_after < -60.0)
    )
    return [start + int(frame) for frame in np.flatnonzero(falls)]
