"""Sound from a network that is late, loses and reorders keeps its place in time."""

import random

import numpy as np
import pytest

from roastwatch.audio.network import rtp
from roastwatch.audio.network.arrivals import Arrivals, Piece
from roastwatch.audio.network.bridge import bridge, is_cut, joined
from roastwatch.audio.network.steady import LOSING, OTHER_RATE, SteadySound
from roastwatch.audio.pcm import decode
from roastwatch.errors import LostError
from roastwatch.vocabulary import Float32Array

RATE_HZ = 16_000
PACKET = 320


class Counters(dict[str, float]):
    def count(self, name: str, by: float = 1) -> None:
        self[name] = self.get(name, 0) + by


def rumble(seconds: float) -> Float32Array:
    """Noise below 300 Hz with a little of everything, as beside a roaster; shape (n, 1)."""
    noise = np.random.default_rng(5).standard_normal(round(seconds * RATE_HZ))
    slow = np.convolve(noise, np.hanning(80) / 15, "same")
    return (0.1 * slow + 0.003 * noise).astype(np.float32)[:, None]


def sent(
    steady: SteadySound,
    sound: Float32Array,
    *,
    delays_s: list[float] | None = None,
    lost: frozenset[int] = frozenset(),
    numbered: bool = False,
    speed: float = 1.0,
    from_s: float = 1000.0,
) -> tuple[list[int], Float32Array]:
    """Packets of 20 ms through `steady`; returns the gaps in frames, and all sound, (n,)."""
    gaps, heard, missing, due_s = [], [], 0, 0.0
    for number in range(len(sound) // PACKET):
        if number in lost:
            missing += PACKET
            continue
        frames = sound[number * PACKET :][:PACKET].copy()
        due_s = max(due_s, from_s + (number + 1) * PACKET / RATE_HZ / speed)
        due_s += delays_s[number] if delays_s else 0.0
        piece = Piece(frames, due_s, missing if numbered else 0, doubtful=not numbered)
        missing = 0
        gap, frames = steady.push(piece)
        gaps.append(gap)
        heard.append(frames[:, 0])
    return gaps, np.concatenate(heard)


def opened(counters: Counters) -> SteadySound:
    steady = SteadySound(counters.count)
    steady.open(RATE_HZ, again=False)
    return steady


def test_sound_that_arrives_in_time_stays_as_it_is() -> None:
    sound, counters = rumble(6.0), Counters()
    gaps, heard = sent(opened(counters), sound)
    assert not any(gaps)
    assert np.array_equal(heard, sound[:, 0])
    assert counters == {}


def test_late_sound_that_catches_up_is_neither_lost_nor_cut() -> None:
    sound, counters = rumble(12.0), Counters()
    delays_s = [0.0] * 600
    delays_s[200] = 3.0  # nothing for three seconds, then all at once
    gaps, heard = sent(opened(counters), sound, delays_s=delays_s)
    assert not any(gaps)
    assert len(heard) == len(sound)


@pytest.mark.parametrize("numbered", [True, False])
def test_a_long_loss_is_a_gap_of_its_length(numbered: bool) -> None:
    sound, counters = rumble(20.0), Counters()
    gaps, heard = sent(opened(counters), sound, lost=frozenset(range(400, 475)), numbered=numbered)
    assert sum(gaps) / RATE_HZ == pytest.approx(1.5, abs=0.05)
    assert len(heard) + sum(gaps) == pytest.approx(len(sound), abs=0.05 * RATE_HZ)


def test_short_losses_with_numbers_are_bridged_in_place() -> None:
    sound, counters = rumble(6.0), Counters()
    lost = frozenset(range(10, 300, 20))
    gaps, heard = sent(opened(counters), sound, lost=lost, numbered=True)
    assert not any(gaps)
    assert len(heard) == len(sound)
    assert counters["samples_bridged"] == len(lost) * PACKET
    kept = [n for n in range(300) if n not in lost]
    for number in kept:
        part = slice(number * PACKET, (number + 1) * PACKET)
        assert np.array_equal(heard[part], sound[part, 0])


def test_losses_without_numbers_are_made_up_for_by_the_clock() -> None:
    sound, counters = rumble(40.0), Counters()
    lost = frozenset(random.Random(1).sample(range(200, 2000), 90))
    gaps, heard = sent(opened(counters), sound, lost=lost)
    assert len(heard) + sum(gaps) == pytest.approx(len(sound), abs=0.1 * RATE_HZ)


@pytest.mark.parametrize("speed", [0.995, 1.005])
def test_a_sender_with_a_wrong_clock_stays_true_to_time(speed: float) -> None:
    sound, counters = rumble(30.0), Counters()
    gaps, heard = sent(opened(counters), sound, speed=speed)
    assert not any(gaps)
    assert len(heard) / RATE_HZ == pytest.approx(30.0 / speed, abs=0.06)
    assert set(counters) <= {"samples_bridged", "samples_cut", "cuts_found"}


def test_sound_after_a_reconnection_comes_after_a_gap_of_the_time_between() -> None:
    sound, counters = rumble(4.0), Counters()
    steady = opened(counters)
    sent(steady, sound)
    steady.open(RATE_HZ, again=True)
    gaps, _ = sent(steady, sound, from_s=1000.0 + 4.0 + 7.0)
    assert gaps[0] / RATE_HZ == pytest.approx(7.0, abs=0.01)
    assert not any(gaps[1:])


@pytest.mark.parametrize(
    ("speed", "problem"),
    [(1.0, None), (2.0, OTHER_RATE.format(there=32000, here=RATE_HZ))],
)
def test_a_wrong_rate_is_named(speed: float, problem: str | None) -> None:
    steady = opened(Counters())
    sent(steady, rumble(30.0), speed=speed)
    assert steady.problem(RATE_HZ) == problem


def test_many_losses_are_a_problem() -> None:
    steady = opened(Counters())
    sent(steady, rumble(30.0), lost=frozenset(range(0, 1500, 5)), numbered=True)
    assert steady.problem(RATE_HZ) == LOSING


def bend(sound: Float32Array) -> float:
    return float(np.abs(np.diff(sound[:, 0], n=2)).max())


def test_a_bridge_has_no_click_and_repeats_no_pop() -> None:
    sound = rumble(2.0)
    before, after = sound[:RATE_HZ].copy(), sound[RATE_HZ + PACKET :]
    calm = bend(before)
    before[-4000] += 0.5  # a pop shortly before
    made = bridge(before, after, PACKET, 80)
    assert made.shape == (PACKET, 1)
    assert bend(np.concatenate([before[-100:], made, after[:100]])) < 1.5 * calm


def test_a_cut_is_found_and_its_click_taken_away() -> None:
    sound = rumble(2.0)
    starts = [8_000 + 97 * step for step in range(100)]
    whole = sum(is_cut(sound[:start], sound[start : start + PACKET]) for start in starts)
    cut = [start for start in starts if is_cut(sound[:start], sound[start + PACKET :])]
    assert whole <= 1
    assert len(cut) > 70
    for start in cut:
        before, after = sound[:start], sound[start + PACKET :]
        smooth = np.concatenate([before[-100:], joined(before, after, 80)[:200]])
        assert bend(smooth) < 1.5 * bend(sound)


def packet(number: int, *, source: int = 7, stamp: int | None = None) -> rtp.Packet:
    stamp = number * PACKET if stamp is None else stamp
    return rtp.Packet(number % 65536, stamp % 2**32, 96, source, b"")


def ordered(numbers: list[int], wait_s: float = 0.1) -> tuple[list[tuple[int, int]], Counters]:
    """Packets that arrive 20 ms apart in this order → (number, frames missing before)."""
    counters = Counters()
    order = rtp.Order(RATE_HZ, wait_s, counters.count)
    ready = []
    for turn, number in enumerate(numbers):
        frames = np.full((PACKET, 1), number, np.float32)
        pieces = order.push(packet(number), Piece(frames, 10.0 + 0.02 * turn))
        ready += [(int(piece.frames[0, 0]), piece.missing) for piece in pieces]
    return ready, counters


def test_rtp_is_put_in_order_across_the_wrap_of_its_number() -> None:
    numbers = [65533, 65534, 65536, 65535, 65538, 65537, 65539]
    ready, counters = ordered(numbers)
    assert ready == [(number, 0) for number in sorted(numbers)]
    assert counters["datagrams_reordered"] == 2


def test_a_lost_rtp_packet_is_awaited_and_then_missing_by_its_length() -> None:
    ready, counters = ordered([1, 2, 4, 5, 6, 7, 8, 9, 10, 3])
    assert ready == [(1, 0), (2, 0), (4, PACKET), *((number, 0) for number in range(5, 11))]
    assert counters == {"datagrams_lost": 1, "datagrams_late": 1}


def test_a_restarted_rtp_sender_begins_anew() -> None:
    order = rtp.Order(RATE_HZ, 0.1, Counters().count)
    frames = np.zeros((PACKET, 1), np.float32)
    for number in (1, 2, 3):
        assert order.push(packet(number), Piece(frames, 1.0))
    assert order.push(packet(40_000, source=9), Piece(frames, 2.0))
    assert order.push(packet(40_001, source=9), Piece(frames, 2.1))[0].missing == 0


def test_rtp_with_extension_sources_and_padding_is_read() -> None:
    head = bytes([0x80 | 0x20 | 0x10 | 1, 96, 0, 5, 0, 0, 0, 9, 0, 0, 0, 1])
    raw = head + b"\1\2\3\4" + b"\0\0\0\1" + b"\5\6\7\x08" + b"soun" + b"\0\0\3"
    found = rtp.parse(raw)
    assert found is not None
    assert (found.number, found.timestamp, found.payload) == (5, 9, b"soun")
    for end in range(len(raw)):
        rtp.parse(raw[:end])  # never an error


def test_samples_that_look_like_rtp_are_not_taken_for_it() -> None:
    constant = [rtp.parse(b"\x80" * 640)] * 3
    assert not rtp.looks_numbered(constant)
    noise = np.random.default_rng(2).integers(0, 256, (300, 640), np.uint8)
    groups = [[rtp.parse(bytes(raw)) for raw in noise[at : at + 3]] for at in range(0, 300, 3)]
    assert not any(rtp.looks_numbered(group) for group in groups)


def test_formats_of_all_widths_and_orders_are_decoded() -> None:
    value = -0.25
    for form, kind, full in (
        ("s16le", "<i2", 2**15), ("s16be", ">i2", 2**15),
        ("s32le", "<i4", 2**31), ("s32be", ">i4", 2**31),
    ):  # fmt: skip
        raw = np.array([value * full], kind).tobytes()
        assert decode(raw, form, 1)[0, 0] == value  # type: ignore[arg-type]
    assert decode(b"\x00\x00\xe0", "s24le", 1)[0, 0] == value
    assert decode(b"\xe0\x00\x00\xe0\x00\x00", "s24be", 2).tolist() == [[value, value]]


async def test_a_reader_that_is_late_skips_to_the_newest_sound() -> None:
    counters = Counters()
    arrivals = Arrivals(RATE_HZ, counters.count)
    for number in range(300):  # six seconds
        arrivals.put(Piece(np.full((PACKET, 1), number, np.float32), float(number)))
    first = await arrivals.next(1.0)
    frames = int(first.frames[0, 0])
    assert first.missing == frames * PACKET
    assert counters["samples_skipped"] == first.missing
    arrivals.end("over")
    for _ in range(frames + 1, 300):
        await arrivals.next(1.0)
    with pytest.raises(LostError, match="over"):
        await arrivals.next(1.0)
