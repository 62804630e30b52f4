"""The computer's own time zone, seen by a fresh process."""

import subprocess
import sys

import pytest

SHOW = (
    "from datetime import UTC, datetime\n"
    "from roastwatch.printing.times import live_in, moment\n"
    "live_in('Asia/Tokyo')\n"
    "print(moment(datetime(2026, 11, 29, 18, 0, tzinfo=UTC)))"
)

ASK = "from roastwatch.sinks.phone.quiet_hours import follows_utc_unasked as ask; print(ask(None))"


@pytest.mark.parametrize(
    ("zone", "warned"), [("Europe/Berlin", "False"), ("UTC", "False"), ("", "True")]
)
def test_only_a_computer_without_a_time_zone_is_warned_of(zone: str, warned: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", ASK], env={"TZ": zone}, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == warned


def test_the_time_zone_of_the_settings_is_that_of_times_for_people() -> None:
    said = subprocess.run(
        [sys.executable, "-c", SHOW], env={"TZ": "UTC"}, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "2026-11-30 03:00 JST"
