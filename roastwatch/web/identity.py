"""The id by which other programs know this service again, whatever its name and address."""

import hashlib
import logging
import re
import socket
import uuid
from pathlib import Path

from roastwatch.files.atomic import write_whole

_log = logging.getLogger(__name__)
_ID = re.compile("[0-9a-f]{32}")


def service_id(folder: Path | None, instance: str) -> str:
    """The id of an instance, 32 hexadecimal digits; made at the first start.

    Args:
        folder: where it is kept; None, or if it can't be written: it follows from the names of the
            computer and of the instance.
        instance: the name of the instance.
    """
    names = f"{socket.gethostname()}/{instance}"
    derived = hashlib.blake2b(names.encode(), digest_size=16).hexdigest()
    if folder is None:
        return derived
    path = folder / f"{instance}.id"
    try:
        found = path.read_text(encoding="ascii").strip()
        if _ID.fullmatch(found):
            return found
    except (OSError, UnicodeError):
        pass
    made = uuid.uuid4().hex
    try:
        write_whole(path, f"{made}\n")
    except OSError as error:
        _log.warning("The id of this service can't be stored in %s (%s)", path, error.strerror)
        return derived
    return made
