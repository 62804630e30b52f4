"""What arrives split at every offset, corrupted in every bit, and out of order: each protocol.

Out of order means frames that overtake each other, and halves that do. No decoder may raise, and
none may make a value out of nothing: with a checksum only frames that were sent come out; without
one only what its form and its range allow (a jump is the driver's matter, `plausible.Believed`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest

from roastwatch.roaster.drivers import (
    aillio_r1,
    aillio_r2,
    freshroast_packets,
    hottop_frames,
    kaleido,
    tc4,
)
from roastwatch.roaster.drivers.modbus_profile import Code, WordOrder
from roastwatch.roaster.drivers.modbus_profile import decode as decode_words
from roastwatch.roaster.transport.line_splitter import LineSplitter
from tests.fakes.aillio import FakeR1, FakeR2
from tests.fakes.freshroast import ROASTING, FakeFreshRoast
from tests.fakes.hottop import FakeHottop
from tests.fakes.kaleido import FakeKaleido
from tests.fakes.line import every_split
from tests.fakes.tc4 import FakeTc4


@dataclass
class Protocol:
    """One stream. `fresh` makes a decoder of chunks."""

    frames: list[bytes]
    fresh: Callable[[], Callable[[bytes], list[Any]]]
    sound: Callable[[Any], bool]
    """Whether what came out can be true."""
    checked: bool = False
    """By a checksum."""

    def decode(self, *chunks: bytes) -> list[Any]:
        feed = self.fresh()
        return [one for chunk in chunks for one in feed(chunk)]


def in_lines(decode: Callable[[str], Any]) -> Callable[[], Callable[[bytes], list[Any]]]:
    def fresh() -> Callable[[bytes], list[Any]]:
        lines = LineSplitter()
        return lambda data: [one for text in lines.feed(data) if (one := decode(text)) is not None]

    return fresh


def percents(*values: float | None) -> bool:
    return all(value is None or 0 <= value <= 100 for value in values)


def temperatures() -> list[tuple[float, float]]:
    return [(101.0, 150.0), (155.0, 190.0), (201.0, 230.0)]


def frames(fake: Any, say: Callable[[Any], bytes]) -> list[bytes]:
    found = []
    for fake.thermal.bean_c, fake.thermal.air_c in temperatures():
        found.append(say(fake))
    return found


def freshroast_frames() -> list[bytes]:
    fake = FakeFreshRoast()
    fake.state, fake.heat, fake.fan, fake.left_s = ROASTING, 2, 5, 12
    return frames(fake, lambda f: f.status())


PROTOCOLS = {
    "hottop": Protocol(
        frames(FakeHottop(), lambda f: f.status()),
        lambda: hottop_frames.HottopParser().feed,
        lambda s: percents(s.heater, s.fan * 10, s.main_fan * 10),
        checked=True,
    ),
    "freshroast": Protocol(
        freshroast_frames(),
        lambda: freshroast_packets.FreshRoastParser().feed,
        lambda p: (
            p.fan <= 9
            and p.heat <= 3
            and (
                p.flag or p.fahrenheit is None or p.fahrenheit >= 150
            )  # higher is reported as read
        ),
    ),
    "tc4": Protocol(
        frames(FakeTc4(kind="skywalker"), lambda f: f._reading().encode() + b"\r\n"),
        in_lines(tc4.decode),
        lambda line: percents(line.heater, line.fan),
    ),
    "kaleido": Protocol(
        frames(FakeKaleido(), lambda f: b"{0" + f._data().encode() + b"}\n"),
        in_lines(kaleido.decode),
        lambda f: percents(*(f.numbers.get(tag) for tag in ("HP", "FC", "RC"))),
    ),
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_split_at_every_offset(name: str) -> None:
    protocol = PROTOCOLS[name]
    whole = protocol.decode(b"".join(protocol.frames))
    assert len(whole) == 3
    for before, after in every_split(b"".join(protocol.frames)):
        assert protocol.decode(before, after) == whole
    assert protocol.decode(*(bytes([byte]) for byte in b"".join(protocol.frames))) == whole


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_bit_corrupted(name: str) -> None:
    protocol = PROTOCOLS[name]
    first, second, third = protocol.frames
    sent = protocol.decode(*protocol.frames)
    for bit in range(8 * len(second)):
        broken = bytearray(second)
        broken[bit // 8] ^= 1 << bit % 8
        found = protocol.decode(first, bytes(broken), third)
        assert found[0] == sent[0]
        assert all(protocol.sound(one) for one in found)
        if protocol.checked:
            assert all(one in sent for one in found)
            assert sent[1] not in found


@pytest.mark.parametrize("name", PROTOCOLS)
def test_out_of_order(name: str) -> None:
    protocol = PROTOCOLS[name]
    sent = protocol.decode(*protocol.frames)
    for order in permutations(range(3)):
        found = protocol.decode(*(protocol.frames[at] for at in order))
        assert found == [sent[at] for at in order]
    first, second, third = protocol.frames
    for before, after in every_split(second):
        found = protocol.decode(first, after, before, third, first, third)
        assert found[0] == sent[0]
        assert found[-1] == sent[2], "it must find its feet again"
        assert all(protocol.sound(one) for one in found)
        if protocol.checked:
            assert all(one in sent for one in found)


@pytest.mark.parametrize(
    ("decode", "fake"), [(aillio_r1.decode, FakeR1), (aillio_r2.decode, FakeR2)]
)
def test_bullets_whose_transfers_are_whole(decode: Callable[[bytes], Any], fake: Any) -> None:
    """USB hands over whole transfers: cut or joined ones are refused, broken ones stay in range."""
    statuses = frames(fake(), lambda f: f.status())
    for raw in statuses:
        whole = decode(raw)
        assert whole is not None
        for before, after in every_split(raw):
            for part in (before, after, after + before):
                found = decode(part)
                assert found is None or len(part) == 64
                if found is not None:
                    assert 0 <= found.levels.heater <= 14
        for bit in range(8 * 64):
            broken = bytearray(raw)
            broken[bit // 8] ^= 1 << bit % 8
            found = decode(bytes(broken))
            if found is not None:
                assert found.bean_c is None or found.bean_c >= 1  # higher is reported as read
                assert found.levels.fan <= 12
                assert found.levels.drum <= 9


@pytest.mark.parametrize("code", list(Code))
def test_modbus_words_out_of_order_or_short(code: Code) -> None:
    """Framing, order and checksums are pymodbus's; what it hands over may still be short."""
    for words in ([], [1], [0xFFFF], [1, 2], [0xFFFF, 0xFFFF], [1, 2, 3]):
        for order in WordOrder:
            value = decode_words(words, code, order)
            assert value is None or len(words) == code.words
