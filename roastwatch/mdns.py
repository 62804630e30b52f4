"""Services in the local network: found and announced. The only module that imports zeroconf."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roastwatch.errors import MissingExtraError

_ANSWERS_S = 1.5
_MOST = 50
_FAREWELL_S = 3.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoundService:
    """A service that announces itself."""

    kind: str
    """Such as `_rtsp._tcp.local.`"""
    name: str
    """Without its kind."""
    host: str
    port: int


async def find_services(
    kinds: Collection[str],
    looks_s: float,
    interfaces: Iterable[str] | None = None,
    *,
    purpose: str,
) -> list[FoundService]:
    """The services of some kinds that announce themselves within `looks_s`; at most 50.

    Args:
        kinds: such as `_rtsp._tcp.local.`
        looks_s: seconds to wait for announcements; resolving them takes up to 1.5 s more.
        interfaces: addresses of this computer to look at; None: all.
        purpose: what needs them, for the error's sentence.

    Raises:
        MissingExtraError: zeroconf is not installed.
    """
    try:
        from zeroconf import DNSQuestionType, InterfaceChoice
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf
    except ModuleNotFoundError as error:
        raise MissingExtraError(purpose, "network") from error
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
            list(kinds),
            handlers=[announced],
            # Answers to this process alone would reach another one, such as Avahi, at its port.
            question_type=DNSQuestionType.QM,
        )
        await asyncio.sleep(looks_s)
        await browser.async_cancel()
        found = await asyncio.gather(*(_resolved(network, *one) for one in sorted(names)))
    finally:
        await _close(network)
    return [one for one in found if one is not None]


async def _close(network: Any) -> None:
    """Close the library's sockets, also if its farewell fails or is cancelled."""
    done = False
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await network.async_close()
        done = True
    finally:
        if not done:
            network.zeroconf.close()


async def _resolved(network: Any, kind: str, name: str) -> FoundService | None:
    from zeroconf import DNSQuestionType
    from zeroconf.asyncio import AsyncServiceInfo

    info, asked = AsyncServiceInfo(kind, name), DNSQuestionType.QM
    if not await info.async_request(network.zeroconf, 1000 * _ANSWERS_S, asked):
        return None
    addresses = info.parsed_addresses()
    if not addresses or not info.port:
        return None
    return FoundService(kind, name.removesuffix(f".{kind}"), addresses[0], info.port)


@contextlib.asynccontextmanager
async def announced_service(
    kind: str,
    name: str,
    server: str,
    addresses: Sequence[str],
    port: int,
    properties: Mapping[str, str],
) -> AsyncIterator[bool]:
    """Announce a service while the context is open; whether it is announced.

    It is withdrawn at the end. Without a network, or if zeroconf is not installed, it is not
    announced, and the log says so.

    Args:
        kind: such as `_http._tcp.local.`
        name: if another service has announced it, a number follows.
        server: the host's name in the announcement, without `.local.`; unique in the network.
        addresses: where it is reached, and where it is announced.
        port: its TCP port.
        properties: what else the announcement says.
    """
    try:
        from zeroconf import Error
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf
    except ModuleNotFoundError:
        _log.info("%s is not announced in the network: install roastwatch[network]", name)
        yield False
        return
    info = AsyncServiceInfo(
        kind,
        f"{name}.{kind}",
        port=port,
        parsed_addresses=list(addresses),
        properties=dict(properties),
        server=f"{server}.local.",
    )
    problem = "%s can't be announced in the network (%s)"
    try:
        network = AsyncZeroconf(interfaces=list(addresses))
    except OSError as error:
        _log.info(problem, name, error.strerror or error)
        yield False
        return
    try:
        registered = True
        try:
            await (await network.async_register_service(info, allow_name_change=True))
        except (Error, OSError, TimeoutError, ValueError) as error:
            _log.info(problem, name, error)
            registered = False
        yield registered
    finally:
        with contextlib.suppress(TimeoutError, Error, OSError):
            await _close(network)  # withdraws it first


def own_addresses() -> list[str]:
    """The IPv4 addresses of this computer, without its own; empty if they are unknown."""
    try:
        import ifaddr
    except ModuleNotFoundError:
        return []
    found = {str(ip.ip) for one in ifaddr.get_adapters() for ip in one.ips if ip.is_IPv4}
    return sorted(one for one in found if not one.startswith("127."))
