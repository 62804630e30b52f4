"""The service's end of the guardian's socket: finds or starts it, renews the lease."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster import doors, messages
from roastwatch.roaster.client.guardian_start import Launch, Starter
from roastwatch.roaster.client.hang import Hang
from roastwatch.roaster.doors import Peer
from roastwatch.roaster.handover import Handover

RENEW_S = 0.1
START_S = 15.0
ANSWER_S = 4.0
STOP_ANSWER_S = 1.5
"""A guardian that does not answer a stop within this is replaced."""
SUPERSEDED_S = 3.0
"""A guardian that is letting go of its machine is greeted again after this."""
NAMES_S = 1.0
"""How often the names of a machine are looked up while its guardian is searched for."""

Role = Literal["control", "watch", "stop", "spare"]
"""To control the machine under a lease; to look and request; only to stop it; to be the next
guardian when this one dies."""

log = logging.getLogger(__name__)

__all__ = ["GuardianClient", "Launch", "Role"]


class GuardianClient:
    """One connection to a guardian, inside an async context. Raises LostError when it is gone."""

    def __init__(
        self,
        path: Path | None,
        launch: Launch | None,
        *,
        wire: str = "",
        starter: Starter | None = None,
        on_state: Callable[[dict[str, Any]], None] = lambda _state: None,
        on_notice: Callable[[dict[str, Any]], None] = lambda _notice: None,
        role: Role = "control",
        left: Handover | None = None,
        may_kill: Callable[[], bool] = lambda: True,
    ) -> None:
        """Without `launch` the guardian of `wire` must be running already.

        `left` is what the last guardian left. A guardian that hangs is killed if `may_kill`.
        """
        self._path = path
        self._spec = launch.spec if launch else {}
        self._wire = wire or str(self._spec.get("wire", ""))
        self._starter = starter or (Starter(launch, path) if launch else None)
        self._on_state = on_state
        self._on_notice = on_notice
        self._role: Role = role
        self._left = left
        self._may_kill = may_kill
        self._seq = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._last_message_s = 0.0
        self._elsewhere: set[str | Path] = set()
        self._address: str | Path = ""
        self.peer = Peer(None, None)
        self.state: dict[str, Any] = {}
        self.gone = asyncio.Event()

    async def __aenter__(self) -> "GuardianClient":
        until_s = time.monotonic() + START_S
        while True:
            reader = await self._connect()
            self._last_message_s = time.monotonic()
            self._hang = Hang(self.pid)
            self._tasks = [asyncio.create_task(self._listen(reader), name="guardian:listen")]
            try:
                answer = await self._greet(until_s)
                if answer["ok"]:
                    break
                if answer["reason"] == "elsewhere":
                    self._elsewhere.add(self._address)
                elif answer["reason"] != "superseded":
                    raise BadInputError(str(answer["reason"]))
                else:
                    with contextlib.suppress(TimeoutError):  # it may have kept its machine
                        await asyncio.wait_for(self.gone.wait(), SUPERSEDED_S)
                await self.__aexit__()
                self.gone.clear()
            except BaseException:
                await self.__aexit__()
                raise
        self._on_state(answer)
        if self._role in ("control", "spare"):
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

    @property
    def address(self) -> str | Path:
        """Where it listens."""
        return self._address

    @property
    def is_alive(self) -> bool:
        """Whether the guardian's process still runs, as far as that can be seen."""
        return self._hang.is_alive

    @property
    def pid(self) -> int | None:
        """The guardian's process."""
        return self.peer.pid

    async def _greet(self, until_s: float) -> dict[str, Any]:
        """Send `hello`. A guardian that hangs is replaced, unless we only look.

        One that ends while it is greeted is replaced too, until `until_s` (monotonic seconds).

        Options may hold passwords, so only a guardian of our user or root gets them: another user
        may pose as one.

        Raises:
            LostError: it is gone, or hangs.
        """
        known: dict[str, Any] = {
            key: self._spec[key]
            for key in ("kind", "options", "limits", "cutoff")
            if key in self._spec and self.peer.is_trusted
        }
        if self._left is not None:
            known["left"] = self._left.to_message()
        wire = self._wire if self.peer.is_trusted or self._wire.startswith("/") else ""
        within_s = STOP_ANSWER_S if self._role == "stop" else ANSWER_S
        try:
            return await self.ask("hello", within_s=within_s, role=self._role, wire=wire, **known)
        except LostError as lost:
            if self.gone.is_set() and time.monotonic() < until_s:
                return {"ok": False, "reason": "superseded"}
            if self.gone.is_set() or self._role == "watch" or self._starter is None:
                raise
            if not self._kill():
                raise LostError(
                    f"The guardian of the roaster hangs: end process {self.pid} of "
                    f"{self.peer.user} (`sudo kill -9 {self.pid}`)."
                ) from lost
            return {"ok": False, "reason": "superseded"}

    async def ask(self, do: str, *, within_s: float = ANSWER_S, **what: Any) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Raises:
            LostError: the guardian is gone or does not answer.
        """
        seq = self._send(do, **what)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[seq] = answer
        try:
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError as late:
            raise LostError("The guardian of the roaster does not answer.") from late
        finally:
            self._waiting.pop(seq, None)

    def _send(self, do: str, **what: Any) -> int:
        if self._writer is None or self._writer.is_closing() or self.gone.is_set():
            raise LostError("The guardian of the roaster has ended.")
        self._seq += 1
        head = {"seq": self._seq, "at_s": time.monotonic(), "do": do}
        self._writer.write(messages.encode({**head, **what}))
        return self._seq

    async def _connect(self) -> asyncio.StreamReader:
        """Connect to the running guardian, or start one and connect.

        Raises:
            LostError: none is running, and none can be started.
        """
        until = time.monotonic() + START_S
        child: subprocess.Popen[bytes] | None = None
        found: list[str | Path] = []
        looked_s = float("-inf")
        while True:
            if time.monotonic() - looked_s > NAMES_S:
                found, looked_s = await doors.addresses(self._wire, self._path), time.monotonic()
            reader = await self._connect_to(found, of_ours=True)
            if reader is None and self._role in ("watch", "stop"):  # any user may stop and look
                reader = await self._connect_to(found, of_ours=False)
            if reader is not None:
                return reader
            if self._starter is None:
                raise LostError("No guardian of this roaster is running: add --type to start one.")
            if child is None or self._starter.is_stopped(child):
                child = await self._starter.start()
            elif child.poll() is not None or time.monotonic() > until:
                raise LostError(self._starter.why_not(child))
            await asyncio.sleep(0.02)

    async def _connect_to(
        self, found: list[str | Path], *, of_ours: bool
    ) -> asyncio.StreamReader | None:
        """Connect to the first guardian that is our user's or root's, or to any."""
        for address in found:
            if address in self._elsewhere:
                continue
            with contextlib.suppress(OSError):
                reader, self._writer = await doors.connect(address)
                self.peer, self._address = doors.peer_of(self._writer), address
                if self.peer.is_trusted or not of_ours:
                    return reader
                self._writer.close()
        return None

    def _kill(self) -> bool:
        """Kill a guardian that hangs: a new one can write heat 0, this one can't."""
        if self.pid is None:
            return False
        if not self._hang.is_alive:
            return True  # its number may be another process's by now
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return True

    async def _renew(self) -> None:
        try:
            await self._renew_until_gone()
        except Exception:
            log.exception("the lease can't be renewed")
            self._lost()

    async def _renew_until_gone(self) -> None:
        last_s = time.monotonic()
        while True:
            await asyncio.sleep(RENEW_S)
            now = time.monotonic()
            if now - last_s > 5 * RENEW_S:  # this process slept: give the guardian time
                self._last_message_s = now
            last_s = now
            if self._role == "control":
                with contextlib.suppress(LostError):
                    self._send("renew")
            if self._hang.is_hung(now - self._last_message_s) and self._may_kill():
                log.error(
                    "the guardian sent nothing for %.1f s: killed", now - self._last_message_s
                )
                self._kill()
                self._lost()
                return

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._last_message_s = time.monotonic()
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
        except Exception:
            log.exception("a message of the guardian can't be used")
        finally:
            self._lost()

    def _lost(self) -> None:
        self.gone.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LostError("The guardian of the roaster has ended."))
