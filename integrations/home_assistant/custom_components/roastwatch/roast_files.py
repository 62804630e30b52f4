"""Pictures and sound of recorded roasts, under Home Assistant's own address.

Players get a signed path: it can't have parameters, so seconds are a part of it.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self

import aiohttp
from aiohttp import web
from homeassistant.components.http import KEY_HASS, HomeAssistantView
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .const import DOMAIN, LOGGER
from .hub import Hub, RoastwatchConfigEntry
from .proxy import forward, refusal

_FOLDER: Final = f"/api/{DOMAIN}/roasts"
_SPAN: Final = re.compile(r"(-?\d{1,5}(?:\.\d{1,3})?)_(-?\d{1,5}(?:\.\d{1,3})?)\.wav")
_ROAST: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_PICTURE: Final = "picture.png"


@dataclass(frozen=True, slots=True)
class RoastFile:
    """The picture of a roast, or some seconds of its sound."""

    roast_id: str
    span: tuple[float, float] | None = None
    """From when to when, in seconds of the roast; None: the picture."""

    @classmethod
    def read(cls, roast_id: str, name: str) -> Self | None:
        """By the last parts of its path; None: there is no such file."""
        if _ROAST.fullmatch(roast_id) is None:
            return None
        if name == _PICTURE:
            return cls(roast_id)
        found = _SPAN.fullmatch(name)
        return None if found is None else cls(roast_id, (float(found[1]), float(found[2])))

    @property
    def name(self) -> str:
        """The last part of its path."""
        if self.span is None:
            return _PICTURE
        from_s, to_s = (f"{one:.3f}".rstrip("0").rstrip(".") for one in self.span)
        return f"{from_s}_{to_s}.wav"

    @property
    def mime_type(self) -> str:
        """What it is."""
        return "image/png" if self.span is None else "audio/wav"

    def path(self, entry_id: str) -> str:
        """Where it is below Home Assistant's address."""
        return f"{_FOLDER}/{entry_id}/{self.roast_id}/{self.name}"


def loaded(hass: HomeAssistant, entry_id: str) -> Hub | None:
    """The service of an entry; None: there is no such entry, or it is not loaded."""
    entry: RoastwatchConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
        return None
    return entry.runtime_data


class RoastFilesView(HomeAssistantView):
    """Passes pictures and sound on to those who are signed in, or have a signed path."""

    url = _FOLDER + "/{entry_id}/{roast_id}/{name}"
    name = "api:roastwatch:roasts"

    async def get(
        self, request: web.Request, entry_id: str, roast_id: str, name: str
    ) -> web.StreamResponse:
        """The file, with ranges of bytes."""
        hub = loaded(request.app[KEY_HASS], entry_id)
        file = RoastFile.read(roast_id, name)
        if hub is None or file is None:
            return self.json_message("There is no such file.", HTTPStatus.NOT_FOUND)
        path, query = f"api/v1/roasts/{roast_id}/picture", {}
        if file.span is not None:
            path = f"api/v1/roasts/{roast_id}/sound"
            query = {"from": str(file.span[0]), "to": str(file.span[1])}
        try:
            return await forward(request, hub, path, operates=False, query=query)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, ConnectionResetError):
                raise
            LOGGER.debug("The service does not answer for %s: %s", path, error)
            return refusal(HTTPStatus.BAD_GATEWAY, "roastwatch does not answer.")

    head = get
