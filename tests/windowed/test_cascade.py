"""A small model listens, a large one verifies: number of calls, and their cost.

The stand-in verifier has a known ROC: windows score N(d' · crack, 1), so d' = 3 and its midpoint
give a true-positive rate of 93 % at 7 % false positives (area 0.983). Random weights decide
nothing, so a real network can't stand in here.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roastwatch import plugins
from roastwatch.detection.decision.crack_decision import CrackDecision
from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.large import cascade
from roastwatch.detection.large.verifier import Verdict, Verifier
from roastwatch.detection.model import CrackModel, ModelSpec
from roastwatch.errors import SettingsError
from roastwatch.settings import model as settings
from roastwatch.synth.rates import draw_rates
from roastwatch.vocabulary import CrackScore, Float32Array, Level, Pop

RATE = 1000
STEP_S = 0.5
HOP_S, WINDOW_S = 3.0, 10.0
SPEC = ModelSpec("simulated", 100, STEP_S, 0.05, localises=True, pop_threshold=0.5)


@dataclass
class SimulatedEar:
    """A listener at the level of scores: pops with misses, and pops that are none."""

    pops: np.ndarray
    spec: ModelSpec = SPEC
    _pushed: int = 0
    _given: int = 0

    def open(self, sample_rate_hz: int) -> "SimulatedEar":
        return self

    def push(self, samples: Float32Array) -> list[CrackScore]:
        self._pushed += len(samples)
        scores = []
        step = round(STEP_S * RATE)
        while self._given + step <= self._pushed - 50:
            start, self._given = self._given, self._given + step
            here = self.pops[(self.pops >= start / RATE) & (self.pops < self._given / RATE)]
            made = tuple(Pop(int(at_s * RATE), 0.9) for at_s in here)
            scores.append(CrackScore(self._given, 0.0, 0.9 if made else 0.1, "simulated", made))
        return scores

    def reset(self, gap_samples: int) -> None:
        raise NotImplementedError

    def finish(self) -> list[CrackScore]:
        return []


@dataclass
class StandIn:
    """A verifier of a known ROC, the same for the same window however often it is asked."""

    cracks_s: np.ndarray
    seed: int
    d_prime: float = 3.0
    windows: int = 0
    calls: int = 0
    known: dict[int, Verdict] = field(default_factory=dict)
    _pushed: int = 0

    def push(self, samples: Float32Array) -> None:
        self._pushed += len(samples)
        self.windows = max(0, int((self._pushed / RATE - WINDOW_S) // HOP_S) + 1)

    def reset(self, gap_samples: int) -> None:
        raise NotImplementedError

    def at(self, sample: int) -> Verdict | None:
        index = int((sample / RATE - 0.75 - WINDOW_S) // HOP_S)
        if index < 0:
            return None
        if index not in self.known:
            self.known[index] = self._verdict(index)
            self.calls = len(self.known)
        return self.known[index]

    def _verdict(self, index: int) -> Verdict:
        start_s = index * HOP_S
        inside = (self.cracks_s >= start_s) & (self.cracks_s < start_s + WINDOW_S)
        noise = np.random.default_rng([self.seed, index]).normal()
        score = self.d_prime * bool(inside.any()) + noise - self.d_prime / 2
        chance = float(1 / (1 + np.exp(-self.d_prime * score)))
        end = round((start_s + WINDOW_S) * RATE)
        return Verdict(round(start_s * RATE), end, chance, chance >= 0.5)


def _reported_s(stream: cascade.CascadeStream, duration_s: float) -> float | None:
    onset = Onset(OnsetOptions(), RATE, SPEC)
    onset.arm(0)
    decisions: list[CrackDecision] = []
    step = round(2.0 * RATE)
    for _ in range(int(duration_s * RATE / step)):
        for score in stream.push(np.zeros(step, np.float32)):
            decisions += onset.feed(score)
    reported = [d.decided_sample / RATE for d in decisions if d.level is Level.FIRST_CRACK]
    return reported[0] if reported else None


@dataclass(frozen=True)
class Compared:
    share: float
    """Of the windows for which the cascade asked."""
    later_s: float | None
    """Cascade's decision after the always-on one's; None where one of them missed."""
    missed: tuple[bool, bool, bool]
    """Cascade, always-on, listener alone."""
    early: tuple[bool, bool, bool]
    """Decided more than 20 s before the onset."""


def compare(seed: int) -> Compared:
    """One simulated roast: the cascade, the large model always on, and the listener alone."""
    rng = np.random.default_rng(seed)
    roast = draw_rates(rng, second=False)
    assert roast.first is not None
    cracks, _second, strays = roast.pops(rng)
    heard = cracks[rng.uniform(size=len(cracks)) < 0.7]
    false = rng.uniform(0, roast.duration_s, rng.poisson(roast.duration_s * 0.6 / 60))
    # A clatter now and then: several pops in a few seconds, that no bean made.
    bursts = rng.uniform(0, roast.duration_s, rng.poisson(roast.duration_s * 5 / 3600))
    clatter = np.concatenate([at + rng.uniform(0, 6, 7) for at in bursts] or [np.empty(0)])
    pops = np.sort(np.concatenate([heard, strays, false, clatter]))
    truth = np.sort(np.concatenate([cracks, strays]))
    reported, share = [], 0.0
    for verify_from, always in ((0.5, False), (0.0, True), (2.0, False)):
        made: list[StandIn] = []

        def opinion(rate: int, made: list[StandIn] = made) -> Verifier:
            made.append(StandIn(truth, seed))
            return made[-1]

        stream = cascade.join(
            SimulatedEar(pops), opinion, RATE, verify_from=verify_from, always=always
        )
        reported.append(_reported_s(stream, roast.duration_s))
        if verify_from == 0.5:
            share = made[0].calls / made[0].windows
        if always:
            assert made[0].calls > 0.95 * made[0].windows
    onset_s = roast.first.onset_s
    late = None if reported[0] is None or reported[1] is None else reported[0] - reported[1]
    return Compared(
        share,
        late,
        (reported[0] is None, reported[1] is None, reported[2] is None),
        tuple(t is not None and t < onset_s - 20 for t in reported),  # type: ignore[arg-type]
    )


def report(rows: list[Compared]) -> str:
    """What a set of simulated roasts came to."""
    later = np.array([row.later_s for row in rows if row.later_s is not None])
    shares = np.array([row.share for row in rows])
    names = ("cascade", "always on", "listener alone")
    lines = [
        f"{len(rows)} roasts: asked for {100 * shares.mean():.1f} % of windows "
        f"(p95 {100 * np.quantile(shares, 0.95):.1f} %, most {100 * shares.max():.1f} %)",
        f"decided after the always-on one: median {np.median(later):+.2f} s, "
        f"p99 {np.quantile(later, 0.99):+.2f} s, most {later.max():+.2f} s",
    ]
    for which, name in enumerate(names):
        missed = sum(row.missed[which] for row in rows)
        early = sum(row.early[which] for row in rows)
        lines.append(f"{name}: missed {missed}, more than 20 s early {early}")
    return "\n".join(lines)


def test_verifier_is_called_rarely_without_delay() -> None:
    rows = [compare(seed) for seed in range(12)]
    later = [row.later_s for row in rows if row.later_s is not None]
    assert np.mean([row.share for row in rows]) < 0.10
    assert len(later) >= 9
    assert np.quantile(later, 0.9) <= 2.0


@pytest.mark.verify
@pytest.mark.timeout(3000)
def test_cascade_decides_as_well_on_simulated_roasts() -> None:
    rows = [compare(seed) for seed in range(1000, 1150)]
    print("\n" + report(rows))
    later = [row.later_s for row in rows if row.later_s is not None]
    assert np.mean([row.share for row in rows]) < 0.10
    assert np.quantile(later, 0.99) <= 2.0


def _chosen(name: str, **options: Any) -> CrackModel:
    choice = settings.chosen("models", name, **options)
    model: CrackModel = plugins.load("models", choice.type)(choice.options)
    return model


def _clicks(seconds: float) -> Float32Array:
    rng = np.random.default_rng(4)
    sound = rng.normal(0, 0.003, round(seconds * 32_000))
    for at_s in np.sort(rng.uniform(8, seconds - 1, 24)):
        at = round(at_s * 32_000)
        sound[at : at + 80] += rng.normal(0, 0.4, 80) * np.exp(-np.arange(80) / 20)
    return sound.astype(np.float32)


def _scores(model: CrackModel, sound: Float32Array, block: int) -> list[CrackScore]:
    stream = model.open(32_000)
    scores = [s for at in range(0, len(sound), block) for s in stream.push(sound[at : at + block])]
    return scores + stream.finish()


def _decides(model: CrackModel, scores: list[CrackScore]) -> bool:
    onset = Onset(OnsetOptions(), 32_000, model.spec)
    onset.arm(0)
    return any(d.level is Level.FIRST_CRACK for s in scores for d in onset.feed(s))


def _counted(scores: list[CrackScore]) -> list[int]:
    return [pop.sample for score in scores for pop in score.pops if pop.probability >= 0.5]


def test_a_real_network_verifies(tiny_ast: Path) -> None:
    """With a threshold nothing reaches it refuses all, with one everything reaches none."""
    sound = _clicks(32.0)
    verifier = {"model": str(tiny_ast), "threads": 1}
    alone_scores = _scores(_chosen("transients"), sound, 32_000)
    alone = _counted(alone_scores)
    assert len(alone) >= 8
    kind = {"listener": "transients"}
    willing = _chosen("cascade", **kind, verifier={**verifier, "threshold": 1e-12})
    assert _counted(_scores(willing, sound, 32_000)) == alone
    strict = _chosen("cascade", **kind, verifier={**verifier, "threshold": 1 - 1e-12})
    refused = _scores(strict, sound, 32_000)
    assert len(_counted(refused)) < len(alone) / 2
    assert len([pop for score in refused for pop in score.pops]) >= len(alone)
    assert _scores(strict, sound, 5_001) == refused
    assert _decides(strict, alone_scores)
    assert not _decides(strict, refused)


def test_shadow_decides_nothing_and_logs_disagreements(
    tiny_ast: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    sound = _clicks(16.0)
    alone = _scores(_chosen("transients"), sound, 16_000)
    path = tmp_path / "windows.jsonl"
    large = {"model": str(tiny_ast), "threads": 1, "threshold": 1 - 1e-12, "log_windows": path}
    never = _chosen("shadow", listener="transients", shadow=large, pops_in_window=1)
    assert _scores(never, sound, 16_000) == alone
    assert "the listener detects first crack (up to" in caplog.text
    assert "from 7" in caplog.text or "from 6" in caplog.text
    assert len(path.read_text().splitlines()) > 20
    caplog.clear()
    large = {"model": str(tiny_ast), "threads": 1, "threshold": 1e-12}
    always = _chosen("shadow", listener="transients", shadow=large, pops_in_window=1)
    assert _scores(always, sound, 16_000) == alone
    assert "from 0.0 to" in caplog.text
    assert "the large model detects first crack" in caplog.text


def test_failing_verifier_leaves_the_listener_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(StandIn):
        def at(self, sample: int) -> Verdict | None:
            raise RuntimeError("device lost")

    pops = np.sort(np.random.default_rng(0).uniform(20.0, 60.0, 40))
    stream = cascade.join(SimulatedEar(pops), lambda rate: Broken(pops, 0), RATE)
    reported = _reported_s(stream, 60.0)
    assert reported is not None
    assert "continuing without it" in caplog.text


def test_a_listener_must_localise(tiny_ast: Path) -> None:
    verifier = {"model": str(tiny_ast)}
    with pytest.raises(SettingsError, match="cannot listen; choose one of"):
        _chosen("cascade", listener="windowed", verifier=verifier)
    with pytest.raises(SettingsError, match=r"listener_options\.loudness"):
        _chosen(
            "cascade", listener="transients", listener_options={"loudness": 1}, verifier=verifier
        )
