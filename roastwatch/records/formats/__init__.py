"""Read and write other programs' roasts. Each format is one module; nothing in a file is run."""

import csv
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roastwatch.errors import BadInputError
from roastwatch.files.untrusted import read_bytes
from roastwatch.printing.printable import printable
from roastwatch.records.formats import (
    alog,
    alog_write,
    artisan_csv,
    cropster_csv,
    cropster_xls,
    giesen_csv,
    hibean,
    hottop_csv,
    ikawa_csv,
    kaleido_csv,
    literal,
    own_json,
    roastime,
    roastlogger,
    roest_csv,
)
from roastwatch.records.metrics import order_faults
from roastwatch.records.record import Properties, RoastRecord

# The largest file that can be a roast: an hour at 10 readings a second with 20 curves is 20 MB.
LARGEST_BYTES = 32 * 1024 * 1024
# Errors by content that no reader expects; one such file must not stop the others.
_DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
    csv.Error,
)
SUFFIXES = (".alog", ".json", ".csv")
_TREES: tuple[tuple[Callable[[Any], bool], Callable[[dict[str, Any], str], RoastRecord]], ...] = (
    (own_json.looks_like, own_json.read),
    (alog.looks_like, alog.read),
    (hibean.looks_like, hibean.read),
    (roastime.looks_like, roastime.read),
)
_TABLES: tuple[tuple[Callable[[str], bool], Callable[[str, str], RoastRecord]], ...] = (
    (hottop_csv.looks_like, hottop_csv.read),
    (kaleido_csv.looks_like, kaleido_csv.read),
    (ikawa_csv.looks_like, ikawa_csv.read),
    (roest_csv.looks_like, roest_csv.read),
    (giesen_csv.looks_like, giesen_csv.read),
    (cropster_csv.looks_like, cropster_csv.read),
    (artisan_csv.looks_like, artisan_csv.read),
    (roastlogger.looks_like, roastlogger.read),
)
# name → (suffix, writer); all but our own JSON, which is in °C, take `fahrenheit`.
WRITERS: dict[str, tuple[str, Callable[..., str]]] = {
    "json": (".roast.json", own_json.write),
    "alog": (".alog", alog_write.write),
    "artisan-json": (".json", alog_write.write_json),
    "artisan-csv": (".csv", artisan_csv.write),
}


class NoRoastError(BadInputError):
    """The file is intact, but it is not a roast in a known format."""


def read_file(path: Path) -> RoastRecord:
    """Read a roast from a file of any known format; its content decides, not its name.

    Raises:
        NoRoastError: the file is of another kind.
        BadInputError: it is damaged; the sentence says how.
    """
    name = printable(path.name)
    try:
        content = read_bytes(path, LARGEST_BYTES)
        saved_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as error:
        raise BadInputError(f"{name} can't be read ({error.strerror}).") from error
    except ValueError as error:
        raise BadInputError(f"{name} can't be read ({error}).") from error
    record = read(content, name)
    try:
        return _identified(replace(record, saved_at=saved_at), content)
    except _DAMAGE as error:
        raise BadInputError(f"{name} contains values that no roast has ({error}).") from error


def read(content: bytes, name: str) -> RoastRecord:
    """Read a roast from a file's bytes. Raises as `read_file`."""
    try:
        record = _clean(_read(content, name))
        return replace(record, warnings=(*record.warnings, *order_faults(record)))
    except BadInputError:
        raise
    except _DAMAGE as error:
        raise BadInputError(
            f"{name} is damaged ({type(error).__name__}: {error}). Save it again in the program "
            "that made it."
        ) from error


def _read(content: bytes, name: str) -> RoastRecord:
    if not content.strip():
        raise BadInputError(f"{name} is empty.")
    if content.startswith(cropster_xls.SIGNATURE):
        return cropster_xls.read(content, name)
    if b"\0" in content[:4096] and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInputError(f"{name} is not a text file, so it contains no roast.")
    text = _decoded(content)
    if text.lstrip()[:1] in "{[(" and not kaleido_csv.looks_like(text):
        return _read_tree(text, name)
    for looks_like, table in _TABLES:
        if looks_like(text):
            return table(text, name)
    if name.lower().endswith(".alog"):
        raise BadInputError(f"{name} is not an Artisan profile: it contains no dictionary.")
    raise NoRoastError(f"{name} is not a roast in a known format.")


def _read_tree(text: str, name: str) -> RoastRecord:
    raw = literal.parse(text, name)
    for looks_like, tree in _TREES:
        if looks_like(raw):
            return tree(raw, name)
    if name.lower().endswith(".alog"):
        raise BadInputError(f"{name} is not an Artisan profile: it has no 'timex' and 'temp2'.")
    raise NoRoastError(f"{name} is not a roast in a known format.")


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _identified(record: RoastRecord, content: bytes) -> RoastRecord:
    """Give a record without an id one derived from its content, so that it is recognised."""
    if record.roast_id:
        return record
    return replace(record, roast_id=hashlib.sha256(content).hexdigest()[:32], derived_id=True)


def _clean(record: RoastRecord) -> RoastRecord:
    """The record without halves of surrogate pairs, which can't be stored or printed."""
    words: dict[str, Any] = record.properties.as_json()
    for name, value in words.items():
        words[name] = _whole(value) if isinstance(value, str) else value
    controls = (replace(c, what=_whole(c.what), text=_whole(c.text)) for c in record.controls)
    return replace(
        record,
        roast_id=_whole(record.roast_id),
        title=_whole(record.title),
        properties=Properties.from_json(words),
        events=tuple(
            replace(e, message=_whole(e.message), event_id=_whole(e.event_id))
            for e in record.events
        ),
        controls=tuple(controls),
        extras=tuple(replace(c, name=_whole(c.name)) for c in record.extras),
        station=_whole(record.station),
        source_file=_whole(record.source_file),
    )


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")
