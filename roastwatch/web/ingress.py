"""People whom Home Assistant signs in and its Supervisor passes on: the ingress of an app.

The Supervisor sends them from one address, with the header X-Ingress-Path and the person's name.
Anybody can write such headers, so they count from that address alone.
"""

import ipaddress

from aiohttp import web
from pydantic import Field, field_validator

from roastwatch.options import Options
from roastwatch.printing.printable import printable
from roastwatch.web.accounts import Role

GATEWAY = "172.30.32.2"
"""The Supervisor's address in the network of apps, the same in each Home Assistant."""
PATH = "X-Ingress-Path"
_NAMES = ("X-Remote-User-Display-Name", "X-Remote-User-Name")
_LONGEST_NAME = 60


class IngressOptions(Options):
    """Who comes through Home Assistant's ingress."""

    role: Role = Field(
        Role.OPERATOR, description="What everybody from there may do: operator or viewer."
    )
    gateway: str = Field(
        GATEWAY, description="Address of the ingress; requests from others are not signed in by it."
    )

    @field_validator("gateway")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            raise ValueError(f"write an address, such as {GATEWAY}") from None


class Ingress:
    """Tells the requests of the ingress from all others."""

    def __init__(self, options: IngressOptions) -> None:
        self.role = options.role
        self._gateway = ipaddress.ip_address(options.gateway)

    def sent(self, request: web.Request) -> bool:
        """Whether a request comes through the ingress, for a person who is signed in there."""
        return bool(request.headers.get(PATH)) and self._gateway == _peer(request)

    def name(self, request: web.Request) -> str:
        """What Home Assistant calls the person; empty: unknown."""
        for header in _NAMES:
            name = printable(request.headers.get(header, ""), _LONGEST_NAME).strip()
            if name:
                return name
        return ""


def _peer(request: web.Request) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address at the other end of the connection, whatever headers say."""
    place = request.transport.get_extra_info("peername") if request.transport else None
    if not isinstance(place, tuple):
        return None
    found = ipaddress.ip_address(str(place[0]).partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
