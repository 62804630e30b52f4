"""Settings are read strictly, and a wrong one is named with its fix."""

from pathlib import Path

import pytest

from roastwatch.errors import SettingsError
from roastwatch.settings import model as settings
from roastwatch.settings.document import document

DOCUMENT = Path(__file__).resolve().parents[2] / "config" / "roastwatch.yaml"


def test_the_documented_file_is_current() -> None:
    """Make it again with `roastwatch settings --document > config/roastwatch.yaml`."""
    assert DOCUMENT.read_text() == document()


def test_the_documented_file_is_valid_and_has_the_defaults() -> None:
    assert settings.read(DOCUMENT) == settings.parse({})


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"instence": "x"}, "instence is not a setting: did you mean 'instance'?"),
        ({"instance": "Not A Slug"}, "instance:"),
        ({"stations": [{"name": "a"}, {"name": "a"}]}, "Two stations are named 'a'"),
        (
            {"stations": [{"name": "a"}, {"name": "a_first_crack"}]},
            "'a' and 'a_first_crack' would both have an entity a_first_crack_level",
        ),
        ({"stations": [{"onset": {"sensitivty": 1}}]}, "did you mean 'sensitivity'?"),
        ({"stations": [{"onset": {"sensitivity": 7}}]}, "stations[0].onset.sensitivity:"),
        ({"stations": [{"source": {"type": "microfone"}}]}, "did you mean 'microphone'?"),
        ({"stations": [{"source": {"type": "file", "pth": "x"}}]}, "did you mean 'path'?"),
        ({"sinks": [{"host": "x"}]}, "sinks[0].type is missing"),
        ("text", "keys and values"),
    ],
)
def test_a_wrong_setting_is_named_with_its_fix(raw: object, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings.parse(raw)
    assert said in str(error.value)


def test_similar_station_names_are_accepted() -> None:
    names = ("a", "a_b", "b", "roaster", "roaster_2", "roaster_first")
    found = settings.parse({"stations": [{"name": name} for name in names]})
    assert [station.name for station in found.stations] == list(names)


def test_environment_variables_are_substituted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROAST_NAME", "shed")
    assert settings.parse({"instance": "${ROAST_NAME}"}).instance == "shed"
    assert settings.parse({"instance": "${NO_SUCH_NAME:-attic}"}).instance == "attic"
    with pytest.raises(SettingsError, match="NO_SUCH_NAME, which is not set"):
        settings.parse({"instance": "${NO_SUCH_NAME}"})


def test_invalid_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("instance: a\n  stations: [")
    with pytest.raises(SettingsError, match="is not YAML in line 2"):
        settings.read(path)
