"""From what arrives to sound that is true to time: short losses are bridged, long ones are gaps."""

from collections import deque
from collections.abc import Callable

import numpy as np

from roastwatch.audio.network.arrivals import Piece
from roastwatch.audio.network.bridge import FADE_S, HISTORY_S, LONGEST_S, bridge, is_cut, joined
from roastwatch.audio.network.sound_clock import SoundClock
from roastwatch.vocabulary import Float32Array

_LOOKED_BACK_S = 20.0
_MANY = 0.1
_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
_NEAR = 0.04
LOSING = (
    "more than a tenth of the sound is lost on its way; move the sender nearer to the access "
    "point, or use a cable."
)
OTHER_RATE = "sound arrives at {there} samples/s instead of {here}; correct `sample_rate_hz`."
OTHER_FORM = (
    "much less or more sound arrives than {here} samples/s; check `sample_rate_hz`, `format` and "
    "`channels`."
)


class SteadySound:
    """Joins what arrives into sound at the rate of its clock. One object for all connections."""

    def __init__(self, count: Callable[[str, float], None]) -> None:
        """`count` is called with the name of a counter and how much to add to it."""
        self._count = count
        self._clock = SoundClock()
        self._rate = 1
        self._before = np.zeros((0, 1), np.float32)
        self._again = False
        self._to_cut = 0
        self._was_cut = False
        """Whether the whole of the last piece was left out: a break before the next is our own."""
        self._losing_until_s = 0.0
        """Until when sound without numbers is examined for cuts, monotonic."""
        self._arrived: deque[tuple[float, int, int]] = deque()
        """When, frames that arrived, frames known to be lost."""

    @property
    def captured_s(self) -> float:
        """Monotonic time of the newest sound."""
        return self._clock.captured_s

    def open(self, rate_hz: int, *, again: bool) -> None:
        """A connection begins; `again`: after a loss."""
        self._rate, self._again, self._to_cut = rate_hz, again, 0
        self._before = self._before[:0]
        self._arrived.clear()

    def push(self, piece: Piece) -> tuple[int, Float32Array]:
        """Take a piece; returns the frames that were lost, and the frames after them, (n, k).

        A loss is shorter than what was found missing where sound before it was bridged.
        """
        frames, length_s = piece.frames, len(piece.frames) / self._rate
        self._arrived.append((piece.arrived_s, len(frames), piece.missing))
        while self._arrived[0][0] < piece.arrived_s - _LOOKED_BACK_S:
            self._arrived.popleft()
        lost = piece.missing
        if self._again:
            self._again = False
            lost = max(1, round(self._clock.restart(piece.arrived_s, length_s) * self._rate))
            self._before = self._before[:0]
        elif (
            piece.doubtful
            and not lost
            and piece.arrived_s < self._losing_until_s
            and not self._was_cut
            and is_cut(self._before, frames)
        ):
            self._count("cuts_found", 1)
            # one full datagram, probably; if not, the clock shows it
            lost = max(count for _, count, _ in self._arrived)
        if lost:
            self._clock.lost(lost / self._rate)
        off = round(self._clock.arrived(piece.arrived_s, length_s) * self._rate)
        if off:
            self._clock.corrected(off / self._rate)
        if off > 0:
            lost += off
            self._losing_until_s = piece.arrived_s + _LOOKED_BACK_S
        elif off < 0:
            self._to_cut -= off
        if self._to_cut:
            return self._cut(lost, frames)
        return self._filled(lost, frames)

    def problem(self, rate_hz: int) -> str | None:
        """What is wrong with the sound of the last 20 s, without a number that changes."""
        arrived = self._arrived
        took_s = arrived[-1][0] - arrived[0][0] if arrived else 0.0
        if took_s < _LOOKED_BACK_S * 0.7:
            return None
        came = sum(count for _, count, _ in arrived) - arrived[0][1]
        lost = sum(missing for _, _, missing in arrived) - arrived[0][2]
        share = (came + lost) / took_s / rate_hz
        if lost > _MANY * (came + lost) or (not lost and 1 - 3 * _MANY < share < 1 - _MANY):
            return LOSING
        if abs(share - 1) < _MANY:
            return None
        near = [rate for rate in _RATES_HZ if abs(share * rate_hz / rate - 1) < _NEAR]
        if near:
            return OTHER_RATE.format(there=near[0], here=rate_hz)
        return OTHER_FORM.format(here=rate_hz)

    def _filled(self, lost: int, frames: Float32Array) -> tuple[int, Float32Array]:
        if lost and lost <= LONGEST_S * self._rate and len(self._before):
            made = bridge(self._before, frames, lost, self._fade)
            self._count("samples_bridged", lost)
            frames, lost = np.concatenate([made, frames]), 0
        elif lost:
            self._count("samples_missed", lost)
        self._was_cut = False
        self._remember(frames)
        return lost, frames

    def _cut(self, lost: int, frames: Float32Array) -> tuple[int, Float32Array]:
        """Leave out frames that are too many by the clock; many at once are a gap for the model."""
        count = min(self._to_cut, len(frames))
        self._was_cut = count == len(frames)
        self._count("samples_cut", count)
        self._to_cut -= count
        frames = frames[count:]
        if len(frames):
            frames = joined(self._before, frames, self._fade)
        if count > LONGEST_S * self._rate:
            lost = max(1, lost)
        self._remember(frames)
        return lost, frames

    @property
    def _fade(self) -> int:
        return max(1, round(FADE_S * self._rate))

    def _remember(self, frames: Float32Array) -> None:
        kept = round(HISTORY_S * self._rate)
        if len(self._before):
            frames = np.concatenate([self._before, frames])
        self._before = frames[-kept:]
