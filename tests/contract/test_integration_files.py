"""The integration for Home Assistant is what the table of entities says, in both languages."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from roastwatch.entities import EVENT_TYPES, Reason
from roastwatch.web.station_requests import CODES
from tools import integration

FOLDER = integration.FOLDER
LANGUAGES = ("en", "de")


def leaves(found: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Every text with its path."""
    if isinstance(found, dict):
        rows = (leaves(value, (*path, key)) for key, value in found.items())
        return {key: text for one in rows for key, text in one.items()}
    return {path: found}


def read(language: str) -> dict[str, Any]:
    text = (FOLDER / "translations" / f"{language}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize("path", integration.files(), ids=lambda path: path.name)
def test_the_generated_files_are_those_of_the_code(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == integration.files()[path], (
        "write it again: python -m tools.integration"
    )


def test_both_languages_say_the_same_with_the_same_placeholders() -> None:
    english, german = (leaves(read(language)) for language in LANGUAGES)
    assert english.keys() == german.keys()
    for path, text in english.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", german[path])), path
        assert text.strip(), path


def test_refusals_that_are_translated_are_those_of_the_service() -> None:
    assert set(integration.refusals("en")) <= set(CODES)
    assert set(integration.refusals("en")) == set(integration.refusals("de"))
    sentences = {one.code: one.text for one in Reason}
    for code, text in integration.refusals("en").items():
        assert sentences.get(code, text) == text


def test_the_actions_offer_what_they_accept() -> None:
    services = yaml.safe_load((FOLDER / "services.yaml").read_text(encoding="utf-8"))
    assert services.keys() == read("en")["services"].keys()
    kinds = services["instruct"]["fields"]["kind"]["selector"]["select"]["options"]
    assert kinds == [one.value for one in integration.INSTRUCTIONS]
    assert "arm" not in kinds, "arming takes two steps"
    actuators = services["set_actuator"]["fields"]["actuator"]["selector"]["select"]["options"]
    assert actuators == [one.value for one in integration.ACTUATORS]


def test_the_manifest_has_what_home_assistant_and_hacs_need() -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    needed = ("domain", "name", "codeowners", "config_flow", "documentation", "issue_tracker")
    assert all(manifest.get(key) for key in (*needed, "iot_class", "version", "zeroconf"))
    keys = list(manifest)
    assert keys == ["domain", "name", *sorted(keys[2:])], "hassfest wants this order"
    assert json.loads((FOLDER.parents[1] / "hacs.json").read_text(encoding="utf-8"))["name"]
    assert (FOLDER / "brand" / "icon.png").read_bytes()[:4] == b"\x89PNG"


def test_the_table_of_the_quality_scale_is_that_of_its_file() -> None:
    rules = yaml.safe_load((FOLDER / "quality_scale.yaml").read_text(encoding="utf-8"))["rules"]
    states = {"done": "done", "exempt": "exempt", "todo": "not yet"}
    filed = {
        rule: states[value if isinstance(value, str) else value["status"]]
        for rule, value in rules.items()
    }
    page = Path(__file__).parents[2] / "docs/development/home-assistant-quality.md"
    rows = re.findall(
        r"^\| ([a-z-]+) \| ([a-z ]+) \|", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert filed == {rule: state for rule, state in rows if rule in filed or state in states}
    assert len(filed) == 54


def test_every_type_of_event_is_a_trigger() -> None:
    assert tuple(read("en")["device_automation"]["trigger_type"]) == EVENT_TYPES
