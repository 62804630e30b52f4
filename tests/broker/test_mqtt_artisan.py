"""Artisan's MQTT device reads, marks by its alarms, and commands, through a real broker."""

import json
from datetime import UTC, datetime
from typing import Any

from roastwatch.sinks.artisan.aset import mqtt_settings
from roastwatch.sinks.artisan.refusals import SENTENCES, Refused
from roastwatch.vocabulary import Actuator, InstructionKind, Level, Outcome, Phase
from tests.fakes.artisan import CHARGE, FCE, FCS, Artisan
from tests.support.events import event, reading, roaster, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener, sink
from tests.support.until import until

AIR, BURNER = 0, 3


async def test_artisan_over_mqtt_reads_marks_and_commands(broker: Broker) -> None:
    artisan = Artisan(mqtt_settings("localhost", broker.port, "test", "roaster"))
    (topic,) = artisan.settings["MQTT"]["topic"]
    nodes = artisan.settings["MQTT"]["channel_nodes"]
    async with (
        sink(broker.port, artisan=True) as rig,
        listener(broker.port, "roastwatch/test/#") as (heard, client),
    ):
        await until(lambda: heard.newest("roastwatch/test/available") == "online")

        async def publish(to: str, value: Any) -> None:
            await client.publish(to, json.dumps(value), qos=1)

        async def sampled(**wanted: float) -> None:
            """Artisan keeps the last value of each channel and samples it."""

            def current() -> bool:
                data = json.loads(heard.newest(topic) or "{}")
                return all(data.get(node) == value for node, value in wanted.items())

            await until(current)
            data = json.loads(heard.newest(topic) or "{}")
            artisan.alarms([float(data.get(node, -1)) for node in nodes])

        artisan.publish = publish
        artisan.press_mark(CHARGE)
        await until(lambda: rig.person.instructions)
        rig.show(snapshot(roaster=roaster(Actuator.HEATER), reading=reading(bean_temp_c=180.5)))
        await sampled(BT=180.5, firstCrack=0)
        assert artisan.timeindex[FCS] is None
        rig.show(snapshot(first_crack=event(level=Level.FIRST_CRACK), decision=1.0))
        await sampled(firstCrack=2, decision=100)
        assert artisan.timeindex[FCS] is not None
        rig.show(snapshot(first_crack=event(level=Level.CERTAIN), phase=Phase.DEVELOPMENT))
        await sampled(firstCrack=4)
        assert artisan.timeindex[FCE] is not None

        await artisan.slide(AIR, 70.0)
        await artisan.press("ARM")
        await client.publish("roastwatch/test/roaster/set/confirm_arming", "PRESS", qos=1)
        await until(lambda: len(rig.person.instructions) == 2)
        await artisan.press("E-STOP")
        await until(lambda: len(rig.person.instructions) == 3)  # FCs was not sent back
        assert [(one.actuator, one.target) for one in rig.person.commands] == [(Actuator.FAN, 70)]
        kinds = [one.kind for one in rig.person.instructions]
        assert kinds == [
            InstructionKind.START,
            InstructionKind.ARM,
            InstructionKind.EMERGENCY_STOP,
        ]
        rig.person.answer = (Outcome.REFUSED, "Not today.")
        await artisan.slide(BURNER, 40.0)
        await until(lambda: len(rig.person.commands) == 2)
        await until(lambda: heard.newest("roastwatch/test/roaster/state/last_refusal"))
        rig.show(snapshot(at=datetime.now(UTC), pops_per_minute=1.0))
        await sampled(refused=Refused.OTHER)
        assert artisan.popups == [SENTENCES[Refused.OTHER]]
