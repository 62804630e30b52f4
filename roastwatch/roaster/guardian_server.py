"""How the service speaks with the guardian: a Unix socket, JSON lines, a lease of half a second."""

import asyncio
import contextlib
import ctypes
import fcntl
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError, RoastwatchError
from roastwatch.roaster import messages
from roastwatch.roaster.driver import RoasterDriver
from roastwatch.roaster.guard import Guard
from roastwatch.roaster.guardian import Guardian
from roastwatch.roaster.machines import parse_limits

STATE_PERIOD_S = 0.25
SUPERSEDED = "superseded"
FULL_OUTBOX = 256 * 1024
LINGER_SAFE_S = 5.0
LINGER_OWED_S = 600.0

log = logging.getLogger("roastwatch.guardian")


class Connection:
    """One client. The one that holds the lease is `controller`."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._seq = 0
        self.last_heard_seq = 0
        self.holds_lease = False

    def send(self, message: dict[str, Any]) -> None:
        """Send without waiting; who doesn't listen is cut off."""
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > FULL_OUTBOX:
            self._writer.transport.abort()
            return
        self._seq += 1
        self._writer.write(messages.encode({"seq": self._seq, **message}))


class GuardianServer:
    """Serves one guardian on one socket until it has released its machine."""

    def __init__(
        self,
        path: Path,
        station: str,
        make_driver: Callable[[], RoasterDriver],
        guard: Guard,
        *,
        machine: tuple[str, dict[str, Any]],
        stay: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._station = station
        self._guard = guard
        self._machine = machine
        self._stay = stay
        self._clock = clock
        self._connections: set[Connection] = set()
        self._commands: set[asyncio.Task[None]] = set()
        self._guardian = Guardian(make_driver, guard, clock=clock, changed=self._tell)
        self._alone_since_s = clock()
        self._ever_served = False
        self._ending = False

    async def run(self) -> None:
        """Serve until released (or for ever, when told to stay).

        Raises:
            BadInputError: another guardian holds this machine.
        """
        with _only_one(self._path):
            server = await asyncio.start_unix_server(
                self._converse, path=str(self._path), limit=messages.LONGEST_LINE
            )
            self._path.chmod(0o600)
            notify("READY=1")
            pulse = asyncio.create_task(self._pulse(), name="pulse")
            try:
                await self._guardian.run()
            finally:
                pulse.cancel()
                server.close()
                self._path.unlink(missing_ok=True)

    def terminate(self) -> None:
        """SIGTERM: make safe at once, and end when the machine is cool (or can't be reached)."""
        if not self._guard.only_reads:
            self._guard.emergency_stop("The guardian was told to end.")
        self._ending = True
        self._guardian.wake()

    # --- one client ----------------------------------------------------------------------------

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer)
        self._connections.add(connection)
        self._ever_served = True
        try:
            while line := await reader.readline():
                try:
                    self._hear(connection, messages.decode(line))
                except RoastwatchError as error:
                    connection.send({"re": None, "ok": False, "reason": str(error)})
                await asyncio.sleep(0)  # a flood must not hold up the wire
        except (ConnectionError, ValueError, asyncio.IncompleteReadError):
            pass  # a line too long, or gone: the lease ends either way
        finally:
            self._connections.discard(connection)
            if connection.holds_lease:
                self._guard.lease_ended()
                self._guardian.wake()
            self._alone_since_s = self._clock()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _hear(self, connection: Connection, message: dict[str, Any]) -> None:
        seq = message.get("seq")
        if not isinstance(seq, int) or seq <= connection.last_heard_seq:
            raise BadInputError("A message must have a sequence number greater than the last.")
        connection.last_heard_seq = seq
        do = message.get("do")
        if connection.holds_lease:
            self._guard.renew(self._clock(), _said_at_s(message))
        if do == "renew":
            return
        if do == "command":
            task = asyncio.create_task(self._command(connection, seq, message))
            self._commands.add(task)
            task.add_done_callback(self._commands.discard)
            return
        asks = {
            "hello": self._hello,
            "arm": self._arm,
            "disarm": self._disarm,
            "stop": self._stop,
            "safe": self._safe,
            "present": self._present,
            "charge": self._charge,
            "dropped": self._dropped,
            "log": self._log,
            "cutoff": self._cutoff,
        }
        if do not in asks:
            raise BadInputError(f"The guardian can't do {do!r}: it can {', '.join(asks)}.")
        try:
            reason = asks[do](connection, message)
        except BadInputError as error:
            reason = str(error)
        self._tell()
        connection.send({"re": seq, "ok": not reason, "reason": reason or "", **self._state()})
        self._guardian.wake()

    def _hello(self, connection: Connection, message: dict[str, Any]) -> str | None:
        kind, options = message.get("kind"), message.get("options")
        if kind is not None and self._guardian.releasing:
            return SUPERSEDED  # it is letting go of its machine: whoever comes now gets a new one
        if kind is not None and (kind, options) != self._machine:
            if not self._guard.machine.connected:
                self._guardian.end()  # it guards what is no longer there: the new one begins anew
                return SUPERSEDED
            return (
                f"The port is held by the guardian of a {self._machine[0]} with other options: "
                "end that first."
            )
        if message.get("role") != "control":
            return None
        if any(other.holds_lease for other in self._connections if other is not connection):
            if self._guard.situation(self._clock()).lease:
                return (
                    "Another roastwatch controls this roaster: stop it first, or use its dashboard."
                )
            for other in self._connections:
                other.holds_lease = False
            self._guard.lease_ended()
        raw = message.get("limits")
        limits = None if raw is None else parse_limits(raw, "limits")
        connection.holds_lease = True
        self._guard.renew(self._clock(), _said_at_s(message))
        if limits is not None:
            self._guard.set_limits(limits)
        # What the last service said of its log, and who drove it of a cut-off, was theirs.
        self._guard.log_works = True
        if "cutoff" in message:
            self._guard.cutoff_confirmed = message["cutoff"] is True
        return None

    def _arm(self, connection: Connection, message: dict[str, Any]) -> str | None:
        return self._guard.arm(_number(message, "for_s"), self._clock())

    def _disarm(self, connection: Connection, message: dict[str, Any]) -> str | None:
        self._guard.disarm(str(message.get("reason") or "Disarmed."))
        return None

    def _stop(self, connection: Connection, message: dict[str, Any]) -> str | None:
        self._guard.emergency_stop(str(message.get("reason") or "Emergency stop."))
        return None

    def _safe(self, connection: Connection, message: dict[str, Any]) -> str | None:
        self._guard.ask_safe(str(message.get("reason") or "The roast has ended."))
        return None

    def _present(self, connection: Connection, message: dict[str, Any]) -> str | None:
        self._guard.present(self._clock())
        return None

    def _charge(self, connection: Connection, message: dict[str, Any]) -> str | None:
        return self._guardian.charge()

    def _dropped(self, connection: Connection, message: dict[str, Any]) -> str | None:
        self._guard.dropped()
        return None

    def _log(self, connection: Connection, message: dict[str, Any]) -> str | None:
        self._guard.log_works = bool(message.get("works"))
        return None

    def _cutoff(self, connection: Connection, message: dict[str, Any]) -> str | None:
        self._guard.cutoff_confirmed = bool(message.get("confirmed"))
        return None

    async def _command(self, connection: Connection, seq: int, message: dict[str, Any]) -> None:
        try:
            command = messages.command_from(message, self._station)
        except BadInputError as error:
            connection.send({"re": seq, "ok": False, "reason": str(error)})
            return
        result = await self._guardian.request(command)
        connection.send({"re": seq, "ok": True, "result": asdict(result)})

    # --- what everybody hears --------------------------------------------------------------------

    def _tell(self) -> None:
        notices, self._guard.notices[:] = list(self._guard.notices), []
        for notice in notices:
            log.warning("%s", notice.message)
            for connection in self._connections:
                connection.send({"tell": "notice", **asdict(notice)})
        state = {"tell": "state", **self._state()}
        for connection in self._connections:
            connection.send(state)

    def _state(self) -> dict[str, Any]:
        now = self._clock()
        guard, situation = self._guard, self._guard.situation(self._clock())
        armed_for_s = guard.armed_until_s - now if guard.armed_until_s is not None else None
        return {
            "at_s": now,
            "connected": guard.machine.connected,
            "problem": self._guardian.problem,
            "wrong_machine": self._guardian.wrong_machine,
            "armed": situation.armed,
            "armed_for_s": armed_for_s,
            "emergency": guard.emergency,
            "hot": situation.hot,
            "rising": guard.machine.rising(now),
            "safe": not guard.unsafe_pending,
            "left_safe": guard.machine.left_safe,
            "told": asdict(guard.machine.told),
            "reading": messages.reading_to(guard.machine.history.newest),
            "doubts": self._guardian.doubts,
            "capabilities": messages.capabilities_to(guard.machine.capabilities),
        }

    async def _pulse(self) -> None:
        while True:
            await asyncio.sleep(STATE_PERIOD_S)
            try:
                self._beat()
            except Exception:  # the machine is guarded on, whatever is wrong with the telling
                log.exception("the guardian's pulse failed")

    def _beat(self) -> None:
        self._tell()
        notify("WATCHDOG=1")
        if self._ending and not (
            self._guard.machine.connected
            and (self._guard.unsafe_pending or self._guard.may_release(self._clock()))
        ):
            self._guardian.end()
        if not self._stay and not self._connections and self._may_end():
            if self._guard.machine.connected:
                self._guardian.release()
            else:
                self._guardian.end()

    def _may_end(self) -> bool:
        """Whether nobody needs this guardian any more: cool, or gone and known to be off."""
        alone_s = self._clock() - self._alone_since_s
        if self._guard.machine.connected:
            since = self._guardian.safe_since_s
            settled = since is None or self._clock() - since >= LINGER_SAFE_S
            return settled and alone_s >= 1.0 and not self._guard.unsafe_pending
        if self._guard.machine.lost_hot:
            return False  # it may heat on: whoever plugs it in again finds it guarded
        if not self._guard.machine.ever_connected:
            return alone_s >= (1.0 if self._ever_served else 10.0)
        return not self._guard.unsafe_pending or alone_s >= LINGER_OWED_S


def raise_priority() -> list[str]:
    """Ask for a real-time slot and for memory that isn't swapped; says what was permitted."""
    got = []
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        got.append("real-time priority")
    if not got:
        with contextlib.suppress(OSError):
            os.nice(-10)
            got.append("priority -10")
    with contextlib.suppress(OSError, AttributeError):
        mlock_current = 1
        if ctypes.CDLL(None, use_errno=True).mlockall(mlock_current) == 0:
            got.append("memory locked")
    return got


def notify(state: str) -> None:
    """Tell systemd, where it asked to be told (sd_notify's protocol: one datagram)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)


@contextlib.contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the lock beside the socket, with our process's number in it.

    Raises:
        BadInputError: somebody else holds it.
    """
    with path.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInputError(
                "Another guardian already holds this roaster: use that one, or end it first."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        path.unlink(missing_ok=True)
        yield


def _said_at_s(message: dict[str, Any]) -> float | None:
    """When a message was sent, by the monotonic clock that both processes share."""
    at_s = message.get("at_s")
    return float(at_s) if isinstance(at_s, int | float) else None


def _number(message: dict[str, Any], key: str) -> float:
    value = message.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise BadInputError(f"{key} must be a number above 0, not {value!r}.")
    return float(value)
