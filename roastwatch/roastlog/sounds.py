"""Where the sound of a roast is: its recordings and clips on the disk, at their place in time."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from roastwatch.roastlog import labels
from roastwatch.roastlog.store import Store


@dataclass(frozen=True, slots=True)
class SoundPiece:
    """A file with sound of a roast."""

    path: Path
    from_s: float
    """Where it begins, in seconds on the record's clock."""
    duration_s: float
    event_id: str = ""
    """Of a clip; empty for a recording of the whole roast."""

    @property
    def to_s(self) -> float:
        """Where it ends."""
        return self.from_s + self.duration_s

    def holds(self, at_s: float, around_s: float = 0.0) -> bool:
        """Whether a time lies inside, with some sound on both sides."""
        return self.from_s + around_s <= at_s <= self.to_s - around_s


def pieces(store: Store, roast_no: int) -> list[SoundPiece]:
    """The files with sound of a roast that are there: recordings first, then clips.

    Raises:
        LogError: the log can't be read.
    """
    folder = store.path.absolute().parent
    found = [
        SoundPiece(path, from_s, duration_s, note)
        for stored, from_s, duration_s, note in store.connection.execute(
            "SELECT path, from_s, duration_s, note FROM clips WHERE roast_no = ? "
            "AND from_s IS NOT NULL AND duration_s > 0",
            (roast_no,),
        )
        if (path := there(Path(stored), folder)) is not None
    ]
    if all(piece.event_id for piece in found):
        found += _unlisted(store, roast_no, folder)
    return sorted(found, key=lambda piece: (bool(piece.event_id), piece.from_s))


def with_sound(store: Store) -> dict[int, list[SoundPiece]]:
    """The roasts that have a file with sound, by their number.

    Raises:
        LogError: the log can't be read.
    """
    folder = store.path.absolute().parent
    found: dict[int, list[SoundPiece]] = {}
    for roast_no, stored, from_s, duration_s, note in _listed(store.connection):
        path = there(Path(stored), folder)
        if path is not None:
            found.setdefault(roast_no, []).append(SoundPiece(path, from_s, duration_s, note))
    return found


def there(path: Path, folder: Path) -> Path | None:
    """A file where it was written, or where it is if the data folder was moved; None: gone."""
    moved = folder.joinpath(*path.parts[-3:])
    return next((one for one in (path, moved) if one.is_file()), None)


def _listed(connection: sqlite3.Connection) -> Iterator[tuple[int, str, float, float, str]]:
    yield from connection.execute(
        "SELECT roast_no, path, from_s, duration_s, note FROM clips "
        "WHERE from_s IS NOT NULL AND duration_s > 0"
    )


def _unlisted(store: Store, roast_no: int, folder: Path) -> Iterator[SoundPiece]:
    """Recordings of versions that indexed only clips."""
    (roast_id,) = store.connection.execute(
        "SELECT roast_id FROM roasts WHERE roast_no = ?", (roast_no,)
    ).fetchone()
    roast = labels.logged(store, roast_id)
    assert roast is not None
    for path in labels.recordings_of(folder, roast_id):
        content = labels.read_sidecar(path)
        if content.get("roast_id") != roast_id or not content.get("duration_s"):
            continue
        begins_s = labels.starts_s(content, path.name, roast)
        if begins_s is not None:
            yield SoundPiece(path, begins_s, float(content["duration_s"]))
