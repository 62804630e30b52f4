"""Recorded roasts among Home Assistant's media: their pictures, their sound, clips of cracks.

A roast's sound is offered by the minute: the service gives at most 60 s at once, and players can
seek in each.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, override

from homeassistant.components.media_player import BrowseError, MediaClass, MediaType
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .client import ServiceError
from .const import DOMAIN
from .hub import Hub, RoastwatchConfigEntry
from .roast_files import RoastFile, loaded

_PAGE: Final = 50
"""Roasts of one folder; the next folder has older ones."""
_PIECE_S: Final = 60.0
_SHORTEST_S: Final = 0.5
_BEFORE_S, _AFTER_S = 5.0, 25.0
"""Of the sound around a crack."""
_CRACKS: Final = ("first_crack", "second_crack")
_ALL: Final = "*"
"""Stands for every station."""


async def async_get_media_source(hass: HomeAssistant) -> MediaSource:
    """The media source of all services."""
    return RoastMediaSource(hass)


class RoastMediaSource(MediaSource):
    """Folders: service (if there are several), station, roast.

    Identifiers: `entry/station`, `entry/station/+50` (roasts from the 50th on),
    `entry/station/roast` and `entry/station/roast/file`.
    """

    name = DOMAIN

    def __init__(self, hass: HomeAssistant) -> None:
        super().__init__(DOMAIN)
        self.hass = hass

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Where a picture or a sound is; Home Assistant signs the path.

        Raises:
            Unresolvable: there is no such thing.
        """
        match item.identifier.split("/"):
            case [entry_id, _, roast_id, name] if loaded(self.hass, entry_id) is not None:
                file = RoastFile.read(roast_id, name)
                if file is not None:
                    return PlayMedia(file.path(entry_id), file.mime_type)
        raise Unresolvable(translation_domain=DOMAIN, translation_key="no_such_media")

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """What is in a folder.

        Raises:
            BrowseError: there is no such folder, or the service does not answer.
        """
        parts = item.identifier.split("/") if item.identifier else []
        entries: list[RoastwatchConfigEntry] = self.hass.config_entries.async_entries(DOMAIN)
        entries = [one for one in entries if one.state is ConfigEntryState.LOADED]
        if not parts and len(entries) != 1:
            return _folder(None, DOMAIN, (_folder(one.entry_id, one.title) for one in entries))
        entry_id = parts[0] if parts else entries[0].entry_id
        hub = loaded(self.hass, entry_id)
        if hub is None or len(parts) > 3:
            raise BrowseError(translation_domain=DOMAIN, translation_key="no_such_media")
        try:
            return await self._browse(hub, entry_id, parts[1:], item.identifier or None)
        except ServiceError as error:
            raise BrowseError(
                translation_domain=DOMAIN,
                translation_key="cannot_connect",
                translation_placeholders={"problem": str(error)},
            ) from error

    async def _browse(
        self, hub: Hub, entry_id: str, parts: list[str], identifier: str | None
    ) -> BrowseMediaSource:
        language = self.hass.config.language
        texts = await async_get_translations(self.hass, language, "common", [DOMAIN])
        common = f"component.{DOMAIN}.common."
        match parts:
            case []:
                found = await hub.client.roasts(limit=1)
                names = [name for name in found["stations"] if name and "/" not in name]
                rows = [_folder(f"{entry_id}/{one}", _station(hub, one)) for one in names]
                rows.append(_folder(f"{entry_id}/{_ALL}", texts[common + "all_roasts"]))
                return _folder(identifier, hub.listing.instance, rows)
            case [station] | [station, ""]:
                return await self._roasts(hub, entry_id, station, 0, texts[common + "older"])
            case [station, place] if place.startswith("+") and place[1:].isdecimal():
                offset = int(place[1:])
                return await self._roasts(hub, entry_id, station, offset, texts[common + "older"])
        station, roast_id = parts
        if RoastFile.read(roast_id, "picture.png") is None:
            raise BrowseError(translation_domain=DOMAIN, translation_key="no_such_media")
        roast = await hub.client.roast(roast_id)
        words = await async_get_translations(self.hass, language, "device_automation", [DOMAIN])
        folder = _roast(entry_id, station, roast["summary"])
        files = [(RoastFile(roast_id), texts[common + "picture"]), *_sounds(roast_id, roast, words)]
        folder.children = [_playable(entry_id, station, file, title) for file, title in files]
        return folder

    async def _roasts(
        self, hub: Hub, entry_id: str, station: str, offset: int, older: str
    ) -> BrowseMediaSource:
        only = {} if station == _ALL else {"station": station}
        found = await hub.client.roasts(limit=_PAGE, offset=offset, **only)
        rows = [_roast(entry_id, station, one) for one in found["roasts"]]
        if offset + len(rows) < found["total"] and rows:
            rows.append(_folder(f"{entry_id}/{station}/+{offset + _PAGE}", older))
        title = hub.listing.instance if station == _ALL else _station(hub, station)
        return _folder(f"{entry_id}/{station}", title, rows)


def _station(hub: Hub, name: str) -> str:
    listed = hub.listing.stations.get(name)
    return listed.title if listed is not None else name


def _folder(
    identifier: str | None,
    title: str,
    children: Iterable[BrowseMediaSource] | None = None,
    thumbnail: str | None = None,
) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=identifier,
        media_class=MediaClass.DIRECTORY,
        media_content_type=MediaType.MUSIC,
        title=title,
        can_play=False,
        can_expand=True,
        children=None if children is None else list(children),
        thumbnail=thumbnail,
    )


def _roast(entry_id: str, station: str, row: Mapping[str, Any]) -> BrowseMediaSource:
    """The folder of a roast, with its picture."""
    roast_id = str(row["roast_id"])
    began = dt_util.parse_datetime(str(row["started_at"]))
    day = f"{dt_util.as_local(began):%Y-%m-%d %H:%M}" if began is not None else ""
    name = row.get("title") or row.get("bean") or row.get("station") or ""
    title = " · ".join(one for one in (day, str(name)) if one) or roast_id
    picture = RoastFile(roast_id).path(entry_id)
    return _folder(f"{entry_id}/{station}/{roast_id}", title, thumbnail=picture)


def _playable(entry_id: str, station: str, file: RoastFile, title: str) -> BrowseMediaSource:
    is_picture = file.span is None
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=f"{entry_id}/{station}/{file.roast_id}/{file.name}",
        media_class=MediaClass.IMAGE if is_picture else MediaClass.MUSIC,
        media_content_type=file.mime_type,
        title=title,
        can_play=True,
        can_expand=False,
        thumbnail=file.path(entry_id) if is_picture else None,
    )


def _sounds(
    roast_id: str, roast: Mapping[str, Any], words: Mapping[str, str]
) -> list[tuple[RoastFile, str]]:
    """Cracks and clips first, then the recording by the minute."""
    kinds = {one["event_id"]: str(one["kind"]) for one in roast["events"]}
    recorded = [(s["from_s"], s["to_s"]) for s in roast["sound"] if s["event_id"] is None]
    found = []
    for event in roast["events"]:
        if event["kind"] not in _CRACKS or event["revoked"]:
            continue
        for from_s, to_s in recorded:
            if from_s <= event["at_s"] < to_s:
                span = max(from_s, event["at_s"] - _BEFORE_S), min(to_s, event["at_s"] + _AFTER_S)
                found.append((span, f"{_word(event['kind'], words)}, {_clock(event['at_s'])}"))
    for one in roast["sound"]:
        if one["event_id"] is not None:
            title = f"{_word(kinds.get(one['event_id'], ''), words)} {_clock(one['from_s'])}"
            found += [(span, title.strip()) for span in _pieces(one["from_s"], one["to_s"])]
    for from_s, to_s in recorded:
        found += [
            ((first, end), f"{_clock(first)} – {_clock(end)}")
            for first, end in _pieces(from_s, to_s)
        ]
    rounded = [((round(a, 3), round(b, 3)), title) for (a, b), title in found]
    return [
        (RoastFile(roast_id, span), title)
        for span, title in rounded
        if span[1] - span[0] >= _SHORTEST_S
    ]


def _pieces(from_s: float, to_s: float) -> list[tuple[float, float]]:
    """A span in pieces that end with the full minutes of the roast."""
    found = []
    while from_s < to_s:
        end = min(to_s, (from_s // _PIECE_S + 1) * _PIECE_S)
        found.append((from_s, end))
        from_s = end
    return found


def _word(kind: str, words: Mapping[str, str]) -> str:
    return words.get(f"component.{DOMAIN}.device_automation.trigger_type.{kind}", kind)


def _clock(at_s: float) -> str:
    sign, whole = ("−" if at_s < -0.5 else ""), abs(round(at_s))
    return f"{sign}{whole // 60}:{whole % 60:02}"
