"""Takes items from a generator in a thread, a few ahead of the consumer.

Decoding releases the interpreter's lock, so a recording is decoded while the sound before is
analysed.
"""

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_AHEAD = 4

Item = TypeVar("Item")


def read_ahead(items: Generator[Item], ahead: int = _AHEAD) -> Generator[Item]:
    """Yield the same items; at most `ahead` wait. None is not an item.

    An error of the generator is raised in its place. The thread has ended, and the generator is
    closed, when this generator ends or is closed.
    """
    pool = ThreadPoolExecutor(1, "read-ahead")
    try:
        coming = deque(pool.submit(next, items, None) for _ in range(ahead))
        while (item := coming.popleft().result()) is not None:
            coming.append(pool.submit(next, items, None))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)
        items.close()
