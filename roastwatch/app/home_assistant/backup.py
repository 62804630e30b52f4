"""A whole copy of the roast log, for a backup that is made while the service runs.

The Supervisor copies one file after the other, which would tear a database that is being written.
So the command before a backup makes a copy by SQLite's own means, and the one after it removes
the copy. The mark says that a backup is being made, and is left out of it: a copy without a mark
comes from a restored backup, and takes the place of the roast log. Without a copy the service did
not run when the backup was made, and the log itself is whole.
"""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path

from roastwatch.errors import BadInputError
from roastwatch.roastlog.file import FILE_NAME

_log = logging.getLogger(__name__)
COPY, MARK = "roasts.backup", "backup.running"


def before(data: Path) -> None:
    """Write a whole copy of the roast log, while the service may write to it.

    Raises:
        BadInputError: it can't be read, or the disk is full.
    """
    live, copy = data / FILE_NAME, data / COPY
    after(data)
    if not live.exists():
        return
    try:
        (data / MARK).touch(mode=0o600)
        copy.touch(mode=0o600)
        with (
            contextlib.closing(sqlite3.connect(live)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.execute("pragma query_only = on")
            source.backup(target, pages=256)
        if os.geteuid() == 0:
            owner = live.stat()
            for path in (copy, *data.glob(f"{FILE_NAME}-*")):
                os.chown(path, owner.st_uid, owner.st_gid)
    except (sqlite3.Error, OSError) as error:
        after(data)
        raise BadInputError(f"The roast log {live} can't be copied ({error}).") from error


def after(data: Path) -> None:
    """Remove the copy, and then its mark."""
    for tail in ("", "-journal", "-wal", "-shm"):
        (data / f"{COPY}{tail}").unlink(missing_ok=True)
    (data / MARK).unlink(missing_ok=True)


def restore(data: Path) -> None:
    """At the start: the copy of a restored backup becomes the roast log."""
    live, copy = data / FILE_NAME, data / COPY
    if (data / MARK).exists():  # this computer failed in the middle of a backup
        after(data)
    if not copy.exists():
        return
    for tail in ("-wal", "-shm"):
        live.with_name(live.name + tail).unlink(missing_ok=True)
    copy.replace(live)
    _log.info("The roast log was restored from the backup")
