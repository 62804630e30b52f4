"""Recorded roasts among the media."""

import json
from typing import Any

import pytest
from conftest import Web
from homeassistant.components.media_player import BrowseError, async_process_play_media_url
from homeassistant.components.media_source import (
    Unresolvable,
    async_browse_media,
    async_resolve_media,
)
from stand_in import StandIn

ROOT = "media-source://roastwatch"


def row(number: int) -> dict[str, Any]:
    return {
        "roast_id": f"r{number}",
        "title": "",
        "bean": "Sidamo",
        "station": "roaster",
        "started_at": f"2026-11-{number:02}T10:05:00+00:00",
    }


def event(event_id: str, at_s: float, kind: str = "first_crack") -> dict[str, Any]:
    return {"event_id": event_id, "kind": kind, "at_s": at_s, "revoked": False}


@pytest.fixture
def roasts(service: StandIn) -> StandIn:
    """The stand-in, with three roasts: the second of them was recorded."""
    listed = {"roasts": [row(3), row(2)], "total": 3, "stations": ["roaster", ""]}
    sound = [
        {"from_s": -20.0, "to_s": 130.0, "event_id": None},
        {"from_s": 95.0, "to_s": 105.0, "event_id": "e1"},
    ]
    events = [event("e1", 100.25), event("e2", 200.0), event("e3", 60.0, "dry_end")]
    roast = {"summary": row(2), "events": events, "sound": sound}
    service.files = {
        "/api/v1/roasts": ("application/json", json.dumps(listed).encode()),
        "/api/v1/roasts/r2": ("application/json", json.dumps(roast).encode()),
        "/api/v1/roasts/r2/sound": ("audio/wav", b"RIFF" + bytes(3000)),
        "/api/v1/roasts/r2/picture": ("image/png", b"\x89PNG"),
    }
    return service


async def test_roasts_are_found_by_station_and_date(web: Web, roasts: StandIn) -> None:
    web.hass.config.time_zone = "UTC"
    root = await async_browse_media(web.hass, ROOT)
    assert [one.title for one in root.children] == ["Garage roaster", "All roasts"]
    station = await async_browse_media(web.hass, root.children[0].media_content_id)
    assert [one.title.split(" · ")[1] for one in station.children[:2]] == ["Sidamo", "Sidamo"]
    assert station.children[0].title.startswith("2026-11-03 ")
    assert roasts.received[-1][1] == "/api/v1/roasts?limit=50&offset=0&station=roaster"
    older = station.children[2]
    assert older.title == "Older roasts"
    await async_browse_media(web.hass, older.media_content_id)
    assert roasts.received[-1][1] == "/api/v1/roasts?limit=50&offset=50&station=roaster"
    await async_browse_media(web.hass, root.children[1].media_content_id)
    assert roasts.received[-1][1] == "/api/v1/roasts?limit=50&offset=0"


async def test_a_roast_has_its_picture_its_cracks_and_its_minutes(
    web: Web, roasts: StandIn
) -> None:
    roast = await async_browse_media(web.hass, f"{ROOT}/{web.entry.entry_id}/roaster/r2")
    found = [(one.title, one.media_content_id.rsplit("/", 1)[1]) for one in roast.children]
    assert found == [
        ("Picture", "picture.png"),
        ("First crack, 1:40", "95.25_125.25.wav"),
        ("First crack 1:35", "95_105.wav"),
        ("−0:20 – 0:00", "-20_0.wav"),
        ("0:00 – 1:00", "0_60.wav"),
        ("1:00 – 2:00", "60_120.wav"),
        ("2:00 – 2:10", "120_130.wav"),
    ]
    assert roast.thumbnail.endswith("/r2/picture.png")


async def test_sound_is_played_from_a_signed_path_and_only_from_that(
    web: Web, roasts: StandIn
) -> None:
    where = f"{ROOT}/{web.entry.entry_id}/roaster/r2/"
    sound = await async_resolve_media(web.hass, where + "95.25_125.25.wav", None)
    assert sound.mime_type == "audio/wav"
    signed = async_process_play_media_url(web.hass, sound.url, allow_relative_url=True)
    assert "authSig" in signed
    assert (await web.session.get(sound.url)).status == 401
    assert roasts.received == []
    async with web.session.get(signed, headers={"Range": "bytes=0-99"}) as answer:
        assert answer.content_type == "audio/wav"
        assert (await answer.read())[:4] == b"RIFF"
    _, path, headers, _ = roasts.received.pop()
    assert path == "/api/v1/roasts/r2/sound?from=95.25&to=125.25"
    assert headers["Range"] == "bytes=0-99"
    assert headers["Roastwatch-Role"] == "viewer"
    picture = await async_resolve_media(web.hass, where + "picture.png", None)
    token = {"Authorization": f"Bearer {await web.token('system-users')}"}
    async with web.session.get(picture.url, headers=token) as answer:
        assert (answer.content_type, await answer.read()) == ("image/png", b"\x89PNG")


@pytest.mark.parametrize("path", ["r2/x.wav", "r2/1_2.mp3", "r%2F2/picture.png", "picture.png"])
async def test_what_is_not_there_is_refused(web: Web, roasts: StandIn, path: str) -> None:
    with pytest.raises(Unresolvable):
        await async_resolve_media(web.hass, f"{ROOT}/{web.entry.entry_id}/roaster/{path}", None)


async def test_a_lost_service_is_named(web: Web, roasts: StandIn) -> None:
    await roasts.stop()
    with pytest.raises(BrowseError, match="does not answer"):
        await async_browse_media(web.hass, f"{ROOT}/{web.entry.entry_id}/roaster")
    with pytest.raises(BrowseError):
        await async_browse_media(web.hass, f"{ROOT}/other/roaster")
