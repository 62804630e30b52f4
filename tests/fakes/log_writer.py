"""A process that forks writers of a fast replayed roast, to be killed at any moment.

Reads lines `PATH SEED` from stdin; for each it forks a child and prints `pid N`. The child goes on
with the open roast (or begins one) and prints `durable ID` after each event that the log called
durable, as a sink would tell it.
"""

import asyncio
import os
import random
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from roastwatch.roastlog.log import RoastLog
from roastwatch.vocabulary import EventKind, Level, Origin, Reading, RoastEvent

STATION = "roaster"


def say(text: str) -> None:
    """One write, so that a kill can't split the line from its meaning."""
    os.write(1, f"{text}\n".encode())


async def replay(path: Path, seed: int) -> None:
    """Write readings and events as fast as the log takes them, for ever."""
    draw = random.Random(seed)
    async with RoastLog.open(path) as log:
        roast = await log.resume(STATION)
        if roast is None:
            roast_id, at_s = f"roast-{seed}", 0.0
            while not await log.start_roast(roast_id, STATION, datetime.now(UTC)):
                await asyncio.sleep(0)  # a slow disk: again until it is durable
            say(f"began {roast_id}")
        else:
            roast_id, at_s = roast.roast_id, roast.last_heard_s
            say(f"resumed {roast_id}")
        for number in range(100_000):
            for _ in range(draw.randrange(1, 30)):
                at_s += 1.0
                reading = Reading(STATION, at_s, bean_temp_c=150 + draw.random())
                log.record_reading(roast_id, reading, at_s)
                log.record_scores(roast_id, at_s, draw.random(), 0.1)
            log.record_pops(roast_id, [(at_s, 0.9)])
            now = datetime.now(UTC)
            event = RoastEvent(
                f"{seed}-{number}", STATION, roast_id, EventKind.FIRST_CRACK, now, now,
                Origin.SOUND, Level.FIRST_CRACK,
            )  # fmt: skip
            if await log.commit(event, at_s):
                say(f"durable {event.event_id}")
            alert = f"alert-{seed}-{number}"
            if await log.outbox_add(alert, {"text": "first crack"}, event_id=event.event_id):
                say(f"alert {alert}")


def main() -> None:
    """Fork on request; a fork costs milliseconds where a start costs a second."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        path, seed = line.rsplit(maxsplit=1)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                asyncio.run(replay(Path(path), int(seed)))
            finally:
                os._exit(0)
        say(f"pid {child}")


if __name__ == "__main__":
    main()
