"""Without a broker: Home Assistant, the network, the token and the service go, and come again.

Each roast goes on; each event is sent at least once under one id; states are right again.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import shutil
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roastwatch.channel import Events, Latest
from roastwatch.roastlog.file import FILE_NAME
from roastwatch.sinks.home_assistant.sink import HomeAssistantSink, HomeAssistantSinkOptions
from roastwatch.sinks.outbox.event_outbox import LATE_AFTER_S
from roastwatch.sinks.sink import AlertOutbox, SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import ComponentState, Phase, RoastEvent, Snapshot
from tests.home_assistant.conftest import Home
from tests.home_assistant.running import HomeAssistant, Talk
from tests.home_assistant.service import service
from tests.support.events import event, snapshot
from tests.support.mqtt import Person
from tests.support.mqtt import sink as mqtt_sink
from tests.support.proxy import network
from tests.support.until import until

pytestmark = [pytest.mark.home_assistant, pytest.mark.timeout(900)]


@dataclass
class Telling:
    """The sink home_assistant, running, and the ends of what goes into it."""

    part: ComponentHealth
    events: Events[RoastEvent]
    latest: Latest[dict[str, Snapshot]]

    def show(self, shown: Snapshot) -> None:
        self.latest.set({shown.station: shown})


@contextlib.asynccontextmanager
async def telling(
    url: str, token: str, instance: str, outbox: AlertOutbox | None = None
) -> AsyncIterator[Telling]:
    part = ComponentHealth("home_assistant")
    context = SinkContext(instance, ["roaster"], "en", Person(), part, outbox=outbox)
    options = HomeAssistantSinkOptions.model_validate({"url": url, "token": token})
    running = Telling(part, Events(), Latest())
    task = asyncio.create_task(
        HomeAssistantSink(options, context).run(running.events, running.latest)
    )
    try:
        yield running
    finally:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=60)
        assert done, task.get_stack()


async def arrived(talk: Talk, instance: str, event_id: str) -> bool:
    return event_id in await talk.noted(instance)


async def test_home_assistant_restarted_gets_missed_events(home: Home, talk: Talk) -> None:
    await talk.note_bus("first_crack")
    home_now = home.assistant
    phase, crack = "sensor.again_roaster_phase", "binary_sensor.again_roaster_first_crack"
    async with telling(home_now.url, home_now.token, "again") as rig:
        rig.show(snapshot(phase=Phase.ROASTING))
        await talk.until(lambda: talk.shows(phase, "Roasting"))
        home_now.kill()
        # late already: a quick machine has Home Assistant back before anything is late
        decided_at = datetime.now(UTC) - timedelta(seconds=2 * LATE_AFTER_S)
        rig.events.put(event("missed", decided_at=decided_at))
        rig.show(snapshot(phase=Phase.DEVELOPMENT, first_crack=event("missed")))
        await until(lambda: rig.part.state is ComponentState.RETRYING)
        assert f"Home Assistant at {home_now.url}" in (rig.part.problem or "")
        await home_now.start()
        async with home_now.talk() as after:
            await after.until(lambda: arrived(after, "again", "missed"), 120)
            assert (await after.noted("again"))["missed"] == ("r1", True)
            await after.until(lambda: after.shows(phase, "Development"))
            await after.until(lambda: after.shows(crack, "on"))
        assert rig.part.problem is None


async def test_a_silent_network_is_detected(home: Home) -> None:
    async with home.assistant.talk() as talk:
        await talk.note_bus("first_crack")
        phase = "sensor.cut_roaster_phase"
        async with (
            network(home.assistant.port) as cable,
            telling(f"http://127.0.0.1:{cable.port}", home.assistant.token, "cut") as rig,
        ):
            rig.show(snapshot(phase=Phase.ROASTING))
            await talk.until(lambda: talk.shows(phase, "Roasting"))
            cable.silent = True
            # Nothing is sent now: the silent connection must be detected anyway.
            await until(lambda: rig.part.state is ComponentState.RETRYING)
            rig.events.put(event("meanwhile"))
            rig.show(snapshot(phase=Phase.DEVELOPMENT))
            await asyncio.sleep(0)
            assert "meanwhile" not in await talk.noted("cut")
            cable.silent = False
            await talk.until(lambda: arrived(talk, "cut", "meanwhile"), 120)
            await talk.until(lambda: talk.shows(phase, "Development"))
        # A service that ends leaves nothing behind that looks as if it still knew.
        await talk.until(lambda: talk.shows(phase, "unavailable"))


async def test_a_revoked_token_is_reported_and_the_broker_still_works(home: Home) -> None:
    entity = "event.revoked_roaster_event"
    async with home.assistant.talk() as talk:
        token, number = await talk.new_token("revoked")
        async with (
            telling(home.assistant.url, token, "norights") as rig,
            mqtt_sink(home.broker.port, "revoked") as over_mqtt,
        ):
            over_mqtt.show(snapshot(phase=Phase.ROASTING))
            rig.show(snapshot(phase=Phase.ROASTING))
            await talk.until(lambda: talk.shows("sensor.norights_roaster_phase", "Roasting"))
            await talk.until(lambda: talk.shows(entity))
            await talk.call("auth/delete_refresh_token", refresh_token_id=number)
            await until(lambda: "refuses the token" in (rig.part.problem or ""))
            assert rig.part.state is ComponentState.RETRYING
            rig.events.put(event("r"))
            over_mqtt.events.put(event("r"))

            async def is_sent() -> bool:
                return bool((await talk.states())[entity]["attributes"].get("event_id") == "r")

            await talk.until(is_sent)
            assert "make a new long-lived access token" in (rig.part.problem or "")


async def expired_token(assistant: HomeAssistant) -> str:
    """A token that was good yesterday, signed with this Home Assistant's own key."""
    issuer = json.loads(_decoded(assistant.token.split(".")[1]))["iss"]
    file = assistant.folder / ".storage" / "auth"

    def key() -> str | None:
        rows = json.loads(file.read_text())["data"]["refresh_tokens"] if file.exists() else []
        return next((row["jwt_key"] for row in rows if row["id"] == issuer), None)

    signing = await until(key)
    yesterday = int(time.time()) - 86_400
    claims = {"iss": issuer, "iat": yesterday - 3600, "exp": yesterday}
    words = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    ]
    digest = hmac.new(signing.encode(), b".".join(words), hashlib.sha256).digest()
    return b".".join((*words, base64.urlsafe_b64encode(digest).rstrip(b"="))).decode()


def _decoded(word: str) -> bytes:
    return base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))


async def test_an_expired_token_and_a_wrong_url_are_reported(home: Home) -> None:
    token = await expired_token(home.assistant)
    async with telling(home.assistant.url, token, "expired") as rig:
        await until(lambda: rig.part.problem)
        assert "refuses the token: make a new long-lived access token" in (rig.part.problem or "")
    async with telling("http://homeassistant.invalid:8123", token, "typo") as rig:
        await until(lambda: rig.part.problem)
        assert "http://homeassistant.invalid:8123" in (rig.part.problem or "")
        assert "does not answer" in (rig.part.problem or "")


async def test_a_killed_service_resumes_the_same_roast(
    home: Home, talk: Talk, tmp_path: Path
) -> None:
    await talk.note_bus("first_crack")
    phase, crack = "sensor.slain_roaster_phase", "binary_sensor.slain_roaster_first_crack"
    async with network(home.assistant.port) as cable:
        url = f"http://127.0.0.1:{cable.port}"
        sink = {"type": "home_assistant", "url": url, "token": home.assistant.token}
        more: dict[str, Any] = {"sinks": [sink], "speed": 1.0, "first_crack_at_s": 8.0}
        async with service(tmp_path, "slain", **more) as first:
            await talk.until(lambda: talk.shows(phase, "Roasting"), 120)
            cable.silent = True  # so that it decides what it can't tell any more
            log = tmp_path / "data" / FILE_NAME
            await until(lambda: unsent(log), 120)
            first.end(signal.SIGKILL)
        assert not await talk.noted("slain")
        cable.silent = False
        async with service(tmp_path, "slain", **more):
            await talk.until(lambda: talk.noted("slain"), 120)
            await talk.until(lambda: talk.shows(crack, "on"))
            [(event_id, (roast_id, late))] = (await talk.noted("slain")).items()
            assert event_id.startswith(roast_id)
            assert late
            assert await talk.state(phase) in ("First crack", "Development")


def unsent(log: Path) -> bool:
    """Whether a first crack waits in the log for a Home Assistant that can't be reached."""
    with contextlib.closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM outbox WHERE target LIKE 'home_assistant:%' "
            'AND payload LIKE \'%"event_type": "first_crack"%\''
        )
        return bool(rows.fetchone()[0])


@pytest.mark.verify
@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_jump_of_an_hour_makes_nothing_late(
    home: Home, talk: Talk, tmp_path: Path, hours: int
) -> None:
    """With a broker and without one, in a real process whose clock is set in mid-roast."""
    faketime = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), faketime)
    if not found.exists() or shutil.which("faketime") is None:
        pytest.skip("faketime is not installed (python3 dev verify installs it)")
    await talk.note_bus("first_crack")
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(found),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    name = f"jump{'ahead' if hours > 0 else 'back'}"
    door = {"url": home.assistant.url, "token": home.assistant.token}
    sink = {"type": "home_assistant", "states": False, **door}
    entity = f"event.{name}_roaster_event"
    async with service(
        tmp_path / "run",
        name,
        home.broker.port,
        sinks=[sink],
        speed=1.0,
        first_crack_at_s=15.0,
        environment=environment,
    ):
        await talk.until(lambda: talk.shows(f"sensor.{name}_roaster_phase", "Roasting"), 120)
        clock.write_text(f"{hours * 3600:+d}\n")

        async def rig() -> dict[str, Any]:
            found: dict[str, Any] = (await talk.states())[entity]["attributes"]
            decided = found.get("level") in ("first_crack", "certain")
            return found if decided else {}

        found_event = await talk.until(rig, 120)
        assert not found_event["late"]
        assert found_event["late_by_s"] < 5
        happened = datetime.fromisoformat(found_event["happened_at"])
        assert abs((datetime.now(UTC) - happened).total_seconds()) < 120  # the roast's own clock
        [(event_id, (_, late))] = (await talk.until(lambda: talk.noted(name))).items()
        assert event_id == found_event["event_id"]
        assert not late
        elapsed = await talk.state(f"sensor.{name}_roaster_elapsed")
        assert 0 < float(elapsed or 0) < 300, elapsed


@pytest.mark.verify
async def test_an_outage_of_two_minutes_loses_nothing(home: Home, tmp_path: Path) -> None:
    async with home.assistant.talk() as talk:
        await talk.note_bus("first_crack")
    door = {"url": home.assistant.url, "token": home.assistant.token}
    phase = "sensor.longaway_roaster_phase"
    async with service(tmp_path, "longaway", sinks=[{"type": "home_assistant", **door}], speed=1.0):
        async with home.assistant.talk() as talk:
            await talk.until(lambda: talk.shows(phase, "Roasting"), 120)
        home.assistant.kill()
        await asyncio.sleep(120)
        await home.assistant.start()
        async with home.assistant.talk() as talk:
            [(event_id, (roast_id, late))] = (
                await talk.until(lambda: talk.noted("longaway"), 120)
            ).items()
            assert event_id.startswith(roast_id)
            assert late
            await talk.until(lambda: talk.shows("binary_sensor.longaway_roaster_first_crack", "on"))


async def test_two_instances_of_one_name_detect_each_other(home: Home, talk: Talk) -> None:
    door = (home.assistant.url, home.assistant.token)
    async with telling(*door, "twins") as elder:
        elder.show(snapshot(phase=Phase.DRYING))
        await talk.until(lambda: talk.shows("sensor.twins_roaster_phase", "Drying"))
        async with telling(*door, "twins") as younger:
            younger.show(replace(snapshot(), phase=Phase.COOLING))
            await until(lambda: younger.part.problem and elder.part.problem)
            assert "Two roastwatch instances named 'twins'" in (younger.part.problem or "")
            assert younger.part.state is ComponentState.RETRYING
            assert elder.part.state is ComponentState.DEGRADED
        assert await talk.shows("sensor.twins_roaster_phase", "Drying")
