"""Plans as files: listed, read, written and deleted. Every call may block; use a thread.

A name that comes over the API is only ever looked up among the files that are there, and a new
file's name is made of letters, digits and hyphens, so that no request reaches another path.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from roastwatch.errors import BadInputError
from roastwatch.files.atomic import write_whole
from roastwatch.files.untrusted import read_text
from roastwatch.files.yaml_file import parse_yaml, problem_of
from roastwatch.roaster.plans.plan import Plan, parse_plan
from roastwatch.web.plans.bounds import MOST_PLANS
from roastwatch.web.roasts.door import NotKeptError, NotNowError, NotThereError, OutdatedError

_PLANS, _RECORDED = (".yaml", ".yml"), (".alog", ".csv")
_LONGEST_STEM = 60
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae"})
_NO_FOLDER = "This roastwatch keeps no plans: use `roastwatch run`, or set `profiles`."


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A file of a plan."""

    plan_id: str
    path: Path
    editable: bool
    """Whether it lies in a folder of plans."""
    revision: str
    """Changes with its content."""
    changed_at: datetime
    plan: Plan | None
    problem: str | None
    """Why it can't be used."""
    heading: str
    """The comment above the plan; it is kept when the plan is replaced."""


class PlanFiles:
    """The plans of some folders; new ones go to the first."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._read: dict[Path, tuple[tuple[int, int], StoredPlan]] = {}

    @property
    def folder(self) -> Path:
        """Where new plans go.

        Raises:
            NotThereError: there is no such place.
        """
        if not self._folders:
            raise NotThereError(_NO_FOLDER)
        return self._folders[0]

    def all(self, more: Sequence[Path] = ()) -> list[StoredPlan]:
        """Every plan by its name; of two with the same id the first. `more`: others to show."""
        found: dict[str, StoredPlan] = {}
        for editable, path in self._paths(more):
            if path.stem not in found and (one := self._one(path, editable)) is not None:
                found[path.stem] = one
        return sorted(found.values(), key=lambda one: title(one).casefold())

    def one(self, plan_id: str, more: Sequence[Path] = ()) -> StoredPlan:
        """A plan.

        Raises:
            NotThereError: there is none of this id.
        """
        for editable, path in self._paths(more):
            if path.stem == plan_id and (found := self._one(path, editable)) is not None:
                return found
        raise NotThereError("There is no such plan.")

    def recorded(self, beside: Path | None = None) -> list[str]:
        """The recorded roasts in a folder of plans, by file name."""
        folder = beside or (self._folders[0] if self._folders else None)
        return [] if folder is None else [path.name for path in _files(folder, _RECORDED)]

    def add(self, plan: Plan) -> StoredPlan:
        """Write a new plan.

        Raises:
            NotThereError: there is no place for it.
            NotNowError: there are too many.
            BadInputError: its text can't be written.
            NotKeptError: the disk refuses.
        """
        folder = self.folder
        taken = {path.stem.casefold() for path in _files(folder, (*_PLANS, *_RECORDED))}
        if len(taken) >= MOST_PLANS:
            raise NotNowError(f"There are {MOST_PLANS} plans already: delete one first.")
        stem = _stem(plan.name)
        name = next(n for n in (stem, *(f"{stem}-{i}" for i in range(2, MOST_PLANS + 3)))
                    if n not in taken)  # fmt: skip
        return self._write(folder / f"{name}.yaml", plan, "")

    def change(self, plan_id: str, revision: str, plan: Plan) -> StoredPlan:
        """Replace a plan; the comment above it stays.

        Raises:
            NotThereError: there is none of this id.
            NotNowError: it is not in a folder of plans.
            OutdatedError: it was changed meanwhile.
            BadInputError: its text can't be written.
            NotKeptError: the disk refuses.
        """
        before = self._ours(plan_id, revision)
        return self._write(before.path, plan, before.heading)

    def delete(self, plan_id: str, revision: str) -> None:
        """Delete a plan.

        Raises:
            NotThereError, NotNowError, OutdatedError, NotKeptError: as `change`.
        """
        path = self._ours(plan_id, revision).path
        try:
            path.unlink()
        except OSError as error:
            raise NotKeptError(f"The plan can't be deleted: {error.strerror}.") from error

    def _ours(self, plan_id: str, revision: str) -> StoredPlan:
        found = self.one(plan_id)
        if found.revision != revision:
            raise OutdatedError("Another person has changed this plan meanwhile: load it again.")
        return found

    def _paths(self, more: Sequence[Path]) -> list[tuple[bool, Path]]:
        ours = [path for folder in self._folders for path in _files(folder, _PLANS)]
        others = [path for path in more if path.suffix.lower() in _PLANS and path not in ours]
        return [(True, path) for path in ours] + [(False, path) for path in others]

    def _one(self, path: Path, editable: bool) -> StoredPlan | None:
        """A plan, read only if its file has changed; None: the file has gone."""
        try:
            status = path.stat()
        except OSError:
            self._read.pop(path, None)
            return None
        state = status.st_mtime_ns, status.st_size
        known = self._read.get(path)
        if known is None or known[0] != state or known[1].editable != editable:
            at = datetime.fromtimestamp(status.st_mtime, UTC)
            known = state, _stored(path, editable, at)
            self._read[path] = known
        return known[1]

    def _write(self, path: Path, plan: Plan, heading: str) -> StoredPlan:
        text = heading + written(plan)
        try:
            write_whole(path, text)
        except OSError as error:
            raise NotKeptError(f"The plan can't be written: {error.strerror}.") from error
        self._read.pop(path, None)
        return _stored(path, True, datetime.now(UTC))


def title(stored: StoredPlan) -> str:
    """The plan's own name, else that of its file."""
    return (stored.plan.name if stored.plan else "") or stored.path.stem


def written(plan: Plan) -> str:
    """A plan as YAML, a step a line, without what is as usual.

    Raises:
        BadInputError: it would not be read as it is.
    """
    raw = plan.model_dump(mode="json", exclude_defaults=True)
    steps, points = raw.pop("steps"), raw.pop("target", None)
    name = raw.pop("name", None)
    lines = [] if name is None else [f"name: {_value(name)}"]
    lines += ["steps:", *(f"  - {_value(_door_in_words(step))}" for step in steps)]
    if points:
        lines.append(f"target: {_value(points)}")
    lines += [f"{key}: {_value(value)}" for key, value in raw.items()]
    text = "\n".join(lines) + "\n"
    try:
        same = parse_plan(parse_yaml(text)) == plan
    except (BadInputError, yaml.YAMLError):
        same = False
    if not same:
        raise BadInputError("The plan has a character that YAML can't hold: use plain text.")
    return text


def _value(value: Any) -> str:
    """JSON, which YAML can read, without quotes around keys."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else repr(value)
    return json.dumps(value, ensure_ascii=False)


def _door_in_words(step: dict[str, Any]) -> dict[str, Any]:
    words = {0.0: "closed", 100.0: "open"}
    return {
        "door" if key == "door_percent" and value in words else key: words[value]
        if key == "door_percent" and value in words
        else value
        for key, value in step.items()
    }


def _stored(path: Path, editable: bool, changed_at: datetime) -> StoredPlan:
    plan, problem, text = None, None, ""
    try:
        text = read_text(path)
        plan = parse_plan(parse_yaml(text), path.name)
    except OSError as error:
        problem = f"{path.name} can't be read: {error.strerror}."
    except yaml.YAMLError as error:
        problem = f"{path.name} is not YAML{problem_of(error)}."
    except BadInputError as error:
        problem = str(error)
    revision = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    heading = re.match(r"(?:#[^\n]*\n)*", text)
    return StoredPlan(path.stem, path, editable, revision, changed_at, plan, problem,
                      heading.group() if heading else "")  # fmt: skip


def _files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in found if path.suffix.lower() in suffixes][:MOST_PLANS]


def _stem(name: str) -> str:
    """A file's name for a plan's, of small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    words = re.findall(r"[a-z0-9]+", plain.encode("ascii", "ignore").decode())
    return "-".join(words)[:_LONGEST_STEM].strip("-") or "plan"
