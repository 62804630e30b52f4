"""What `roastwatch home-assistant` prints for one's own names."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from roastwatch.cli.home_assistant import command
from roastwatch.entities import BY_KEY, ENTITIES
from roastwatch.sinks.home_assistant.cards import StationCards
from roastwatch.sinks.home_assistant.dashboards import dashboard

ROASTER = "roaster: {type: hottop, port: /dev/ttyUSB0}"
READ = "roaster: {type: thermometer, port: /dev/ttyUSB0}"


def printed(
    tmp_path: Path, *words: str, station: str = "", settings: str = "", sink: str = "mqtt"
) -> Any:
    path = tmp_path / "roastwatch.yaml"
    path.write_text(
        f"instance: kitchen-2\nstations: [{{name: shed, title: Shed, {station}}}]\n"
        f"sinks: [{{type: {sink}}}]\n{settings}",
        encoding="utf-8",
    )
    done = CliRunner().invoke(command, [*words, "--settings", str(path)])
    assert done.exit_code == 0, done.output
    return yaml.safe_load(done.output)


def entities(part: Any) -> Iterator[str]:
    """Each entity that a dashboard names."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("entity", "entity_id") and isinstance(value, str):
                yield value
            else:
                yield from entities(value)
    elif isinstance(part, list):
        for one in part:
            yield from [one] if isinstance(one, str) and "." in one else entities(one)


def keys(part: Any, prefix: str = "kitchen_2_shed_") -> set[str]:
    names = {one.partition(".")[2] for one in entities(part)}
    assert all(name.startswith(prefix) for name in names), names
    return {name.removeprefix(prefix) for name in names}


@pytest.mark.parametrize("layout", ["phone", "wall"])
def test_a_dashboard_names_only_entities_that_the_station_may_have(
    tmp_path: Path, layout: str
) -> None:
    words = ("dashboard", "--layout", layout)
    alone = keys(printed(tmp_path, *words))
    assert alone <= BY_KEY.keys()
    assert not alone & {"bean_temperature", "arm", "heater", "emergency_stop", "door"}
    driven = keys(printed(tmp_path, *words, station=ROASTER))
    wanted = {"bean_temperature", "arm", "confirm_arming", "heater", "fan", "drum", "door"}
    wanted |= {"emergency_stop", "last_refusal", "problem", "image", "expected_first_crack"}
    assert wanted | {"hearing", "phase"} <= driven
    assert not {"heater_reading", "fan_reading"} & driven
    read = keys(printed(tmp_path, *words, station=READ))
    assert "bean_temperature" in read
    assert not read & {"arm", "heater", "emergency_stop", "door", "cooling"}


def test_a_dashboard_shows_nothing_that_is_disabled_by_default() -> None:
    shown = dashboard([("Roaster", StationCards("a", "b"))], "wall")
    hidden = {entity.key for entity in ENTITIES if entity.hidden}
    assert not keys(shown, "a_b_") & hidden


def test_a_dashboard_uses_renamed_entities_and_german_words() -> None:
    names = {"phase": "sensor.my_phase"}
    cards = StationCards("a", "b", "de", names=names, missing={"door"})
    shown = dashboard([("Roaster", cards)], "phone")
    text = yaml.safe_dump(shown, allow_unicode=True)
    assert "sensor.my_phase" in text
    assert "sensor.a_b_phase" not in text
    assert "valve." not in text
    assert "Auswerfen" in text
    assert "Entwicklung" in text


@pytest.mark.parametrize(("sink", "shown"), [("rest", "development"), ("mqtt", "Development")])
def test_conditions_fit_the_states_of_integration_and_mqtt(
    tmp_path: Path, sink: str, shown: str
) -> None:
    text = yaml.safe_dump(printed(tmp_path, "dashboard", sink=sink), default_flow_style=True)
    assert re.search(rf"\b{shown}\b", re.sub(r"\w+\.\w+", "", text))
    other = {"development", "Development"} - {shown}
    assert not re.search(rf"[\[ ]{other.pop()}[,\]]", text)


def test_a_package_and_blueprints_have_ones_own_names(tmp_path: Path) -> None:
    package = printed(tmp_path, "package")
    assert list(package["script"]) == ["kitchen_2_shed_begin"]
    assert "kitchen_2_shed_phase" in package["template"][0]["binary_sensor"][0]["state"]
    made = printed(tmp_path, "blueprints", settings="language: de\n")
    alert = made[0]["use_blueprint"]
    assert alert["path"] == "roastwatch/alert.yaml"
    assert alert["input"]["event_entity"] == "event.kitchen_2_shed_event"
    assert alert["input"]["words"]["drop_button"] == "Auswerfen"
    assert not [one for one in made if one["alias"] == "Shed: left_hot"]
    made = printed(tmp_path, "blueprints", station=ROASTER)
    assert [one for one in made if one["alias"] == "Shed: left_hot"]


def test_a_missing_token_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "roastwatch.yaml"
    path.write_text("stations: [{}]\n")
    words = ["dashboard", "--add", "--settings", str(path), "--token-file", "nowhere"]
    done = CliRunner().invoke(command, words)
    assert "nowhere" in str(done.exception)
