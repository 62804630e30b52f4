"""The guardian's socket: JSON lines over a Unix socket, with a lease of half a second.

Every program on this computer may look and stop, no matter which user runs it and which type and
options it names. Everything else is for this user and root.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError, RoastwatchError
from roastwatch.roaster import handover, messages
from roastwatch.roaster.doors import Doors, peer_of
from roastwatch.roaster.driver import RoasterDriver
from roastwatch.roaster.guardian.alarms import Notice
from roastwatch.roaster.guardian.connections import ClientConnection, ClientConnections
from roastwatch.roaster.guardian.ending import Ending
from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.limits_store import parse_limits
from roastwatch.roaster.guardian.machine_names import MachineNames, without_password
from roastwatch.roaster.guardian.process import notify
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.state import state_of
from roastwatch.roaster.guardian.states import LeaseState
from roastwatch.roaster.guardian.stop_record import StopRecord, heat_problem
from roastwatch.roaster.handover import Handover
from roastwatch.supervise import Background, ComponentHealth
from roastwatch.vocabulary import StopState

STATE_PERIOD_S = 0.25
SUPERSEDED = "superseded"
ELSEWHERE = "elsewhere"
NAME_FREE_S, STANDS_BY_S, SOON_S = 1.5, 0.25, 0.02

log = logging.getLogger(__name__)


class GuardianServer:
    """Serves one guardian on its sockets until it has released its machine."""

    def __init__(
        self,
        path: Path | None,
        station: str,
        make_driver: Callable[[], RoasterDriver],
        guard: SafetyState,
        *,
        machine: tuple[str, dict[str, Any]],
        stay: bool,
        wire: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`machine` is its type and options, `wire` what `Machine.wire` calls its port.

        Without `path` it listens under the names of its machine alone.
        """
        self._station = station
        self._guard = guard
        self._machine = machine
        self._where = without_password(str(machine[1].get("port") or wire))
        self._names = MachineNames(wire)
        self._stay = stay
        self._clock = clock
        self._doors = Doors(path, self._converse)
        self._connections = ClientConnections()
        self._tasks = Background(ComponentHealth("guardian"))
        self._stop_record = StopRecord()
        self._guardian = Guardian(make_driver, guard, clock=clock, changed=self._publish)
        self._ending = Ending(guard, self._guardian, self._stop_record, clock())

    async def run(self, left: Handover | None = None) -> None:
        """Serve until released, or for ever if it was started with `stay`.

        `left` is what a guardian that died left to this one.

        Raises:
            BadInputError: another guardian holds this machine.
        """
        began_s = time.monotonic()
        self._ending.alone_since_s = self._clock()
        if left is not None:
            self._guardian.inherit(left)
        while True:
            try:
                async with self._doors.opened(self._names.now()):
                    await self._serve()
                return
            except BadInputError:
                if self._ending.asked_at_s is not None:
                    return  # asked to end while it stood by
                # A guardian that just ended may still hold the name; with `stay`, wait for any.
                if not self._stay and time.monotonic() - began_s > NAME_FREE_S:
                    raise
                notify("READY=1\nWATCHDOG=1")
                await asyncio.sleep(STANDS_BY_S if self._stay else SOON_S)

    async def _serve(self) -> None:
        notify("READY=1")
        self._tasks.keep(self._pulse, "pulse")
        self._tasks.keep(partial(self._names.keep, self._doors), "names")
        try:
            await self._guardian.run()
            self._publish()  # say that it was released, so that no spare takes over
        finally:
            await self._tasks.close()

    def terminate(self) -> None:
        """SIGTERM: make safe at once, and end when the machine is cool or can't be reached."""
        if not self._guard.only_reads:
            self._stop_now("The guardian was asked to end.")
        self._ending.asked_at_s = self._clock()
        self._guardian.wake()

    # --- one client ----------------------------------------------------------------------------

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = ClientConnection(writer, peer_of(writer), self._clock())
        if not self._connections.admit(connection, self._clock()):
            connection.cut()
            return
        self._ending.ever_served = True
        try:
            while line := await reader.readline():
                try:
                    self._receive(connection, messages.decode(line))
                except RoastwatchError as error:
                    connection.send({"re": None, "ok": False, "reason": str(error)})
                await asyncio.sleep(0)  # a flood of lines must not delay the machine
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass  # a line was too long, or the client is gone: the lease ends either way
        finally:
            self._connections.drop(connection)
            if connection.holds_lease:
                self._guard.lease_ended()
                self._guardian.wake()
            if connection.matters:
                self._ending.alone_since_s = self._clock()
            await connection.close()

    def _receive(self, connection: ClientConnection, message: dict[str, Any]) -> None:
        seq = message.get("seq")
        if not isinstance(seq, int) or seq <= connection.last_heard_seq:
            raise BadInputError("A message must have a sequence number greater than the last.")
        connection.last_heard_seq = seq
        do = message.get("do")
        if connection.holds_lease:
            self._guard.renew(self._clock(), messages.said_at_s(message))
        if do == "renew":
            return
        open_to_all = {"hello": self._hello, "stop": self._stop}
        asks = {
            **open_to_all,
            "arm": self._arm,
            "disarm": self._disarm,
            "safe": self._safe,
            "present": self._present,
            "charge": self._charge,
            "dropped": self._dropped,
            "log": self._log,
            "cutoff": self._cutoff,
            "end": self._end,
        }
        if not isinstance(do, str) or (do not in asks and do != "command"):
            raise BadInputError(f"Unknown request {do!r}: the guardian accepts {', '.join(asks)}.")
        trusted = connection.peer.is_trusted and (do == "end" or not connection.may_only_stop)
        if do not in open_to_all and not trusted:
            why = connection.may_only_stop or self._for_its_user()
            connection.send({"re": seq, "ok": False, "reason": why, **self._state()})
            return
        if do == "command":
            self._tasks.run(self._command(connection, seq, message), "command")
            return
        try:
            reason = asks[do](connection, message)
        except BadInputError as error:
            reason = str(error)
        self._publish()
        connection.send({"re": seq, "ok": not reason, "reason": reason or "", **self._state()})
        self._guardian.wake()

    def _hello(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        kind, role = message.get("kind"), message.get("role")
        if not self._names.include(message.get("wire"), connection.peer.is_trusted):
            return ELSEWHERE
        connection.greeted, connection.is_spare = True, role == "spare"
        if not connection.peer.is_trusted:
            connection.may_only_stop = self._for_its_user()
            return connection.may_only_stop if role == "control" else None
        if kind is not None and self._guardian.releasing:
            return SUPERSEDED  # it is letting go of its machine: a new guardian is needed
        led_by_another = self._is_led_by_another_than(connection)
        is_same = self._is_same(kind, message.get("options"))
        if kind is not None and not (is_same and not self._names.miss(message.get("wire"))):
            if not led_by_another and self._ending.gives_way(role, self._clock()):
                return SUPERSEDED
            connection.may_only_stop = self._held(message.get("wire"))
            shown = role != "control" and (role == "stop" or self._guard.machine.connected)
            return None if shown else connection.may_only_stop
        if role != "control":
            return None
        if led_by_another:
            return "Another roastwatch controls this roaster: stop it first, or use its dashboard."
        if any(other.holds_lease for other in self._connections if other is not connection):
            for other in self._connections:
                other.holds_lease = False
            self._guard.lease_ended()
        raw = message.get("limits")
        limits = None if raw is None else parse_limits(raw, "limits")
        connection.holds_lease = True
        self._guard.renew(self._clock(), messages.said_at_s(message))
        if limits is not None:
            self._guard.set_limits(limits)
        # The state of the log and the confirmed cut-off were those of the last service.
        self._guard.log_works = True
        if (left := handover.from_message(message.get("left"))) is not None:
            self._guardian.inherit(left)
        if "cutoff" in message:
            self._guard.cutoff_confirmed = message["cutoff"] is True
        return None

    def _is_led_by_another_than(self, connection: ClientConnection) -> bool:
        others = any(other.holds_lease for other in self._connections if other is not connection)
        return others and self._guard.lease(self._clock()) is LeaseState.HELD

    def _is_same(self, kind: object, options: object) -> bool:
        """Whether a caller names the same type and options; the port may be spelled differently."""
        given = options if isinstance(options, dict) else {}
        mine = {**self._machine[1], "port": None}
        return (kind, {**given, "port": None}) == (self._machine[0], mine)

    def _held(self, wire: object) -> str:
        by_port = isinstance(wire, str) and " " not in wire and not wire.startswith("[")
        which = f"--port {wire}" if by_port else f"--process {os.getpid()}"
        return (
            f"The port is held by the guardian of a {self._machine[0]} with other options (process "
            f"{os.getpid()}): end it with `roastwatch roaster end {which}`."
        )

    def _for_its_user(self) -> str:
        return (
            f"The guardian of this roaster (process {os.getpid()}) runs as another user: you can "
            "only look and stop. For anything else, be that user or root."
        )

    def _arm(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        if self._ending.asked_at_s is not None:
            return "Not armed: this guardian is ending. Try again once it has ended."
        self._look_after_stop()
        if self._stop_record.state is StopState.PENDING:
            return f"Not armed: the emergency stop is not delivered. {self._stop_record.problem}"
        return self._guard.arm(messages.positive(message, "for_s"), self._clock())

    def _disarm(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        self._guard.disarm(str(message.get("reason") or "Disarmed."))
        return None

    def _stop(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        self._stop_now(str(message.get("reason") or "Emergency stop."))
        return None

    def _stop_now(self, reason: str) -> None:
        self._guard.emergency_stop(reason)
        self._stop_record.begin(self._clock())

    def _end(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        if self._is_led_by_another_than(connection):
            return (
                "A running roastwatch controls this roaster: stop that service or drive, which "
                "ends its guardian too."
            )
        self.terminate()
        return None

    def _safe(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        self._guard.ask_safe(str(message.get("reason") or "The roast has ended."))
        return None

    def _present(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        self._guard.present(self._clock())
        return None

    def _charge(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        return self._guardian.charge()

    def _dropped(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        self._guard.batch.dropped()
        return None

    def _log(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        self._guard.log_works = bool(message.get("works"))
        return None

    def _cutoff(self, connection: ClientConnection, message: dict[str, Any]) -> str | None:
        self._guard.cutoff_confirmed = bool(message.get("confirmed"))
        return None

    async def _command(
        self, connection: ClientConnection, seq: int, message: dict[str, Any]
    ) -> None:
        try:
            command = messages.command_from(message, self._station)
        except BadInputError as error:
            connection.send({"re": seq, "ok": False, "reason": str(error)})
            return
        result = await self._guardian.request(command)
        connection.send({"re": seq, "ok": True, "result": asdict(result)})

    # --- what every client gets ---------------------------------------------------------------

    def _look_after_stop(self) -> None:
        guard, guardian = self._guard, self._guardian
        problem = heat_problem(guard, guardian.safe_since_s, guardian.problem)
        linked, now = guard.machine.connected, self._clock()
        notice = self._stop_record.look(guard.emergency is not None, problem, linked, now)
        if notice is not None:
            guard.notices.append(notice)

    def _publish(self) -> None:
        self._look_after_stop()
        if self._names.news is not None:
            self._guard.notices.append(Notice("lost", self._names.news))
            self._names.news = None
        notices, self._guard.notices[:] = list(self._guard.notices), []
        for notice in notices:
            log.warning("%s", notice.message)
            for connection in self._connections:
                connection.send({"tell": "notice", **asdict(notice)})
        state = {"tell": "state", **self._state()}
        for connection in self._connections:
            connection.send(state)

    def _state(self) -> dict[str, Any]:
        found = state_of(self._guard, self._guardian, self._stop_record, self._clock())
        return {"kind": self._machine[0], "port": self._where, **found}

    async def _pulse(self) -> None:
        while True:
            await asyncio.sleep(STATE_PERIOD_S)
            try:
                self._beat()
            except Exception:  # the machine stays guarded all the same
                log.exception("the guardian's pulse failed")

    def _beat(self) -> None:
        self._publish()
        notify("WATCHDOG=1")
        self._connections.end_the_silent(self._clock())
        if self._ending.has_ended(self._clock()):
            self._guardian.end()
        alone = not any(connection.matters for connection in self._connections)
        if not self._stay and alone and self._ending.may_end(self._clock()):
            if self._guard.machine.connected:
                self._guardian.release()
            else:
                self._guardian.end()
