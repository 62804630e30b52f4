"""`roastwatch home-assistant`: dashboards, a package and blueprint inputs for one's own names."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import click
import yaml

from roastwatch import plugins
from roastwatch.entities import BY_KEY
from roastwatch.errors import RoastwatchError, SettingsError
from roastwatch.settings import model as settings
from roastwatch.settings.model import Chosen, Settings, StationSettings
from roastwatch.sinks.home_assistant.cards import StationCards
from roastwatch.sinks.home_assistant.dashboards import dashboard
from roastwatch.sinks.home_assistant.options import HomeAssistantOptions
from roastwatch.sinks.home_assistant.package import blueprint_inputs, package
from roastwatch.vocabulary import Actuator

_OF_MACHINE = (
    *("bean_temperature", "environment_temperature", "rate_of_rise", "deviation", "profile"),
    *("heater_reading", "fan_reading", "drum_reading", "roaster_problem"),
)
_DRIVEN = ("arm", "confirm_arming", "present", "emergency_stop", *Actuator)
_SERVICE = (sys.executable, "-m", "roastwatch", "run")
_SETTINGS = click.option(
    "--settings", "path", type=click.Path(path_type=Path), help="Settings file (YAML)."
)
_LAYOUT = click.option(
    "--layout",
    type=click.Choice(["phone", "wall"]),
    default="wall",
    show_default=True,
    help="For a phone, or for a tablet on a wall.",
)


@click.group("home-assistant")
def command() -> None:
    """Print what Home Assistant needs, for your own instance and stations.

    \b
    Examples:
      roastwatch home-assistant dashboard --layout phone
      roastwatch home-assistant dashboard --add --token-file ha.token
    """


@command.command("dashboard")
@_SETTINGS
@_LAYOUT
@click.option("--add", is_flag=True, help="Add the dashboard to Home Assistant, or replace it.")
@click.option("--url", help="Address of Home Assistant; by default that of the settings.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with an administrator's long-lived access token.",
)
def dashboard_command(
    path: Path | None, layout: Any, add: bool, url: str | None, token_file: Path | None
) -> None:
    """Print a dashboard, or add it to Home Assistant.

    Paste it under Settings, Dashboards, Add dashboard, then Edit, Raw configuration editor. With
    --add it becomes a dashboard of the sidebar, with the entities as you have renamed them.
    """
    wanted = _read(path)
    if not add:
        click.echo(_as_yaml(dashboard(_stations(wanted), layout)), nl=False)
        return
    where = _place(wanted, url, token_file)
    place = asyncio.run(_add(wanted, layout, where))
    click.echo(f"Added to Home Assistant: {where.url.rstrip('/')}/{place}")


@command.command("package")
@_SETTINGS
@click.option("--station", help="Name of the station; by default the first.")
def package_command(path: Path | None, station: str | None) -> None:
    """Print a package: template sensors and a script for a station."""
    found = {cards.station: cards for _, cards in _stations(_read(path))}
    if station is not None and station not in found:
        raise SettingsError(f"There is no station '{station}': {', '.join(found)}.")
    click.echo(package(found[station or next(iter(found))]), nl=False)


@command.command("blueprints")
@_SETTINGS
def blueprints_command(path: Path | None) -> None:
    """Print automations of the blueprints, with your entities."""
    click.echo(blueprint_inputs(_stations(_read(path))), nl=False)


@command.command("app", hidden=True)
def app_command() -> None:
    """Start the app of Home Assistant: its container's command.

    It writes the settings from the app's options and from what Home Assistant says, then runs the
    service.
    """
    from roastwatch.app.home_assistant.start import Places, hand_over, prepare
    from roastwatch.cli.live import log_to_stderr

    log_to_stderr(False)
    os.umask(0o022)
    places = Places()
    prepare(places, os.environ.get("SUPERVISOR_TOKEN"))
    hand_over(places)
    os.execvp(sys.executable, [*_SERVICE, "--settings", str(places.settings)])


@command.command("backup", hidden=True)
@click.argument("when", type=click.Choice(["before", "after"]))
def backup_command(when: str) -> None:
    """Copy the roast log of the app before Home Assistant makes a backup; remove it after."""
    from roastwatch.app.home_assistant import backup
    from roastwatch.app.home_assistant.start import Places

    (backup.before if when == "before" else backup.after)(Places().data)


def _read(path: Path | None) -> Settings:
    from roastwatch.cli.run import found

    return settings.read(path or found())


def _as_yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def _stations(
    wanted: Settings, names: dict[str, str] | None = None
) -> list[tuple[str, StationCards]]:
    """Title and cards of each station; `names`: unique id → entity id in Home Assistant."""
    found = []
    for station in wanted.stations:
        missing, own = _missing(station), {}
        if names is not None:
            prefix = f"{wanted.instance}_{station.name}_"
            own = {key: names[prefix + key] for key in BY_KEY if prefix + key in names}
        cards = StationCards(
            wanted.instance, station.name, wanted.language, _words(wanted), own, missing
        )
        title = station.title or station.name.replace("_", " ").capitalize()
        found.append((title, cards))
    return found


def _words(wanted: Settings) -> bool:
    """Whether states are words for people; the integration, which needs `rest` only, has keys."""
    kinds = {sink.type for sink in wanted.sinks}
    if "rest" in kinds and not kinds & {"mqtt", "home_assistant"}:
        return False
    return all(getattr(sink.options, "words", True) for sink in wanted.sinks)


def _missing(station: StationSettings) -> set[str]:
    """Keys that a station can't have."""
    probe = getattr(station.source.options, "temperatures", False)
    if station.roaster is None:
        return {*_DRIVEN, *(() if probe else _OF_MACHINE)}
    actuators = _actuators(station.roaster, station.name)
    if actuators is None:
        return set()
    missing = {actuator.value for actuator in Actuator if actuator not in actuators}
    missing |= {f"{one.value}_reading" for one in actuators}
    return missing if actuators else missing | set(_DRIVEN)


def _actuators(chosen: Chosen, station: str) -> frozenset[Actuator] | None:
    """What can be set on a machine; None: only the connected machine knows."""
    try:
        driver = plugins.load("drivers", chosen.type)(chosen.options, station)
        found: frozenset[Actuator] = driver.capabilities.actuators
    except (RoastwatchError, AttributeError, TypeError, RuntimeError, AssertionError):
        return None
    return found


def _place(wanted: Settings, url: str | None, token_file: Path | None) -> HomeAssistantOptions:
    """Where Home Assistant is: as given, else as in the settings."""
    known = next(filter(None, (_home_assistant_of(sink.options) for sink in wanted.sinks)), None)
    place = known or HomeAssistantOptions()
    changes: dict[str, Any] = {"url": url} if url else {}
    if token_file is not None:
        try:
            changes["token"] = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"The token file {token_file} can't be read: {error}.") from error
    given = {"url": place.url, "token": place.token, "verify_tls": place.verify_tls}
    return HomeAssistantOptions(**(given | changes))


def _home_assistant_of(options: object) -> HomeAssistantOptions | None:
    if isinstance(options, HomeAssistantOptions):
        return options
    found = getattr(options, "home_assistant", None)
    return found if isinstance(found, HomeAssistantOptions) else None


async def _add(wanted: Settings, layout: Any, where: HomeAssistantOptions) -> str:
    """Add or replace the dashboard; its path.

    Raises:
        LostError: Home Assistant can't be reached, or refuses the token.
    """
    from roastwatch.sinks.home_assistant.link import administering

    path = f"roastwatch-{wanted.instance}-{layout}".replace("_", "-")
    async with administering(where) as ask:
        rows = await ask("config/entity_registry/list", {})
        names = {row["unique_id"]: row["entity_id"] for row in rows if row["platform"] == "mqtt"}
        config = dashboard(_stations(wanted, names), layout)
        there = {row["url_path"] for row in await ask("lovelace/dashboards/list", {})}
        if path not in there:
            shown = {"title": config["title"], "icon": "mdi:coffee-maker", "mode": "storage"}
            shown |= {"show_in_sidebar": True, "require_admin": False}
            await ask("lovelace/dashboards/create", {"url_path": path, **shown})
        await ask("lovelace/config/save", {"url_path": path, "config": config})
    return f"{path}/{wanted.stations[0].name}"
