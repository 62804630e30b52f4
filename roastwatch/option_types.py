"""Kinds of values that several parts' options have."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from roastwatch.options import placed


def _named_file(text: object, info: ValidationInfo) -> object:
    folder = (info.context or {}).get("folder")
    if not isinstance(text, str) or not text.strip():
        return text
    path = placed(text, folder)
    return str(path) if text.startswith("~") or (folder and path.exists()) else text


NameOrFile = Annotated[str, BeforeValidator(_named_file)]
"""A name that something knows, or a file or folder: placed as a Path is, where there is one."""


def host_name(raw: str) -> str:
    """A host as programs take it: a name or an address, without brackets.

    Raises:
        ValueError: it is empty, an address of the web, has a port in it, or is no name.
    """
    host = raw.strip()
    if not host:
        raise ValueError("the host is empty: write a name or address, such as broker.local")
    if "://" in host or "@" in host or "/" in host:
        raise ValueError(
            "write the name or address alone, such as broker.local: scheme, port, user name and "
            "encryption have options of their own"
        )
    inside = re.fullmatch(r"\[([^\]]*)\]", host)
    if inside or host.count(":") > 1:
        address = inside[1] if inside else host
        try:
            ipaddress.IPv6Address(address)
        except ValueError:
            raise ValueError(
                "this is no IPv6 address: write it alone, such as fe80::1, and its port as `port`"
            ) from None
        return address
    name, colon, port = host.partition(":")
    if colon:
        shown = port if port.isdecimal() else "1883"
        raise ValueError(
            f"the port stands apart: write `{name or 'broker.local'}` here and the "
            f"port as an option of its own ({shown})"
        )
    try:
        host.encode("idna")
        spaced = bool(re.search(r"[\s\x00-\x1f\x7f]", host))
    except UnicodeError:
        spaced = True
    if spaced:
        raise ValueError("this is no name of a host: write one such as broker.local")
    return host


Host = Annotated[str, AfterValidator(host_name)]
"""A name or address, such as broker.local, 192.168.1.2 or fe80::1."""
