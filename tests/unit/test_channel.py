"""Events queue and drop their oldest; states conflate."""

import asyncio

from roastwatch.channel import Events, Feed, Latest


async def test_a_full_queue_loses_its_oldest_and_counts_it() -> None:
    events: Events[int] = Events(2)
    for item in (1, 2, 3):
        events.put(item)
    assert events.dropped == 1
    assert [await events.get(), await events.get()] == [2, 3]


async def test_a_waiting_reader_wakes() -> None:
    events: Events[str] = Events()
    reader = asyncio.create_task(events.get())
    await asyncio.sleep(0)
    events.put("first crack")
    assert await reader == "first crack"


async def test_latest_gives_each_reader_the_newest() -> None:
    latest: Latest[int] = Latest()
    latest.set(1)
    latest.set(2)
    changes = latest.changes()
    assert await anext(changes) == 2
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)
    latest.set(3)
    latest.set(4)
    assert await waiting == 4


async def test_a_feed_copies_each_item_to_those_who_listen() -> None:
    feed: Feed[int] = Feed()
    feed.put(0)  # nobody listens: it is gone
    with feed.listen() as first:
        feed.put(1)
        with feed.listen(size=2) as second:
            for number in (2, 3, 4):
                feed.put(number)
            assert [await second.get() for _ in range(len(second))] == [3, 4]
            assert second.dropped == 1
        feed.put(5)
        assert [await first.get() for _ in range(len(first))] == [1, 2, 3, 4, 5]
        assert len(second) == 0
