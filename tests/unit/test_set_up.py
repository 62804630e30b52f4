"""Where `roastwatch run` looks for settings, and where the wizard creates them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from roastwatch.cli import run, set_up
from roastwatch.cli.page import Page
from roastwatch.errors import SettingsError


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The settings files that a wizard would create, instead of a server that runs."""
    found: list[Path] = []

    def keep(path: Path, _page: Page) -> None:
        found.append(path)

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROASTWATCH_SETTINGS", raising=False)
    monkeypatch.setattr(run, "PLACES", (Path("roastwatch.yaml"), tmp_path / "etc/roastwatch.yaml"))
    monkeypatch.setattr(set_up, "set_up", keep)
    return found


def test_without_settings_the_wizard_starts(begun: list[Path]) -> None:
    CliRunner().invoke(run.command, [], catch_exceptions=False)
    assert begun == [Path("roastwatch.yaml")]


def test_a_default_place_may_be_named(begun: list[Path], tmp_path: Path) -> None:
    place = str(tmp_path / "etc" / "roastwatch.yaml")
    CliRunner().invoke(run.command, ["--settings", place], catch_exceptions=False)
    assert begun == [Path(place)]


def test_another_missing_file_is_refused(
    begun: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=r"mine\.yaml can't be read"):
        CliRunner().invoke(run.command, ["--settings", "mine.yaml"], catch_exceptions=False)
    monkeypatch.setenv("ROASTWATCH_SETTINGS", "mine.yaml")
    with pytest.raises(SettingsError, match=r"mine\.yaml can't be read"):
        CliRunner().invoke(run.command, [], catch_exceptions=False)
    assert begun == []


def test_without_a_page_there_is_no_wizard(begun: list[Path]) -> None:
    with pytest.raises(SettingsError, match="No settings file found"):
        CliRunner().invoke(run.command, ["--no-page"], catch_exceptions=False)
    assert begun == []


def test_a_service_creates_nothing_in_the_root_folder(
    begun: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir("/")
    assert run.new_place() == tmp_path / "etc" / "roastwatch.yaml"
    assert begun == []
