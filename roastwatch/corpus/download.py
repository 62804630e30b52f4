"""Downloads files of a list, checked by hash and resumable."""

import csv
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from roastwatch.corpus.corpus import sha256
from roastwatch.errors import BadInputError

_PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a list."""

    url: str
    path: str
    sha256: str


def read_list(path: Path) -> list[Wanted]:
    """A CSV file with the columns url, path (below the folder) and sha256.

    Raises:
        BadInputError: it can't be read, lacks a column, or names a path outside the folder.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        wanted = [Wanted(row["url"], row["path"], row["sha256"].strip().lower()) for row in rows]
    except (OSError, KeyError, AttributeError, UnicodeDecodeError) as error:
        raise BadInputError(
            f"{path} is not a list of files: a CSV with the columns url, path and sha256."
        ) from error
    for item in wanted:
        if Path(item.path).is_absolute() or ".." in Path(item.path).parts:
            raise BadInputError(f"{path}: the path '{item.path}' leaves the folder.")
        if not item.url.startswith(("https://", "http://", "file://")):
            raise BadInputError(f"{path}: '{item.url}' is not a web address.")
    return wanted


def fetch(item: Wanted, folder: Path, progress: Callable[[int], None] | None = None) -> bool:
    """Download a file; False if it exists already. `progress` is called with each piece's bytes.

    An interrupted download stays as `.part` and is resumed.

    Raises:
        BadInputError: the download failed, or the hash differs from the list.
    """
    target = folder / item.path
    if target.exists() and sha256(target) == item.sha256:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(item.url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            resumes = have > 0 and getattr(answer, "status", 200) == 206
            with part.open("ab" if resumes else "wb") as file:
                while piece := answer.read(_PIECE_BYTES):
                    file.write(piece)
                    if progress:
                        progress(len(piece))
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: the part is already complete
            raise BadInputError(f"{item.url} can't be downloaded: {error.reason}.") from error
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise BadInputError(
            f"{item.url} can't be downloaded ({reason}): run the same command again to resume."
        ) from error
    if sha256(part) != item.sha256:
        part.unlink()
        raise BadInputError(
            f"{item.url} is not the file of the list (its hash differs): the download was deleted."
        )
    part.replace(target)
    return True
