"""Quiet hours are hours of the person's time zone, or it is said that they are UTC."""

import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest

from roastwatch.errors import SettingsError
from roastwatch.settings import model as settings
from roastwatch.sinks.phone.quiet_hours import follows_utc_unasked

ASK = "from roastwatch.sinks.phone.quiet_hours import follows_utc_unasked as ask; print(ask(None))"


@pytest.mark.parametrize(
    ("zone", "warned"), [("Europe/Berlin", "False"), ("UTC", "False"), ("", "True")]
)
def test_only_a_missing_time_zone_is_warned_of(zone: str, warned: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", ASK], env={"TZ": zone}, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == warned


def test_the_setting_overrides_the_computers_time_zone() -> None:
    assert not follows_utc_unasked(ZoneInfo("UTC"))


def test_an_unknown_time_zone_is_refused_in_one_sentence() -> None:
    with pytest.raises(SettingsError, match=r"^time_zone: there is no such time zone: write one"):
        settings.parse({"time_zone": "Europe/Berlino"})
