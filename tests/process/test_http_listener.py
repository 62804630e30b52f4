"""The API under clients that open connections and say nothing: the emergency stop gets through."""

import asyncio
import contextlib
import logging
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from roastwatch.web.listener import ConnectionLimits, Listener
from tests.support.flooding import FIRST
from tests.support.http import Person, Served, free_port, request, send, serving

ROOT = Path(__file__).parents[2]
STOP = request(body={"kind": "emergency_stop"})


@contextlib.asynccontextmanager
async def flood(port: int, count: int, kind: str) -> AsyncIterator[None]:
    """Many connections from another process; each that is cut off comes back at once."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.flooding", str(port), str(count), kind),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"open\n"
        yield
    finally:
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 10)
        if process.returncode is None:
            process.kill()


async def stop_takes_s(api: Served) -> float:
    began_s = time.perf_counter()
    answer = await send(api.port, STOP)
    took_s = time.perf_counter() - began_s
    assert answer.status == 202, answer
    return took_s


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """What a service has by default: 1024 descriptors."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("kind", FIRST)
@pytest.mark.usefixtures("few_descriptors")
async def test_an_emergency_stop_passes_1100_idle_connections(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving() as api, flood(api.port, 1100, kind):
        if kind == "half a body":
            await stop_takes_s(api)  # behind 1100 requests that are answered at once
        took_s = sorted([await stop_takes_s(api) for _ in range(20)])
        assert took_s[-1] < 0.2, took_s
        assert {asked.kind.value for asked in api.person.asked} == {"emergency_stop"}
    assert len(caplog.text) < 5_000


async def test_a_connection_with_a_token_is_closed_last() -> None:
    async with serving() as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        try:
            writer.write(request("/api/stations", method="GET"))
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            async with flood(api.port, 300, "half a body"):
                writer.write(STOP)
                async with asyncio.timeout(5):
                    await reader.readuntil(b"HTTP/1.1 202")
        finally:
            writer.transport.abort()


async def test_an_incomplete_request_is_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roastwatch.web.sink._IDLE_S", 0.2)
    monkeypatch.setattr("roastwatch.web.listener._LOOK_EVERY_S", 0.05)
    monkeypatch.setattr("roastwatch.web.guards._BODY_WITHIN_S", 0.2)
    async with serving() as api:
        for sent in (b"", b"GET /health HT", b"GET /health HTTP/1.1\r\nHost: lo"):
            reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
            writer.write(sent)
            try:
                async with asyncio.timeout(5):
                    assert await reader.read() == b""
            finally:
                writer.close()
        answer = await send(api.port, request(body=b"{", Content_Length="100"))
        assert answer.status == 408
        assert "within" in answer.error


async def test_an_emergency_stop_passes_waiting_commands() -> None:
    person = Person(takes=asyncio.Event())
    command = request("/api/stations/kitchen/command", {"actuator": "fan", "percent": 5})
    async with serving(person) as api:
        waiting = [asyncio.create_task(send(api.port, command)) for _ in range(40)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result().status for task in done} == {503}
        while len(done) < 24:
            done, _ = await asyncio.wait(waiting, timeout=0.05)
        async with flood(api.port, 300, "silent"):
            assert await stop_takes_s(api) < 0.2
        assert person.takes is not None
        person.takes.set()
        answers = await asyncio.gather(*waiting)
        assert sorted(answer.status for answer in answers) == [409] * 16 + [503] * 24


async def test_a_connection_is_served_without_free_descriptors() -> None:
    async with serving() as api:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        client = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _CLIENT, str(api.port), STOP.hex()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert client.stdin is not None
        taken = []
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
            with contextlib.suppress(OSError):
                while True:
                    taken.append(Path("/dev/null").open())  # noqa: ASYNC230, SIM115
            client.stdin.write(b"\n")
            out, _ = await asyncio.wait_for(client.communicate(), 20)
        finally:
            for one in taken:
                one.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert out.startswith(b"HTTP/1.1 202"), out
        assert float(out.splitlines()[-1]) < 0.2


_CLIENT = """
import socket, sys, time
sys.stdin.readline()
began_s = time.perf_counter()
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as one:
    one.sendall(bytes.fromhex(sys.argv[2]))
    print(one.recv(4096).decode())
print(time.perf_counter() - began_s)
"""


class Talker(asyncio.Protocol):
    """Sends a lot, as soon as somebody comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"x" * 50_000_000)


async def test_a_client_that_reads_no_answer_is_disconnected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("roastwatch.web.listener._STALLED_S", 0.05)
    monkeypatch.setattr("roastwatch.web.listener._LOOK_EVERY_S", 0.05)
    counted: list[str] = []
    listener, port = Listener(Talker, counted.append, ConnectionLimits()), free_port()
    await listener.open("127.0.0.1", port)
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(10):
            while "connections_cut" not in counted:
                await asyncio.sleep(0.01)
        writer.transport.abort()
    finally:
        await listener.close()
