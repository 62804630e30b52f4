"""Change a settings file: checked before it is saved, comments kept, the last one kept beside it.

The tree is that of the file: `{"stations": [{"source": {"type": "microphone"}}]}`. Secrets are
masked in what is shown; a mask that comes back stands for the secret that it replaced.
"""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from roastwatch.errors import SettingsError
from roastwatch.files.atomic import write_whole
from roastwatch.files.untrusted import read_text
from roastwatch.files.yaml_file import parse_yaml
from roastwatch.settings.problems import problems
from roastwatch.settings.secret_keys import secrets_of

MASK = "••••••••"
ROASTER_KEYS = ("roaster", "roaster_limits", "independent_cutoff", "plan", "profiles")
"""What may not be changed while a roaster is armed or hot."""
_INDENTED = re.compile(r"^(?!\s*-)\S.*:\s*(?:#.*)?\n(?:\s*(?:#.*)?\n)*( +)- ", re.MULTILINE)


class ChangedError(SettingsError):
    """The file is not the one that was shown."""


class FrozenError(SettingsError):
    """The settings of a roaster can't be changed now."""


class WrongError(SettingsError):
    """Settings are wrong; `problems` says which."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        super().__init__(found[0][1])
        self.problems = found


@dataclass(frozen=True, slots=True)
class Shown:
    """A settings file as a person may see it."""

    tag: str
    """Of its bytes; empty: there is no file yet."""
    values: dict[str, Any]
    """The tree, with masks instead of secrets."""
    problems: list[tuple[str, str]]
    """What is wrong with it: path of keys, sentence."""


def shown(path: Path) -> Shown:
    """A settings file with masked secrets.

    Raises:
        SettingsError: it can't be read, or is not YAML.
    """
    text = _text(path)
    tree = _plain(_loaded(text))
    found = problems(tree, path.absolute().parent)
    for number, (node, key, _) in enumerate(secrets_of(tree)):
        node[key] = f"{MASK}{number}"
    return Shown(tag_of(text), tree, found)


def check(path: Path, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What would be wrong with a settings file if it held these values: path, sentence."""
    return problems(_unmasked(values, _plain(_loaded(_text(path)))), path.absolute().parent)


def save(path: Path, values: Mapping[str, Any], tag: str, *, frozen: bool = False) -> str:
    """Save values in a settings file; the former one is kept as `<name>.bak`.

    Args:
        path: the file.
        values: the whole tree; a mask stands for the secret that it replaced.
        tag: of the file that was shown.
        frozen: whether the settings of roasters must stay as they are.

    Returns:
        The tag of the new file.

    Raises:
        ChangedError: the file was changed meanwhile.
        FrozenError: settings of a roaster would change.
        WrongError: a setting is wrong.
        SettingsError: the file can't be read or written.
    """
    text = _text(path)
    if tag_of(text) != tag:
        raise ChangedError("The settings file was changed meanwhile: load it again.")
    document = _loaded(text)
    before = _plain(document)
    wanted = _unmasked(values, before)
    if found := problems(wanted, path.absolute().parent):
        raise WrongError(found)
    if frozen and _of_roasters(wanted) != _of_roasters(before):
        raise FrozenError(
            "The roaster is armed or hot: its settings can be changed when it is disarmed and cold."
        )
    _merge(document, wanted)
    new = _written(document, text)
    if parse_yaml(new) != wanted:
        raise SettingsError(f"{path} can't be changed without loss: edit it by hand.")
    _replace(path, text, new)
    return tag_of(new)


def tag_of(text: str) -> str:
    """The tag of a file's text; empty for no file."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest() if text else ""


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} can't be read ({error.strerror})."
        ) from error


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 10_000
    return yaml


def _loaded(text: str) -> CommentedMap:
    """The document with its comments."""
    try:
        found = _yaml().load(text)
    except (YAMLError, ValueError) as error:
        raise SettingsError(f"The settings file is not YAML: {error}".splitlines()[0]) from error
    if found is None:
        return CommentedMap()
    if not isinstance(found, CommentedMap):
        raise SettingsError("The settings file must hold keys and values.")
    return found


def _plain(document: CommentedMap) -> dict[str, Any]:
    """The document as our own reader reads it."""
    found = parse_yaml(_written(document, ""))
    return found if isinstance(found, dict) else {}


def _written(document: CommentedMap, like: str) -> str:
    """The document as text; lists are indented as in the text `like`."""
    yaml = _yaml()
    if not like or _INDENTED.search(like):
        yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _unmasked(values: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the secrets that their masks stand for."""
    secrets = [node[key] for node, key, _ in secrets_of(before)]

    def put_back(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: put_back(one) for key, one in value.items()}
        if isinstance(value, list):
            return [put_back(one) for one in value]
        if isinstance(value, str) and value.startswith(MASK):
            number = value.removeprefix(MASK)
            if number.isdecimal() and int(number) < len(secrets):
                return secrets[int(number)]
            raise SettingsError("A masked secret is unknown: enter it again.")
        return value

    found: dict[str, Any] = put_back(values)
    return found


def _of_roasters(tree: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings of roasters by the name of their station."""
    found = {}
    for station in tree.get("stations") or ():
        kept = {key: station[key] for key in ROASTER_KEYS if station.get(key) not in (None, {}, "")}
        if kept:
            found[str(station.get("name", "roaster"))] = kept
    return found


def _merge(old: Any, new: Any) -> None:
    """Change a mapping or list in place, so that comments of what stays are kept."""
    if isinstance(old, dict):
        for key in [key for key in old if key not in new]:
            del old[key]
        for key, value in new.items():
            if _same_kind(old.get(key), value):
                _merge(old[key], value)
            elif key not in old or old[key] != value or type(old[key]) is bool:
                old[key] = value
        return
    places = _places(old, new)
    for index in reversed(range(len(old))):
        if index not in places:
            del old[index]
    for index, value in enumerate(new):
        if index >= len(old):
            old.append(value)
        elif _same_kind(old[index], value):
            _merge(old[index], value)
        elif old[index] != value:
            old[index] = value


def _places(old: list[Any], new: list[Any]) -> set[int]:
    """The items of a list that stay: each new one takes the next old one of its name or type."""
    kept: set[int] = set()
    at = 0
    for value in new:
        for index in range(at, len(old)):
            if _identity(old[index]) == _identity(value):
                kept.add(index)
                at = index + 1
                break
    return kept


def _identity(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("name"), value.get("type")
    return value


def _same_kind(old: Any, new: Any) -> bool:
    both = (isinstance(old, dict) and isinstance(new, dict)) or (
        isinstance(old, list) and isinstance(new, list)
    )
    return both and bool(old) and bool(new)


def _replace(path: Path, old: str, new: str) -> None:
    try:
        mode = path.stat().st_mode & 0o777 if old else 0o600
        if old:
            write_whole(path.with_name(path.name + ".bak"), old, private=True)
        write_whole(path, new, private=True)
        path.chmod(mode)
    except OSError as error:
        raise SettingsError(
            f"{path} can't be written ({error.strerror}): give roastwatch the right to write in "
            f"{path.parent}."
        ) from error
