"""The service's end of the guardian's socket: starts it, renews the lease, sees that it lives."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster import messages

RENEW_S = 0.1
HUNG_S = 2.5
START_S = 15.0
ANSWER_S = 4.0


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a guardian: the words of its command line, and what it is told on its stdin.

    What it is told holds secrets (passwords of a broker), so it is not on the command line.
    """

    words: Sequence[str]
    spec: dict[str, Any]


class GuardianClient:
    """One connection to a guardian, inside an async context. Raises LostError when it is gone."""

    def __init__(
        self,
        path: Path,
        launch: Launch | None,
        *,
        on_state: Callable[[dict[str, Any]], None] = lambda _state: None,
        on_notice: Callable[[dict[str, Any]], None] = lambda _notice: None,
        control: bool = True,
    ) -> None:
        self._path = path
        self._launch = launch
        self._on_state = on_state
        self._on_notice = on_notice
        self._control = control
        self._seq = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_s = 0.0
        self.pid: int | None = None
        self.state: dict[str, Any] = {}
        self.gone = asyncio.Event()

    async def __aenter__(self) -> "GuardianClient":
        while True:
            reader = await self._connect()
            self._heard_s = time.monotonic()
            self._tasks = [asyncio.create_task(self._listen(reader), name="guardian:listen")]
            try:
                answer = await self.ask("hello", **self._hello())
                if answer["ok"]:
                    break
                if answer["reason"] != "superseded":
                    raise BadInputError(str(answer["reason"]))
                await self.gone.wait()
                await self.__aexit__()
                self.gone.clear()
            except BaseException:
                await self.__aexit__()
                raise
        self._on_state(answer)
        if self._control:
            self._tasks.append(asyncio.create_task(self._renew(), name="guardian:renew"))
        return self

    async def __aexit__(self, *_raised: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    def _hello(self) -> dict[str, Any]:
        spec = self._launch.spec if self._launch else {}
        known: dict[str, Any] = {
            key: spec[key] for key in ("kind", "options", "limits", "cutoff") if key in spec
        }
        return {"role": "control" if self._control else "watch", **known}

    async def ask(self, do: str, **what: Any) -> dict[str, Any]:
        """Ask and wait for the answer.

        Raises:
            LostError: the guardian is gone or does not answer.
        """
        seq = self._send(do, **what)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[seq] = answer
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError as late:
            raise LostError("The guardian of the roaster does not answer.") from late
        finally:
            self._waiting.pop(seq, None)

    def _send(self, do: str, **what: Any) -> int:
        if self._writer is None or self._writer.is_closing() or self.gone.is_set():
            raise LostError("The guardian of the roaster is gone.")
        self._seq += 1
        said = {"seq": self._seq, "at_s": time.monotonic(), "do": do}
        self._writer.write(messages.encode({**said, **what}))
        return self._seq

    async def _connect(self) -> asyncio.StreamReader:
        """Connect to the guardian that is there, or start one and connect."""
        until = time.monotonic() + START_S
        child: subprocess.Popen[bytes] | None = None
        while True:
            try:
                reader, self._writer = await asyncio.open_unix_connection(
                    str(self._path), limit=messages.LONGEST_LINE * 4
                )
            except OSError as error:
                if child is None and self._launch is not None:
                    child = await asyncio.to_thread(_start, self._launch, self._path)
                elif child is None or child.poll() is not None or time.monotonic() > until:
                    raise LostError(_why_not(self._path, child)) from error
                await asyncio.sleep(0.05)
                continue
            self.pid = _peer_pid(self._writer)
            return reader

    async def _renew(self) -> None:
        last_s = time.monotonic()
        while True:
            await asyncio.sleep(RENEW_S)
            now = time.monotonic()
            if now - last_s > 5 * RENEW_S:  # it was we who slept: give it time to be heard
                self._heard_s = now
            last_s = now
            with contextlib.suppress(LostError):
                self._send("renew")
            if now - self._heard_s > HUNG_S:
                if self.pid is not None:  # it hangs: a new one asserts heat 0, this one can't
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(self.pid, signal.SIGKILL)
                self.gone.set()
                return

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._heard_s = time.monotonic()
                message = messages.decode(line)
                if message.get("tell") == "notice":
                    self._on_notice(message)
                    continue
                if "connected" in message:
                    self.state = message
                    self._on_state(message)
                waiting = self._waiting.get(message.get("re") or 0)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
        except (OSError, ValueError, BadInputError):
            pass
        finally:
            self.gone.set()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(LostError("The guardian of the roaster is gone."))


_started: list["subprocess.Popen[bytes]"] = []
"""Guardians outlive their client on purpose; ours are collected when they end."""


def _start(launch: Launch, path: Path) -> "subprocess.Popen[bytes]":
    """Start a guardian that outlives us: a session of its own, no pipe of ours held open."""
    with path.with_suffix(".log").open("ab") as out:
        child = subprocess.Popen(
            list(launch.words),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            start_new_session=True,
            cwd="/",
        )
    _started[:] = [other for other in _started if other.poll() is None]  # collects the ended
    _started.append(child)
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(launch.spec).encode())
            child.stdin.close()
    return child


def _why_not(path: Path, child: "subprocess.Popen[bytes] | None") -> str:
    if child is None:
        return f"No guardian listens at {path}: start it, or let roastwatch start one."
    tail = ""
    with contextlib.suppress(OSError):
        lines = path.with_suffix(".log").read_text(errors="replace").strip().splitlines()
        tail = lines[-1].removeprefix("roastwatch: ") if lines else ""
    return tail or "The guardian of the roaster could not be started."


def _peer_pid(writer: asyncio.StreamWriter) -> int | None:
    sock = writer.get_extra_info("socket")
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except (AttributeError, OSError):
        return None
    pid: int = struct.unpack("3i", raw)[0]
    return pid
