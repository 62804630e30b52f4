"""Entry-point name → factory. A plugin is a class with an `Options` model and a constructor.

Groups: `roastwatch.sources`, `roastwatch.models`, `roastwatch.drivers`, `roastwatch.sinks`.
An entry point names a class whose class attribute `Options` is a subclass of
`roastwatch.options.Options`; the room's protocol file says how the class is called.
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
    """The class behind a name.

    Raises:
        SettingsError: no such plugin; the text names the nearest.
        MissingExtraError: the plugin's own library is not installed.
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
    hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join(known) or 'none'}."
    raise SettingsError(f"No {group.rstrip('s')} is named '{name}': {hint}")
