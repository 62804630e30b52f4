"""How well first crack can be heard, from everything that is known to make it unreliable.

Three causes are joined: the signal of the microphone (silent, clipped, gated, cut), the room (a
radio), and a high adaptive threshold (pops as clear as cracks come all the time). Each is
debounced, and the worst counts.
"""

from collections import deque

from roastwatch.detection.decision.adaptive_threshold import SLOT_S
from roastwatch.detection.decision.room import GOOD
from roastwatch.vocabulary import Hearing, HearingState

LOOKED_AT_S = 1.0
WORSE_AFTER_S, BETTER_AFTER_S = 3.0, 10.0
"""A change counts once it has lasted this long."""
RADIO_BETTER_AFTER_S = 40.0
"""The same for a radio: between two songs it is still on."""
SETTLED_S = 2 * SLOT_S
"""Every pop that is this old is known, so the adaptive threshold there is final."""
TOP = 0.7
"""Above this level of the adaptive threshold hearing is limited: cracks of medium clearness are
hidden. None of 23 synthesised roasts with nothing beside them came to 0.4 before first crack."""
NOISY = HearingState(
    Hearing.LIMITED,
    "Other sounds as clear as cracks come all the time: stop what clicks, rattles or crackles "
    "nearby, or listen yourself.",
)
_BAD = (Hearing.LIMITED, Hearing.BLOCKED)
_KEPT = 1000


class _Debounced:
    """One cause, without its short changes."""

    def __init__(self, sample_rate_hz: int, better_after_s: float) -> None:
        self._worse, self._better = (
            round(after_s * sample_rate_hz) for after_s in (WORSE_AFTER_S, better_after_s)
        )
        self._on = dict.fromkeys(_BAD, False)  # whether hearing is at least so bad
        self._since: dict[Hearing, int] = {}  # when it began to be otherwise
        self._latest: dict[Hearing, HearingState] = {}
        self.state = GOOD

    def feed(self, at_sample: int, now: HearingState) -> None:
        """Take the state at a sample."""
        self._latest[now.hearing] = now
        for bad in _BAD:
            is_so = now.hearing.rank >= bad.rank
            if is_so == self._on[bad]:
                self._since.pop(bad, None)
                continue
            since = self._since.setdefault(bad, at_sample)
            if at_sample - since >= (self._worse if is_so else self._better):
                self._on[bad] = is_so
                del self._since[bad]
        shown = max((bad for bad in _BAD if self._on[bad]), key=_rank, default=Hearing.GOOD)
        self.state = self._latest.get(shown, self.state)


class HearingWatch:
    """Joins the causes. Pure: its only clock is sample positions."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.state = GOOD
        self._rate = sample_rate_hz
        self._next = 0
        self._changes: list[tuple[int, HearingState]] = []
        self._coming: deque[tuple[int, HearingState]] = deque(maxlen=_KEPT)
        self._signal = GOOD
        waits_s = (BETTER_AFTER_S, RADIO_BETTER_AFTER_S, BETTER_AFTER_S)
        self._causes = [_Debounced(sample_rate_hz, wait_s) for wait_s in waits_s]

    def signal(self, at_sample: int, state: HearingState) -> None:
        """How fit the microphone's signal is from a sample on; scores may come later."""
        before = self._coming[-1][1] if self._coming else self._signal
        if state != before:
            self._coming.append((at_sample, state))

    def is_due(self, at_sample: int) -> bool:
        """Whether to `feed` at a sample."""
        return at_sample >= self._next

    def feed(self, at_sample: int, room: HearingState, level: float | None) -> None:
        """Take the state of the room, and the level of the adaptive threshold (None: it has none).

        `level` is that of `SETTLED_S` before.
        """
        self._next = at_sample + round(LOOKED_AT_S * self._rate)
        while self._coming and self._coming[0][0] <= at_sample:
            _, self._signal = self._coming.popleft()
        noise = NOISY if level is not None and level > TOP else GOOD
        for cause, now in zip(self._causes, (self._signal, room, noise), strict=True):
            cause.feed(at_sample, now)
        worst = max((cause.state for cause in self._causes), key=lambda one: one.hearing.rank)
        if worst != self.state:
            self.state = worst
            self._changes.append((at_sample, worst))
            del self._changes[:-_KEPT]

    def take_changes(self) -> list[tuple[int, HearingState]]:
        """What has changed since the last call, and at which sample."""
        changes, self._changes = self._changes, []
        return changes


def _rank(hearing: Hearing) -> int:
    return hearing.rank
