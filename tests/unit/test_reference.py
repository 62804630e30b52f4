"""A reference microphone rejects what is louder there, and nothing while it hears nothing."""

from functools import cache

import numpy as np
import pytest

from roastwatch.detection.model import CrackModel
from roastwatch.detection.reference.envelope import Envelope
from roastwatch.detection.reference.reference import Reference
from roastwatch.vocabulary import CrackScore, Float32Array, Pop
from tests.support.two_microphones import RATE_HZ, Found, Scene, found, pops_model, scene

STEP = RATE_HZ // 10


@pytest.fixture(scope="module")
def model() -> CrackModel:
    return pops_model()


@cache
def roast(beside: str) -> Scene:
    seed, level_db = {"pan": (2, 0.0), "talk": (1, 0.0)}[beside]
    return scene(seed, beside, level_db=level_db)


@cache
def alone(beside: str) -> Found:
    return found(roast(beside), pops_model(), None)


def one_card(heard: Scene, until: int | None = None) -> Reference:
    """A reference fed with both channels; the second one ends at a sample."""
    reference = Reference(RATE_HZ)
    for at in range(0, len(heard.main), STEP):
        reference.hear(at, heard.main[at : at + STEP])
        if until is None or at < until:
            reference.push(at, heard.reference[at : at + STEP])
    return reference


def drifting(sound: Float32Array, offset_s: float, ppm: float) -> Float32Array:
    """What a device records whose clock starts later and runs faster."""
    at = offset_s * RATE_HZ + np.arange(len(sound) - round(offset_s * RATE_HZ) - RATE_HZ) * (
        1 - ppm * 1e-6
    )
    whole = at.astype(int)
    share = (at - whole).astype(np.float32)
    return np.asarray(sound[whole] * (1 - share) + sound[whole + 1] * share, dtype=np.float32)


@pytest.mark.parametrize("beside", ["pan", "talk"])
def test_pops_beside_the_roaster_vanish_and_cracks_stay(beside: str, model: CrackModel) -> None:
    kept = found(roast(beside), model, one_card(roast(beside)))
    assert alone(beside).others >= 10
    assert kept.others <= 0.2 * alone(beside).others
    assert kept.cracks >= 0.9 * alone(beside).cracks > 10


@pytest.mark.parametrize("leak_db", [10.0, 20.0])
def test_in_a_quiet_room_hardly_a_crack_is_rejected(leak_db: float, model: CrackModel) -> None:
    heard = scene(2, level_db=-60.0, leak_db=leak_db)
    before = found(heard, model, None)
    assert found(heard, model, one_card(heard)).cracks >= 0.95 * before.cracks > 10


def test_two_sources_250_ms_and_100_ppm_apart_are_aligned(model: CrackModel) -> None:
    heard = roast("pan")
    other = drifting(heard.reference, 0.25, 100.0)
    reference = Reference(RATE_HZ, same_clock=False)
    reference.anchor(0.0, RATE_HZ)
    judged, stream = [], model.open(RATE_HZ)
    for at in range(0, len(heard.main), STEP):
        reference.hear(at, heard.main[at : at + STEP])
        if len(part := other[at : at + STEP]):
            reference.push(at, part)
        judged += reference.judge(stream.push(heard.main[at : at + STEP]))
    assert reference.offset_s == pytest.approx(0.25, abs=0.02)
    until_s = len(other) / RATE_HZ
    late = [
        pop.sample / RATE_HZ
        for score in judged
        for pop in score.pops
        if pop.probability >= model.spec.pop_threshold and 25 < pop.sample / RATE_HZ < until_s
    ]
    near = [min(abs(at_s - crack_s) for crack_s in heard.cracks_s) < 0.03 for at_s in late]
    before = found(heard, model, None, since_s=25)
    assert near.count(False) <= 0.25 * before.others
    assert near.count(True) >= 0.85 * before.cracks


def test_sources_with_nothing_in_common_reject_nothing() -> None:
    random = np.random.default_rng(4)
    reference = Reference(RATE_HZ, same_clock=False)
    reference.anchor(0.0, RATE_HZ)
    for at in range(0, 40 * RATE_HZ, STEP):
        reference.hear(at, random.standard_normal(STEP, dtype=np.float32) * 0.01)
        reference.push(at, random.standard_normal(STEP, dtype=np.float32) * 0.01)
    assert reference.offset_s is None
    assert not reference.rejects(Pop(30 * RATE_HZ, 0.9))


def test_a_reference_that_is_lost_rejects_nothing_from_then_on() -> None:
    heard = clicks(there_db=20.0)
    reference = one_card(heard, until=6 * RATE_HZ)
    assert [reference.rejects(Pop(s * RATE_HZ, 0.9)) for s in (4, 5, 7, 8)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert (reference.judged, reference.rejected) == (2, 2)


def test_a_reference_that_returns_after_a_gap_judges_again() -> None:
    heard = clicks(there_db=20.0)
    reference = Reference(RATE_HZ)
    for at in range(0, len(heard.main), STEP):
        reference.hear(at, heard.main[at : at + STEP])
        if not 3 * RATE_HZ <= at < 6 * RATE_HZ:
            reference.push(at, heard.reference[at : at + STEP])
    assert [reference.rejects(Pop(s * RATE_HZ, 0.9)) for s in (5, 8)] == [False, True]


def test_a_crack_that_leaks_into_the_reference_is_kept() -> None:
    reference = one_card(clicks(there_db=-10.0))
    assert not any(reference.rejects(Pop(s * RATE_HZ, 0.9)) for s in (4, 5, 6, 7, 8))
    assert reference.judged == 5


def test_a_rejected_pop_leaves_its_score_otherwise_as_it_is() -> None:
    reference = one_card(clicks(there_db=20.0))
    gone, calm = Pop(5 * RATE_HZ, 0.9), Pop(5 * RATE_HZ + RATE_HZ // 2, 0.7)
    score = CrackScore(6 * RATE_HZ, 1.0, 0.9, "net", (gone, calm))
    (judged,) = reference.judge([score])
    assert judged == CrackScore(6 * RATE_HZ, 1.0, 0.9, "net", (calm,))


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100, 48_000])
def test_envelopes_do_not_depend_on_block_size(rate_hz: int) -> None:
    random = np.random.default_rng(3)
    sound = random.standard_normal(4 * rate_hz, dtype=np.float32)
    whole, pieces = Envelope(rate_hz), Envelope(rate_hz)
    whole.push(sound)
    at = 0
    while at < len(sound):
        size = int(random.integers(1, rate_hz // 5))
        pieces.push(sound[at : at + size])
        at += size
    assert whole.frames == pieces.frames == 1600
    a, b = whole.between(0, 1600), pieces.between(0, 1600)
    assert a is not None
    assert b is not None
    np.testing.assert_allclose(a, b, atol=0.01)


@pytest.mark.verify
def test_what_a_reference_is_worth(model: CrackModel) -> None:
    """Print the figures of docs/development/decision.md with -rP."""
    rows = (
        ("pan", 0.0, 6.0, 15.0),
        ("drums", 5.0, 6.0, 15.0), ("music", 5.0, 6.0, 15.0), ("music", 0.0, 0.0, 10.0),
        ("talk", 0.0, 6.0, 15.0), ("talk", -5.0, 0.0, 20.0), ("talk", 5.0, 10.0, 20.0),
    )  # fmt: skip
    sums = np.zeros(4, int)
    for beside, level_db, nearer_db, leak_db in rows:
        row = np.zeros(4, int)
        for seed in (5, 6):  # nothing was chosen on these
            heard = scene(seed, beside, level_db=level_db, nearer_db=nearer_db, leak_db=leak_db)
            without, kept = found(heard, model, None), found(heard, model, one_card(heard))
            row += [without.others, kept.others, without.cracks, kept.cracks]
        print(beside, level_db, nearer_db, leak_db, *row)
        sums += row
    assert sums[1] <= 0.05 * sums[0]
    assert sums[3] >= 0.85 * sums[2]


def clicks(there_db: float) -> Scene:
    """Ten seconds of noise with a click each second, so much louder at the reference."""
    random = np.random.default_rng(5)
    main = random.standard_normal(10 * RATE_HZ, dtype=np.float32) * np.float32(0.01)
    there = random.standard_normal(10 * RATE_HZ, dtype=np.float32) * np.float32(0.01)
    times = range(1, 10)
    for second in times:
        click = random.standard_normal(128, dtype=np.float32) * np.float32(0.2)
        main[second * RATE_HZ :][:128] += click
        there[second * RATE_HZ :][:128] += click * np.float32(10 ** (there_db / 20))
    return Scene(main, there, tuple(float(second) for second in times))
