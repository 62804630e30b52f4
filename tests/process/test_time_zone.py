"""The computer's own time zone, seen by a fresh process."""

import subprocess
import sys

import pytest

ASK = "from roastwatch.sinks.phone.quiet_hours import follows_utc_unasked as ask; print(ask(None))"


@pytest.mark.parametrize(
    ("zone", "warned"), [("Europe/Berlin", "False"), ("UTC", "False"), ("", "True")]
)
def test_only_a_computer_without_a_time_zone_is_warned_of(zone: str, warned: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", ASK], env={"TZ": zone}, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == warned
