"""Keeps the positions of sound that arrives late, in bursts or not at all true to time."""

from collections import deque

_SETTLES_S = 2.0
"""The smallest delay of this time after the start is the normal one."""
_WINDOW_S = 2.0
_DECIDES_S = 1.0
"""Late sound arrives faster than real time; if it has not caught up after this, it is lost."""
_TOLERATED_S = 0.03
_FALLING_S = 0.01
_LOOKS_EVERY_S = 0.1


class SoundClock:
    """Compares how much sound has arrived with the time that has passed.

    Single pieces are late by any delay of the network; the least delayed of two seconds shows
    whether sound is missing, or is more than the time allows (the sender's clock is fast, or sound
    that was given up arrived after all). All times are in seconds; times of arrival are monotonic.
    """

    def __init__(self) -> None:
        self._base_s: float | None = None
        """Monotonic time of position 0, by the least delayed piece."""
        self._settled_at_s = 0.0
        self._look_at_s = 0.0
        self._end_s = 0.0
        self._seen: deque[tuple[float, float]] = deque()
        """When a piece arrived, and by how much later than sound that is on time."""

    @property
    def captured_s(self) -> float:
        """Monotonic time at which the newest sound was made, delays of the network left out."""
        return (self._base_s or 0.0) + self._end_s

    def restart(self, arrived_s: float, length_s: float) -> float:
        """Continue after a loss; returns by how much the sound is to be moved on."""
        self._seen.clear()
        if self._base_s is None:
            return 0.0
        return max(0.0, arrived_s - length_s - self.captured_s)

    def arrived(self, arrived_s: float, length_s: float) -> float:
        """Take the time of arrival of the next sound.

        Returns:
            The seconds of sound that are missing before it; negative: that are too many; 0: as a
            rule. The caller adds or leaves out sound accordingly and calls `corrected`.
        """
        self._end_s += length_s
        raw_s = arrived_s - self._end_s
        if self._base_s is None:
            self._base_s, self._settled_at_s = raw_s, arrived_s + _SETTLES_S
        if arrived_s < self._settled_at_s:
            self._base_s = min(self._base_s, raw_s)
            return 0.0
        self._seen.append((arrived_s, raw_s - self._base_s))
        while self._seen[0][0] < arrived_s - _WINDOW_S:
            self._seen.popleft()
        return self._off_s(arrived_s)

    def lost(self, length_s: float) -> None:
        """Sound is known to be lost before the next: by the sender's numbers, or a restart."""
        self._end_s += length_s

    def corrected(self, by_s: float) -> None:
        """What `arrived` returned was added; or left out, if it is negative."""
        self._end_s += by_s
        self._seen = deque((at_s, late_s - by_s) for at_s, late_s in self._seen)

    def _off_s(self, now_s: float) -> float:
        began_s = self._seen[0][0]
        if now_s - began_s < _DECIDES_S or now_s < self._look_at_s:
            return 0.0
        self._look_at_s = now_s + _LOOKS_EVERY_S
        middle_s = (began_s + now_s) / 2
        first_s = min(late_s for at_s, late_s in self._seen if at_s <= middle_s)
        last_s = min(late_s for at_s, late_s in self._seen if at_s > middle_s)
        off_s = min(first_s, last_s)
        if off_s > _TOLERATED_S:
            return 0.0 if last_s < first_s - _FALLING_S else off_s  # it still catches up
        return off_s if off_s < -_TOLERATED_S else 0.0
