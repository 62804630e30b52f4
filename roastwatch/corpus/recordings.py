"""Real everyday sounds to learn "not a crack" from: one folder for each kind."""

from pathlib import Path

from roastwatch.errors import BadInputError

_ENDINGS = {".wav", ".flac", ".ogg", ".mp3", ".aiff"}


def find_radio(folder: Path) -> tuple[tuple[str, str], ...]:
    """Recorded music and talk under `folder`, as (kind, path), sorted.

    Files named talk*, and all in a folder `talk`, are talk; everything else is music.

    Raises:
        BadInputError: the folder is missing or holds none.
    """
    found = tuple(
        ("talk" if "talk" in (path.name[:4], path.parent.name) else "music", str(path))
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in _ENDINGS
    )
    if not found:
        raise BadInputError(f"{folder} holds no music or talk: choose a folder of sound files.")
    return found


def find(folder: Path, folds: str = "") -> tuple[tuple[str, str], ...]:
    """The recordings under `folder`/<kind>/, as (kind, path), sorted.

    `folds`: only files whose name begins with one of these digits, as in ESC-50's naming.

    Raises:
        BadInputError: the folder is missing or holds none.
    """
    if not folder.is_dir():
        raise BadInputError(f"There is no folder {folder}: choose one with a subfolder per kind.")
    found = tuple(
        (path.parent.name, str(path))
        for path in sorted(folder.glob("*/*"))
        if path.suffix.lower() in _ENDINGS and (not folds or path.name[0] in folds)
    )
    if not found:
        chosen = f" of fold {', '.join(folds)}" if folds else ""
        raise BadInputError(f"{folder} holds no recordings{chosen} in folders by kind.")
    return found
