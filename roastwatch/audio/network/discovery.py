"""Finds microphones that announce themselves. This is the only module that imports zeroconf."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from roastwatch.errors import MissingExtraError

LOOKS_S = 2.0
_ANSWERS_S = 1.5
_MOST = 50
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
    try:
        from zeroconf import DNSQuestionType, InterfaceChoice
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf
    except ModuleNotFoundError as error:
        raise MissingExtraError("Looking for network microphones", "network") from error
    names: set[tuple[str, str]] = set()

    def announced(*, service_type: str, name: str, **_others: object) -> None:
        if len(names) < _MOST:
            names.add((service_type, name))

    try:
        chosen = InterfaceChoice.All if interfaces is None else list(interfaces)
        network = AsyncZeroconf(interfaces=chosen)
    except OSError:  # no network at all
        return []
    try:
        browser = AsyncServiceBrowser(
            network.zeroconf,
            list(KINDS),
            handlers=[announced],
            # Answers to this process alone would reach another one, such as Avahi, at its port.
            question_type=DNSQuestionType.QM,
        )
        await asyncio.sleep(looks_s)
        await browser.async_cancel()
        found = await asyncio.gather(*(_resolved(network, *one) for one in sorted(names)))
    finally:
        await network.async_close()
    there = [one for one in found if one is not None]
    have = await asyncio.gather(*(_has_microphone(one) for one in there))
    return [one for one, yes in zip(there, have, strict=True) if yes]


async def _resolved(network: Any, kind: str, name: str) -> NetworkMicrophone | None:
    from zeroconf import DNSQuestionType
    from zeroconf.asyncio import AsyncServiceInfo

    info, asked = AsyncServiceInfo(kind, name), DNSQuestionType.QM
    if not await info.async_request(network.zeroconf, 1000 * _ANSWERS_S, asked):
        return None
    addresses = info.parsed_addresses()
    if not addresses or not info.port:
        return None
    return NetworkMicrophone(KINDS[kind], name.removesuffix(f".{kind}"), addresses[0], info.port)


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
