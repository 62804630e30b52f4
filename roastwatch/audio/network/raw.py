"""Raw samples that arrive over the network, and the options of sources that receive them."""

import ipaddress
import time

from pydantic import Field

from roastwatch.audio.network.arrivals import Arrivals, Piece
from roastwatch.audio.network.source import NetworkOptions
from roastwatch.audio.pcm import NetworkFormat, decode, frame_bytes, header_kind
from roastwatch.supervise import Backoff

EAGER = Backoff(first_s=0.2, longest_s=0.2)
"""For a port of this computer: opening it costs nothing, and a sender may come at any time."""


class RawOptions(NetworkOptions):
    """How raw samples are encoded, and who may send them."""

    format: NetworkFormat = Field(
        "s16le", description="Encoding: s16, s24, s32 or f32, with le or be for the byte order."
    )
    sample_rate_hz: int = Field(
        48_000,
        description="Sample rate in Hz, 16000 or more (8000 for the model transients).",
        ge=8_000,
        le=384_000,
    )
    channels: int = Field(1, description="Number of interleaved channels.", ge=1, le=16)
    port: int = Field(4953, description="Port; of the peer if `host` is set.", ge=1, le=65535)
    listen: str = Field(
        "0.0.0.0",
        description="Address of this computer at which sound is received; `::` for IPv6, too.",
        min_length=1,
    )
    sender: str | None = Field(
        None,
        description="Address of the only device whose sound is accepted; empty: the first to send.",
    )


class RawSound:
    """Bytes in any portions → pieces of whole frames."""

    def __init__(self, options: RawOptions, arrivals: Arrivals) -> None:
        self._options = options
        self._arrivals = arrivals
        self._size = frame_bytes(options.format, options.channels)
        self._rest = b""
        self._begun = False

    def push(self, raw: bytes) -> str | None:
        """Take bytes; returns the kind of file that is sent, if these are no raw samples."""
        raw = self._rest + raw if self._rest else raw
        if not self._begun and len(raw) >= 4:
            self._begun = True
            if kind := header_kind(raw[:4]):
                return kind
        whole = len(raw) // self._size * self._size if self._begun else 0
        self._rest = raw[whole:]
        if whole:
            options = self._options
            frames = decode(raw[:whole], options.format, options.channels)
            self._arrivals.put(Piece(frames, time.monotonic()))
        return None


def same_host(peer: str, wanted: str | None) -> bool:
    """Whether an address is the one that is wanted; None accepts any."""
    if wanted is None:
        return True
    try:
        here = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer == wanted
    mapped = here.ipv4_mapped if isinstance(here, ipaddress.IPv6Address) else None
    try:
        return ipaddress.ip_address(wanted) in (here, mapped)
    except ValueError:
        return False


def address_text(host: str, port: int) -> str:
    """An address as people write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
