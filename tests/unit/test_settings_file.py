"""The settings file changed from the page: checked, saved whole, comments and secrets kept."""

from pathlib import Path
from typing import Any

import pytest

from roastwatch.errors import SettingsError
from roastwatch.settings import model as settings
from roastwatch.settings.german import DESCRIPTIONS, TITLES
from roastwatch.settings.problems import problems
from roastwatch.settings.schema import schema, title
from roastwatch.upkeep.settings_file import (
    MASK,
    ChangedError,
    FrozenError,
    WrongError,
    check,
    save,
    shown,
)

TEXT = """\
# my roaster
stations:
  # in the kitchen
  - name: kitchen
    title: "Kitchen"   # shown
    source: {type: demo, speed: 1}
    roaster: {type: simulated}
sinks:
  - {type: rest, port: 8411, token: first-secret-of-all}  # the page
  - type: mqtt
    host: 127.0.0.1
    username: me
    password: ${BROKER_PASSWORD:-hunter2hunter2}  # secret
  - type: phone
    people:
      - name: me
        urls: [ntfy://ntfy.lan/one, ntfy://ntfy.lan/two]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "roastwatch.yaml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def test_no_secret_is_shown(file: Path) -> None:
    found = shown(file)
    assert found.problems == []
    assert found.values["sinks"][1]["password"].startswith(MASK)
    for secret in ("first-secret", "hunter2", "ntfy.lan"):
        assert secret not in str(found)


def test_what_comes_back_unchanged_leaves_the_file_as_it_is(file: Path) -> None:
    found = shown(file)
    save(file, found.values, found.tag)
    assert file.read_text() == TEXT
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_change_keeps_comments_secrets_and_the_last_file(file: Path) -> None:
    found = shown(file)
    values: dict[str, Any] = found.values
    values["stations"][0]["title"] = "Küche"
    values["sinks"][1]["port"] = 1884
    values["sinks"][2]["people"][0]["urls"].pop(0)
    values["language"] = "de"
    tag = save(file, values, found.tag)
    text = file.read_text()
    for kept in ("# my roaster", "# in the kitchen", "# the page", "# secret", "language: de"):
        assert kept in text
    assert "password: ${BROKER_PASSWORD:-hunter2hunter2}" in text
    assert "ntfy.lan/two" in text
    assert "ntfy.lan/one" not in text
    assert (file.with_name("roastwatch.yaml.bak")).read_text() == TEXT
    assert file.with_name("roastwatch.yaml.bak").stat().st_mode & 0o777 == 0o600
    assert shown(file).tag == tag
    assert settings.read(file).stations[0].title == "Küche"


def test_a_secret_moves_with_its_sink(file: Path) -> None:
    found = shown(file)
    del found.values["sinks"][0]
    save(file, found.values, found.tag)
    text = file.read_text()
    assert "hunter2hunter2}  # secret" in text
    assert "first-secret" not in text
    assert "# the page" not in text


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(file: Path) -> None:
    found = shown(file)
    file.write_text(TEXT + "language: de\n")
    with pytest.raises(ChangedError, match="load it again"):
        save(file, found.values, found.tag)


def test_wrong_values_are_named_by_their_path_and_not_saved(file: Path) -> None:
    found = shown(file)
    found.values["sinks"][1]["port"] = 99_999
    found.values["sinks"][0]["prot"] = 1
    found.values["stations"][0]["source"]["speed"] = "fast"
    expected = {"sinks[1].port", "sinks[0].prot", "stations[0].source.speed"}
    assert {place for place, _ in check(file, found.values)} == expected
    with pytest.raises(WrongError) as wrong:
        save(file, found.values, found.tag)
    assert {place for place, _ in wrong.value.problems} == expected
    assert file.read_text() == TEXT


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        ({"sinks": [{"type": "rest", "host": "0.0.0.0"}]}, "sinks[0]"),
        ({"sinks": [{"type": "rest", "token": ""}]}, "sinks[0].token"),
        ({"sinks": [{"port": 1}]}, "sinks[0].type"),
        ({"stations": [{"source": "nothing"}]}, "stations[0].source.type"),
        ({"stations": [{"name": "A b"}]}, "stations[0].name"),
        ({"stations": [{"name": "a"}, {"name": "a"}]}, ""),
        ({"time_zone": "Mars"}, "time_zone"),
    ],
)
def test_each_problem_has_the_path_of_its_key(tree: dict[str, Any], place: str) -> None:
    assert [found for found, _ in problems(tree)] == [place]


def test_the_roaster_stays_as_it_is_while_it_is_armed_or_hot(file: Path) -> None:
    found = shown(file)
    found.values["language"] = "de"
    tag = save(file, found.values, found.tag, frozen=True)
    for key, value in (("roaster_limits", {"bean_temp_max_c": 230.0}), ("roaster", None)):
        values = shown(file).values
        values["stations"][0][key] = value
        with pytest.raises(FrozenError, match="armed or hot"):
            save(file, values, tag, frozen=True)
    values = shown(file).values
    values["stations"][0]["name"] = "garage"
    with pytest.raises(FrozenError):
        save(file, values, tag, frozen=True)


def test_a_first_file_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "new" / "roastwatch.yaml"
    assert shown(path).tag == ""
    save(path, {"stations": [{"source": {"type": "demo"}}], "sinks": []}, "")
    assert path.stat().st_mode & 0o777 == 0o600
    assert settings.read(path).stations[0].source.type == "demo"


def test_an_unknown_mask_is_refused(file: Path) -> None:
    found = shown(file)
    found.values["sinks"][1]["password"] = f"{MASK}77"
    with pytest.raises(SettingsError, match="enter it again"):
        save(file, found.values, found.tag)


def test_a_folder_that_can_not_be_written_is_named(file: Path) -> None:
    found = shown(file)
    found.values["language"] = "de"
    blocked = file.with_name("roastwatch.yaml.bak.part")
    blocked.mkdir()
    with pytest.raises(SettingsError, match="right to write"):
        save(file, found.values, found.tag)
    assert file.read_text() == TEXT


def test_the_schema_names_plugins_units_and_secrets() -> None:
    found = schema()
    mqtt = found["plugins"]["sinks"]["mqtt"]["properties"]
    assert "password" in str(mqtt["password"])
    assert mqtt["keepalive_s"]["x-unit"] == "s"
    assert found["station"]["properties"]["roaster"]["x-plugin"] == "drivers"
    assert found["settings"]["properties"]["sinks"]["x-plugin"] == "sinks"
    assert title("lost_after_s") == ("Lost after", "s")


def test_every_german_text_belongs_to_a_setting() -> None:
    found = str(schema())
    for english in DESCRIPTIONS:
        assert repr(english)[1:-1] in found, english
    for key in TITLES:
        assert f"'{key}': {{" in found, key
