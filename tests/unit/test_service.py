"""The whole service on a short synthesised roast: what is published, even if parts fail."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from roastwatch.app.outlet import Outlet
from roastwatch.app.service import Service
from roastwatch.app.station import Station
from roastwatch.channel import Events, Latest
from roastwatch.detection.inference_pool import InferencePool
from roastwatch.settings import model as settings
from roastwatch.sinks.sink import Sink
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Actuator,
    Command,
    ComponentState,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Outcome,
    Phase,
    RoastEvent,
    Snapshot,
)
from tests.support.http import free_port, request, send


class Notebook(Sink):
    """A sink that keeps the events it gets."""

    def __init__(self) -> None:
        self.events: list[RoastEvent] = []

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        async for event in events:
            self.events.append(event)


class Broken(Sink):
    """A sink that fails at once."""

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        raise OSError("no such printer")


class Repaired(Notebook):
    """A sink that fails at its first start only."""

    def __init__(self) -> None:
        super().__init__()
        self.starts = 0

    async def run(self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]) -> None:
        self.starts += 1
        if self.starts == 1:
            raise OSError("no such printer yet")
        await super().run(events, latest)


def short_roast(begins: str = "sound", **source: Any) -> Service:
    demo = {"type": "demo", "seed": 3, "speed": 0, "first_crack_at_s": 40, "fooling_per_h": 0}
    station = {
        "name": "kitchen",
        "source": demo | source,
        "model": {"type": "transients"},
        "roast": {"begins": begins},
    }
    return Service(settings.parse({"stations": [station]}))


async def test_every_sink_gets_the_roast_though_one_sink_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, notebook = short_roast(), Notebook()
    broken = ComponentHealth("printer")
    service.outlets = [
        Outlet("printer", Broken(), broken),
        Outlet("notebook", notebook, ComponentHealth("notebook")),
    ]
    await service.run()
    cracks = [e for e in notebook.events if e.kind is EventKind.FIRST_CRACK]
    assert {event.event_id for event in cracks} == {cracks[0].event_id}
    assert cracks[-1].level in (Level.FIRST_CRACK, Level.CERTAIN)
    assert broken.state is ComponentState.FAILED
    assert "no such printer" in (broken.problem or "")
    assert service.latest.value is not None
    shown = service.latest.value["kitchen"]
    assert shown.phase in (Phase.FIRST_CRACK, Phase.DEVELOPMENT)
    assert shown.first_crack == cracks[-1]


async def test_a_failed_sink_is_restarted_and_gets_every_event() -> None:
    service, repaired, notebook = short_roast(), Repaired(), Notebook()
    part = ComponentHealth("printer")
    service.outlets = [
        Outlet("printer", repaired, part),
        Outlet("notebook", notebook, ComponentHealth("n")),
    ]
    await service.run()
    assert repaired.starts == 2
    assert repaired.events == notebook.events
    assert part.counters["restarts"] == 1


async def test_without_a_started_roast_it_only_asks() -> None:
    service, notebook = short_roast(begins="person"), Notebook()
    service.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
    await service.run()
    assert [event.level for event in notebook.events] == [Level.POSSIBLE]
    assert "no roast was started" in notebook.events[0].message
    assert notebook.events[0].roast_id is None


async def test_a_person_starts_the_roast_and_the_events_name_it() -> None:
    service, notebook = short_roast(begins="person"), Notebook()
    service.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
    now = datetime.now(UTC)
    service.instruct(Instruction("kitchen", InstructionKind.START, Origin.PERSON, now))
    service.instruct(Instruction("nowhere", InstructionKind.START, Origin.PERSON, now))
    await service.run()
    kinds = [event.kind for event in notebook.events]
    assert kinds[0] is EventKind.CHARGE
    assert EventKind.FIRST_CRACK in kinds
    assert {event.roast_id for event in notebook.events} == {notebook.events[0].roast_id}


async def test_sound_that_begins_with_the_charge_has_a_known_start() -> None:
    service, notebook = short_roast(begins="charge"), Notebook()
    service.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
    await service.run()
    charge = notebook.events[0]
    assert (charge.kind, charge.happened_sample) == (EventKind.CHARGE, 0)
    roast = service.stations["kitchen"].roast
    assert roast.start_known
    assert roast.charged_at == charge.happened_at


async def test_a_command_without_a_roaster_is_refused_with_a_reason() -> None:
    command = Command("1", "kitchen", Actuator.HEATER, 50, Origin.PERSON, 0.0)
    result = await short_roast().command(command)
    assert result.outcome is Outcome.REFUSED
    assert "no roaster" in result.reason


async def test_a_failing_instruction_ends_neither_station_nor_service(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, notebook = short_roast(), Notebook()
    service.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
    now = datetime.now(UTC)
    # Beyond what a float holds: the doors refuse it, and here it comes from behind them. The
    # first waits for the sound, the second comes in the middle of the roast.
    absurd = Instruction("kitchen", InstructionKind.SENSITIVITY, Origin.PERSON, now, 10**400)
    service.instruct(absurd)
    running = asyncio.create_task(service.run())
    async with asyncio.timeout(60):
        while not service.stations["kitchen"].has_sound:
            await asyncio.sleep(0)
    service.instruct(absurd)
    await running
    assert EventKind.FIRST_CRACK in [event.kind for event in notebook.events]
    assert len([line for line in caplog.messages if line.startswith("sensitivity")]) == 2
    assert service.latest.value is not None
    counters = dict(service.latest.value["kitchen"].parts[1].counters)
    assert counters["instructions_failed"] == 1


async def test_no_http_request_ends_a_roast(tmp_path: Path) -> None:
    port = free_port()
    demo = {"type": "demo", "seed": 3, "speed": 0, "first_crack_at_s": 40, "fooling_per_h": 0}
    raw = {
        "data_dir": str(tmp_path),
        "stations": [{"name": "kitchen", "source": demo, "model": {"type": "transients"}}],
        "sinks": [{"type": "rest", "port": port, "token": "beans"}],
    }
    service, notebook = Service(settings.parse(raw), (), tmp_path / "log.db"), Notebook()
    service.outlets.append(Outlet("notebook", notebook, ComponentHealth("notebook")))
    running = asyncio.create_task(service.run())
    bodies = (
        b'{"kind":"note","value":"\\ud800"}',
        b'{"kind":"sensitivity","value":' + b"9" * 400 + b"}",
        b'{"kind":"note","value":' + b"[" * 50_000,
        b'{"kind":"charge"}',
        b'{"kind":"note","value":"all is well"}',
    )
    statuses = []
    async with asyncio.timeout(60):
        while service.outlets[0].part.state is not ComponentState.RUNNING:
            await asyncio.sleep(0)
        for body in bodies:
            statuses.append((await send(port, request(body=body))).status)  # noqa: PERF401
    assert statuses == [400, 400, 400, 202, 202]
    assert not running.done()
    await running
    assert EventKind.FIRST_CRACK in [event.kind for event in notebook.events]


@pytest.mark.parametrize("speed", [0.0, 40.0])
async def test_nothing_in_a_fast_demonstration_is_in_the_future(speed: float) -> None:
    service, notebook = short_roast(speed=speed), Notebook()
    ahead: list[timedelta] = []

    class Clock(Notebook):
        async def run(
            self, events: Events[RoastEvent], latest: Latest[dict[str, Snapshot]]
        ) -> None:
            async for event in events:
                ahead.extend(at - datetime.now(UTC) for at in (event.happened_at, event.decided_at))
                notebook.events.append(event)

    service.outlets = [Outlet("clock", Clock(), ComponentHealth("clock"))]
    began = datetime.now(UTC)
    await service.run()
    assert any(event.kind is EventKind.FIRST_CRACK for event in notebook.events)
    assert max(ahead) <= timedelta(0)
    station = service.stations["kitchen"]
    assert began <= station.now() + timedelta(seconds=1)  # it ends at the present
    assert station.now() <= datetime.now(UTC)


async def test_a_fast_replay_of_a_file_ends_at_the_present(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(1).normal(0, 0.01, 640_000), 32_000)
    replay = {"type": "file", "path": str(tmp_path / "a.wav"), "speed": 20}
    station = {"name": "kitchen", "source": replay, "model": {"type": "transients"}}
    service = Service(settings.parse({"stations": [station]}))
    await service.run()
    now = service.stations["kitchen"].now()
    assert datetime.now(UTC) - timedelta(seconds=5) < now <= datetime.now(UTC)


@pytest.mark.parametrize("roaster", [None, {"type": "simulated"}])
async def test_a_demonstration_beside_a_roaster_has_one_probe(
    roaster: dict[str, object] | None, caplog: pytest.LogCaptureFixture
) -> None:
    demo = {"type": "demo", "seed": 3, "speed": 0, "first_crack_at_s": 5, "temperatures": True}
    parsed = settings.parse(
        {
            "stations": [
                {"name": "kitchen", "source": demo, "model": {"type": "transients"}}
                | ({"roaster": roaster} if roaster else {})
            ]
        }
    )
    station = Station(parsed.stations[0], lambda event: None)
    with InferencePool() as scoring:
        await station.listen(scoring)
    assert (station.reading is None) == (roaster is not None)
    assert ("temperatures are left out" in caplog.text) == (roaster is not None)
