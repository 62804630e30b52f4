"""The service's page in the sidebar.

The panel fetches a short-lived cookie with the person's own token; with it, a frame loads the
page, which Home Assistant fetches from the service.
"""

import secrets
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import hdrs, web
from homeassistant.auth.models import User
from homeassistant.components import frontend, panel_custom
from homeassistant.components.http import (
    KEY_HASS,
    KEY_HASS_REFRESH_TOKEN_ID,
    HomeAssistantView,
    StaticPathConfig,
)
from homeassistant.components.http.auth_util import async_user_not_allowed_do_auth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import slugify
from homeassistant.util.hass_dict import HassKey

from .const import CONF_PANEL, DOMAIN, LOGGER
from .hub import RoastwatchConfigEntry
from .proxy import forward, forward_socket, is_foreign, refusal

_FOLDER: Final = f"/api/{DOMAIN}/panel"
_SCRIPT: Final = f"/{DOMAIN}_static/panel.js"
_COOKIE: Final = "roastwatch_panel"
_SESSION_S: Final = 900
"""The panel renews it while it is shown."""
_MOST_SESSIONS: Final = 256
_UNREACHABLE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>roastwatch</title>
<body style="font: 16px/1.5 system-ui, sans-serif; margin: 2rem">{sentence}</body>
</html>
"""


@dataclass(slots=True)
class _Session:
    """One browser that shows a panel."""

    entry_id: str
    refresh_token_id: str
    ends_s: float
    """Of the monotonic clock."""


@dataclass(slots=True)
class Sessions:
    """Which browsers may load the page, by the secret in their cookie."""

    _by_secret: dict[str, _Session] = field(default_factory=dict)

    def begin(self, entry_id: str, refresh_token_id: str) -> str:
        """The secret of a new session; the oldest ends if there are too many."""
        now_s = time.monotonic()
        for secret in [key for key, one in self._by_secret.items() if one.ends_s < now_s]:
            del self._by_secret[secret]
        if len(self._by_secret) >= _MOST_SESSIONS:
            del self._by_secret[next(iter(self._by_secret))]
        secret = secrets.token_urlsafe(32)
        self._by_secret[secret] = _Session(entry_id, refresh_token_id, now_s + _SESSION_S)
        return secret

    def renew(self, secret: str, entry_id: str, refresh_token_id: str) -> bool:
        """Let a session last; False: there is none of this sign-in."""
        found = self._by_secret.get(secret)
        if found is None or (found.entry_id, found.refresh_token_id) != (
            entry_id,
            refresh_token_id,
        ):
            return False
        found.ends_s = time.monotonic() + _SESSION_S
        return True

    def user(self, hass: HomeAssistant, request: web.Request, entry_id: str) -> User | None:
        """Whose browser sent a request; None: nobody's who is signed in now."""
        session = self._by_secret.get(request.cookies.get(_COOKIE, ""))
        if session is None or session.entry_id != entry_id or session.ends_s < time.monotonic():
            return None
        token = hass.auth.async_get_refresh_token(session.refresh_token_id)
        if token is None or async_user_not_allowed_do_auth(hass, token.user, request):
            return None
        return token.user


_SESSIONS: HassKey[Sessions] = HassKey(f"{DOMAIN}_panel_sessions")


async def async_setup_views(hass: HomeAssistant) -> None:
    """Answer under Home Assistant's own address; nothing is shown yet."""
    hass.data[_SESSIONS] = Sessions()
    hass.http.register_view(_SessionView())
    hass.http.register_view(_PageView())
    script = str(Path(__file__).with_name("panel.js"))
    await hass.http.async_register_static_paths([StaticPathConfig(_SCRIPT, script, False)])


async def async_show(hass: HomeAssistant, entry: RoastwatchConfigEntry) -> None:
    """Add the panel of an entry to the sidebar until it is unloaded."""
    if _SESSIONS not in hass.data or not entry.options.get(CONF_PANEL, True):
        return
    path = f"{DOMAIN}-{slugify(str(entry.unique_id))}"
    alone = len(hass.config_entries.async_entries(DOMAIN)) == 1
    await panel_custom.async_register_panel(
        hass,
        path,
        "roastwatch-panel",
        sidebar_title=DOMAIN if alone else f"{DOMAIN} {entry.title}",
        sidebar_icon="mdi:coffee",
        module_url=_SCRIPT,
        config={"page": f"{_FOLDER}/{entry.entry_id}/"},
        handle_safe_area=True,
    )

    @callback
    def hide() -> None:
        frontend.async_remove_panel(hass, path)

    entry.async_on_unload(hide)


def _loaded(hass: HomeAssistant, entry_id: str) -> RoastwatchConfigEntry | None:
    """An entry that shows its panel."""
    entry = hass.config_entries.async_get_entry(entry_id)
    if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
        return None
    return entry if entry.options.get(CONF_PANEL, True) else None


class _SessionView(HomeAssistantView):
    """Gives a person who is signed in the cookie that a frame needs."""

    url = _FOLDER + "/{entry_id}"
    name = "api:roastwatch:panel:session"

    async def post(self, request: web.Request, entry_id: str) -> web.Response:
        """Begin a session, or renew it."""
        hass: HomeAssistant = request.app[KEY_HASS]
        token_id = request.get(KEY_HASS_REFRESH_TOKEN_ID)
        if token_id is None or _loaded(hass, entry_id) is None:
            return self.json_message("There is no such panel.", HTTPStatus.NOT_FOUND)
        sessions = hass.data[_SESSIONS]
        answer = self.json({"valid_s": _SESSION_S})
        secret = request.cookies.get(_COOKIE, "")
        if not sessions.renew(secret, entry_id, token_id):
            secret = sessions.begin(entry_id, token_id)
        answer.set_cookie(
            _COOKIE,
            secret,
            path=f"{_FOLDER}/{entry_id}",
            httponly=True,
            samesite="Strict",
            secure=request.secure or None,
        )
        return answer


class _PageView(HomeAssistantView):
    """The page, its files, its API and its WebSocket, for a browser with the cookie."""

    url = _FOLDER + "/{entry_id}/{path:.*}"
    name = "api:roastwatch:panel:page"
    requires_auth = False  # by the cookie: a frame can't send a token

    async def _handle(self, request: web.Request, entry_id: str, path: str) -> web.StreamResponse:
        hass: HomeAssistant = request.app[KEY_HASS]
        if _COOKIE not in request.cookies or is_foreign(request):
            return refusal(401, "Open roastwatch in the sidebar of Home Assistant.")
        sessions = hass.data[_SESSIONS]
        user = sessions.user(hass, request, entry_id)
        if user is None:  # with 401 the page would ask for a password
            return refusal(503, "The session of Home Assistant's panel has ended: it renews it.")
        operates = user.is_admin
        entry = _loaded(hass, entry_id)
        if entry is None:
            return await _unreachable(hass, request)
        if any(part in (".", "..") for part in path.split("/")):
            return refusal(404, "There is nothing at this path.")

        def still() -> bool:
            found = sessions.user(hass, request, entry_id)
            return found is not None and found.is_admin == operates

        try:
            if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
                return await forward_socket(request, entry, path, still, operates=operates)
            return await forward(request, entry.runtime_data, path, operates=operates)
        except aiohttp.WSServerHandshakeError as error:
            return refusal(error.status, "The service refuses the connection.")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, ConnectionResetError):
                raise
            LOGGER.debug("The service does not answer the panel: %s", error)
            return await _unreachable(hass, request)

    get = _handle
    head = _handle
    post = _handle
    put = _handle
    patch = _handle
    delete = _handle


async def _unreachable(hass: HomeAssistant, request: web.Request) -> web.Response:
    """What a person sees until the service answers again."""
    language = hass.config.language
    texts = await async_get_translations(hass, language, "common", [DOMAIN])
    sentence = texts[f"component.{DOMAIN}.common.unreachable"]
    if "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
        return refusal(502, sentence)
    text = _UNREACHABLE.format(language=language, sentence=sentence)
    return web.Response(text=text, status=502, content_type="text/html")
