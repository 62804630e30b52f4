"""YAML 1.2 as people write it, within bounds."""

import time
from pathlib import Path
from typing import Any

import pytest

from roastwatch.errors import SettingsError
from roastwatch.files.yaml_file import parse_yaml
from roastwatch.settings import model as settings


def test_on_and_off_stay_text_unless_an_option_is_boolean() -> None:
    assert parse_yaml("{on: ON, off: off, yes: no}") == {"on": "ON", "off": "off", "yes": "no"}
    raw = parse_yaml(
        """
        stations:
          - roaster:
              type: mqtt
              bean_temp: {topic: t}
              heater: {command_topic: h, on: on, off: off}
              when_host_is_gone: off
            onset: {own_level: off, second_crack: yes}
        sinks:
          - type: rules
            rules: [{on: first_crack, scene: scene.on}]
        """
    )
    found = settings.parse(raw)
    roaster: Any = found.stations[0].roaster
    assert (roaster.options.heater.on, roaster.options.heater.off) == ("on", "off")
    assert roaster.options.when_host_is_gone == "off"
    assert not found.stations[0].onset.own_level
    assert found.stations[0].onset.second_crack
    rules: Any = found.sinks[0].options
    assert rules.rules[0].on == "first_crack"


def test_numbers_are_what_they_look_like() -> None:
    text = "[012, 22:30, 1e3, 2024-01-02, 0x10, -.inf, ~, true, '1', 1_000]"
    assert parse_yaml(text) == [
        12,
        "22:30",
        1000.0,
        "2024-01-02",
        16,
        float("-inf"),
        None,
        True,
        "1",
        "1_000",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: " + "[" * 200_000, "nested deeper"),
        ("a: " + "{a: " * 3000, "nested deeper"),
        ("a: &a [*a]", "contains itself"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{'abcdefghij'[n + 1]}: &{'abcdefghij'[n + 1]} [{bomb}]\n"
                for n in range(9) for bomb in [",".join(["*" + "abcdefghij"[n]] * 9)]),
            "more than 100000 values",
        ),
        ("a: " + "9" * 6000, "does not fit its tag"),
        ("a: !!timestamp 2024-13-40", "does not fit its tag"),
    ],
)  # fmt: skip
def test_hostile_yaml_is_one_sentence_at_once(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "roastwatch.yaml"
    path.write_text(text)
    started_s = time.process_time()
    with pytest.raises(SettingsError, match=said) as error:
        settings.read(path)
    assert time.process_time() - started_s < 5
    assert "\n" not in str(error.value)
