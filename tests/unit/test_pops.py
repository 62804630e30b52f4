import json
from pathlib import Path
from shutil import copy

import numpy as np
import pytest

from roastwatch import plugins
from roastwatch.detection.pops.model import PopsModel, PopsOptions
from roastwatch.detection.pops.peaks import peaks
from roastwatch.errors import BadInputError
from roastwatch.synth import rates
from roastwatch.synth.roasts import SynthRoast
from roastwatch.vocabulary import CrackScore

WEIGHTS = Path(str(__import__("roastwatch").__file__)).parent / "detection" / "pops" / "weights"


@pytest.fixture(scope="module")
def model() -> PopsModel:
    return PopsModel()


@pytest.fixture(scope="module")
def roast() -> SynthRoast:
    first = rates.CrackPhase(onset_s=6.0, rise_s=1.0, hold_s=7.0, fall_s=1.0, peak_per_s=2.0)
    curve = rates.RoastRates(duration_s=15.25, first=first)
    return SynthRoast(11, 32000, kind="drum", curve=curve, pop_level_db=24, fooling_per_h=0)


def judged(model: PopsModel, sound: np.ndarray, rate_hz: int, cuts: list[int]) -> list[CrackScore]:
    stream = model.open(rate_hz)
    scores = [score for part in np.split(sound, cuts) for score in stream.push(part)]
    return scores + stream.finish()


def test_scores_do_not_depend_on_the_blocks(model: PopsModel, roast: SynthRoast) -> None:
    sound = np.concatenate(list(roast.blocks()))
    whole = judged(model, sound, 32000, [])
    cuts = np.sort(np.random.default_rng(1).integers(0, len(sound), 300)).tolist()
    parts = judged(model, sound, 32000, cuts)
    tenths = judged(model, sound, 32000, list(range(3200, len(sound), 3200)))
    assert len(whole) == 153
    assert whole[-1].end_sample == len(sound)
    for other in (parts, tenths):
        assert [s.end_sample for s in other] == [s.end_sample for s in whole]
        for one, two in zip(whole, other, strict=True):
            assert one.probability == pytest.approx(two.probability, abs=1e-4)
            assert one.log_likelihood_ratio == pytest.approx(two.log_likelihood_ratio, abs=1e-3)
            assert [p.sample for p in one.pops] == [p.sample for p in two.pops]


def test_loud_cracks_are_localised_without_false_pops_before(
    model: PopsModel, roast: SynthRoast
) -> None:
    scores = judged(model, np.concatenate(list(roast.blocks())), 32000, [])
    pops = [pop for score in scores for pop in score.pops if pop.probability >= 0.5]
    found = np.array([pop.sample / 32000 for pop in pops])
    loud = [pop.at_s for pop in roast.truth.pops if pop.level_db > 16]
    assert len(loud) >= 6
    hits = [np.abs(found - at_s).min() <= 0.021 for at_s in loud]
    assert np.mean(hits) >= 0.7
    assert (found[(found > 3) & (found < 5.9)]).size <= 1


def test_gap_is_counted_and_resets_the_state(model: PopsModel, roast: SynthRoast) -> None:
    sound = np.concatenate(list(roast.blocks()))[: 32000 * 4]
    stream = model.open(32000)
    before = stream.push(sound[:40000])
    stream.reset(8000)
    after = stream.push(sound) + stream.finish()
    ends = [score.end_sample for score in before + after]
    assert ends == sorted(ends)
    assert 40000 in ends
    assert ends[-1] == 40000 + 8000 + len(sound)
    fresh = judged(model, sound, 32000, [])
    assert [s.probability for s in after if s.end_sample > 48000] == pytest.approx(
        [s.probability for s in fresh], abs=1e-4
    )


def test_crack_is_detected_right_after_a_start_or_gap(model: PopsModel, roast: SynthRoast) -> None:
    sound = np.concatenate(list(roast.blocks()))
    known = judged(model, sound, 32000, [])
    clear = [pop.sample for score in known for pop in score.pops if pop.probability >= 0.9]
    clear = [one for one in clear if one < len(sound) - 32000]
    assert len(clear) >= 5
    for lead_s in (0.06, 0.1, 0.25):
        for crack in clear:
            part = sound[crack - int(lead_s * 32000) :]
            stream = model.open(32000)
            stream.push(part)  # the same with a gap between
            stream.reset(3200)
            begun, again = judged(model, part, 32000, []), stream.push(part) + stream.finish()
            for scores, at in ((begun, 0), (again, len(part) + 3200)):
                pops = [pop for score in scores for pop in score.pops if pop.probability >= 0.76]
                assert min(abs(pop.sample - at - lead_s * 32000) for pop in pops) <= 640


def test_start_of_sound_is_not_a_crack(model: PopsModel) -> None:
    rng = np.random.default_rng(5)
    for rate_hz in (16000, 32000, 44100, 48000):
        for length_s in (0.03, 0.1, 0.45, 1.0, 3.0):
            sound = (0.1 * rng.standard_normal(int(length_s * rate_hz))).astype(np.float32)
            scores = judged(model, sound, rate_hz, [])
            assert not [p for s in scores for p in s.pops if p.probability >= 0.5]
            assert [s.end_sample for s in scores][-1:] == [len(sound)]


def test_one_model_serves_every_rate(model: PopsModel) -> None:
    for rate_hz in (16000, 22050, 44100, 48000):
        stream = model.open(rate_hz)
        scores = stream.push(np.zeros(rate_hz * 2, np.float32)) + stream.finish()
        assert scores[-1].end_sample == 2 * rate_hz
        assert not [pop for score in scores for pop in score.pops]
    with pytest.raises(BadInputError, match="16000"):
        model.open(8000)


def test_threshold_option_overrides_the_model() -> None:
    assert plugins.load("models", "pops") is PopsModel
    assert PopsModel(PopsOptions(threshold=0.33)).spec.pop_threshold == 0.33


def test_shipped_files_are_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 1_000_000


def test_bad_model_files_are_named_in_one_sentence(tmp_path: Path) -> None:
    manifest = json.loads((WEIGHTS / "pops.json").read_text())
    path = tmp_path / "pops.json"
    with pytest.raises(BadInputError, match="can't be read"):
        PopsModel(PopsOptions(path=path))
    path.write_text("{}")
    with pytest.raises(BadInputError, match="not the manifest"):
        PopsModel(PopsOptions(path=path))
    path.write_text(json.dumps(manifest))
    with pytest.raises(BadInputError, match="same folder as its manifest"):
        PopsModel(PopsOptions(path=path))
    copy(WEIGHTS / "pops.onnx", tmp_path)
    assert PopsModel(PopsOptions(path=path)).spec.localises
    content = (tmp_path / "pops.onnx").read_bytes()
    (tmp_path / "pops.onnx").write_bytes(content[:-1] + b"x")
    with pytest.raises(BadInputError, match="hash differs"):
        PopsModel(PopsOptions(path=path))
    (tmp_path / "pops.onnx").write_bytes(b"nonsense")
    import hashlib

    foreign = {**manifest, "sha256": hashlib.sha256(b"nonsense").hexdigest()}
    path.write_text(json.dumps(foreign))
    with pytest.raises(BadInputError, match="not an ONNX model"):
        PopsModel(PopsOptions(path=path))
    path.write_text(json.dumps({**foreign, "front_end": "other"}))
    with pytest.raises(BadInputError, match="other features"):
        PopsModel(PopsOptions(path=path))


def test_peaks_are_apart_and_equal_ones_count_once() -> None:
    logits = [-9.0] * 40
    for row, height in ((3, 2.0), (5, 1.0), (20, 3.0), (21, 3.0), (39, 0.5)):
        logits[row] = height
    assert peaks(logits, 0.0) == [3, 20, 39]
    assert peaks(logits, 4.0) == []
