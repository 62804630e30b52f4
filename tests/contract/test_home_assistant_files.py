"""The shipped dashboards and package are what `roastwatch home-assistant` prints by default."""

import os
from pathlib import Path

import pytest
import yaml

from roastwatch.sinks.home_assistant.cards import StationCards
from roastwatch.sinks.home_assistant.dashboards import dashboard
from roastwatch.sinks.home_assistant.package import package

FOLDER = Path(__file__).parents[2] / "integrations" / "home_assistant"
_DASHBOARD = """\
# Made by `roastwatch home-assistant dashboard --layout {layout}`, for the instance roastwatch and
# the station roaster. Run that for your own names, or with --add to add it to Home Assistant.
# By hand: Settings, Dashboards, Add dashboard, then Edit, Raw configuration editor; paste this.
"""
_PACKAGE = """\
# Made by `roastwatch home-assistant package`, for the instance roastwatch and the station roaster:
# run that for your own names. Copy it to <config>/packages/ and add to configuration.yaml
#
#   homeassistant:
#     packages: !include_dir_named packages
"""
DEFAULT = StationCards("roastwatch", "roaster")


def shipped(name: str) -> tuple[Path, str]:
    if name == "package":
        return FOLDER / "packages" / "roastwatch.yaml", _PACKAGE + package(DEFAULT)
    made = dashboard([("Roaster", DEFAULT)], name)  # type: ignore[arg-type]
    text = yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100)
    return FOLDER / "dashboards" / f"{name}.yaml", _DASHBOARD.format(layout=name) + text


@pytest.mark.parametrize("name", ["phone", "wall", "package"])
def test_shipped_files_are_what_the_command_prints(name: str) -> None:
    path, text = shipped(name)
    if os.environ.get("ROASTWATCH_WRITE_CONTRACT"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "ROASTWATCH_WRITE_CONTRACT=1 pytest this file"
