"""Services for phones (ntfy, Pushover, Telegram, …) through apprise, its only user."""

from collections.abc import Sequence

import apprise

from roastwatch.errors import LostError, SettingsError


class AppriseLink:
    """Knows every URL that is set; wrong ones are found at the start."""

    def __init__(self, urls: Sequence[tuple[str, str]]) -> None:
        """Check (where it stands in the settings, URL) pairs; nothing is sent.

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

    async def tell(self, url: str, title: str, text: str, *, critical: bool) -> None:
        """Send one message.

        Raises:
            LostError: the service did not take it.
        """
        service = apprise.Apprise()
        service.add(url)
        kind = apprise.NotifyType.FAILURE if critical else apprise.NotifyType.INFO
        taken = await service.async_notify(title=title, body=text, notify_type=kind)
        if not taken:
            scheme = url.partition("://")[0]
            raise LostError(f"The service {scheme} did not take the message; it is tried again.")
