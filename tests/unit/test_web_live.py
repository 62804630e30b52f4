"""The WebSocket of the API over a real socket: a snapshot, numbered changes, bad clients."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import jsonschema
import pytest
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType

from roastwatch.vocabulary import AudioLevel, EventKind, HeardPop, Phase, Snapshot
from roastwatch.web import listener, live_client, openapi
from roastwatch.web.live import Live, LiveOutbox, beat, refused
from tests.support.events import event, snapshot
from tests.support.http import Served, serving
from tests.support.until import until

TOKEN = {"Authorization": "Bearer beans"}
NOW = datetime.now(UTC)
SCHEMA = jsonschema.Draft202012Validator(
    openapi.live_schema(), format_checker=jsonschema.FormatChecker()
)


def checked(text: str) -> dict[str, Any]:
    """A message that fits the schema."""
    message: dict[str, Any] = json.loads(text)
    SCHEMA.validate(message)
    return message


class Follower:
    """A client that keeps what the contract says: the snapshot, and each change on top."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.state: dict[str, Any] = {}
        self.number = -1
        self.snapshots = 0

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            message = checked(await self.socket.receive_str())
        match message["type"]:
            case "snapshot":
                kitchen = message["stations"]["kitchen"]
                self.state, self.number = kitchen["state"], kitchen["number"]
                self.snapshots += 1
            case "state" | "event" | "pops":
                self.number += 1
                assert message["number"] == self.number
        if message["type"] == "state":
            self.state |= message["changes"]
            for key in message["gone"]:
                del self.state[key]
        return message


@contextlib.asynccontextmanager
async def connected(
    api: Served, count: int = 1, **headers: str
) -> AsyncIterator[list[ClientWebSocketResponse]]:
    async with aiohttp.ClientSession(api.url, headers=TOKEN | headers) as session:
        sockets = [await session.ws_connect("/api/v1/live") for _ in range(count)]
        try:
            yield sockets
        finally:
            for socket in sockets:
                await socket.close()


def shown(api: Served, **changes: Any) -> Snapshot:
    """Change the station's snapshot."""
    changed = replace((api.latest.value or {})["kitchen"], **changes)
    api.latest.set({"kitchen": changed})
    return changed


async def test_a_snapshot_comes_first_and_then_every_change_in_order() -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        first = await follower.next()
        kitchen = first["stations"]["kitchen"]
        assert first["type"] == "snapshot"
        assert (kitchen["title"], kitchen["state"]["phase"]) == ("Kitchen", "roasting")
        shown(api, phase=Phase.DEVELOPMENT)
        changed = await follower.next()
        assert changed["changes"]["phase"] == "development"
        assert "elapsed" not in changed["changes"]
        api.events.put(event(station="kitchen"))
        assert (await follower.next())["event"]["event_type"] == "first_crack"
        for probability in (0.5, 0.75):
            api.pops.put(HeardPop("kitchen", NOW, probability))
        pops = await follower.next()
        assert [pop["probability"] for pop in pops["pops"]] == [0.5, 0.75]
        assert follower.snapshots == 1


async def test_what_a_station_no_longer_has_is_named() -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        await follower.next()
        shown(api, profiles=("a", "b"), profile="a")
        assert "profile" in (await follower.next())["changes"]
        shown(api, profiles=(), profile=None)
        assert "profile" in (await follower.next())["gone"]
        assert "profile" not in follower.state


async def test_the_state_equals_that_of_the_stations_after_many_changes() -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        await follower.next()
        for number in range(50):
            level = AudioLevel(-1.0 - number, -20.0 - number, 0.0)
            shown(api, elapsed_s=100.0 + number, level=level if number % 3 else None)
            await follower.next()
        async with (
            aiohttp.ClientSession(api.url, headers=TOKEN) as session,
            session.get("/api/v1/stations/kitchen") as answer,
        ):
            assert await answer.json() == follower.state
        assert follower.number == 51


async def test_a_late_client_gets_what_has_happened() -> None:
    async with serving() as api:
        api.events.put(event(station="kitchen", kind=EventKind.CHARGE, level=None))
        api.pops.put(HeardPop("kitchen", NOW, 0.9))
        await api.events.settled()
        async with connected(api) as (socket,):
            kitchen = (await Follower(socket).next())["stations"]["kitchen"]
            assert [one["event_type"] for one in kitchen["events"]] == ["charge"]
            assert [one["probability"] for one in kitchen["pops"]] == [0.9]


async def test_all_clients_see_the_same_numbers() -> None:
    async with serving() as api, connected(api, 20) as sockets:
        followers = [Follower(socket) for socket in sockets]
        for follower in followers:
            await follower.next()
        for number in range(10):
            shown(api, elapsed_s=200.0 + number)
            for follower in followers:
                await follower.next()
        assert len({follower.number for follower in followers}) == 1
        assert all(follower.state == followers[0].state for follower in followers)


async def test_a_client_may_request_a_new_snapshot() -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        await follower.next()
        await socket.send_str('{"type": "snapshot"}')
        assert (await follower.next())["type"] == "snapshot"


async def test_an_idle_connection_gets_a_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_client, "_BEAT_S", 0.01)
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        await follower.next()
        assert (await follower.next())["type"] == "beat"


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [
        ("", WSCloseCode.POLICY_VIOLATION, "not JSON"),
        ("{", WSCloseCode.POLICY_VIOLATION, "not JSON"),
        ("[]", WSCloseCode.POLICY_VIOLATION, "JSON object"),
        ("{}", WSCloseCode.POLICY_VIOLATION, "type must be one of snapshot"),
        ('{"type": ["snapshot"]}', WSCloseCode.POLICY_VIOLATION, "type must be one of snapshot"),
        ('{"type": "snapshot", "type": 1}', WSCloseCode.POLICY_VIOLATION, "key appears twice"),
        ("[" * 900, WSCloseCode.POLICY_VIOLATION, "deep"),
        (b'{"type": "snapshot"}', WSCloseCode.UNSUPPORTED_DATA, "JSON as text"),
    ],
)
async def test_a_bad_message_is_answered_and_ends_the_connection(
    sent: str | bytes, code: WSCloseCode, said: str
) -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        await follower.next()
        await (socket.send_str(sent) if isinstance(sent, str) else socket.send_bytes(sent))
        assert said in (await follower.next())["error"]
        assert (await socket.receive()).type is WSMsgType.CLOSE
        assert socket.close_code == code


async def test_a_huge_message_ends_the_connection_unread() -> None:
    async with serving() as api, connected(api) as (socket,):
        await Follower(socket).next()
        await socket.send_str("x" * 1_000_000)
        await until(lambda: socket.receive())
        assert socket.close_code == WSCloseCode.MESSAGE_TOO_BIG


async def test_too_many_snapshots_end_the_connection() -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        for _ in range(11):
            await socket.send_str('{"type": "snapshot"}')
        while "error" not in (message := await follower.next()):
            pass
        assert "at most 10 snapshots" in message["error"]
        assert follower.snapshots <= 11


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer x"}, 401),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 403),
    ],
)
async def test_a_foreign_page_or_unknown_caller_can_not_connect(
    headers: dict[str, str], status: int
) -> None:
    async with (
        serving() as api,
        aiohttp.ClientSession(api.url, headers=TOKEN | headers) as session,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect("/api/v1/live")
        assert refusal.value.status == status


async def test_the_33rd_client_is_refused_and_commands_still_pass() -> None:
    async with (
        serving() as api,
        connected(api, 32) as sockets,
        aiohttp.ClientSession(api.url, headers=TOKEN) as session,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect("/api/v1/live")
        assert refusal.value.status == 503
        url = "/api/v1/stations/kitchen/instruct"
        async with session.post(url, json={"kind": "emergency_stop"}) as answer:
            assert answer.status == 202
        await sockets[0].close()
        async with session.ws_connect("/api/v1/live") as socket:
            await Follower(socket).next()


async def test_the_end_of_the_service_is_announced() -> None:
    async with aiohttp.ClientSession(headers=TOKEN) as session:
        async with serving() as api:
            socket = await session.ws_connect(f"{api.url}/api/v1/live")
            await Follower(socket).next()
            last = asyncio.create_task(socket.receive())
        assert (await last).type is WSMsgType.CLOSE
        assert socket.close_code == WSCloseCode.GOING_AWAY


async def test_a_slow_client_gets_a_snapshot_instead_of_a_backlog(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "_STALLED_S", 600.0)  # else it is disconnected, on a slow machine
    monkeypatch.setattr(live_client, "_PING_S", 600.0)
    async with serving() as api, connected(api, 2) as sockets:
        quick, slow = (Follower(socket) for socket in sockets)
        await quick.next()
        await slow.next()
        # It fills the kernel's buffers and then its outbox; the quick client misses nothing.
        for number in range(1500):
            shown(api, refusal=f"{number} " + "x" * 16_000, detectors=("a", "b"))
            await quick.next()
        assert (quick.snapshots, quick.number) == (1, 1501)
        while slow.number < quick.number:
            await slow.next()
        assert slow.snapshots == 2
        assert slow.state == quick.state


def test_a_full_outbox_becomes_one_snapshot() -> None:
    outbox = LiveOutbox(3)
    assert len(outbox) == 0
    take = asyncio.run(_taken(outbox, ["a", "b", "c", "d", "e"]))
    assert take == [None, None, "f"]
    assert outbox.overflows == 1


async def _taken(outbox: LiveOutbox, messages: list[str]) -> list[str | bytes | None]:
    found = [await outbox.take()]  # the first snapshot
    for message in messages:
        outbox.put(message)
        assert len(outbox) <= 3
    found.append(await outbox.take())
    outbox.put("f")
    found.append(await outbox.take())
    return found


async def test_nothing_is_compared_or_queued_without_clients() -> None:
    live = Live(["kitchen"], {})
    for number in range(1000):
        live.show({"kitchen": snapshot("kitchen", elapsed_s=float(number))})
        live.event(event(str(number), station="kitchen"))
        live.pops([HeardPop("kitchen", NOW, 0.5)])
    outbox = live.join()
    assert len(outbox) == 0
    kitchen = checked(live.snapshot())["stations"]["kitchen"]
    assert (len(kitchen["events"]), len(kitchen["pops"])) == (50, 200)
    assert kitchen["state"]["elapsed"] == 999.0


async def test_events_and_pops_of_unknown_stations_are_left_out() -> None:
    live = Live(["kitchen"], {})
    live.join()
    live.show({"attic": snapshot("attic")})
    live.event(event(station="attic"))
    live.pops([HeardPop("attic", NOW, 0.5)])
    assert list(checked(live.snapshot())["stations"]) == ["kitchen"]


def test_every_kind_of_event_fits_the_schema() -> None:
    live = Live(["kitchen"], {})
    for kind in EventKind:
        for revoked in (False, True):
            live.event(event(station="kitchen", kind=kind, revoked=revoked, message="ö\x00"))
    live.event(event(station="kitchen", confidence=float("nan"), bean_temp_c=float("inf")))
    checked(live.snapshot())
    checked(beat())
    checked(refused("No."))
