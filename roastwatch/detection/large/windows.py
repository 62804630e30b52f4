"""Cuts sound into overlapping windows at fixed positions. Pure and synchronous."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from roastwatch.detection.large import logmel
from roastwatch.resampling import Resampler
from roastwatch.vocabulary import Float32Array


class WindowFrontEnd(Protocol):
    """Turns sound into a network's input, in units that windows share."""

    sample_rate_hz: int
    unit_samples: int
    """Samples between units."""

    def units_in(self, samples: int) -> int:
        """Number of units in a number of samples."""
        ...

    def push(self, samples: Float32Array) -> Float32Array:
        """Take samples; return the completed units, which are the first axis."""
        ...

    def finish(self) -> Float32Array:
        """The remaining complete units; the front end starts anew."""
        ...

    def network_input(self, units: Float32Array) -> Float32Array:
        """The network's input for one window's units."""
        ...


class LogMelFrontEnd:
    """Units are log-mel frames of 10 ms, shape (bands,)."""

    unit_samples = logmel.HOP_SAMPLES

    def __init__(self, spec: logmel.LogMelSpec) -> None:
        self.spec = spec
        self.sample_rate_hz = spec.sample_rate_hz
        self._stream = logmel.LogMelStream(spec)

    def units_in(self, samples: int) -> int:
        """Number of frames in a number of samples."""
        return self.spec.frames_in(samples)

    def push(self, samples: Float32Array) -> Float32Array:
        """Completed frames, shape (n, bands)."""
        return self._stream.push(samples)

    def finish(self) -> Float32Array:
        """Remaining frames of an incomplete group."""
        return self._stream.finish()

    def network_input(self, units: Float32Array) -> Float32Array:
        """Padded and normalised, shape (max_frames, bands)."""
        return logmel.inputs(units, self.spec)


@dataclass(frozen=True, slots=True)
class Window:
    """One window of sound. Samples count at the source's rate."""

    index: int
    start_sample: int
    end_sample: int
    network_input: Float32Array


class WindowStream:
    """Cuts one stream into windows of `window_s`, every `hop_s`.

    Windows begin at multiples of the hop from the start of the sound or from the last gap. At the
    end one more window covers the remaining sound. Sound shorter than a window gives one padded
    window.
    """

    def __init__(
        self, front_end: WindowFrontEnd, sample_rate_hz: int, window_s: float, hop_s: float
    ) -> None:
        self._front_end = front_end
        self._rate_hz = sample_rate_hz
        rate, unit = front_end.sample_rate_hz, front_end.unit_samples
        self.window_samples = round(window_s * rate)
        """Length of a window at the front end's rate."""
        self._window_units = front_end.units_in(self.window_samples)
        self._hop_units = max(1, round(hop_s * rate / unit))
        if self._window_units < 1:
            raise ValueError("a window must hold at least one unit")
        self._index = 0
        self._received = 0
        self._begin(0)

    @property
    def received_samples(self) -> int:
        """Samples so far at the source's rate, including gaps."""
        return self._received

    def _begin(self, origin: int) -> None:
        """Forget the sound; the next sample is `origin` at the source's rate."""
        self._origin = origin
        self._resampler = Resampler(self._rate_hz, self._front_end.sample_rate_hz)
        self._units: list[Float32Array] = []
        self._held = 0
        self._first_unit = 0  # first held unit, counted from the origin
        self._next_unit = 0  # first unit of the next window
        self._covered = 0  # end of the last window, in units

    def push(self, samples: Float32Array) -> list[Window]:
        """Take samples, shape (n,), at the source's rate; return the completed windows."""
        self._received += len(samples)
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
        return self._take(self._front_end.push(self._resampler.push(samples)))

    def finish(self) -> list[Window]:
        """End the sound: windows that resampling held back, and one for the rest."""
        rest = self._front_end.push(self._resampler.finish())
        windows = self._take(np.concatenate([rest, self._front_end.finish()]))
        end_unit = self._first_unit + self._held
        if end_unit > self._covered:
            start = max(self._first_unit, end_unit - self._window_units)
            windows.append(self._cut(start, end_unit, end_sample=self._received))
        self._begin(self._received)
        return windows

    def reset(self, gap_samples: int) -> None:
        """`gap_samples` at the source's rate are missing: start new windows after them."""
        self._received += gap_samples
        self._front_end.finish()
        self._begin(self._received)

    def _take(self, units: Float32Array) -> list[Window]:
        if len(units):
            self._units.append(units)
            self._held += len(units)
        windows = []
        while self._next_unit + self._window_units <= self._first_unit + self._held:
            end = self._next_unit + self._window_units
            windows.append(self._cut(self._next_unit, end, end_sample=None))
            self._covered = end
            self._next_unit += self._hop_units
        # Keep one window length for the window at the end of the sound.
        spare = min(self._next_unit, self._first_unit + self._held - self._window_units)
        if spare - self._first_unit > self._window_units:
            self._drop(spare - self._first_unit)
        return windows

    def _drop(self, count: int) -> None:
        kept = np.concatenate(self._units)[count:].copy()
        self._units, self._held = [kept], len(kept)
        self._first_unit += count

    def _cut(self, start: int, end: int, end_sample: int | None) -> Window:
        if len(self._units) > 1:
            self._units = [np.concatenate(self._units)]
        held = self._units[0][start - self._first_unit : end - self._first_unit]
        unit = self._front_end.unit_samples
        window = Window(
            index=self._index,
            start_sample=self._at(start * unit),
            end_sample=min(
                self._at(start * unit + self.window_samples) if end_sample is None else end_sample,
                self._received,
            ),
            network_input=self._front_end.network_input(held),
        )
        self._index += 1
        return window

    def _at(self, sample: int) -> int:
        """Convert a sample from the origin at the front end's rate to one of the source."""
        return self._origin + round(sample * self._rate_hz / self._front_end.sample_rate_hz)


def stack(windows: Sequence[Window]) -> Float32Array:
    """The inputs of windows as one batch; the first axis is windows."""
    return np.stack([window.network_input for window in windows])
