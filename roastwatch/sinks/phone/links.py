"""Where a person is notified: addresses, and the services that reach them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roastwatch.errors import MissingExtraError
from roastwatch.sinks.home_assistant.options import HomeAssistantOptions
from roastwatch.sinks.phone.alerts import PersonOptions
from roastwatch.sinks.phone.options import PhoneOptions

if TYPE_CHECKING:
    from roastwatch.sinks.home_assistant.link import HomeAssistantLink
    from roastwatch.sinks.phone.apprise_link import AppriseLink


@dataclass(frozen=True, slots=True)
class Target:
    """One of a person's addresses."""

    person: PersonOptions
    service: str = ""
    """A notify service of Home Assistant, or empty for an apprise URL."""
    url: int = 0

    @property
    def key(self) -> str:
        """Identifies it among the person's addresses."""
        return self.service or f"url{self.url}"


def apprise_link(options: PhoneOptions) -> "AppriseLink | None":
    """The link to apprise's services; None if nobody has a URL.

    Raises:
        MissingExtraError: apprise is not installed.
        SettingsError: a URL is wrong.
    """
    urls = [
        (f"people[{number}].urls[{index}]", url.get_secret_value())
        for number, person in enumerate(options.people)
        for index, url in enumerate(person.urls)
    ]
    if not urls:
        return None
    try:
        from roastwatch.sinks.phone.apprise_link import AppriseLink
    except ModuleNotFoundError as missing:
        raise MissingExtraError("Phone alerts through apprise", "phone") from missing
    return AppriseLink(urls)


def companion_link(
    options: PhoneOptions, services: set[str]
) -> "Callable[[], HomeAssistantLink] | None":
    """Connects to Home Assistant; None if nobody has its companion app.

    Raises:
        MissingExtraError: its library is not installed.
        SettingsError: there is no token.
    """
    if not services:
        return None
    try:
        from roastwatch.sinks.home_assistant.link import HomeAssistantLink
    except ModuleNotFoundError as missing:
        raise MissingExtraError("Alerts to companion apps", "homeassistant") from missing
    where = options.home_assistant or HomeAssistantOptions()
    where.door()
    return lambda: HomeAssistantLink(where)
