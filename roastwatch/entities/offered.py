"""What a station has now of all entities: some appear with a roaster, a probe or a profile."""

from collections.abc import Collection
from dataclasses import dataclass, field

from roastwatch.entities.entity import Entity
from roastwatch.vocabulary import Snapshot


@dataclass(frozen=True, slots=True)
class OfferedEntities:
    """What a station has: keys of its entities, and the options of its selects."""

    keys: frozenset[str]
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    undecided: frozenset[str] = field(default=frozenset(), compare=False)
    """Keys of which it can't be seen now whether the station has them."""


def offered(
    entities: Collection[Entity],
    snapshot: Snapshot,
    before: Collection[str],
    absent: Collection[str],
) -> OfferedEntities:
    """What a station has of `entities`. What is unknown from this snapshot stays as before."""
    has = {one.key: one.offered(snapshot) for one in entities if one.key not in absent}
    keys = frozenset(key for key, has in has.items() if has or (has is None and key in before))
    rows = (one for one in entities if one.key in keys)
    choices = tuple((one.key, one.options_of(snapshot)) for one in rows if one.options_of)
    undecided = frozenset(key for key, has in has.items() if has is None) - keys
    return OfferedEntities(keys, choices, undecided)
