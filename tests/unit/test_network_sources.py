"""Sources on the network lose their sound, report it, and hear it again; in virtual time."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from roastwatch.audio.network.stream import StreamMicrophone, StreamOptions
from roastwatch.audio.network.tcp import TcpMicrophone, TcpOptions
from roastwatch.audio.network.udp import UdpMicrophone, UdpOptions
from roastwatch.errors import BadInputError
from roastwatch.supervise import Backoff, ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState
from tests.fakes.virtual_time import VirtualLoop

RATE_HZ = 16_000
TENTH = (np.sin(np.arange(1600)) * 8000).astype("<i2").tobytes()
SOON = Backoff(first_s=0.1, longest_s=0.1)


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    yield loop
    loop.run(loop.shutdown_asyncgens())
    loop.run(asyncio.sleep(0.1))
    loop.close()


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def listening(source: Any) -> AsyncIterator[list[AudioBlock]]:
    """The blocks of an opened source, as they come."""
    blocks: list[AudioBlock] = []

    async def listen() -> None:
        async for block in source.blocks():
            blocks.append(block)  # noqa: PERF401 - they are looked at meanwhile

    async with source:
        task = asyncio.create_task(listen())
        try:
            yield blocks
        finally:
            task.cancel()
            await asyncio.wait([task])


async def play(send: Callable[[], object], seconds: float) -> None:
    for _ in range(round(10 * seconds)):
        send()
        await asyncio.sleep(0.1)


def total_s(blocks: list[AudioBlock]) -> float:
    return blocks[-1].end_sample / RATE_HZ


def gaps_s(blocks: list[AudioBlock]) -> list[float]:
    return [one.samples_lost_before / RATE_HZ for one in blocks if one.samples_lost_before]


async def lost_and_back(
    part: ComponentHealth,
    blocks: list[AudioBlock],
    send: Callable[[], object],
    back: Callable[[], Awaitable[Callable[[], object]]],
) -> None:
    """Sound for 4 s, none for 7 s, sound for 3 s: reported in 2.2 s, and a gap of its length."""
    await play(send, 4.0)
    assert part.state is ComponentState.RUNNING
    await asyncio.sleep(1.5)
    assert part.state is ComponentState.RUNNING
    await asyncio.sleep(0.7)
    assert part.state is ComponentState.RETRYING
    await asyncio.sleep(4.8)
    await play(await back(), 3.0)
    assert part.state is ComponentState.RUNNING
    assert gaps_s(blocks) == [pytest.approx(7.0, abs=0.3)]
    assert total_s(blocks) == pytest.approx(14.0, abs=0.4)
    assert part.counters["times_lost"] == 1


def test_a_tcp_sender_that_falls_silent_is_lost_and_heard_again(loop: VirtualLoop) -> None:
    part, port = ComponentHealth("microphone"), free_port()
    options = TcpOptions(port=port, listen="127.0.0.1", sample_rate_hz=RATE_HZ)
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Callable[[], object]:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return lambda: writer.write(TENTH)

    async def scene() -> None:
        async with listening(TcpMicrophone(options, part, SOON)) as blocks:
            await lost_and_back(part, blocks, await connect(), connect)
        for writer in writers:
            writer.transport.abort()

    loop.run(scene())


def test_the_newest_tcp_sender_counts_and_strangers_are_refused(loop: VirtualLoop) -> None:
    part, port = ComponentHealth("microphone"), free_port()
    options = TcpOptions(port=port, listen="127.0.0.1", sample_rate_hz=RATE_HZ)

    async def scene() -> None:
        async with listening(TcpMicrophone(options, part, SOON)) as blocks:
            _, first = await asyncio.open_connection("127.0.0.1", port)
            await play(lambda: first.write(TENTH), 1.0)
            _, second = await asyncio.open_connection("127.0.0.1", port)
            await play(lambda: second.write(TENTH), 2.0)
            assert part.state is ComponentState.RUNNING
            assert total_s(blocks) > 2.5
        stranger = options.model_copy(update={"sender": "192.0.2.7"})
        async with listening(TcpMicrophone(stranger, part, SOON)) as blocks:
            _, third = await asyncio.open_connection("127.0.0.1", port)
            await play(lambda: third.write(TENTH), 0.5)
            assert not blocks
            assert part.counters["senders_refused"] == 1
        for writer in (first, second, third):
            writer.transport.abort()

    loop.run(scene())


def test_a_tcp_server_that_sends_a_wav_file_is_named(loop: VirtualLoop) -> None:
    part, port = ComponentHealth("microphone"), free_port()
    options = TcpOptions(host="127.0.0.1", port=port, sample_rate_hz=RATE_HZ)

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"RIFF" + bytes(400))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def scene() -> None:
        async with (
            await asyncio.start_server(serve, "127.0.0.1", port),
            listening(TcpMicrophone(options, part, SOON)),
        ):
            await asyncio.sleep(0.3)
            assert "a WAV stream arrives" in (part.problem or "")

    loop.run(scene())


@pytest.mark.parametrize("numbered", [True, False])
def test_a_udp_sender_that_falls_silent_is_lost_and_heard_again(
    loop: VirtualLoop, numbered: bool
) -> None:
    part, port = ComponentHealth("microphone"), free_port(socket.SOCK_DGRAM)
    options = UdpOptions(port=port, listen="127.0.0.1", sample_rate_hz=RATE_HZ)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    number = 0

    def send() -> None:
        nonlocal number
        number += 1
        head = bytes([0x80, 96]) + number.to_bytes(2, "big")
        head += (1600 * number).to_bytes(4, "big") + b"ears"
        samples = np.frombuffer(TENTH, "<i2").astype(">i2").tobytes()
        sender.sendto(head + samples if numbered else TENTH, ("127.0.0.1", port))

    async def back() -> Callable[[], object]:
        nonlocal number
        number = 0 if number > 30 else number  # the device was restarted
        return send

    async def scene() -> None:
        async with listening(UdpMicrophone(options, part, SOON)) as blocks:
            await lost_and_back(part, blocks, send, back)
        wave = np.frombuffer(TENTH, "<i2") / 32768
        assert np.allclose(blocks[0].samples[:1600], wave, atol=1e-6)
        sender.close()

    loop.run(scene())


def test_a_port_that_is_taken_is_refused_in_one_sentence(loop: VirtualLoop) -> None:
    port = free_port()

    async def scene() -> None:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", port):
            options = TcpOptions(port=port, listen="127.0.0.1")
            with pytest.raises(BadInputError, match=f"TCP port {port} can't be opened"):
                async with TcpMicrophone(options, ComponentHealth("microphone")):
                    pass

    loop.run(scene())


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "concat:/etc/passwd", "/etc/passwd", "rtsp://", "data:audio/wav,x"],
)
def test_a_stream_is_only_of_the_network(url: str) -> None:
    with pytest.raises(ValidationError, match="write an address that begins with"):
        StreamOptions(url=url)


def test_a_password_of_a_stream_is_in_no_text() -> None:
    with pytest.raises(ValidationError, match="as `user` and `password`"):
        StreamOptions(url="rtsp://me:secret@camera/1")
    options = StreamOptions.model_validate(
        {"url": "rtsp://camera:554/1?token=hidden", "user": "me", "password": "s/cr@t"}
    )
    assert options.address == "rtsp://me:s%2Fcr%40t@camera:554/1?token=hidden"
    named = StreamMicrophone(options, ComponentHealth("microphone")).name
    assert named == "The stream rtsp://camera:554/1"
    assert "s/cr@t" not in repr(options)


async def test_a_wave_stream_over_http_is_heard_and_its_silence_is_a_loss() -> None:
    pytest.importorskip("av")
    part = ComponentHealth("microphone")
    head = (
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0" + RATE_HZ.to_bytes(4, "little")
        + (2 * RATE_HZ).to_bytes(4, "little") + b"\x02\0\x10\0data\xff\xff\xff\xff"
    )  # fmt: skip

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/wav\r\n\r\n" + head + TENTH * 10)
        await reader.read()  # nothing more is sent, and the connection stays open
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/audio.wav"
        options = StreamOptions(url=url, lost_after_s=0.3)
        source = StreamMicrophone(options, part, SOON)
        async with asyncio.timeout(30), listening(source) as blocks:
            while "times_lost" not in part.counters:
                await asyncio.sleep(0.01)
            assert source.sample_rate_hz == RATE_HZ
            assert total_s(blocks) == pytest.approx(1.0, abs=0.2)


def wyoming_event(kind: str, data: Mapping[str, object], payload: bytes = b"") -> bytes:
    head = {"type": kind, "data": data, "payload_length": len(payload)}
    return json.dumps(head).encode() + b"\n" + payload


def test_a_wyoming_satellite_is_started_heard_and_heard_again(loop: VirtualLoop) -> None:
    pytest.importorskip("wyoming")
    from roastwatch.audio.network.wyoming import WyomingMicrophone, WyomingOptions

    part, port, asked = ComponentHealth("microphone"), free_port(), list[str]()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(json.loads(await reader.readline())["type"])
        writer.write(wyoming_event("ping", {"text": "there?"}))
        writers.append(writer)
        form = {"rate": RATE_HZ, "width": 2, "channels": 1}
        for _ in range(40):
            writer.write(wyoming_event("audio-chunk", form, TENTH))
            await asyncio.sleep(0.1)
        if len(writers) == 1:
            await asyncio.sleep(7.0)
        writer.transport.abort()

    async def scene() -> None:
        options = WyomingOptions(host="127.0.0.1", port=port)
        async with (
            await asyncio.start_server(serve, "127.0.0.1", port),
            listening(WyomingMicrophone(options, part, SOON)) as blocks,
        ):
            await asyncio.sleep(3.0)
            assert part.state is ComponentState.RUNNING
            await asyncio.sleep(5.0)
            assert total_s(blocks) > 6.0
        assert asked[:2] == ["run-satellite"] * 2
        assert part.counters["times_lost"] >= 1
        assert gaps_s(blocks)[0] == pytest.approx(2.2, abs=0.4)
        await asyncio.sleep(20.0)
        for writer in writers:
            writer.transport.abort()

    loop.run(scene())


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 400 Bad\r\n", b'{"type": "audio-chunk", "payload_length": 99999999999}\n', b"[]\n"],
)
def test_what_is_no_wyoming_satellite_is_a_loss_in_one_sentence(
    loop: VirtualLoop, said: bytes
) -> None:
    pytest.importorskip("wyoming")
    from roastwatch.audio.network.wyoming import WyomingMicrophone, WyomingOptions

    part, port = ComponentHealth("microphone"), free_port()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await reader.read()
        writer.close()
        await writer.wait_closed()

    async def scene() -> None:
        options = WyomingOptions(host="127.0.0.1", port=port, wait=False)
        async with await asyncio.start_server(serve, "127.0.0.1", port):
            with pytest.raises(BadInputError, match=r"^The Wyoming microphone 127"):
                async with WyomingMicrophone(options, part, SOON):
                    pass
            await asyncio.sleep(0.1)

    loop.run(scene())
