"""`roastwatch devices` through the real PortAudio, on ALSA's null device: no sound card needed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NULL = """
pcm.silence { type null  hint { show on  description "Silence" } }
pcm.!default { type null }
"""


def roastwatch(folder: Path, conf: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "asound.conf").write_text(conf)
    return subprocess.run(
        [sys.executable, "-m", "roastwatch", *words],
        env={**os.environ, "ALSA_CONFIG_PATH": str(folder / "asound.conf")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def null_device(tmp_path: Path) -> Path:
    found = roastwatch(tmp_path, NULL, "devices", "--json")
    if "silence" not in found.stdout:
        pytest.skip(f"PortAudio has no ALSA here: {found.stderr or 'it lists no null device'}")
    return tmp_path


def test_devices_are_listed_with_their_rates(null_device: Path) -> None:
    found = roastwatch(null_device, NULL, "devices", "--json")
    devices = [json.loads(line) for line in found.stdout.splitlines()]
    (device,) = [device for device in devices if device["name"] == "silence"]
    assert {16_000, 32_000, 44_100, 48_000} <= set(device["rates_hz"])
    assert device["channels"] > 0
    assert "silence" in roastwatch(null_device, NULL, "devices").stdout


def test_an_unknown_device_gives_one_sentence_and_exit_2(null_device: Path) -> None:
    failed = roastwatch(null_device, NULL, "listen", "--no-page", "--device", "Blue Yeti")
    assert failed.returncode == 2
    assert failed.stderr.startswith(
        "roastwatch: There is no microphone named 'Blue Yeti': choose from"
    )
    assert failed.stderr.count("\n") == 1
