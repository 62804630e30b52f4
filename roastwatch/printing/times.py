"""Durations and times of day for people, in one format everywhere. Data keeps seconds and UTC."""

import os
import time
from datetime import datetime


def clock(seconds: float | None) -> str:
    """Seconds as m:ss, from an hour on as h:mm:ss; a dash if unknown."""
    if seconds is None:
        return "–"
    whole = round(abs(seconds))
    sign = "-" if seconds < 0 and whole else ""
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{sign}{minutes}:{rest:02d}"
    return f"{sign}{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def spoken(seconds: float) -> str:
    """A duration in a sentence: `12 s`, `3:05 min` or `2:10 h`."""
    whole = round(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{clock(whole)} min" if whole < 3600 else f"{clock(whole)[:-3]} h"


def live_in(zone: str) -> None:
    """Let this process, and those that it starts, show times of a zone, such as Europe/Berlin."""
    os.environ["TZ"] = zone
    time.tzset()


def local(at: datetime) -> datetime:
    """A time in this computer's zone; unchanged if it has no date there."""
    try:
        return at.astimezone()
    except (OverflowError, ValueError, OSError):
        return at


def moment(at: datetime | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time in this computer's zone, with the zone's name; a dash if unknown."""
    if at is None:
        return "–"
    here = local(at)
    return f"{here:{form}} {here:%Z}".rstrip()
