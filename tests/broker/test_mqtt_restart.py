"""What was delivered is not delivered again by the next process."""

import contextlib
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from roastwatch.roastlog.file import FILE_NAME
from roastwatch.roastlog.log import RoastLog
from roastwatch.vocabulary import ComponentState, EventKind, Level
from tests.support.events import event, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener, sink
from tests.support.until import until

EVENT = "roastwatch/test/roaster/event"
CONFIG = "homeassistant/device/roastwatch_test_roaster/config"


def start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


async def test_a_killed_service_delivers_each_event_once(broker: Broker, tmp_path: Path) -> None:
    settings = tmp_path / "roastwatch.yaml"
    settings.write_text(
        f"""
        instance: test
        data_dir: data
        stations: [{{source: {{type: demo, cracks: false}}}}]
        sinks: [{{type: mqtt, host: 127.0.0.1, port: {broker.port}, birth_settle_s: 0}}]
        """
    )
    command = [sys.executable, "-m", "roastwatch", "run", "--settings", str(settings)]
    async with listener(broker.port) as (heard, client):

        async def run_until_announced() -> subprocess.Popen[bytes]:
            heard.forget()
            process = start(command)
            await until(lambda: heard.newest(CONFIG))
            await until(lambda: heard.newest("roastwatch/test/roaster/state/status"))
            return process

        process = await run_until_announced()
        try:
            await client.publish("roastwatch/test/roaster/set/start", "PRESS", qos=1)
            await until(lambda: heard.json(EVENT))
            # The delivery is durable a moment later; nothing outside says when.
            with contextlib.closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as log:
                ask = "SELECT * FROM outbox WHERE target LIKE '%-done'"
                await until(lambda: log.execute(ask).fetchall())
            process.send_signal(signal.SIGKILL)
            process.wait()
            process = await run_until_announced()
            await client.publish("roastwatch/test/roaster/set/drop", "PRESS", qos=1)
            await until(lambda: any(e["event_type"] == "drop" for e in heard.json(EVENT)))
            assert [item["event_type"] for item in heard.json(EVENT)] == ["drop"]
        finally:
            process.kill()
            process.wait()


async def test_a_delivered_crack_still_grows_after_a_restart(
    broker: Broker, tmp_path: Path
) -> None:
    async with listener(broker.port, EVENT, CONFIG) as (heard, _):
        async with (
            RoastLog.open(tmp_path / "roasts.sqlite") as log,
            sink(broker.port, outbox=log) as rig,
        ):
            rig.show(snapshot())
            await until(lambda: heard.json(CONFIG))
        async with (
            RoastLog.open(tmp_path / "roasts.sqlite") as log,
            sink(broker.port, outbox=log) as rig,
        ):
            await until(lambda: rig.part.state is ComponentState.RUNNING)
            rig.events.put(event("crack", level=Level.FIRST_CRACK))
            await until(lambda: heard.json(EVENT))
            while not await log.outbox_due(target=f"mqtt:127.0.0.1:{broker.port}-done"):
                pass
        heard.forget()
        async with (
            RoastLog.open(tmp_path / "roasts.sqlite") as log,
            sink(broker.port, outbox=log) as rig,
        ):
            rig.events.put(event("crack", level=Level.FIRST_CRACK))  # as a resumed roast does
            rig.events.put(event("crack", level=Level.CERTAIN))
            rig.events.put(event("last", EventKind.DROP, None))
            await until(lambda: len(heard.json(EVENT)) >= 2)
            kinds = [(item["event_id"], item["event_type"]) for item in heard.json(EVENT)]
            assert kinds == [("crack", "first_crack_certain"), ("last", "drop")]
