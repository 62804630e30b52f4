"""Brokers that are away, refuse, or are shared by two of one name; Home Assistants that restart."""

import gc
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from roastwatch.vocabulary import ComponentState, Phase
from tests.support.events import event, snapshot
from tests.support.mosquitto import Broker
from tests.support.mqtt import listener, sink
from tests.support.proxy import network
from tests.support.until import until

EVENT = "roastwatch/test/roaster/event"
STATE = "roastwatch/test/roaster/state"
CONFIG = "homeassistant/device/roastwatch_test_roaster/config"


async def test_a_broker_that_dies_during_a_roast_gets_everything_again(broker: Broker) -> None:
    async with sink(broker.port) as rig:
        async with listener(broker.port) as (heard, _):
            rig.show(snapshot(phase=Phase.ROASTING))
            await until(lambda: heard.newest(f"{STATE}/phase") == "roasting")
            rig.events.put(event("before"))
            await until(lambda: heard.json(EVENT))
        broker.kill()
        await until(lambda: rig.part.state is ComponentState.RETRYING)
        assert "can't be reached" in (rig.part.problem or "")
        rig.events.put(event("meanwhile"))
        rig.show(snapshot(phase=Phase.DEVELOPMENT))
        broker.start()
        async with listener(broker.port) as (heard, client):
            await until(lambda: heard.newest(f"{STATE}/phase") == "development")
            await until(lambda: heard.newest(CONFIG))
            assert heard.newest("roastwatch/test/available") == "online"
            # A Home Assistant that was cut off too hears them when it says that it is back.
            await client.publish("homeassistant/status", "online")
            await until(
                lambda: {"before", "meanwhile"} <= {item["event_id"] for item in heard.json(EVENT)}
            )
            again = [item for item in heard.json(EVENT) if item["event_id"] == "before"]
            assert all(item["late"] for item in again)
        await until(lambda: rig.part.state is ComponentState.RUNNING)


async def test_events_that_home_assistant_missed_are_sent_at_its_birth(broker: Broker) -> None:
    async with sink(broker.port) as rig, listener(broker.port) as (heard, _):
        rig.show(snapshot())  # announced by an earlier run: nobody has to hear of us first
        await until(lambda: heard.newest(CONFIG))
    async with sink(broker.port) as rig, listener(broker.port) as (heard, client):
        await until(lambda: heard.newest("roastwatch/test/available") == "online")
        await client.publish("homeassistant/status", "online", qos=1)
        await client.publish("homeassistant/status", "offline", qos=1)
        rig.show(snapshot())
        await until(lambda: heard.newest(CONFIG))
        rig.events.put(event("missed"))
        await until(lambda: len(heard.json(EVENT)) == 1)
        heard.forget()
        await client.publish("homeassistant/status", "online", qos=1)
        (again,) = await until(lambda: heard.json(EVENT))
        assert again["event_id"] == "missed"
        assert again["late"]
        await until(lambda: heard.newest(CONFIG))
        # A birth message without an outage: nothing is sent twice.
        heard.forget()
        await client.publish("homeassistant/status", "online", qos=1)
        rig.events.put(event("next"))
        await until(lambda: heard.json(EVENT))
        await until(lambda: heard.newest(CONFIG))
        assert [item["event_id"] for item in heard.json(EVENT)] == ["next"]


async def test_home_assistant_back_before_us_misses_nothing(broker: Broker) -> None:
    """It was born when we could not hear it, at a broker that forgot what we had announced."""
    async with sink(broker.port) as rig:
        async with listener(broker.port) as (heard, _):
            rig.show(snapshot(phase=Phase.ROASTING))
            await until(lambda: heard.newest(f"{STATE}/phase") == "roasting")
            rig.events.put(event("last moment"))
            await until(lambda: heard.json(EVENT))
        broker.kill()
        await until(lambda: rig.part.state is ComponentState.RETRYING)
        rig.events.put(event("meanwhile"))
        broker.start()
        async with (
            listener(broker.port, CONFIG) as (announced, _),
            listener(broker.port, EVENT) as (heard, _),
        ):
            await until(lambda: announced.newest(CONFIG))

            def sent_again() -> bool:
                """Once at once, when it can't hear yet, and once when it has subscribed."""
                rig.show(snapshot(phase=Phase.ROASTING))
                return len(heard.json(EVENT)) == 4

            await until(sent_again)
            ids = sorted(item["event_id"] for item in heard.json(EVENT))
            assert ids == ["last moment", "last moment", "meanwhile", "meanwhile"]
            assert all(item["late"] for item in heard.json(EVENT)[2:])


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Broker]:
    """A broker that wants a password."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    command = ["mosquitto_passwd", "-b", str(passwords), "roastwatch", "right"]
    subprocess.run(command, check=True, capture_output=True)
    running = Broker(tmp_path, f"password_file {passwords}", anonymous=False).start()
    yield running
    running.kill()


async def test_a_refused_password_is_one_problem(
    locked: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    async with sink(locked.port, username="roastwatch", password="wrong") as rig:
        await until(lambda: rig.part.problem)
        assert "refuses the user name or password" in (rig.part.problem or "")
        assert f"127.0.0.1:{locked.port}" in (rig.part.problem or "")
        assert rig.part.state is ComponentState.RETRYING
        assert "wrong" not in caplog.text
    async with sink(locked.port, username="roastwatch", password="right") as rig:
        await until(lambda: rig.part.state is ComponentState.RUNNING)


async def test_a_missing_broker_is_retried(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    async with sink(broker.port) as rig:
        await until(lambda: rig.part.state is ComponentState.RETRYING)
        rig.events.put(event("early"))
        broker.start()
        try:
            async with listener(broker.port) as (heard, _):
                await until(lambda: rig.part.state is ComponentState.RUNNING)
                await until(lambda: heard.json(EVENT))
        finally:
            broker.kill()


async def test_two_instances_of_one_name_detect_each_other(broker: Broker) -> None:
    async with sink(broker.port) as elder, listener(broker.port) as (heard, _):
        elder.show(snapshot(phase=Phase.DRYING))
        await until(lambda: heard.newest(f"{STATE}/phase") == "drying")
        async with sink(broker.port) as younger:
            younger.show(snapshot(phase=Phase.COOLING))
            await until(lambda: younger.part.problem)
            await until(lambda: elder.part.problem)
            assert "Two roastwatch instances named 'test'" in (younger.part.problem or "")
            assert younger.part.state is ComponentState.RETRYING
            assert elder.part.state is ComponentState.DEGRADED
        assert heard.newest(f"{STATE}/phase") == "drying"
        assert heard.newest("roastwatch/test/available") == "online"


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[Broker, Path]]:
    """A broker that speaks TLS, and who vouches for it."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    make += ["-keyout", str(key), "-out", str(cert), "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(make, check=True, capture_output=True)
    running = Broker(tmp_path, f"certfile {cert}", f"keyfile {key}").start()
    yield running, cert
    running.kill()


# paho leaves the socket of a failed handshake to the garbage collector, which complains.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_encrypted_with_a_certificate_authority_of_its_own(
    certified: tuple[Broker, Path],
) -> None:
    broker, cert = certified
    async with sink(broker.port, tls=True, ca_file=cert) as rig:
        await until(lambda: rig.part.state is ComponentState.RUNNING)
    async with sink(broker.port, tls=True) as rig:
        await until(lambda: rig.part.state is ComponentState.RETRYING)
        assert "certificate" in (rig.part.problem or "").lower()
    async with sink(broker.port, tls=True, ca_file=cert.with_name("none.pem")) as rig:
        await until(lambda: rig.part.state is ComponentState.RETRYING)
        assert "certificates for MQTT can't be used" in (rig.part.problem or "")
    gc.collect()


async def test_a_silent_network_is_detected_and_nothing_is_lost(broker: Broker) -> None:
    async with (
        network(broker.port) as cable,
        sink(cable.port, keepalive_s=5) as rig,
        listener(broker.port) as (heard, _),
    ):
        rig.show(snapshot(phase=Phase.ROASTING))
        await until(lambda: heard.newest(f"{STATE}/phase") == "roasting")
        cable.silent = True
        rig.events.put(event("meanwhile"))
        rig.show(snapshot(phase=Phase.DEVELOPMENT))
        # The broker says that we are gone, we look for it, and nothing hangs.
        await until(lambda: heard.newest("roastwatch/test/available") == "offline")
        await until(lambda: rig.part.state is ComponentState.RETRYING)
        assert not heard.json(EVENT)
        cable.silent = False
        await until(lambda: heard.json(EVENT))
        assert {item["event_id"] for item in heard.json(EVENT)} == {"meanwhile"}
        assert heard.json(EVENT)[-1]["late"]
        await until(lambda: heard.newest(f"{STATE}/phase") == "development")
        assert heard.newest("roastwatch/test/available") == "online"
