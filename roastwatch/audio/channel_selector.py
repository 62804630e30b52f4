"""Selects one of several channels: the one with the most energy in the band of pops.

Channels are not averaged. Channels of opposite polarity would cancel, two microphones 10 cm apart
would comb-filter the band of pops, a dead channel would halve the level, and a clipped channel
would no longer reach full scale, which hides clipping. A single channel has none of these faults.
"""

import numpy as np
import numpy.typing as npt

from roastwatch.errors import BadInputError
from roastwatch.vocabulary import Float32Array

_FIRST_S = 0.25
_HOP_S = 1.0
_FADE_S = 0.02
_SWITCH_RATIO = 10.0
_FORGET = 0.75


def main_channel(
    channels: int, channel: int | None, reference: int | None, what: str
) -> int | None:
    """The channel of the roaster's microphone, from 1, if another one is the reference.

    Args:
        channels: how many there are.
        channel: the one that is set; None: none.
        reference: the reference channel, from 1; None: there is none, and `channel` is returned.
        what: the subject of an error's sentence, such as a file's name.

    Raises:
        BadInputError: a channel doesn't exist, or it is not clear which one is the roaster's.
    """
    for number in (channel, reference):
        if number is not None and not 1 <= number <= channels:
            raise BadInputError(f"{what} has {channels} channel(s), but no channel {number}.")
    if reference is None:
        return channel
    if channel == reference:
        raise BadInputError(
            f"Channel {channel} can't be both the roaster's microphone and its reference: set "
            "`reference_channel` to the other microphone."
        )
    if channel is None and channels != 2:
        if channels == 1:
            raise BadInputError(f"{what} has 1 channel: a reference channel needs a second one.")
        raise BadInputError(
            f"{what} has {channels} channels: with `reference_channel`, set `channel`, too."
        )
    return channel or 3 - reference


class ChannelSelector:
    """Frames of shape (n, channels) → mono of shape (m,).

    The first 0.25 s is held back to select a channel by the energy of its second difference (a
    high-pass near 3 kHz at 16 kHz, higher at higher rates). The selection changes only at whole
    seconds of sound, if another channel has been 10 dB stronger (a channel died, or the start was
    silent), with a cross-fade of 20 ms to avoid a click. Everything counts in samples, so the
    result does not depend on the block size.
    """

    def __init__(self, channels: int, sample_rate_hz: int, channel: int | None = None) -> None:
        """`channel` (from 1) fixes the channel; None selects it."""
        self.channels = channels
        self.chosen: int | None = 0 if channels == 1 else channel - 1 if channel else None
        self._fixed = self.chosen is not None
        self._first = round(_FIRST_S * sample_rate_hz)
        self._hop = round(_HOP_S * sample_rate_hz)
        self._fade = round(_FADE_S * sample_rate_hz)
        self._held = np.zeros((0, channels), np.float32)
        self._energy = np.zeros(channels)
        self._smooth: npt.NDArray[np.float64] | None = None
        self._in_hop = 0
        self._fading_from: int | None = None

    def push(self, frames: Float32Array) -> Float32Array:
        """Take frames; return the mono samples available so far."""
        if self._fixed:
            return np.ascontiguousarray(frames[:, self.chosen])
        if self.chosen is None:
            self._held = np.concatenate([self._held, frames])
            if len(self._held) < self._first:
                return np.zeros(0, np.float32)
            frames = self._held
            self._choose_first(frames[: self._first])
            self._held = self._held[:0]
        return self._mix(frames)

    def finish(self) -> Float32Array:
        """Return what is still held back. The sound has ended."""
        if self._fixed or self.chosen is not None or not len(self._held):
            return np.zeros(0, np.float32)
        self._choose_first(self._held)
        return self._mix(self._held)

    def _choose_first(self, frames: Float32Array) -> None:
        self.chosen = int(np.argmax(_high_energy(frames)))

    def _mix(self, frames: Float32Array) -> Float32Array:
        mono = np.empty(len(frames), np.float32)
        at = 0
        while at < len(frames):
            part = frames[at : at + self._hop - self._in_hop]
            mono[at : at + len(part)] = self._pick(part)
            # A quarter of each second is enough to compare channels, and fast.
            self._energy += _high_energy(part[: max(0, self._first - self._in_hop)])
            self._in_hop += len(part)
            at += len(part)
            if self._in_hop == self._hop:
                self._end_hop()
        return mono

    def _pick(self, part: Float32Array) -> Float32Array:
        assert self.chosen is not None
        new = part[:, self.chosen]
        if self._fading_from is None or self._in_hop >= self._fade:
            return new
        share = np.arange(self._in_hop, self._in_hop + len(part), dtype=np.float32) / self._fade
        share = np.minimum(share, 1.0)
        old = part[:, self._fading_from]
        return np.asarray(old + share * (new - old), dtype=np.float32)

    def _end_hop(self) -> None:
        assert self.chosen is not None
        before = self._energy if self._smooth is None else self._smooth
        self._smooth = _FORGET * before + (1 - _FORGET) * self._energy
        best = int(np.argmax(self._smooth))
        self._fading_from = None
        if self._smooth[best] > _SWITCH_RATIO * self._smooth[self.chosen]:
            self._fading_from, self.chosen = self.chosen, best
        self._energy = np.zeros(self.channels)
        self._in_hop = 0


def _high_energy(frames: Float32Array) -> npt.NDArray[np.float64]:
    """Energy of the second difference of each channel, shape (channels,)."""
    if len(frames) < 3:
        return np.zeros(frames.shape[1])
    high = np.diff(frames, n=2, axis=0)
    return np.asarray(np.einsum("nc,nc->c", high, high, dtype=np.float64))
