"""What a start shows: where the page is, and new passwords, once and never in a log."""

import logging
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from roastwatch.errors import SettingsError
from roastwatch.files.atomic import write_whole
from roastwatch.web.accounts import CODE_S, Role
from roastwatch.web.guards import is_loopback

_log = logging.getLogger(__name__)
_EVERYWHERE = ("0.0.0.0", "::")
_ELSEWHERE = ("192.0.2.1", 9)
"""Reserved for documentation: the kernel only looks up the way there, nothing is sent."""
_QUIET = 4
"""Modules of light around a QR code."""


def addresses(host: str, port: int) -> list[str]:
    """Where a browser finds the page, this machine first.

    Args:
        host: the address that is served on; 0.0.0.0 or ::: every one.
        port: the TCP port.
    """
    hosts = ["127.0.0.1", *_network()] if host in _EVERYWHERE else [host]
    return [f"http://{f'[{one}]' if ':' in one else one}:{port}/" for one in hosts]


def announce(host: str, port: int) -> None:
    """Log the page's address, and whether others can reach it."""
    found = addresses(host, port)
    if is_loopback(host):
        _log.info("The page is at %s (this machine only)", found[0])
    else:
        _log.info("The page is at %s (open to the network)", " and ".join(found))


def show_new(
    passwords: Mapping[Role, str],
    code: str,
    page: str,
    file: Path | None,
    terminal: TextIO | None = None,
) -> None:
    """Show new passwords on the terminal; without one, store them for the owner of the data folder.

    Args:
        passwords: by what they allow.
        code: signs in one operator, once; it is part of the QR code.
        page: address of the page for a phone.
        file: where they are stored if there is no terminal.
        terminal: where to show them; None: standard error, if it is a terminal.

    Raises:
        SettingsError: there is neither a terminal nor a place to store them.
    """
    out = terminal or (sys.stderr if sys.stderr.isatty() else None)
    lines = [f"{role.value:<10}{password}" for role, password in passwords.items()]
    if out is not None:
        link = f"{page}#/sign-in?code={code}"
        out.write(
            "\nNew passwords of the page. They are shown only now:\n\n"
            + "".join(f"  {line}\n" for line in lines)
            + f"\nTo sign in a phone as operator within {CODE_S / 60:.0f} minutes, once, scan:\n\n"
            + qr(link)
            + f"\n{link}\n\n"
            + f"Or pair a program, such as Home Assistant, with the code {code}\n\n"
        )
        out.flush()
        return
    if file is None:
        raise SettingsError(
            "The new passwords of the page can't be shown without a terminal: run in a terminal, "
            "or with a roast log, beside which they are stored."
        )
    try:
        write_whole(file, "\n".join(lines) + "\n", private=True)
    except OSError as error:
        raise SettingsError(
            f"The new passwords of the page can't be stored in {file} ({error.strerror})."
        ) from error
    _log.warning(
        "New passwords of the page are in %s, which only its owner can read: delete it once you "
        "have read them",
        file,
    )


def qr(text: str) -> str:
    """A QR code of blocks, two modules in one letter; light is drawn, as terminals are dark."""
    import segno

    light = [[not module for module in row] for row in segno.make_qr(text, error="l").matrix]
    side = [True] * _QUIET
    width = len(light) + 2 * _QUIET
    rows = [[True] * width] * _QUIET + [side + row + side for row in light]
    rows += [[True] * width] * (_QUIET + len(rows) % 2)
    letters = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "".join(
        "".join(letters[two] for two in zip(upper, lower, strict=True)) + "\n"
        for upper, lower in pairs
    )


def phone_address(host: str, port: int) -> str:
    """The address for another device in the network; this machine's own if there is none."""
    return addresses(host, port)[-1]


def _network() -> list[str]:
    """This machine's address in its network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return []
        found: str = probe.getsockname()[0]
    return [] if is_loopback(found) else [found]
