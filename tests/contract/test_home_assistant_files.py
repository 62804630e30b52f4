"""The shipped dashboards and package are what `roastwatch home-assistant` prints by default."""

import os
from pathlib import Path

import pytest
import yaml

from roastwatch.entities import EVENT_WORDS, answers
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


class _Blueprint(yaml.SafeLoader):
    """Reads `!input x` as x."""


_Blueprint.add_constructor("!input", lambda _, node: node.value)
BLUEPRINTS = sorted((FOLDER / "blueprints/automation/roastwatch").glob("*.yaml"))


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_offers_entities_of_mqtt_and_of_the_integration(path: Path) -> None:
    inputs = yaml.load(path.read_text(), _Blueprint)["blueprint"]["input"]
    filters = [(one.get("selector") or {}).get("entity") or {} for one in inputs.values()]
    offered = [{one.get("integration") for one in found.get("filter", [])} for found in filters]
    ours = [found for found in offered if found & {"mqtt", "roastwatch"}]
    assert ours
    assert all(found == {"mqtt", "roastwatch"} for found in ours)


def test_the_alert_has_the_buttons_of_every_event() -> None:
    path = FOLDER / "blueprints/automation/roastwatch/alert.yaml"
    table = yaml.load(path.read_text(), _Blueprint)["variables"]["answers_of"]
    for kind in ("question", *EVENT_WORDS):
        for urgency in ("information", "needs_you", "danger"):
            key = urgency if kind in ("interlock", "fault") else kind
            wanted = answers(kind, origin="sound", urgency=urgency, drives=True)
            assert tuple(table.get(key, ())) == wanted, (kind, urgency)
