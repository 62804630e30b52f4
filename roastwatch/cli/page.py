"""The page of `run`, `listen` and `demo`: on for this machine, unless it is switched off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from roastwatch.settings import model as settings_
from roastwatch.settings.model import Chosen, Settings

_MORE_PORTS = 100
_SINK = "rest"
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Page:
    """Whether the page is served, and to whom."""

    on: bool = True
    opened: bool = False


def page_options(command: Command) -> Command:
    """Add `--page/--no-page` and `--open` to a command; it gets `page` and `opened`."""
    opened = click.option(
        "--open",
        "opened",
        is_flag=True,
        help="Serve the page to your whole network, unencrypted. People sign in with a password, "
        "which is shown once.",
    )
    page = click.option(
        "--page/--no-page", default=True, help="Serve the page to this machine (the default)."
    )
    return page(opened(command))


def with_page(
    settings: Settings, extra: Sequence[Chosen], page: Page
) -> tuple[Settings, list[Chosen]]:
    """The settings and more sinks, of which at most one serves the page.

    A `rest` sink of the settings serves it as it is set; otherwise one is added, on port 8099 or
    the next free one.

    Raises:
        SettingsError: an option of the `rest` sink does not go with `--open`.
    """
    opened: dict[str, object] = {"host": "0.0.0.0", "sign_in": True} if page.opened else {}
    if any(sink.type == _SINK for sink in (*settings.sinks, *extra)):
        if opened:
            settings = settings.model_copy(
                update={"sinks": tuple(_opened(sink, opened) for sink in settings.sinks)}
            )
        return settings, list(extra)
    if not (page.opened or (page.on and settings.page)):
        return settings, list(extra)
    own = settings_.chosen("sinks", _SINK, "--open", more_ports=_MORE_PORTS, **opened)
    return settings, [*extra, own]


def _opened(sink: Chosen, options: dict[str, object]) -> Chosen:
    if sink.type != _SINK:
        return sink
    own = sink.options.model_dump(exclude_unset=True)
    return settings_.chosen("sinks", _SINK, "--open", **(own | options))
