"""One request that the API answers, as data: the server and its document are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from roastwatch.web.accounts import Role

BASE = "/api/v1"
JSON = "application/json"
BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Route:
    """One request that the API answers. `name` is its handler, and its `operationId`."""

    method: str
    path: str
    """Below BASE."""
    name: str
    summary: str
    needs: Role | None
    """None: open to everybody who reaches the API."""
    answers: dict[int, str] = field(default_factory=dict)
    """Status → name of the schema; those of errors are added."""
    body: str | None = None
    """Name of the body's schema."""
    refusals: tuple[int, ...] = ()
    """Statuses of refusals that only this route has."""
    old_path: str | None = None
    """Where it was before there were versions; it still answers there."""
    media: str = JSON
    """Of its answer."""
    query: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """The schema of each parameter after the `?`; one with `required` is needed."""
    body_media: str = JSON
    headers: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """The schema of each header that it reads; one with `required` is needed."""
    agents: bool = False
    """Whether agents may do it where it needs an operator; they may do all that a viewer may."""
    people: bool = False
    """Whether paired programs may not do it, though they may do what their role may."""
    ranges: bool = False
    """Whether it sends a part of its answer, if asked for a range of bytes."""

    @property
    def full_path(self) -> str:
        """Its path on the server."""
        return BASE + self.path
