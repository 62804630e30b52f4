"""Services for phones (ntfy, Pushover, Telegram, …) through apprise, its only user."""

from collections.abc import Sequence

import apprise

from roastwatch.errors import LostError, SettingsError


class AppriseLink:
    """Sends messages to apprise URLs; wrong ones are detected at startup."""

    def __init__(self, urls: Sequence[tuple[str, str]]) -> None:
        """Check pairs of (place in the settings, URL); nothing is sent.

        Raises:
            SettingsError: apprise does not understand a URL. The text doesn't repeat the URL,
                because it holds secrets.
        """
        for where, url in urls:
            if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None:
                scheme = url.partition("://")[0] if "://" in url else "no scheme"
                raise SettingsError(
                    f"{where} ({scheme}) is not a URL that apprise understands: see "
                    "appriseit.com/services for how each service's URL is written."
                )

    async def send(self, url: str, title: str, text: str, *, critical: bool) -> None:
        """Send one message.

        Raises:
            LostError: the service did not accept it.
        """
        service = apprise.Apprise()
        service.add(url)
        kind = apprise.NotifyType.FAILURE if critical else apprise.NotifyType.INFO
        taken = await service.async_notify(title=title, body=text, notify_type=kind)
        if not taken:
            scheme = url.partition("://")[0]
            raise LostError(f"The service {scheme} did not accept the message; it is retried.")
