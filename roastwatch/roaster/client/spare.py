"""The spare guardian while it waits: it watches the guardian and takes over without being asked.

The service may hang when the guardian dies, so the spare is a client of the guardian. When that
process is gone without having released its machine, the spare takes over; a guardian that hangs is
killed first. The guardian's last state says how to go on.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster import doors, messages
from roastwatch.roaster.client.guardian_client import GuardianClient
from roastwatch.roaster.client.guardian_start import GO
from roastwatch.roaster.handover import Handover, left_by

LOOKS_S = 0.1
"""How often a missing guardian is looked for."""
DIES_S, DYING_S = 0.25, 0.005
"""A killed process is gone and has left its port within the first; how often that is checked."""


class Spare:
    """Waits to be the guardian of one machine."""

    def __init__(self, path: Path | None, wire: str) -> None:
        self._path = path
        self._wire = wire
        self._client: GuardianClient | None = None
        self._last_state: dict[str, Any] = {}
        self.was_asked = False
        """The service wants a guardian, and waits for it."""
        self._is_alone = False
        self._idle = asyncio.Event()
        """The service is gone and its guardian has made safe: there is nothing to wait for."""

    @property
    def left(self) -> Handover | None:
        """What the guardian that died has left."""
        return left_by(self._last_state)

    async def wait(self, words: asyncio.StreamReader) -> bool:
        """Wait for a word from the service or the guardian's death; whether to take over."""
        watching = asyncio.create_task(self._guardian_died(), name="spare:watch")
        hearing = asyncio.create_task(words.readline(), name="spare:hear")
        try:
            await asyncio.wait({watching, hearing}, return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done():
                return watching.result()
            if word := hearing.result():
                self.was_asked = word == GO
                return self.was_asked
            self._is_alone = True  # the pipe ended without a word: the service was killed
            return await watching
        finally:
            for task in (watching, hearing):
                task.cancel()
            await asyncio.gather(watching, hearing, return_exceptions=True)

    async def _guardian_died(self) -> bool:
        """Watch until the guardian has died (True) or is not needed any more (False)."""
        while True:
            reached = await self._follow()
            if self._idle.is_set():
                return False
            if self._client is None:
                if self._is_alone and not reached:
                    return True  # there is none, as far as can be seen
            elif await _is_gone(self._client):
                if not self._last_state.get("releasing"):
                    return True
                if self._is_alone:
                    return False
                self._client, self._last_state = None, {}
            await asyncio.sleep(0 if reached else LOOKS_S)

    async def _follow(self) -> bool:
        """Be a client of the guardian until it is gone; False: it could not be reached."""
        client = GuardianClient(
            self._path,
            None,
            wire=self._wire,
            role="spare",
            on_state=self._state,
            may_kill=self._may_kill,
        )
        try:
            async with client:
                self._client = client
                ends = [asyncio.create_task(end.wait()) for end in (client.gone, self._idle)]
                try:
                    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for end in ends:
                        end.cancel()
        except (LostError, BadInputError, OSError):
            return False
        return True

    def _state(self, state: dict[str, Any]) -> None:
        self._last_state = state
        if self._is_alone and not state.get("controlled") and not _needs_a_guardian(state):
            self._idle.set()

    def _may_kill(self) -> bool:
        """Whether a guardian that hangs may be killed: ours, while the machine needs one."""
        is_ours = self._client is not None and self._client.peer.uid == os.getuid()
        return is_ours and _needs_a_guardian(self._last_state)


def _needs_a_guardian(state: dict[str, Any]) -> bool:
    """Whether heat may be on, or the machine would eject without frames."""
    able = state.get("capabilities") or {}
    ejects = able.get("when_host_is_gone") == "ejects" and not state.get("only_reads")
    return bool(ejects or state.get("armed") or messages.heat_problem_of(state))


async def _is_gone(guardian: GuardianClient) -> bool:
    """Whether the guardian has ended, not only its connection; waits while it dies."""
    if guardian.pid is None:
        try:
            _, writer = await doors.connect(guardian.address)
        except BlockingIOError:
            return False  # too many callers wait there
        except OSError:
            return True
        writer.close()
        return False
    for _ in range(round(DIES_S / DYING_S)):
        if not guardian.is_alive:
            return True
        await asyncio.sleep(DYING_S)
    return False
