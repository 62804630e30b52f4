"""Fitting the net's last layer: the change itself, its validation on held-out roasts, its file."""

import hashlib
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from click.testing import CliRunner

from roastwatch.cli.learn import command
from roastwatch.corpus.labels import LabelledClip, LabelledRoast, ReviewedRoast
from roastwatch.detection import calibration
from roastwatch.detection.calibration import Calibration
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.pops.features import ROW_S
from roastwatch.detection.pops.model import PopsModel, PopsOptions
from roastwatch.errors import BadInputError, SettingsError
from roastwatch.learning.judge import ScoredRecording, hear
from roastwatch.learning.tune_head import Examples, Float64Array, examples, fit
from roastwatch.vocabulary import CrackScore, Float32Array

RATE = 16_000
DELTA = (*np.random.default_rng(3).normal(0, 0.1, 48).tolist(), 0.3)


def roast(seed: int, onset_s: float, seconds: int, clinks_per_s: float) -> Float32Array:
    """Noise, cracks as damped noise, and a roaster's own clink: a damped tone of 4 kHz."""
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal(seconds * RATE).astype(np.float32) * 0.01
    t = np.arange(800) / RATE
    gaps = rng.exponential(1 / max(clinks_per_s, 1e-9), 5 + round(2 * seconds * clinks_per_s))
    for at in np.cumsum(gaps):
        if at < seconds - 1:
            clink = np.sin(2 * np.pi * 4000 * t) * np.exp(-t / 0.004)
            first = int(at * RATE)
            sound[first : first + 800] += 0.3 * 10 ** (rng.normal(0, 2) / 20) * clink
    at = onset_s
    while at < seconds - 1:
        crack = rng.standard_normal(800) * np.exp(-t / 0.002)
        first = int(at * RATE)
        sound[first : first + 800] += 0.3 * 10 ** (rng.normal(0, 3) / 20) * crack
        at += rng.exponential(1.5 if at < onset_s + 12 else 0.7)
    clipped: Float32Array = np.clip(sound, -1, 1)
    return clipped


def write(
    folder: Path,
    clinks_per_s: float,
    *,
    count: int = 3,
    onset_s: int = 260,
    after_s: int = 40,
    seed: int = 200,
    cracks: bool = True,
) -> list[LabelledRoast]:
    made = []
    for number in range(count):
        at_s = onset_s + 7 * number
        path = folder / f"roast-{number}.flac"
        begins_s = at_s if cracks else at_s + 1000
        sound = roast(seed + number, begins_s, at_s + after_s, clinks_per_s)
        soundfile.write(path, sound, RATE)
        path.with_suffix(".json").write_text(
            json.dumps({"label": "first_crack", "first_crack_s": at_s, "roast_id": path.stem})
        )
        made.append(LabelledRoast(path, at_s, path.stem))
    return made


def judged(model: PopsModel, sound: Float32Array, cuts: list[int]) -> list[CrackScore]:
    stream = model.open(RATE)
    scores = [score for part in np.split(sound, cuts) for score in stream.push(part)]
    return scores + stream.finish()


@pytest.fixture(scope="module")
def model() -> PopsModel:
    return PopsModel()


@pytest.fixture(scope="module")
def sound() -> Float32Array:
    return roast(5, 4.0, 14, 0.5)[: 13 * RATE + 777]


def test_head_delta_moves_the_logits_by_exactly_that(model: PopsModel, sound: Float32Array) -> None:
    shown = model.hear(RATE, np.split(sound, [5000, 90_000]))
    weights = np.array(DELTA[:-1]) @ shown.values + DELTA[-1]
    by_hand = replace(shown, logits=(shown.logits + weights).astype(np.float32))
    changed = judged(model.with_exit(DELTA), sound, [])
    expected = model.judge(by_hand)
    assert [s.end_sample for s in changed] == [s.end_sample for s in expected]
    for one, two in zip(changed, expected, strict=True):
        assert one.probability == pytest.approx(two.probability, abs=1e-4)
        assert [p.sample for p in one.pops] == [p.sample for p in two.pops]
    plain = judged(model, sound, [])
    moved = [a.probability - b.probability for a, b in zip(changed, plain, strict=True)]
    assert np.abs(moved).mean() > 0.01


def test_zero_head_delta_changes_nothing(model: PopsModel, sound: Float32Array) -> None:
    assert judged(model.with_exit((0.0,) * 49), sound, []) == judged(model, sound, [])
    assert model.judge(model.hear(RATE, [sound])) == judged(model, sound, [])


def test_scores_with_a_head_delta_do_not_depend_on_block_size(
    model: PopsModel, sound: Float32Array
) -> None:
    changed = model.with_exit(DELTA)
    cuts = np.sort(np.random.default_rng(1).integers(0, len(sound), 60)).tolist()
    whole, parts = judged(changed, sound, []), judged(changed, sound, cuts)
    assert [s.end_sample for s in whole] == [s.end_sample for s in parts]
    for one, two in zip(whole, parts, strict=True):
        assert one.probability == pytest.approx(two.probability, abs=1e-4)
        assert [p.sample for p in one.pops] == [p.sample for p in two.pops]


def test_head_delta_of_another_net_is_refused_in_one_sentence(
    model: PopsModel, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match=r"changes 3 numbers .* which allows 49: .*--undo"):
        model.with_exit((1.0, 2.0, 3.0))
    path = calibration.path_for(tmp_path, "drum")
    learnt = Calibration(
        station="drum",
        model_id=model.spec.model_id,
        sensitivity=0.5,
        pop_threshold=0.5,
        exit_delta=(1.0, 2.0, 3.0),
        exit_of=model.manifest.sha256,
    )
    calibration.write(path, learnt)
    with pytest.raises(SettingsError, match=re.escape(str(path))):
        calibration.applied(OnsetOptions(), model, path)
    other = learnt.model_copy(update={"exit_delta": DELTA, "exit_of": "0" * 64})
    calibration.write(path, other)
    assert calibration.applied(OnsetOptions(), model, path) == (OnsetOptions(), model)
    path.write_text(path.read_text().replace(str(DELTA[0]), "NaN"))
    with pytest.raises(SettingsError, match="is not a calibration"):
        calibration.read(path)


def test_older_export_is_calibrated_but_not_tuned(model: PopsModel, tmp_path: Path) -> None:
    graph = onnx.load(model.path)
    del graph.graph.output[2]
    onnx.save(graph, tmp_path / "pops.onnx")
    digest = hashlib.sha256((tmp_path / "pops.onnx").read_bytes()).hexdigest()
    manifest = model.manifest.model_dump(mode="json") | {"sha256": digest}
    (tmp_path / "pops.json").write_text(json.dumps(manifest))
    older = PopsModel(PopsOptions(path=tmp_path / "pops.json"))
    assert older.activations == 0
    with pytest.raises(BadInputError, match="which allows 0"):
        older.with_exit(DELTA)
    with pytest.raises(BadInputError, match="export the model again"):
        older.hear(RATE, [])
    noise = np.random.default_rng(2).standard_normal(RATE).astype(np.float32)
    assert judged(older, noise, []) == judged(model, noise, [])


def test_strays_and_cracks_come_from_where_they_are_certain(
    model: PopsModel, tmp_path: Path
) -> None:
    labelled = write(tmp_path, 0.5, count=1, onset_s=70)[0]
    heard = hear(model, labelled)
    found = examples(model, heard)
    assert found.values.shape == (len(found.logits), 48)
    assert 0 < np.count_nonzero(found.cracks) < len(found.cracks)
    clip = hear(model, LabelledClip(labelled.path, "r", 20.0))
    rejected = examples(model, clip)
    assert not rejected.cracks.any()
    assert 0 < len(rejected.logits) < len(examples(model, replace(clip, decided_s=None)).logits)


def test_fit_separates_strays_and_keeps_the_mean_logit_of_cracks() -> None:
    rng = np.random.default_rng(4)
    values = np.abs(rng.normal(0, 1, (400, 5)))
    cracks = np.repeat([0.9, 0.0], 200)
    values[200:, 2] += 2.0
    given = [Examples(values, np.full(400, 0.5), cracks)]
    delta = fit(given, 0.01)
    assert delta is not None
    change = values @ delta[:-1] + delta[-1]
    assert change[:200].mean() == pytest.approx(0, abs=1e-6)
    assert change[200:].mean() < -1.5
    assert delta == fit(given, 0.01)
    stiff = fit(given, 100.0)
    assert stiff is not None
    assert np.abs(stiff[:-1]).max() < 0.02
    assert fit([Examples(values[200:], np.zeros(200), cracks[200:])], 0.01) is None


def test_unusual_roaster_is_learned_and_undone(model: PopsModel, tmp_path: Path) -> None:
    write(tmp_path, 0.2)
    ran = CliRunner().invoke(command, [str(tmp_path), "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert found["better"]
    assert found["fine_tuned"]
    tried = found["tried"]
    assert tried["fine_tuned"]["cost_s"] < 0.95 * tried["calibrated"]["cost_s"]
    assert tried["fine_tuned"]["cost_s"] < 0.95 * found["cost_s_shipped"]
    assert found["wrong_held_back"] <= found["wrong_shipped"]
    path = calibration.path_for(tmp_path, "roaster")
    assert found["written"] == str(path)
    options, changed = calibration.applied(OnsetOptions(), model, path)
    assert changed is not model
    assert options != OnsetOptions()
    undone = CliRunner().invoke(command, [str(tmp_path), "--undo"])
    assert undone.exit_code == 0
    assert calibration.applied(OnsetOptions(), model, path) == (OnsetOptions(), model)


def test_learn_writes_nothing_if_there_is_no_improvement(tmp_path: Path) -> None:
    """These labels lie where nothing cracks, so there is nothing to learn."""
    write(tmp_path, 0.2, onset_s=90, cracks=False)
    ran = CliRunner().invoke(command, [str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert "Fine-tuning the last layer brought no improvement" in ran.output
    assert "nothing was changed" in ran.output
    assert not calibration.path_for(tmp_path, "roaster").exists()


@pytest.mark.verify
def test_five_roasts_of_twelve_minutes(tmp_path: Path) -> None:
    """The figures of docs/development/decision.md: run with -rP."""
    write(tmp_path, 0.1, count=5, onset_s=560, after_s=140, seed=300)
    began_s = time.process_time()
    ran = CliRunner().invoke(command, [str(tmp_path)])
    print(ran.stdout, f"{time.process_time() - began_s:.0f} s of CPU")
    assert ran.exit_code == 0, ran.output
    assert "Fine-tuning the last layer brought an improvement" in ran.output


def test_labelled_sounds_are_what_a_person_said(model: PopsModel, tmp_path: Path) -> None:
    labelled = write(tmp_path, 0.5, count=1, onset_s=70)[0]
    heard = hear(model, labelled)
    before = examples(model, heard)
    crack = int(np.argmax(before.cracks))  # a peak after the onset ...
    strays = np.where(before.cracks == 0, before.logits, -np.inf)
    stray = int(np.argmax(strays))  # ... and one before it
    at_s = peak_times(model, heard)
    said = replace(heard, moments=((at_s[crack] + 0.05, False), (at_s[stray] - 0.05, True)))
    after = examples(model, said)
    assert (after.cracks[crack], after.cracks[stray]) == (0.0, 1.0)
    assert np.array_equal(np.delete(after.cracks, [crack, stray]),
                          np.delete(before.cracks, [crack, stray]))  # fmt: skip


def test_of_a_reviewed_roast_only_labelled_sounds_count(model: PopsModel, tmp_path: Path) -> None:
    labelled = write(tmp_path, 0.5, count=1, onset_s=70)[0]
    at_s = peak_times(model, hear(model, labelled))
    moments = ((float(at_s[0]), False), (float(at_s[-1]), True), (5000.0, True))
    heard = hear(model, ReviewedRoast(labelled.path, moments, "r"))
    assert (heard.onset_s, heard.only_moments) == (None, True)
    assert sorted(examples(model, heard).cracks) == [0.0, 1.0]


def peak_times(model: PopsModel, heard: ScoredRecording) -> Float64Array:
    """The times of the peaks that are examples without any label."""
    shown = heard.activations
    assert shown is not None
    late = model.manifest.look_ahead_rows
    rows = {float(shown.logits[row + late]): (row + 0.5) * ROW_S
            for row in range(len(shown.logits) - late)}  # fmt: skip
    found = [rows[float(np.float32(logit))] for logit in examples(model, heard).logits]
    return np.array(found)
