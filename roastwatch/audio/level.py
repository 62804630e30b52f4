"""The level of sound in dBFS, and problems with it that a user should fix."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from roastwatch.audio.fidelity import FRAME_S, SILENT_FOR_S, Fidelity
from roastwatch.vocabulary import AudioLevel, Float32Array, Hearing, SoundProblem

LOWEST_DBFS = -160.0
"""Level of digital silence, whose logarithm does not exist."""
_QUANTUM_FRAMES = 25
_FULL_SCALE = 0.9985
"""Samples from here on count as clipped: the last steps of 16 bits, and anything above."""
_CLIPPED_PERCENT = 0.1
"""A pop may reach full scale for a millisecond; more than this means too much gain."""
_RECENT_S = 300.0
_CLIPPING_SHOWN_S = 10.0
_PIECE_S = 5
"""`pieces` yields this often: more often would cost as much again as the level itself."""


class LevelMeter:
    """Peak, root mean square and clipping, of the last second and of everything so far.

    Levels are in dB relative to full scale (a sample of 1.0; a full-scale sine has an RMS of
    -3 dBFS). Measured in frames of 10 ms, processed in blocks of 250 ms.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate = sample_rate_hz
        self._frame = max(1, round(sample_rate_hz * FRAME_S))
        self._rest = np.zeros(0, np.float32)
        frames = round(1.0 / FRAME_S)
        self._peaks = np.zeros(frames, np.float32)
        self._powers = np.zeros(frames)
        self._clipped = np.zeros(frames)
        self._frames_seen = 0
        self._peak = 0.0
        self._power_sum = 0.0
        self._clipped_sum = 0.0
        self._recently_clipped = 0.0
        self._fidelity = Fidelity(sample_rate_hz)
        self._piece = np.zeros(0, np.float32)
        self._pieces = 0

    def push(self, samples: Float32Array) -> None:
        """Take the next samples, shape (n,)."""
        whole = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        quantum = self._frame * _QUANTUM_FRAMES
        count = len(whole) // quantum * _QUANTUM_FRAMES
        self._rest = whole[count * self._frame :].copy()
        if count:
            self._take(whole[: count * self._frame].reshape(count, self._frame))

    def pieces(self, samples: Float32Array) -> Iterator[tuple[int, AudioLevel]]:
        """Take the next samples, and yield the level every 5 s.

        Use it instead of `push`; the result does not depend on how the samples are split.

        Yields:
            The sample at which 5 s end, and `last_second` there.
        """
        size = _PIECE_S * self._rate
        whole = np.concatenate([self._piece, samples]) if len(self._piece) else samples
        ends = range(size, len(whole) + 1, size)
        self._piece = whole[len(ends) * size :].copy()
        for end in ends:
            self.push(whole[end - size : end])
            self._pieces += 1
            yield self._pieces * size, self.last_second

    def finish(self) -> None:
        """Process the last incomplete block. The sound has ended."""
        self.push(self._piece)
        self._piece = self._piece[:0]
        count = len(self._rest) // self._frame
        if count:
            self._take(self._rest[: count * self._frame].reshape(count, self._frame))
        self._rest = self._rest[:0]
        self._fidelity.finish()

    def _take(self, frames: Float32Array) -> None:
        count = len(frames)
        peaks = np.maximum(frames.max(axis=1), -frames.min(axis=1))
        powers = np.einsum("ij,ij->i", frames, frames) / self._frame
        means = np.einsum("ij->i", frames) / self._frame
        clipped = np.zeros(count)
        if peaks.max() >= _FULL_SCALE:
            clipped = np.count_nonzero(np.abs(frames) >= _FULL_SCALE, axis=1) / self._frame
        self._fidelity.push(frames, np.maximum(powers - means * means, 0.0).astype(np.float64))
        for store, new in (
            (self._peaks, peaks),
            (self._powers, powers),
            (self._clipped, clipped),
        ):
            _shift(store, new)
        self._frames_seen += count
        self._peak = max(self._peak, float(peaks.max()))
        self._power_sum += float(powers.sum(dtype=np.float64))
        self._clipped_sum += float(clipped.sum())
        decay = math.exp(-count * FRAME_S / _CLIPPING_SHOWN_S)
        self._recently_clipped = self._recently_clipped * decay + float(clipped.mean()) * (
            1 - decay
        )

    @property
    def last_second(self) -> AudioLevel:
        """Level of the last second (of less at the beginning), and the current problem."""
        there = min(self._frames_seen, len(self._peaks))
        if not there:
            return AudioLevel(LOWEST_DBFS, LOWEST_DBFS, 0.0)
        problem = self._problem_now()
        return AudioLevel(
            peak_dbfs=dbfs(float(self._peaks[-there:].max())),
            rms_dbfs=dbfs(math.sqrt(float(self._powers[-there:].mean()))),
            clipped_percent=100.0 * float(self._clipped[-there:].mean()),
            problem=problem,
            hearing=_hearing_with(problem),
            kind=_kind_of(problem),
            limit=next(iter(self.limits), None),
        )

    @property
    def frames_seen(self) -> int:
        """Frames of 10 ms so far; grows by 25 at a time."""
        return self._frames_seen

    @property
    def newest(self) -> tuple[float, float]:
        """Peak and RMS of the last 250 ms, in dBFS."""
        if not self._frames_seen:
            return LOWEST_DBFS, LOWEST_DBFS
        peak = float(self._peaks[-_QUANTUM_FRAMES:].max())
        return dbfs(peak), dbfs(math.sqrt(float(self._powers[-_QUANTUM_FRAMES:].mean())))

    @property
    def overall(self) -> AudioLevel:
        """Level of everything that was pushed."""
        if not self._frames_seen:
            return AudioLevel(LOWEST_DBFS, LOWEST_DBFS, 0.0)
        return AudioLevel(
            peak_dbfs=dbfs(self._peak),
            rms_dbfs=dbfs(math.sqrt(self._power_sum / self._frames_seen)),
            clipped_percent=100.0 * self._clipped_sum / self._frames_seen,
        )

    @property
    def warnings(self) -> list[str]:
        """Problems of the whole sound, one sentence each; call it after `finish()`."""
        fidelity = self._fidelity
        found: list[str] = []
        if self._frames_seen and fidelity.all_silent:
            found.append(_SILENT.format(time="all of the sound"))
        elif fidelity.longest_silence * FRAME_S >= SILENT_FOR_S:
            found.append(_SILENT.format(time=f"{fidelity.longest_silence * FRAME_S:.0f} s"))
        percent = self.overall.clipped_percent
        if percent >= _CLIPPED_PERCENT:
            found.append(_CLIPPING.format(percent=percent))
        return found + self._tampering(0)

    @property
    def limits(self) -> list[str]:
        """What the microphone does not pass on by its nature, one sentence each: no faults."""
        found = []
        if self._fidelity.is_narrow():
            found.append(_NARROW)
        if self._fidelity.has_no_bass():
            found.append(_NO_BASS)
        return found

    def _problem_now(self) -> str | None:
        """One sentence without changing numbers, because each change of a status is published."""
        fidelity = self._fidelity
        if fidelity.silent_frames * FRAME_S >= SILENT_FOR_S:
            return _SILENT_NOW
        if self._recently_clipped * 100.0 >= _CLIPPED_PERCENT:
            return _CLIPPING_NOW
        recent = self._frames_seen - round(_RECENT_S / FRAME_S)
        return next(iter(self._tampering(recent)), None)

    def _tampering(self, since_frame: int) -> list[str]:
        found = []
        if self._fidelity.gate(since_frame):
            found.append(_GATE)
        edge_hz = self._fidelity.cut_above_hz()
        if edge_hz is not None:
            found.append(_CUT.format(khz=edge_hz / 1000))
        if self._fidelity.gain_control(since_frame):
            found.append(_GAIN_CONTROL)
        return found


def _hearing_with(problem: str | None) -> Hearing:
    """How well first crack can be heard with a problem of the level.

    Gain control is only advice: a drum whose noise swells with its turn looks the same, so nobody
    is warned by it that first crack may not be heard.
    """
    if problem is None or problem == _GAIN_CONTROL:
        return Hearing.GOOD
    return Hearing.BLOCKED if problem == _SILENT_NOW else Hearing.LIMITED


def _kind_of(problem: str | None) -> SoundProblem | None:
    """What a problem of the level is."""
    if problem is None:
        return None
    return _KINDS.get(problem, SoundProblem.CODEC)  # its sentence has a number


_IF_SILENT = "it is muted, unplugged or dead; check its switch, its gain and the selected device."
_SILENT = f"The microphone was silent for {{time}}: {_IF_SILENT}"
_SILENT_NOW = f"The microphone is silent: {_IF_SILENT}"
_IF_CLIPPED = "turn down the gain of the microphone, or move it away."
_CLIPPING = f"{{percent:.2f}} % of the samples are clipped: {_IF_CLIPPED}"
_CLIPPING_NOW = f"The sound is clipped: {_IF_CLIPPED}"
_GATE = (
    "The sound drops to silence between noises: noise suppression or a gate is active and can "
    "erase pops; turn it off in the settings of the microphone or the system."
)
_GAIN_CONTROL = (
    "The noise dips after every loud sound: automatic gain control is active and can hide pops; "
    "turn it off in the settings of the microphone or the system."
)
_CUT = (
    "There is no sound above {khz:.1f} kHz, where pops stand out: a telephone or Bluetooth codec "
    "removes it; use a wired microphone or a better codec."
)
_NARROW = (
    "The sound ends at 8 kHz, as that of voice satellites: fewer pops are detected, and some "
    "seconds later; use 32 kHz or more if the microphone can."
)
_NO_BASS = (
    "The sound has no bass: a high-pass filter, as in the firmware of some ESP32 microphones, "
    "removes it; pops are above it and are still detected."
)

_KINDS = {
    _SILENT_NOW: SoundProblem.SILENT,
    _CLIPPING_NOW: SoundProblem.CLIPPING,
    _GATE: SoundProblem.NOISE_GATE,
    _GAIN_CONTROL: SoundProblem.GAIN_CONTROL,
}


def _shift(store: npt.NDArray[np.floating], new: npt.NDArray[np.floating]) -> None:
    kept = new[-len(store) :]
    store[: len(store) - len(kept)] = store[len(kept) :].copy()
    store[len(store) - len(kept) :] = kept


def dbfs(amplitude: float) -> float:
    """An amplitude (1.0 is full scale) in dBFS, never below `LOWEST_DBFS`."""
    return 20.0 * math.log10(max(amplitude, 10.0 ** (LOWEST_DBFS / 20.0)))
