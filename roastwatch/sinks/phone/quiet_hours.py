"""Warns if quiet hours would follow UTC because no time zone is set."""

import logging
import os
from datetime import UTC, datetime, timedelta, tzinfo

_log = logging.getLogger(__name__)


def follows_utc_unasked(zone: tzinfo | None) -> bool:
    """Whether local time is UTC only because nobody set a time zone, as in most containers."""
    if zone is not None or os.environ.get("TZ"):
        return False
    year = datetime.now(UTC).year
    offsets = {datetime(year, month, 1).astimezone().utcoffset() for month in (1, 7)}
    return offsets == {timedelta(0)}


def warn_of_utc(zone: tzinfo | None) -> None:
    """Log a warning if quiet hours would silently follow UTC."""
    if follows_utc_unasked(zone):
        _log.warning(
            "Quiet hours follow UTC because this computer has no time zone: "
            "set yours in the settings, such as `time_zone: Europe/Berlin`."
        )
