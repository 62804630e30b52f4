"""Announces the API in the network, so that Home Assistant finds it."""

import contextlib
import ipaddress
from collections.abc import Mapping

from roastwatch import __version__
from roastwatch.mdns import announced_service, own_addresses
from roastwatch.web.guards import is_loopback
from roastwatch.web.route import BASE

KIND = "_roastwatch._tcp.local."
_LONGEST_NAME = 40
_EVERYWHERE = ("0.0.0.0", "::")


def announced(
    service_id: str, instance: str, host: str, port: int
) -> contextlib.AbstractAsyncContextManager[object]:
    """Announce the API while the context is open, if others than this machine can reach it.

    Args:
        service_id: by which a program knows the service again.
        instance: the name of the instance.
        host: the address that is served on; 0.0.0.0 or ::: every one.
        port: the TCP port.
    """
    addresses = _addresses(host)
    if not addresses:
        return contextlib.nullcontext()
    return announced_service(
        KIND,
        service_name(service_id, instance),
        f"roastwatch-{service_id[:12]}",
        addresses,
        port,
        properties(service_id, instance),
    )


def service_name(service_id: str, instance: str) -> str:
    """The name of the announcement; instances of one name have different ones."""
    return f"roastwatch {instance[:_LONGEST_NAME]} {service_id[:6]}"


def properties(service_id: str, instance: str) -> Mapping[str, str]:
    """What the announcement says, as in integrations/contract.md."""
    return {
        "id": service_id,
        "instance": instance,
        "version": __version__,
        "path": BASE,
        "tls": "0",
    }


def _addresses(host: str) -> list[str]:
    """Where others reach a host; empty if only this machine does, or if it is a name."""
    if host in _EVERYWHERE:
        return own_addresses()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return []
    return [] if is_loopback(host) else [str(address)]
