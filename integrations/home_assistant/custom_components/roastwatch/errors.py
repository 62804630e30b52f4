"""Errors of the service as Home Assistant's, translated."""

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.exceptions import HomeAssistantError

from .client import AuthenticationError, RequestRefusedError, ServiceError
from .const import DOMAIN
from .table import REFUSALS


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the service refuses as HomeAssistantError, in the person's language.

    Raises:
        HomeAssistantError: with the service's own sentence where only that says enough.
    """
    try:
        yield
    except RequestRefusedError as error:
        if error.code in REFUSALS:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key=f"refused_{error.code}"
            ) from error
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="refused",
            translation_placeholders={"reason": str(error)},
        ) from error
    except AuthenticationError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="invalid_auth"
        ) from error
    except ServiceError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="cannot_connect",
            translation_placeholders={"problem": str(error)},
        ) from error
