"""Detects two instances of one name, which would overwrite each other's states."""

import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from roastwatch import inbound
from roastwatch.errors import BadInputError

_OVER_AFTER_S = 120.0
_LIMITS = inbound.InboundLimits(size=2048, depth=2)


@dataclass(frozen=True, slots=True)
class Claim:
    """The process that claims the name, and since when."""

    session: str
    since: str
    where: str

    @classmethod
    def mine(cls) -> "Claim":
        """The claim of this process, fresh."""
        where = f"process {os.getpid()} on {socket.gethostname()}"
        return cls(uuid.uuid4().hex, datetime.now(UTC).isoformat(), where)

    def message(self) -> str:
        """The claim as it is published."""
        return json.dumps(asdict(self))

    def is_elder_than(self, other: "Claim") -> bool:
        """Whether it was first: it keeps the name."""
        return (self.since, self.session) < (other.since, other.session)


class DuplicateInstances:
    """Other processes that claim our own name."""

    def __init__(self, mine: Claim) -> None:
        self.mine = mine
        self.yielded = False
        """Whether we left the name to a process that had it first."""
        self._met_s: float | None = None

    def is_mine(self, payload: bytes) -> bool:
        """Whether a message is the echo of our own claim."""
        return payload == self.mine.message().encode()

    def meet(self, payload: bytes, now_s: float) -> Claim | None:
        """The rival in a message; None if it is not a claim."""
        try:
            found = inbound.json_object(payload, "A claim", _LIMITS)
            session, since, where = (
                inbound.text(found.get(key), key, 200, shortest=1)
                for key in ("session", "since", "where")
            )
            datetime.fromisoformat(since)
        except (BadInputError, ValueError):
            return None
        rival = Claim(session, since, where[:100])
        self._met_s = now_s
        return rival

    def clash(self, instance: str, rival: Claim, place: str) -> str:
        """The problem that both report."""
        return (
            f"Two roastwatch instances named '{instance}' are {place} (the other: {rival.where}): "
            "set another `instance` in the settings of one of them."
        )

    def is_over(self, now_s: float) -> bool:
        """True once, 120 s after the last message of a rival."""
        if self._met_s is None or now_s - self._met_s < _OVER_AFTER_S:
            return False
        self._met_s = None
        return True
