"""Finds microphones that announce themselves."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

from roastwatch.mdns import find_services

LOOKS_S = 2.0
_ANSWERS_S = 1.5
KINDS = {"_wyoming._tcp.local.": "wyoming", "_rtsp._tcp.local.": "stream"}
"""What a service announces → the source that hears it."""
_WITH_MICROPHONE = {"satellite", "mic"}


@dataclass(frozen=True, slots=True)
class NetworkMicrophone:
    """One that was found."""

    source: str
    """The type of source that hears it."""
    name: str
    host: str
    port: int


async def find(
    looks_s: float = LOOKS_S, interfaces: Iterable[str] | None = None
) -> list[NetworkMicrophone]:
    """Those that announce themselves within `looks_s`, by name; takes at most 4 s.

    Of Wyoming services only those with a microphone are listed; one that does not say what it
    offers is listed, too.

    Args:
        looks_s: seconds to wait for announcements.
        interfaces: addresses of this computer to look at; None: all.

    Raises:
        MissingExtraError: zeroconf is not installed.
    """
    services = await find_services(
        tuple(KINDS), looks_s, interfaces, purpose="Looking for network microphones"
    )
    there = [NetworkMicrophone(KINDS[one.kind], one.name, one.host, one.port) for one in services]
    have = await asyncio.gather(*(_has_microphone(one) for one in there))
    return [one for one, yes in zip(there, have, strict=True) if yes]


async def _has_microphone(one: NetworkMicrophone) -> bool:
    """Whether a Wyoming service is a satellite or a microphone, as far as it says."""
    if one.source != "wyoming":
        return True
    from roastwatch.audio.network.wyoming_client import WyomingPeer

    with contextlib.suppress(OSError, EOFError, ValueError, TimeoutError):
        async with asyncio.timeout(_ANSWERS_S):
            peer = await WyomingPeer.connect(one.host, one.port)
            try:
                return bool(await peer.kinds() & _WITH_MICROPHONE)
            finally:
                await peer.close()
    return True
