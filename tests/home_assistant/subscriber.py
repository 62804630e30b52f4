"""Somebody at a broker, in a process of its own: prints each event's id and when it came.

    python -m tests.home_assistant.subscriber PORT TOPIC

Times are `time.monotonic()`, one clock for all processes of a machine. In a process of its own,
because in the service's it would wait for whatever else that does.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


@asynccontextmanager
async def subscriber(port: int, topic: str) -> AsyncIterator[dict[str, float]]:
    """Subscribed; a dict that grows: event id → when (monotonic seconds) it first came."""
    came: dict[str, float] = {}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(port), topic, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = process.stdout
    await lines.readline()

    async def read() -> None:
        async for line in lines:
            event_id, at_s = line.decode().rsplit(" ", 1)
            came.setdefault(event_id, float(at_s))

    reading = asyncio.create_task(read())
    try:
        yield came
    finally:
        process.terminate()
        await process.wait()
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


def main() -> None:
    """Until terminated."""
    with contextlib.suppress(AttributeError, OSError):  # a stopwatch doesn't queue behind runners
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    client = paho.Client(CallbackAPIVersion.VERSION2)

    def heard(_client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        at_s = time.monotonic()
        print(json.loads(message.payload)["event_id"], at_s, flush=True)

    client.on_message = heard
    client.on_subscribe = lambda *_: print("subscribed", flush=True)
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.subscribe(sys.argv[2], qos=1)
    client.loop_forever()


if __name__ == "__main__":
    main()
