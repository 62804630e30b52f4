"""Three ways to pass values to tasks: events queue (bounded), states conflate, a feed copies."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Events(Generic[T]):
    """A bounded queue whose oldest item makes room for the newest. Drops are counted.

    Putting never waits, so that a slow consumer can't delay the producer.
    """

    def __init__(self, size: int = 64) -> None:
        if size < 1:
            raise ValueError("size must be at least 1")
        self._items: deque[T] = deque(maxlen=size)
        self._arrived = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self.size = size
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add an item, dropping the oldest when full."""
        if len(self._items) == self._items.maxlen:
            self.dropped += 1
        self._items.append(item)
        self._arrived.set()
        self._settled.clear()

    async def get(self) -> T:
        """Wait for the oldest item and take it."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        return self._items.popleft()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            if not self._items:
                self._settled.set()
            yield await self.get()

    async def settled(self) -> None:
        """Wait until the iterating task has handled every item, including the last one."""
        await self._settled.wait()


class Latest(Generic[T]):
    """Keeps the newest value only. Every reader sees the newest, none sees them all."""

    def __init__(self, value: T | None = None) -> None:
        self._value = value
        self._version = 0 if value is None else 1
        self._changed = asyncio.Event()

    @property
    def value(self) -> T | None:
        """The newest value, None before the first."""
        return self._value

    def set(self, value: T) -> None:
        """Replace the value and wake all readers."""
        self._value = value
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def changes(self) -> AsyncIterator[T]:
        """Yield the newest value now (if there is one) and after each change."""
        seen = 0
        while True:
            changed = self._changed
            if self._version != seen and self._value is not None:
                seen = self._version
                yield self._value
            else:
                await changed.wait()


class Feed(Generic[T]):
    """Copies each item to the queue of everyone who listens now; without listeners it is gone."""

    def __init__(self) -> None:
        self._listeners: list[Events[T]] = []

    @property
    def wanted(self) -> bool:
        """Whether anybody listens: an item that costs something need not be made otherwise."""
        return bool(self._listeners)

    def put(self, item: T) -> None:
        """Queue an item for each listener; never waits."""
        for listener in self._listeners:
            listener.put(item)

    @contextlib.contextmanager
    def listen(self, size: int = 64) -> Iterator[Events[T]]:
        """A queue of one's own for the items from now on."""
        mine: Events[T] = Events(size)
        self._listeners.append(mine)
        try:
            yield mine
        finally:
            self._listeners.remove(mine)
