"""Crack rate curves are seeded, start at their onset and come in the order of a roast."""

import numpy as np

from roastwatch.synth.rates import CrackPhase, RateRanges, draw_rates


def test_a_rate_rises_from_its_onset_holds_and_falls() -> None:
    phase = CrackPhase(onset_s=100, rise_s=20, hold_s=30, fall_s=10, peak_per_s=2.0)
    at_s = np.array([99.0, 100.0, 110.0, 125.0, 155.0, 160.0, 161.0])
    np.testing.assert_allclose(phase.rate_per_s(at_s), [0, 0, 1, 2, 1, 0, 0])
    assert phase.end_s == 160


def test_the_same_seed_gives_the_same_roast() -> None:
    one, two = (draw_rates(np.random.default_rng(7)) for _ in range(2))
    assert one == two
    pops = [one.pops(np.random.default_rng(3)) for _ in range(2)]
    for left, right in zip(*pops, strict=True):
        np.testing.assert_array_equal(left, right)


def test_pops_stay_within_their_phase_and_number_as_the_rate_says() -> None:
    counts, expected = 0, 0.0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        roast = draw_rates(rng, second=True)
        assert roast.first is not None
        assert roast.second is not None
        first, second, strays = roast.pops(rng)
        assert ((first >= roast.first.onset_s) & (first <= roast.first.end_s)).all()
        assert (second >= roast.second.onset_s).all()
        assert (strays <= roast.first.onset_s).all()
        assert roast.second.onset_s > roast.first.end_s
        counts += len(first)
        grid = np.arange(roast.first.onset_s, roast.first.end_s, 0.1)
        expected += float(roast.first.rate_per_s(grid).sum() * 0.1)
    assert abs(counts - expected) < 4 * np.sqrt(expected)


def test_second_crack_can_be_forbidden() -> None:
    ranges = RateRanges(second_probability=1.0)
    assert draw_rates(np.random.default_rng(1), ranges).second is not None
    assert draw_rates(np.random.default_rng(1), ranges, second=False).second is None
