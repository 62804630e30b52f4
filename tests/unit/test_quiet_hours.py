"""Quiet hours are hours of the person's time zone, or it is said that they are UTC."""

from zoneinfo import ZoneInfo

import pytest

from roastwatch.errors import SettingsError
from roastwatch.settings import model as settings
from roastwatch.sinks.phone.quiet_hours import follows_utc_unasked


def test_the_setting_overrides_the_time_zone_of_the_computer() -> None:
    assert not follows_utc_unasked(ZoneInfo("UTC"))


def test_an_unknown_time_zone_is_refused_in_one_sentence() -> None:
    with pytest.raises(SettingsError, match=r"^time_zone: unknown time zone: write one"):
        settings.parse({"time_zone": "Europe/Berlino"})
