"""Adding a service: found by zeroconf or the Supervisor, or by its address, and paired once."""

import re
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, override

import probatio
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlow,
    OptionsFlowWithReload,
)
from homeassistant.const import (
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PATH,
    CONF_PORT,
    CONF_SSL,
    CONF_TOKEN,
    CONF_VERIFY_SSL,
)
from homeassistant.core import callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

from . import issues
from .client import (
    DEFAULT_PATH,
    Address,
    AuthenticationError,
    Client,
    Listing,
    RequestRefusedError,
    ServiceError,
    TooManyAttemptsError,
    TooOldError,
)
from .const import CONF_INSTANCE, CONF_PANEL, CONF_SERVICE_ID, DEFAULT_PORT, DOMAIN, LOGGER
from .registries import mqtt_devices

_OPERATOR = "operator"
_LIKE_A_CODE = re.compile("[a-z2-9]{4}-?[a-z2-9]{4}", re.IGNORECASE)
_Asked = TypeVar("_Asked")
_SECRET = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password")
)
_PASSWORD_FORM = probatio.Schema({probatio.Required(CONF_PASSWORD): _SECRET})
_PLACE: dict[Any, Any] = {
    probatio.Required(CONF_HOST): str,
    probatio.Required(CONF_PORT, default=DEFAULT_PORT): probatio.All(
        int, probatio.Range(min=1, max=65535)
    ),
    probatio.Required(CONF_SSL, default=False): bool,
    probatio.Required(CONF_VERIFY_SSL, default=True): bool,
}
_USER_FORM = probatio.Schema({**_PLACE, probatio.Required(CONF_PASSWORD): _SECRET})
_RECONFIGURE_FORM = probatio.Schema({**_PLACE, probatio.Optional(CONF_PASSWORD): _SECRET})


class RoastwatchConfigFlow(ConfigFlow, domain=DOMAIN):
    """From an address and a password to an entry with a token."""

    VERSION = 1

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """What can be chosen later."""
        return RoastwatchOptionsFlow()

    def __init__(self) -> None:
        self._address: Address | None = None
        self._name = ""
        self._code: str | None = None
        self._paired: tuple[str, Listing] | None = None

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """A person types the address and the password or the pairing code."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._address = _address(user_input)
            errors = await self._pair(user_input[CONF_PASSWORD])
            if not errors:
                return await self._create()
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(_USER_FORM, user_input or {}),
            errors=errors,
        )

    @override
    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """A service announced itself on the network."""
        found = discovery_info.properties
        address = Address(
            host=discovery_info.host,
            port=discovery_info.port or DEFAULT_PORT,
            ssl=str(found.get("tls", "")).lower() in ("1", "true", "yes"),
            path=str(found.get("path") or DEFAULT_PATH),
        )
        instance = str(found.get("instance") or "")
        if not instance:
            return self.async_abort(reason="not_roastwatch")
        return await self._discovered(address, instance, str(found.get("id") or ""))

    @override
    async def async_step_hassio(self, discovery_info: HassioServiceInfo) -> ConfigFlowResult:
        """The app announced itself through the Supervisor, perhaps with a pairing code."""
        found = discovery_info.config
        try:
            address = Address(str(found[CONF_HOST]), int(found[CONF_PORT]))
            instance = str(found[CONF_INSTANCE])
        except (KeyError, ValueError):
            return self.async_abort(reason="not_roastwatch")
        self._code = str(found["code"]) if found.get("code") else None
        return await self._discovered(address, instance, str(found.get("id") or ""))

    async def _discovered(
        self, address: Address, instance: str, service_id: str
    ) -> ConfigFlowResult:
        self._address, self._name = address, instance
        entry = await self.async_set_unique_id(instance)
        if entry is not None and self._is_another(entry, address, service_id):
            issues.create(
                self.hass,
                issues.TWICE,
                entry.entry_id,
                instance=instance,
                host=address.host,
                known=str(entry.data[CONF_HOST]),
            )
            return self.async_abort(reason="second_instance")
        self._abort_if_unique_id_configured(updates=_place(address, entry))
        self.context["title_placeholders"] = {"name": instance}
        return await self.async_step_confirm()

    def _is_another(self, entry: ConfigEntry, address: Address, service_id: str) -> bool:
        """Whether the entry belongs to another service that is there, too."""
        known = entry.data.get(CONF_SERVICE_ID)
        if not service_id or not known or service_id == known:
            return False
        return _connected(entry) and address.host != entry.data[CONF_HOST]

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add a discovered service: with the app's code by a click, else with a password."""
        errors: dict[str, str] = {}
        if user_input is not None:
            secret = user_input.get(CONF_PASSWORD) or self._code or ""
            errors = await self._pair(secret, only_code=CONF_PASSWORD not in user_input)
            if not errors:
                return await self._create()
            self._code = None  # it may have been used: ask for a password
        address = self._address or Address("", DEFAULT_PORT)
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}) if self._code else _PASSWORD_FORM,
            description_placeholders={"instance": self._name, "host": address.host},
            errors=errors,
        )

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """The token is not accepted any more."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Pair again."""
        entry = self._get_reauth_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            self._address = _address(entry.data)
            errors = await self._pair(user_input[CONF_PASSWORD])
            if not errors:
                return await self._update(entry)
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=_PASSWORD_FORM,
            description_placeholders={"instance": str(entry.unique_id)},
            errors=errors,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """The service has another address now; without a password the token is kept."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            self._address = replace(_address(user_input), path=_address(entry.data).path)
            if password := user_input.get(CONF_PASSWORD):
                errors = await self._pair(password)
            else:
                errors = await self._look(entry.data[CONF_TOKEN])
            if not errors:
                return await self._update(entry)
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                _RECONFIGURE_FORM, user_input or entry.data
            ),
            description_placeholders={"instance": str(entry.unique_id)},
            errors=errors,
        )

    async def _pair(self, secret: str, *, only_code: bool = False) -> dict[str, str]:
        """Exchange a password or a pairing code for a token; the errors of the form."""
        name = f"Home Assistant {self.hass.config.location_name}"[:60].strip()
        given = secret.strip()
        kinds = ["code"] if only_code or _LIKE_A_CODE.fullmatch(given) else []
        kinds += [] if only_code else [CONF_PASSWORD]
        errors: dict[str, str] = {}
        for kind in kinds:
            errors = {}
            try:
                sent = given if kind == "code" else secret
                paired = await _tried(errors, self._client().pair({kind: sent}, name))
            except RequestRefusedError as error:
                # Nobody signs in there: no token is needed, or the one of the settings is.
                LOGGER.debug("Pairing is not possible: %s", error)
                return await self._look("") and await self._look(given)
            if paired is not None:
                if paired.role != _OPERATOR:
                    return {"base": "viewer"}
                return await self._look(paired.token)
            if errors["base"] != "invalid_auth":
                break
        return errors

    async def _look(self, token: str) -> dict[str, str]:
        """Fetch the list with a token; the errors of the form."""
        errors: dict[str, str] = {}
        try:
            listing = await _tried(errors, self._client(token).listing())
        except RequestRefusedError:
            return {"base": "cannot_connect"}
        if listing is not None:
            if issues.is_too_old(listing.version):
                return {"base": "version_too_old"}
            self._paired = token, listing
        return errors

    def _client(self, token: str | None = None) -> Client:
        assert self._address is not None
        return Client(async_get_clientsession(self.hass), self._address, token)

    async def _create(self) -> ConfigFlowResult:
        assert self._paired is not None
        listing = self._paired[1]
        await self.async_set_unique_id(listing.instance, raise_on_progress=False)
        self._abort_if_unique_id_configured(updates=self._data())
        if mqtt_devices(self.hass, listing):
            return self.async_abort(
                reason="mqtt_device_exists", description_placeholders={"instance": listing.instance}
            )
        return self.async_create_entry(title=listing.instance, data=self._data())

    async def _update(self, entry: ConfigEntry) -> ConfigFlowResult:
        assert self._paired is not None
        same = entry.data.get(CONF_SERVICE_ID) == self._paired[1].service_id
        await self.async_set_unique_id(self._paired[1].instance)
        if not same:  # the same installation may have a new name
            self._abort_if_unique_id_mismatch(reason="another_instance")
        return self.async_update_reload_and_abort(entry, data_updates=self._data())

    def _data(self) -> dict[str, Any]:
        assert self._address is not None
        assert self._paired is not None
        token, listing = self._paired
        return {
            CONF_HOST: self._address.host,
            CONF_PORT: self._address.port,
            CONF_SSL: self._address.ssl,
            CONF_VERIFY_SSL: self._address.verify_ssl,
            CONF_PATH: self._address.path,
            CONF_TOKEN: token,
            CONF_INSTANCE: listing.instance,
            CONF_SERVICE_ID: listing.service_id,
        }


class RoastwatchOptionsFlow(OptionsFlowWithReload):
    """What a person chooses of an entry."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Whether the page is in the sidebar."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        shown = self.config_entry.options.get(CONF_PANEL, True)
        form = probatio.Schema({probatio.Required(CONF_PANEL, default=shown): bool})
        return self.async_show_form(step_id="init", data_schema=form)


async def _tried(errors: dict[str, str], asked: Awaitable[_Asked]) -> _Asked | None:
    """What was asked of a service; None, with an error of the form, if it can't be had.

    Raises:
        RequestRefusedError: the service does not do such a thing.
    """
    try:
        return await asked
    except AuthenticationError:
        errors["base"] = "invalid_auth"
    except TooManyAttemptsError:
        errors["base"] = "too_many_attempts"
    except TooOldError:
        errors["base"] = "version_too_old"
    except RequestRefusedError:
        raise
    except ServiceError as error:
        LOGGER.debug("The service can't be reached: %s", error)
        errors["base"] = "cannot_connect"
    return None


def _address(data: Mapping[str, Any]) -> Address:
    return Address(
        host=str(data[CONF_HOST]).strip(),
        port=data[CONF_PORT],
        ssl=data.get(CONF_SSL, False),
        verify_ssl=data.get(CONF_VERIFY_SSL, True),
        path=data.get(CONF_PATH) or DEFAULT_PATH,
    )


def _place(address: Address, entry: ConfigEntry | None) -> dict[str, Any] | None:
    """What an entry takes over when its service is discovered at another address.

    Nothing while it is connected, or if a person chose a way that is not announced, such as https.
    """
    if entry is None or _connected(entry) or entry.data.get(CONF_SSL, False) != address.ssl:
        return None
    return {CONF_HOST: address.host, CONF_PORT: address.port}


def _connected(entry: ConfigEntry) -> bool:
    hub = getattr(entry, "runtime_data", None)
    return hub is not None and bool(hub.connected)
