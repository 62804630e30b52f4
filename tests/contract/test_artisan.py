"""integrations/artisan holds what the code makes, and the contract names what Artisan relies on."""

import os
from pathlib import Path

import pytest

from roastwatch.sinks.artisan.aset import mqtt_settings, websocket_settings
from roastwatch.sinks.artisan.channels import CHANNELS
from roastwatch.sinks.artisan.options import ArtisanOptions
from roastwatch.sinks.artisan.refusals import Refused
from roastwatch.sinks.artisan.sink import PATH
from roastwatch.sinks.mqtt.topics import Topics
from tests.fakes.artisan import settings

FOLDER = Path(__file__).parents[2] / "integrations" / "artisan"
CONTRACT = FOLDER.parent / "contract.md"
OPTIONS = ArtisanOptions()
FILES = {
    "roastwatch-websocket.aset": websocket_settings(OPTIONS.host, OPTIONS.port, PATH),
    "roastwatch-mqtt.aset": mqtt_settings("localhost", 1883, "roastwatch", "roaster"),
}


@pytest.mark.parametrize("name", FILES)
def test_settings_files_are_those_of_the_code(name: str) -> None:
    if os.environ.get("ROASTWATCH_WRITE_CONTRACT"):
        (FOLDER / name).write_text(FILES[name], encoding="utf-8")
    said = "write it anew: ROASTWATCH_WRITE_CONTRACT=1 pytest this file"
    assert (FOLDER / name).read_text(encoding="utf-8") == FILES[name], said


@pytest.mark.parametrize("name", FILES)
def test_lists_have_the_lengths_that_artisan_expects(name: str) -> None:
    groups = settings(FILES[name])
    for group, key, count in (
        ("DefaultButtons", "button", 8),
        ("Sliders", "slider", 4),
        ("ExtraDev", "extradevice", 4),
        ("ExtraDev", "extraname", 4),
        ("ExtraDev", "extraCurveVisibility", 10),
        ("ExtraEventButtons", "extraevents", 5),
    ):
        for one, cells in groups[group].items():
            if one.startswith(key) and one not in ("slidersflags", "extraeventsbuttonsflags"):
                assert len(cells) == count, one
    assert len({len(cells) for cells in groups["Alarms"].values()}) == 1


def test_contract_has_every_channel_and_refusal() -> None:
    text = CONTRACT.read_text(encoding="utf-8")
    for channel in CHANNELS:
        assert f"| `{channel.node}` |" in text, channel.node
    for one in Refused:
        assert f"| {one.value} | {one.name.lower().replace('_', ' ')} |" in text, one
    assert f"`{Topics('<instance>').artisan('<station>')}`" in text
