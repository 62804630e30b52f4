"""Delivers one emergency stop to the machine, however long that takes, and reports its progress."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from roastwatch.roaster.doors import Peer
from roastwatch.roaster.guardian.stop_record import DELIVERED_LATE, undelivered
from roastwatch.vocabulary import StopState

LOUD_AFTER_S = 1.0
"""If no guardian has accepted the stop by then, people are notified."""
TURN_S = 0.05


class StopDelivery:
    """One pending emergency stop.

    `guardian` identifies the current guardian (None: there is none), `ask` passes it the stop and
    returns why that failed, `state` is its last state, `peer` its process and user, `why` says why
    there is none, and `loud` notifies people. Reports from another user's guardian are not trusted:
    any program can pose as one.
    """

    def __init__(
        self,
        guardian: Callable[[], object | None],
        ask: Callable[[], Awaitable[str | None]],
        state: Callable[[], dict[str, Any]],
        peer: Callable[[], Peer],
        why: Callable[[], str],
        loud: Callable[[str, str], None],
    ) -> None:
        self.state = StopState.PENDING
        self.problem = ""
        """While it is pending, one sentence with the reason and what to do."""
        self.accepted = False
        """Whether a guardian has accepted it and keeps trying."""
        self._guardian = guardian
        self._ask = ask
        self._state = state
        self._peer = peer
        self._why = why
        self._loud = loud

    async def run(self) -> None:
        """Try until it is delivered, or a person has armed again."""
        began_s, said, holder = time.monotonic(), False, None
        while True:
            guardian = self._guardian()
            if guardian is not None and guardian is not holder:
                refused = await self._ask()
                holder = guardian if refused is None else None
                if refused is not None:
                    self.problem = undelivered(refused)
            elif guardian is None:
                holder, self.problem = None, undelivered(self._why())
            self.accepted = holder is not None
            if self.accepted:
                self._look(stop_of(self._state()))
                if self.state is not StopState.PENDING:
                    if said and self.state is StopState.DELIVERED:
                        self._loud("interlock", DELIVERED_LATE)
                    return
            elif not said and time.monotonic() - began_s >= LOUD_AFTER_S:
                said = True
                self._loud("fault", self.problem)
            await asyncio.sleep(TURN_S)

    def _look(self, found: tuple[StopState, str]) -> None:
        peer = self._peer()
        if not peer.is_trusted:
            self.problem = unchecked(peer)
            return
        self.state, problem = found
        self.problem = undelivered(problem) if self.state is StopState.PENDING else ""


def unchecked(peer: Peer) -> str:
    """The sentence for a stop that only another user's guardian has accepted."""
    return (
        f"The emergency stop was sent to the guardian of {peer.user} (process {peer.pid}), but "
        "whether heat is 0 could not be checked: look at the roaster, and pull its plug if it "
        "heats."
    )


def stop_of(raw: dict[str, Any]) -> tuple[StopState, str]:
    """The state of a guardian's stop and its problem; also from an older version."""
    stop = raw.get("stop")
    if stop is not None:
        return StopState(stop["state"]), str(stop["problem"])
    if not raw.get("emergency"):
        return StopState.NONE, ""
    if raw.get("connected") and raw.get("safe"):
        return StopState.DELIVERED, ""
    return StopState.PENDING, str(raw.get("problem") or "Heat 0 is not written yet.")
