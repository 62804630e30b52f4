"""An HTTP sink that runs, and raw sockets to it: what no well-behaved client would send."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roastwatch.channel import Events, Feed, Latest
from roastwatch.sinks.sink import HostProcess, SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import (
    Command,
    CommandResult,
    ComponentState,
    HeardPop,
    Instruction,
    LevelNow,
    Outcome,
    Phase,
    RoastEvent,
    Snapshot,
    SpectrogramColumns,
)
from roastwatch.web.sink import RestOptions, RestSink


@dataclass
class Person:
    """Where wishes arrive: the boundary to the rest of the service. Has no roaster."""

    asked: list[Instruction] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    takes: asyncio.Event | None = None
    """A roaster that does not answer until this is set."""

    def instruct(self, instruction: Instruction) -> None:
        self.asked.append(instruction)

    async def command(self, command: Command) -> CommandResult:
        self.commands.append(command)
        if self.takes is not None:
            await self.takes.wait()
        return CommandResult(command.command_id, Outcome.REFUSED, reason="no roaster here")


@dataclass
class Served:
    """A running API."""

    port: int
    part: ComponentHealth
    person: Person
    task: asyncio.Task[None]
    events: Events[RoastEvent]
    latest: Latest[dict[str, Snapshot]]
    pops: Feed[HeardPop]
    levels: Feed[LevelNow]
    spectrogram: Feed[SpectrogramColumns]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Answer:
    """What came back over a raw socket; status 0: nothing."""

    status: int
    body: bytes

    @property
    def error(self) -> str:
        return str(json.loads(self.body)["error"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def serving(
    person: Person | None = None,
    snapshots: dict[str, Snapshot] | None = None,
    *,
    folder: Path | None = None,
    ends: bool = False,
    log: Path | None = None,
    outcome: Callable[[str], Awaitable[str]] | None = None,
    picture: Callable[[str], Awaitable[bytes | None]] | None = None,
    plans: Sequence[Path] = (),
    offered: Callable[[str], Mapping[str, Path]] | None = None,
    profile: Callable[[str], Sequence[tuple[float, float]]] | None = None,
    process: HostProcess | None = None,
    **options: Any,
) -> AsyncIterator[Served]:
    """An API with a station; `ends`: the test itself ends it, which is an error otherwise."""
    person, part = person or Person(), ComponentHealth("rest")
    port = options.pop("port", None) or free_port()
    pops: Feed[HeardPop] = Feed()
    levels: Feed[LevelNow] = Feed()
    spectrogram: Feed[SpectrogramColumns] = Feed()
    context = SinkContext(
        "roastwatch",
        ["kitchen"],
        "en",
        person,
        part,
        {"kitchen": "Kitchen"},
        pops=pops,
        levels=levels,
        spectrogram=spectrogram,
        folder=folder,
        log=log,
        outcome=outcome,
        picture=picture,
        plans=plans,
        offered=offered,
        profile=profile,
        process=process,
    )
    chosen = {"token": "beans", "announce": False} | options
    sink = RestSink(RestOptions(port=port, **chosen), context)
    events: Events[RoastEvent] = Events()
    kitchen = Snapshot("kitchen", datetime.now(UTC), Phase.ROASTING, elapsed_s=61.0)
    latest = Latest(snapshots or {"kitchen": kitchen})
    task = asyncio.create_task(sink.run(events, latest))
    try:
        async with asyncio.timeout(20):
            while part.state is not ComponentState.RUNNING:
                await asyncio.sleep(0)
        yield Served(port, part, person, task, events, latest, pops, levels, spectrogram)
        assert ends or not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def send(port: int, raw: bytes, timeout_s: float = 20) -> Answer:
    """Bytes over a fresh connection, and the first answer to them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        async with asyncio.timeout(timeout_s):
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            body = await reader.readexactly(0 if raw.startswith(b"HEAD") else length)
        return Answer(int(head.split(b" ", 2)[1]), body)
    except asyncio.IncompleteReadError:
        return Answer(0, b"")
    finally:
        writer.transport.abort()


def request(
    path: str = "/api/stations/kitchen/instruct",
    body: bytes | object = b"",
    method: str = "POST",
    **headers: str | bytes | None,
) -> bytes:
    """A request with the token and all that is needed; None leaves a header out."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    found: dict[str, str | bytes | None] = {
        "Host": "localhost",
        "Authorization": "Bearer beans",
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"{method} {path} HTTP/1.1".encode()]
    for name, value in found.items():
        if value is not None:
            said = value if isinstance(value, bytes) else value.encode()
            lines.append(name.encode() + b": " + said)
    return b"\r\n".join(lines) + b"\r\n\r\n" + content
