"""What was sent or answered, remembered over a restart, so that nothing is sent twice."""

from datetime import timedelta

from roastwatch.sinks.monotonic_utc import AT_ONCE, MonotonicUtc
from roastwatch.sinks.sink import AlertOutbox

_FOR = timedelta(days=1)
_NEWEST = 2000


class DedupeSet:
    """A set of words; the outbox keeps it for a day under a target of its own."""

    def __init__(self, outbox: AlertOutbox, target: str, clock: MonotonicUtc) -> None:
        self._outbox = outbox
        self._target = target
        self._clock = clock
        self._words: dict[str, None] = {}

    def __contains__(self, word: str) -> bool:
        return word in self._words

    async def restore(self) -> list[str]:
        """Load what an earlier process added; returns it."""
        for kept in await self._outbox.outbox_due(self._clock(), self._target):
            self._words[str(kept.payload.get("word"))] = None
        return list(self._words)

    async def add(self, word: str) -> None:
        """Add a word; it is durable as soon as this returns."""
        if word in self._words:
            return
        self._words[word] = None
        while len(self._words) > _NEWEST:
            del self._words[next(iter(self._words))]
        await self._outbox.outbox_add(
            f"{self._target}:{word}",
            {"word": word},
            due_at=AT_ONCE,
            expires_at=self._clock() + _FOR,
            target=self._target,
        )
