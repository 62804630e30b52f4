"""Artisan, as its own code behaves, connects to the sink: values, marks, commands, refusals."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from roastwatch.app.outlet import Outlet
from roastwatch.app.service import Service
from roastwatch.channel import Events, Latest
from roastwatch.roaster.guardian.interlocks import INTERLOCKS
from roastwatch.settings import model as settings
from roastwatch.sinks.artisan import refusals
from roastwatch.sinks.artisan.aset import websocket_settings
from roastwatch.sinks.artisan.channels import CHANNELS, row
from roastwatch.sinks.artisan.options import ArtisanOptions
from roastwatch.sinks.artisan.sink import ArtisanSink
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    ComponentState,
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Phase,
    RoastEvent,
    Snapshot,
)
from tests.fakes.artisan import CHARGE, DROP, FCS, SCS, Artisan
from tests.support.events import event, reading, snapshot
from tests.support.interlock_scenarios import Bench
from tests.support.until import until
from tests.unit.test_rest import free_port

AIR, DRUM, BURNER = 0, 1, 3


class Roaster:
    """A roaster behind all interlocks, and a person's instructions in the order they came."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.run(1.0)
        self.asked: list[Instruction] = []

    def instruct(self, instruction: Instruction) -> None:
        self.asked.append(instruction)
        if instruction.kind is InstructionKind.ARM:
            self.bench.guard.arm(600, self.bench.now_s)

    async def command(self, command: Command) -> CommandResult:
        decided = self.bench.ask(command.actuator, command.target, command.origin)
        return CommandResult(
            command.command_id, decided.outcome, decided.applied, decided.interlock, decided.reason
        )

    @property
    def kinds(self) -> list[InstructionKind]:
        return [one.kind for one in self.asked]


@dataclass
class Rig:
    """A running sink."""

    port: int
    roaster: Roaster
    part: ComponentHealth
    sink: ArtisanSink
    events: Events[RoastEvent] = field(default_factory=Events)
    latest: Latest[dict[str, Snapshot]] = field(default_factory=Latest)

    def show(self, **more: Any) -> None:
        self.latest.set({"roaster": snapshot(**more)})

    def artisan(self, path: str = "WebSocket") -> Artisan:
        return Artisan(websocket_settings("127.0.0.1", self.port, path))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def served(
    latest: Latest[dict[str, Snapshot]] | None = None, **options: Any
) -> AsyncIterator[Rig]:
    port, part, roaster = free_port(), ComponentHealth("artisan"), Roaster()
    context = SinkContext("roastwatch", ["roaster", "attic"], "en", roaster, part)
    sink = ArtisanSink(ArtisanOptions(port=port, **options), context)
    rig = Rig(port, roaster, part, sink, latest=latest or Latest())
    async with running(rig):
        yield rig


@contextlib.asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[None]:
    task = asyncio.create_task(rig.sink.run(rig.events, rig.latest))
    try:
        await until(lambda: rig.part.state is ComponentState.RUNNING)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_artisan_reads_every_channel_and_minus_one_for_what_is_unknown() -> None:
    async with served() as rig, rig.artisan().on() as artisan:
        assert set((await artisan.sample()).values()) == {-1.0}  # nothing is known yet
        crack = event(level=Level.CERTAIN)
        rig.show(
            reading=reading(bean_temp_c=181.5, heater_percent=40.0, fan_percent=60.0),
            pops_per_minute=33.0, decision=1.0, first_crack=crack, phase=Phase.FIRST_CRACK,
            at=crack.happened_at + timedelta(seconds=12),
        )  # fmt: skip
        assert await artisan.sample() == {
            "BT": 181.5, "ET": -1.0, "heater": 40.0, "fan": 60.0, "drum": -1.0,
            "popsPerMinute": 33.0, "decision": 100.0, "firstCrack": 3.0,
            "sinceFirstCrack": 12.0, "refused": 0.0,
        }  # fmt: skip


def test_a_possible_or_revoked_crack_is_no_first_crack() -> None:
    assert row(snapshot(first_crack=event(revoked=True)))["firstCrack"] == 0
    shown = row(snapshot(first_crack=event(level=Level.POSSIBLE)))
    assert (shown["firstCrack"], "sinceFirstCrack" in shown) == (1, True)
    ended = row(snapshot(first_crack=event(), phase=Phase.DEVELOPMENT))
    assert ended["firstCrack"] == 4
    assert list(row(snapshot()))[-1] == CHANNELS[-1].node


async def test_marks_are_set_once_and_their_echo_confirms_nothing() -> None:
    async with served() as rig, rig.artisan().on() as artisan:
        rig.events.put(event("c", EventKind.CHARGE, None))
        rig.events.put(event(level=Level.POSSIBLE))
        rig.events.put(event(level=Level.FIRST_CRACK))
        rig.events.put(event(level=Level.CERTAIN))
        rig.events.put(event("s", EventKind.SECOND_CRACK, None))
        rig.events.put(event("d", EventKind.DROP, None))
        await until(lambda: artisan.timeindex[DROP] is not None)
        assert [place for place, at in enumerate(artisan.timeindex) if at is not None] == [
            CHARGE, FCS, SCS, DROP,
        ]  # fmt: skip
        await until(lambda: rig.part.counters.get("wishes") == 3)  # CHARGE, FCs and DROP echo
        assert rig.roaster.asked == []
        assert rig.part.counters["events_told"] == 4


async def test_first_crack_can_be_marked_when_it_is_possible() -> None:
    async with served(mark_first_crack="possible") as rig, rig.artisan().on() as artisan:
        rig.events.put(event(level=Level.POSSIBLE))
        await until(lambda: artisan.timeindex[FCS] is not None)


async def test_buttons_of_marks_ask_for_what_they_say() -> None:
    async with served() as rig, rig.artisan().on() as artisan:
        artisan.press_mark(CHARGE)
        artisan.press_mark(FCS)
        artisan.press_mark(DROP)
        await until(lambda: len(rig.roaster.asked) == 3)
        assert rig.roaster.kinds == [
            InstructionKind.START, InstructionKind.FIRST_CRACK_NOW, InstructionKind.DROP,
        ]  # fmt: skip
        assert {one.by for one in rig.roaster.asked} == {"artisan"}


async def test_heat_passes_the_interlocks_and_a_refusal_shows_its_reason() -> None:
    async with served() as rig, rig.artisan().on() as artisan:
        rig.show()
        await artisan.slide(BURNER, 40.0)
        assert artisan.said == ["The roaster is not armed: arm it first."]
        assert rig.roaster.bench.heat == 0
        assert (await artisan.sample())["refused"] == refusals.Refused.NOT_ARMED
        assert artisan.popups == [refusals.SENTENCES[refusals.Refused.NOT_ARMED]]
        await artisan.press("ARM")
        for actuator in (AIR, DRUM, BURNER):
            await artisan.slide(actuator, 60.0)
        assert artisan.said[1:] == ["arm: sent", "fan: 60 %", "drum: 60 %", "heater: 60 %"]
        assert rig.roaster.bench.heat == 60
        await artisan.press("E-STOP")  # after answers, so with `_` replaced
        assert rig.roaster.kinds[-1] is InstructionKind.EMERGENCY_STOP


async def test_without_control_artisan_only_reads_but_can_stop() -> None:
    async with served(control=False) as rig, rig.artisan().on() as artisan:
        await artisan.press("ARM")
        await artisan.slide(BURNER, 0.0)
        assert all("control: false" in said for said in artisan.said)
        await artisan.press("E-STOP")
        assert rig.roaster.kinds == [InstructionKind.EMERGENCY_STOP]


async def test_artisan_reconnects_and_gets_the_mark_it_missed() -> None:
    async with served() as rig, rig.artisan().on() as artisan:
        rig.show(reading=reading(bean_temp_c=180.0))
        await artisan.lose_connection()
        await until(lambda: not rig.sink._server.clients)
        rig.events.put(event())
        await until(lambda: artisan.timeindex[FCS] is not None)
        assert artisan.connections >= 2
        assert (await artisan.sample())["BT"] == 180.0


async def test_each_path_is_a_station() -> None:
    async with served() as rig, rig.artisan("WebSocket/attic").on() as artisan:
        rig.events.put(event(station="roaster"))
        rig.events.put(event("e2", station="attic", kind=EventKind.CHARGE))
        await until(lambda: artisan.timeindex[CHARGE] is not None)
        assert artisan.timeindex[FCS] is None


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"command": "dance"}, "kind must be one of"),
        ({"command": "set", "params": {"heater": 101}}, "0 to 100"),
        ({"command": "set", "params": {"heater": True}}, "0 to 100"),
        ({"command": "set", "params": {"lid": 1}}, "actuator must be one of"),
        ({"command": "set", "params": {"heater": 1, "fan": 2}}, "one value"),
        ({"command": "set", "params": [1]}, "JSON object"),
        ({"command": 7}, "command must be text"),
        ({}, "command must be text"),
    ],
)
async def test_what_is_not_a_command_is_refused_with_a_reason(
    message: dict[str, Any], said: str
) -> None:
    async with served() as rig, rig.artisan().on() as artisan:
        answer = await artisan.ask(message)
        assert answer is not None
        assert answer["data"]["ok"] is False
        assert said in answer["data"]["message"]
        assert rig.roaster.asked == []
        assert rig.part.counters["messages_refused"] == 1


@pytest.mark.parametrize("sent", ["", "[]", "{", '{"id":1e999}', "{" * 3000, b"\x00\x01"])
async def test_hostile_messages_never_end_the_sink(sent: str | bytes) -> None:
    async with served() as rig:
        agent = {"User-Agent": "Artisan/4"}
        async with aiohttp.ClientSession(headers=agent) as session:
            async with session.ws_connect(f"{rig.url}/WebSocket") as link:
                await (link.send_bytes(sent) if isinstance(sent, bytes) else link.send_str(sent))
                await link.send_str('{"id": 1, "command": "getData"}')
                message = await link.receive(timeout=20)
                assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.CLOSE)
            async with session.ws_connect(f"{rig.url}/WebSocket") as link:
                await link.send_str('{"id": 1, "command": "getData"}')
                assert json.loads((await link.receive(timeout=20)).data) == {"id": 1, "data": {}}


async def test_web_pages_strangers_and_a_fifth_artisan_are_refused() -> None:
    token = "0123456789abcdef"
    async with served(token=token) as rig, aiohttp.ClientSession() as session:
        url, artisan = f"{rig.url}/WebSocket", {"User-Agent": "Artisan/4"}

        async def status(path: str, **headers: str) -> int:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(path, headers=headers)
            return refused.value.status

        page = {"Origin": "http://evil.example", "User-Agent": "Mozilla/5.0"}
        assert await status(url, **artisan) == 401
        assert await status(f"{url}?token={token[:-1]}é", **artisan) == 401
        assert await status(f"{url}?token={token}", **page) == 403
        assert await status(f"{rig.url}/other?token={token}", **artisan) == 404
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(session.ws_connect(f"{url}?token={token}"))
            assert await status(f"{url}?token={token}", **artisan) == 503
        async with session.get(f"{url}.aset?token={token}") as answer:
            text = await answer.text()
        assert Artisan(text).settings["WebSocket"]["path"] == [f"WebSocket?token={token}"]
        assert Artisan(text).settings["WebSocket"]["port"] == [str(rig.port)]
        async with session.get(url, params={"token": token}) as answer:
            assert answer.status == 426


def test_beyond_this_machine_a_token_is_needed() -> None:
    for wrong in ({"host": "0.0.0.0"}, {"token": "short"}, {"token": "with spaces and / in it"}):
        with pytest.raises(ValueError, match="token"):
            ArtisanOptions(**wrong)
    assert ArtisanOptions(host="0.0.0.0", token="a" * 16).port == 8098


async def test_check_says_whether_the_port_is_free() -> None:
    async with served() as rig:
        (finding,) = await rig.sink.check()
        assert (finding.good, "is in use" in finding.text) == (None, True)
    (finding,) = await rig.sink.check()
    assert finding.good


def test_every_interlock_has_a_number_that_artisan_can_explain() -> None:
    others = {"capabilities", "range", "panel", "busy"}
    assert set(refusals.KIND_OF) == set(INTERLOCKS) | others
    assert set(refusals.SENTENCES) == set(refusals.Refused)


def test_a_refusal_is_shown_for_ten_seconds_and_a_known_reason_stays() -> None:
    now = [100.0]
    shown = refusals.Refusals(lambda: now[0])
    shown.note("r", refusals.Refused.DOOR)
    shown.note("r", refusals.Refused.OTHER)
    assert shown.code("r") == refusals.Refused.DOOR
    now[0] += refusals.SHOWN_S
    assert shown.code("r") == 0


class Idle:
    """Takes the place of a sink that runs already."""

    sends_at_once = True

    async def run(self, *_: object) -> None:
        await asyncio.Event().wait()


class Recorder:
    """Keeps every event."""

    sends_at_once = False

    def __init__(self) -> None:
        self.events: list[RoastEvent] = []

    async def run(self, events: Events[RoastEvent], _latest: object) -> None:
        async for one in events:
            self.events.append(one)


async def test_replayed_first_crack_is_marked_within_a_second_of_decision() -> None:
    demo = {"type": "demo", "seed": 3, "speed": 0, "first_crack_at_s": 40, "fooling_per_h": 0}
    station = {
        "name": "roaster", "source": demo, "model": {"type": "transients"},
        "roast": {"begins": "charge"},
    }  # fmt: skip
    service = Service(settings.parse({"stations": [station]}))
    recorder = Recorder()
    async with served(service.latest) as rig, rig.artisan().on() as artisan:
        idle = Outlet("artisan", Idle(), rig.part)  # type: ignore[arg-type]
        idle.events = rig.events
        recorded = Outlet("recorder", recorder, ComponentHealth("recorder"))  # type: ignore[arg-type]
        service.outlets = [idle, recorded]
        await service.run()
        await until(lambda: artisan.timeindex[FCS] is not None)
        marked_s = artisan.timeindex[FCS]
        crack = next(
            one for one in recorder.events
            if one.kind is EventKind.FIRST_CRACK and one.level is not Level.POSSIBLE
        )  # fmt: skip
        assert crack.known_s is not None
        assert marked_s is not None
        assert marked_s - crack.known_s < 1.0
        assert (await artisan.sample())["firstCrack"] >= 2
        await artisan.slide(BURNER, 55.0)
        assert artisan.said[-1] == "The roaster is not armed: arm it first."
        await artisan.press("ARM")
        for actuator in (AIR, DRUM, BURNER):
            await artisan.slide(actuator, 55.0)
        assert artisan.said[-1] == "heater: 55 %"
        assert rig.roaster.bench.heat == 55
