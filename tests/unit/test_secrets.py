"""Secrets: never empty, never shown, wherever an option of any plugin takes one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from roastwatch import plugins
from roastwatch.app.roaster_launch import checked_options
from roastwatch.errors import BadInputError, RoastwatchError, SettingsError
from roastwatch.options import holds_secret
from roastwatch.settings import model as settings

GROUPS = ("sources", "models", "drivers", "sinks")
EMPTY = ("", " ", "\t\n", [""], ["ntfy://x", " "])


def secrets_in(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths to every secret of a model, also in models within it."""
    for name, field in model.model_fields.items():
        if holds_secret(field.annotation):
            yield (*path, name)
        waiting = [field.annotation]
        while waiting:
            one: Any = waiting.pop()
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield from secrets_in(one, (*path, name))
            waiting += getattr(one, "__args__", ())


def every_secret() -> list[tuple[str, str, tuple[str, ...]]]:
    found = []
    for group in GROUPS:
        for name in plugins.names(group):
            try:
                plugin = plugins.load(group, name)
            except RoastwatchError:
                continue  # its extra is not installed here
            found += [(group, name, path) for path in secrets_in(plugin.Options)]
    return found


def at(model: type[BaseModel], path: tuple[str, ...], value: object) -> dict[str, Any]:
    """Options with a value at a path; lists of models get one, with what else they need."""
    needed = {"people": {"name": "me"}, "rules": {"on": "drop", "scene": "scene.x"}}
    key, *rest = path
    if not rest:
        return {key: value}
    inner = needed.get(key, {}) | at(model, tuple(rest), value)
    return {key: [inner] if key in needed else inner}


def test_every_secret_is_found() -> None:
    found = {(name, *path) for _, name, path in every_secret()}
    assert {
        ("rest", "token"),
        ("mqtt", "password"),
        ("home_assistant", "token"),
        ("phone", "people", "urls"),
        ("phone", "home_assistant", "token"),
        ("rules", "rules", "secret"),
        ("rules", "mqtt_password"),
        ("rules", "home_assistant", "token"),
    } <= found
    assert ("drivers", "mqtt", ("password",)) in every_secret()


@pytest.mark.parametrize(("group", "name", "path"), every_secret())
@pytest.mark.parametrize("empty", EMPTY)
def test_an_empty_secret_is_refused_by_the_name_of_its_key(
    group: str, name: str, path: tuple[str, ...], empty: object
) -> None:
    options = plugins.load(group, name).Options
    with pytest.raises(SettingsError, match=rf"\b{path[-1]} .*(empty|text)"):
        settings.chosen(group, name, "here", **at(options, path, empty))


@pytest.mark.parametrize(("group", "name", "path"), every_secret())
def test_an_empty_secret_file_is_refused_by_the_name_of_its_key(
    group: str, name: str, path: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "empty"
    file.write_text("\n \n")
    options = plugins.load(group, name).Options
    key = f"{path[-1]}_file"
    with pytest.raises(SettingsError, match=f"{key} .*empty"):
        settings.chosen(group, name, "here", **at(options, (*path[:-1], key), str(file)))


@pytest.mark.parametrize(
    "text", ['token: ""', "token: ' '", 'token: "${NO_SUCH_VARIABLE:-}"', "token_file: {empty}"]
)
def test_an_empty_token_does_not_open_the_api(text: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    file = tmp_path / "roastwatch.yaml"
    option = text.replace("{empty}", str(tmp_path / "empty"))
    file.write_text(f"sinks:\n  - type: rest\n    host: 0.0.0.0\n    {option}\n")
    with pytest.raises(SettingsError, match=r"sinks\[0\].*token.*empty"):
        settings.read(file)


@pytest.mark.parametrize(("group", "name", "path"), every_secret())
@pytest.mark.parametrize("written", [4711471147, 4711.4711, True, {"a": 4711}, [4711471147]])
def test_a_secret_without_quotes_is_not_repeated(
    group: str, name: str, path: tuple[str, ...], written: object
) -> None:
    options = plugins.load(group, name).Options
    raw = at(options, path, written)
    with pytest.raises(SettingsError) as refused:
        settings.chosen(group, name, "here", **raw)
    assert "4711" not in str(refused.value)
    assert "4711" not in repr(refused.value.__cause__)
    if group == "drivers":
        with pytest.raises((SettingsError, BadInputError)) as unfit:
            checked_options(options, raw, name)
        assert "4711" not in str(unfit.value)


def test_a_secret_in_a_wrong_place_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        settings.chosen("sinks", "phone", "here", home_assistant="4711")
    assert "4711" not in str(refused.value)
    with pytest.raises(SettingsError) as refused:
        settings.chosen("sinks", "home_assistant", "here", url="//me:4711@host")
    assert "4711" not in str(refused.value)


def test_a_value_that_is_not_a_secret_is_repeated() -> None:
    with pytest.raises(SettingsError, match=r"port.*\(it is 70000\)"):
        settings.chosen("sinks", "rest", "here", port=70000)
