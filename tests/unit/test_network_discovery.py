"""Microphones that announce themselves are found; services without a microphone are not."""

import asyncio
import json
import socket
from contextlib import AsyncExitStack

import pytest

from roastwatch.audio.network.discovery import NetworkMicrophone, find

zeroconf = pytest.importorskip("zeroconf")
HERE = "127.0.0.1"


async def announce(
    network: object, kind: str, name: str, port: int, properties: dict[str, str] | None = None
) -> None:
    info = zeroconf.ServiceInfo(
        kind,
        f"{name}.{kind}",
        addresses=[socket.inet_aton(HERE)],
        port=port,
        properties=properties or {},
    )
    await network.async_register_service(info)  # type: ignore[attr-defined]


async def wyoming_server(offers: str) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert json.loads(await reader.readline())["type"] == "describe"
        info = {"type": "info", "data": {"asr": [], offers: [{"name": "here"}]}}
        writer.write(json.dumps(info).encode() + b"\n")
        await reader.read()
        writer.close()

    return await asyncio.start_server(serve, HERE, 0)


async def test_satellites_and_cameras_are_found_but_no_speech_service() -> None:
    pytest.importorskip("wyoming")
    from zeroconf.asyncio import AsyncZeroconf

    async with AsyncExitStack() as stack:
        try:
            network = AsyncZeroconf(interfaces=[HERE])
        except OSError as error:
            pytest.skip(f"no multicast here: {error}")
        stack.push_async_callback(network.async_close)
        ports, announced = {}, [announce(network, "_rtsp._tcp.local.", "camera", 554)]
        for name, offers in (("kitchen", "satellite"), ("whisper", "asr"), ("shelf", "mic")):
            server = await stack.enter_async_context(await wyoming_server(offers))
            ports[name] = server.sockets[0].getsockname()[1]
            announced.append(announce(network, "_wyoming._tcp.local.", name, ports[name]))
        await asyncio.gather(*announced)
        found = await find(1.0, [HERE])
    assert found == [
        NetworkMicrophone("stream", "camera", HERE, 554),
        NetworkMicrophone("wyoming", "kitchen", HERE, ports["kitchen"]),
        NetworkMicrophone("wyoming", "shelf", HERE, ports["shelf"]),
    ]
