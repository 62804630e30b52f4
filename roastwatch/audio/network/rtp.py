"""Datagrams with the header of RTP (RFC 3550): their order, and what is missing between them."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from roastwatch.audio.network.arrivals import Piece

_HEADER = struct.Struct("!BBHII")
_RESTARTED = 3000
"""Datagrams; a number that is further off belongs to a sender that was restarted."""
_LONGEST_LOSS_S = 60.0


@dataclass(frozen=True, slots=True)
class Packet:
    """One datagram."""

    number: int
    """0 to 65535, then 0 again."""
    timestamp: int
    """In samples, modulo 2³²."""
    kind: int
    """The payload type."""
    source: int
    payload: bytes


def parse(raw: bytes) -> Packet | None:
    """The packet in a datagram; None if it is none."""
    if len(raw) <= _HEADER.size or raw[0] >> 6 != 2:
        return None
    first, second, number, timestamp, source = _HEADER.unpack_from(raw)
    begin, end = _HEADER.size + 4 * (first & 15), len(raw)
    if first & 16:
        if len(raw) < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(raw[begin + 2 : begin + 4], "big")
    if first & 32:
        end -= raw[-1]
    if begin >= end:
        return None
    return Packet(number, timestamp, second & 127, source, raw[begin:end])


def is_report(raw: bytes) -> bool:
    """Whether a datagram is a report of RTCP, which some senders mix in."""
    return len(raw) >= 8 and raw[0] >> 6 == 2 and 200 <= raw[1] <= 211


def looks_numbered(packets: list[Packet | None]) -> bool:
    """Whether some datagrams in a row are RTP, and not samples that look like it."""
    real = [packet for packet in packets if packet is not None]
    if len(real) < len(packets):
        return False
    numbers = {packet.number for packet in real}
    spread = max((number - real[0].number + 32768) % 65536 - 32768 for number in numbers)
    one = len({(packet.source, packet.kind) for packet in real}) == 1
    return one and len(numbers) == len(real) and abs(spread) < 100


class Order:
    """Brings packets into their order, waiting for late ones; counts what does not come."""

    def __init__(self, rate_hz: int, wait_s: float, count: Callable[[str, float], None]) -> None:
        """`wait_s`: how long a missing packet is awaited once a later one has arrived."""
        self._rate = rate_hz
        self._wait_s = wait_s
        self._count = count
        self._next: int | None = None
        """The number that is due, counted on beyond 65535."""
        self._due = 0
        """The timestamp that is due."""
        self._held: dict[int, tuple[Packet, Piece]] = {}
        self._source: int | None = None

    def push(self, packet: Packet, piece: Piece) -> list[Piece]:
        """Take a packet and its frames; returns the pieces whose turn has come."""
        ready: list[Piece] = []
        if self._next is None or packet.source != self._source:
            ready = self._restart(packet)
        assert self._next is not None
        off = (packet.number - self._next + 32768) % 65536 - 32768
        if abs(off) > _RESTARTED:
            ready = self._restart(packet)
            off = 0
        number = self._next + off
        if off < 0 or number in self._held:
            self._count("datagrams_late", 1)
            return ready
        if number < max(self._held, default=0):
            self._count("datagrams_reordered", 1)
        self._held[number] = packet, piece
        return ready + self._release(piece.arrived_s)

    def _restart(self, packet: Packet) -> list[Piece]:
        ready = [self._take(number) for number in sorted(self._held)]
        self._source, self._next, self._due = packet.source, packet.number, packet.timestamp
        return ready

    def _release(self, now_s: float) -> list[Piece]:
        ready: list[Piece] = []
        while self._held:
            first = min(self._held)
            waited_s = now_s - min(piece.arrived_s for _, piece in self._held.values())
            if first != self._next and waited_s < self._wait_s:
                break
            ready.append(self._take(first))
        return ready

    def _take(self, number: int) -> Piece:
        assert self._next is not None
        packet, piece = self._held.pop(number)
        length, lost = len(piece.frames), number - self._next
        missing = 0
        if lost:
            self._count("datagrams_lost", lost)
            by_time = (packet.timestamp - self._due) % 2**32
            plausible = lost * length / 2 <= by_time <= lost * length * 2
            missing = by_time if plausible else lost * length
            missing = min(missing, round(_LONGEST_LOSS_S * self._rate))
        self._next, self._due = number + 1, (packet.timestamp + length) % 2**32
        return replace(piece, missing=piece.missing + missing)
