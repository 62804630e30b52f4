"""Loads plugins by entry-point name. A plugin is a class with an `Options` model.

Groups: `roastwatch.sources`, `roastwatch.models`, `roastwatch.drivers`, `roastwatch.sinks`.
An entry point names a class whose class attribute `Options` is a subclass of
`roastwatch.options.Options`. The protocol of each group documents the constructor.
"""

from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from roastwatch.errors import MissingExtraError, SettingsError


def names(group: str) -> list[str]:
    """The installed plugins of a group, sorted."""
    return sorted({point.name for point in entry_points(group=f"roastwatch.{group}")})


@cache
def load(group: str, name: str) -> Any:
    """The plugin class of a name.

    Raises:
        SettingsError: there is no such plugin; the text names the most similar one.
        MissingExtraError: a library of the plugin is not installed.
    """
    for point in entry_points(group=f"roastwatch.{group}"):
        if point.name == name:
            try:
                return point.load()
            except ModuleNotFoundError as missing:
                if (missing.name or "").startswith("roastwatch"):
                    raise
                extra = point.extras[0] if point.extras else "all"
                raise MissingExtraError(f"'{name}' ({missing.name})", extra) from missing
    known = names(group)
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"choose {', '.join(known) or 'none'}."
    raise SettingsError(f"No {group.rstrip('s')} is named '{name}': {hint}")
