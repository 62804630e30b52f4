"""Types of values that the options of several components share."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from roastwatch.options import placed


def _named_file(text: object, info: ValidationInfo) -> object:
    folder = (info.context or {}).get("folder")
    if not isinstance(text, str) or not text.strip():
        return text
    path = placed(text, folder)
    return str(path) if text.startswith("~") or (folder and path.exists()) else text


NameOrFile = Annotated[str, BeforeValidator(_named_file)]
"""A known name, or a file or folder. If that exists, it is resolved as a Path is."""


Channel = Annotated[
    int | None,
    Field(description="Channel to use, from 1; empty: the strongest above 3 kHz.", ge=1),
]
"""The roaster's channel of a source."""
ReferenceChannel = Annotated[
    int | None,
    Field(
        description="Channel of a reference microphone away from the roaster, from 1: what is "
        "louder there is not a crack; empty: none.",
        ge=1,
    ),
]
"""The other microphone's channel of a source."""


def host_name(raw: str) -> str:
    """A host name or address, without the brackets of an IPv6 address.

    Raises:
        ValueError: it is empty, a URL, contains a port, or is not a valid name.
    """
    host = raw.strip()
    if not host:
        raise ValueError("the host is empty: write a name or address, such as broker.local")
    if "://" in host or "@" in host or "/" in host:
        raise ValueError(
            "write only the name or address, such as broker.local: port, user name and encryption "
            "have their own options"
        )
    inside = re.fullmatch(r"\[([^\]]*)\]", host)
    if inside or host.count(":") > 1:
        address = inside[1] if inside else host
        try:
            ipaddress.IPv6Address(address)
        except ValueError:
            raise ValueError(
                "not an IPv6 address: write only the address, such as fe80::1, without the port"
            ) from None
        return address
    name, colon, port = host.partition(":")
    if colon:
        shown = port if port.isdecimal() else "1883"
        raise ValueError(
            f"the port has its own option: write `{name or 'broker.local'}` here and the port "
            f"({shown}) there"
        )
    try:
        host.encode("idna")
        spaced = bool(re.search(r"[\s\x00-\x1f\x7f]", host))
    except UnicodeError:
        spaced = True
    if spaced:
        raise ValueError("not a valid host name: write one such as broker.local")
    return host


Host = Annotated[str, AfterValidator(host_name)]
"""A name or address, such as broker.local, 192.168.1.2 or fe80::1."""
