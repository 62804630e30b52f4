"""The name of a file that a roast is exported to."""

import re

from roastwatch.printing.times import local
from roastwatch.records.record import RoastRecord

_LONGEST_NAME_BYTES = 120
# Names that Windows keeps for devices, whatever their suffix.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(_.*)?", re.IGNORECASE)


def file_stem(record: RoastRecord) -> str:
    """A file's name without suffix: local date and time, title, the id's beginning.

    Only letters, digits, - and _, and short enough for any file system.
    """
    when = f"{local(record.started_at):%Y-%m-%d_%H%M}" if record.started_at else "roast"
    title = _plain(record.title)[:40]
    roast_id = _plain(record.roast_id[:8])
    room = _LONGEST_NAME_BYTES - len(when) - len(roast_id.encode())
    title = title.encode()[:room].decode(errors="ignore").strip("-")
    stem = "_".join(part for part in (when, title, roast_id) if part)
    return f"roast_{stem}" if _DEVICES.fullmatch(stem) else stem


def _plain(text: str) -> str:
    return re.sub(r"[^\w-]+", "-", text.encode("utf-8", "replace").decode()).strip("-")
