"""The sound in the live messages: spectrogram frames for those who asked, levels with advice."""

import asyncio
import json
import struct
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from roastwatch.vocabulary import HeardPop, LevelNow, SoundProblem, SpectrogramColumns
from roastwatch.web.live import Live, LiveOutbox
from tests.support.events import event
from tests.support.http import Served, serving
from tests.support.until import until
from tests.unit.test_web_live import Follower, checked, connected, shown

NOW = datetime(2026, 5, 1, 12, 0, 0, 250_000, UTC)
COLUMNS = SpectrogramColumns("kitchen", NOW, 0.1, (bytes(range(48)), bytes(48)))
LEVEL = LevelNow("kitchen", NOW, -12.34, -30.0, SoundProblem.CLIPPING, "Turn it down.")
WATCH, LOOK_AWAY = (json.dumps({"type": "subscribe", "spectrogram": on}) for on in (True, False))


async def watching(api: Served, socket: aiohttp.ClientWebSocketResponse) -> None:
    await socket.send_str(WATCH)
    await until(lambda: api.spectrogram.wanted)


async def test_a_frame_is_sent_to_those_who_subscribed_only() -> None:
    async with serving() as api, connected(api, 2) as (watches, other):
        for socket in (watches, other):
            await Follower(socket).next()
        assert not api.spectrogram.wanted
        await watching(api, watches)
        api.spectrogram.put(COLUMNS)
        async with asyncio.timeout(20):
            frame = await watches.receive_bytes()
        assert struct.unpack("<BBHdf", frame[:16]) == (
            1,
            48,
            0,
            NOW.timestamp(),
            pytest.approx(0.1),
        )
        assert frame[16:] == bytes(range(48)) + bytes(48)
        shown(api, elapsed_s=70.0)
        assert (await Follower(other).socket.receive()).type is WSMsgType.TEXT


async def test_nothing_is_made_any_more_when_the_last_client_looks_away() -> None:
    async with serving() as api, connected(api, 2) as sockets:
        for socket in sockets:
            await Follower(socket).next()
            await watching(api, socket)
        await sockets[0].send_str(LOOK_AWAY)
        await sockets[1].close()

        async def unwanted() -> bool:
            api.spectrogram.put(COLUMNS)
            return not api.spectrogram.wanted

        await until(unwanted)


@pytest.mark.parametrize("value", ["1", '"yes"', "null"])
async def test_a_wrong_subscription_is_refused(value: str) -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        await follower.next()
        await socket.send_str(f'{{"type": "subscribe", "spectrogram": {value}}}')
        assert "true or false" in (await follower.next())["error"]


async def test_too_many_subscriptions_end_the_connection() -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        await follower.next()
        for _ in range(11):
            await socket.send_str(LOOK_AWAY)
        assert "at most 10 times" in (await follower.next())["error"]


async def test_events_overtake_frames_and_the_oldest_frames_are_dropped() -> None:
    live = Live(["kitchen"], {})
    outbox = live.join()
    live.watch(outbox, wanted=True)
    assert await outbox.take() is None
    for number in range(100):
        live.columns(replace(COLUMNS, levels=(bytes([number]),)))
        live.event(event(str(number), station="kitchen"))
        live.level(replace(LEVEL, rms_dbfs=float(-number)))
    events = [checked(str(await outbox.take()))["event"]["event_id"] for _ in range(100)]
    assert events == [str(number) for number in range(100)]
    assert checked(str(await outbox.take()))["rms_dbfs"] == -99.0
    frames = [await outbox.take() for _ in range(32)]
    assert [frame[-1] for frame in frames if isinstance(frame, bytes)] == list(range(68, 100))
    assert outbox.frames_dropped == 68


async def test_frames_are_dropped_while_the_line_is_slow_and_changes_are_not() -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        await follower.next()
        await watching(api, socket)
        wide = replace(COLUMNS, levels=(bytes(48),) * 1000)
        for number in range(400):  # 19 MB, unread
            api.spectrogram.put(wide)
            if not number % 10:
                api.pops.put(HeardPop("kitchen", NOW, number / 1000))
            await asyncio.sleep(0)
        api.events.put(event(station="kitchen"))
        frames, pops = 0, 0
        while True:
            async with asyncio.timeout(20):
                message = await socket.receive()
            if message.type is WSMsgType.BINARY:
                frames += 1
                continue
            text: dict[str, Any] = checked(message.data)
            pops += len(text.get("pops", ()))
            if text["type"] == "event":
                break
        assert pops == 40
        assert frames < 400


async def test_levels_have_advice_and_no_number_and_the_newest_is_kept() -> None:
    async with serving() as api, connected(api) as (socket,):
        follower = Follower(socket)
        first = await follower.next()
        assert first["stations"]["kitchen"]["level"] is None
        await until(lambda: api.levels.wanted)
        for rms in (-50.0, -40.0, -30.0):
            api.levels.put(replace(LEVEL, rms_dbfs=rms))
        level = await follower.next()
        assert level == {
            "type": "level",
            "station": "kitchen",
            "at": NOW.isoformat(),
            "rms_dbfs": -30.0,
            "peak_dbfs": -12.3,
            "advice": {"code": "clipping", "text": "Turn it down."},
        }
        await socket.send_str('{"type": "snapshot"}')
        again = await follower.next()
        assert again["stations"]["kitchen"]["level"]["rms_dbfs"] == -30.0
        shown(api, elapsed_s=70.0)
        await follower.next()  # its number follows


def test_every_problem_of_the_sound_fits_the_schema() -> None:
    live = Live(["kitchen"], {})
    for problem in (*SoundProblem, None):
        live.level(replace(LEVEL, problem=problem))
        checked(live.snapshot())


async def test_an_unknown_station_has_no_sound() -> None:
    live = Live(["kitchen"], {})
    outbox = live.join()
    live.watch(outbox, wanted=True)
    await outbox.take()
    live.columns(replace(COLUMNS, station="attic"))
    live.level(replace(LEVEL, station="attic"))
    assert len(outbox) == 0
    assert LiveOutbox().frames_dropped == 0
