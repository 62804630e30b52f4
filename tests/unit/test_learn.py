"""Learning from a person's roasts: labels, validation, the calibration file, and undo."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from roastwatch.cli.learn import command
from roastwatch.corpus.labels import LabelledRoast, collect, mark
from roastwatch.detection import calibration
from roastwatch.detection.calibration import Calibration
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import ModelSpec
from roastwatch.detection.transients import Transients, TransientsOptions
from roastwatch.errors import BadInputError, SettingsError
from roastwatch.learning import judge as learn_judge
from roastwatch.learning.judge import ScoredRecording, Setting, judge
from roastwatch.learning.learn import learn
from roastwatch.vocabulary import CrackScore, Pop

RATE = 8000
SPEC = ModelSpec("test-1", 8000, 0.5, 0.05, True, 0.5)
CRACK = (0.0, 3.0, 5.5, 8.0, 9.5, 11.0, 12.5, 14.5, 16.0, 18.0, 20.5, 23.0)


def heard(name: str, onset_s: float, probability: float, seconds: int = 100) -> ScoredRecording:
    pops = [Pop(round((onset_s + at) * RATE), probability) for at in CRACK]
    scores = tuple(
        CrackScore(
            end,
            0.0,
            0.5,
            "test-1",
            tuple(pop for pop in pops if end - RATE // 2 <= pop.sample < end),
        )
        for end in range(RATE // 2, seconds * RATE + 1, RATE // 2)
    )
    return ScoredRecording(name, RATE, seconds * RATE, scores, onset_s)


def write_roast(path: Path, onset_s: float = 20.0, seconds: int = 40) -> None:
    rng = np.random.default_rng(len(path.name))
    samples = rng.standard_normal(seconds * 16_000) * 0.01
    for at in CRACK[:9]:
        first = round((onset_s + at) * 16_000)
        samples[first : first + 160] += rng.standard_normal(160) * np.exp(-np.arange(160) / 30)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, 16_000)


def test_setting_costs_delay_misses_and_false_alarms() -> None:
    right = judge(SPEC, heard("a", 40, 0.95), OnsetOptions())
    assert not right.wrong
    assert right.delay_s == pytest.approx(right.cost_s)
    deaf = judge(SPEC, heard("b", 40, 0.4), OnsetOptions())
    assert (deaf.wrong, deaf.cost_s) == (True, learn_judge.MISSED_COSTS_S)
    helped = Setting(0.6, 0.3).options(OnsetOptions())
    assert not judge(SPEC, heard("b", 40, 0.4), helped).wrong


class Deaf:
    """A model whose threshold is too high for this person's quiet cracks."""

    spec = SPEC

    def open(self, sample_rate_hz: int) -> learn_judge.Replayed:
        return learn_judge.Replayed(SPEC, heard("x", 20.0, 0.42, 40).scores)


def test_learning_improves_a_wrong_threshold(tmp_path: Path) -> None:
    roasts = []
    for number in range(3):
        path = tmp_path / f"r{number}.flac"
        soundfile.write(path, np.zeros(40 * RATE), RATE)
        roasts.append(LabelledRoast(path, 20.0))
    found = learn(Deaf(), roasts, [], OnsetOptions())
    assert found.better
    assert found.best.pop_threshold < 0.5
    assert found.summary()["wrong_shipped"] == 3
    assert found.summary()["wrong_held_back"] == 0


def test_learning_from_too_few_roasts_is_refused(tmp_path: Path) -> None:
    model = Transients(TransientsOptions())
    with pytest.raises(BadInputError, match="Labelled roasts: 0; at least 3 are needed"):
        learn(model, [], [], OnsetOptions())


def test_labels_come_from_events_clips_and_marks(tmp_path: Path) -> None:
    roasts, clips = tmp_path / "roasts" / "drum", tmp_path / "clips" / "drum"
    for name in ("person", "confirmed", "revoked", "marked", "unlabelled"):
        write_roast(roasts / f"{name}.flac")

    def sidecar(path: Path, **content: Any) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"duration_s": 40.0, **content}))

    def event(origin: str, event_id: str, *, revoked: bool = False) -> dict[str, object]:
        return {
            "kind": "first_crack",
            "origin": origin,
            "event_id": event_id,
            "happened_s": 21.0,
            "revoked": revoked,
        }

    sidecar(roasts / "person.json", events=[event("sound", "1"), event("person", "2")])
    sidecar(roasts / "confirmed.json", events=[event("sound", "3")])
    sidecar(roasts / "revoked.json", events=[event("person", "4", revoked=True)])
    sidecar(roasts / "unlabelled.json", events=[event("sound", "5")])
    sidecar(clips / "3.json", event_id="3", label="first_crack")
    sidecar(clips / "6.json", event_id="6", label="not_a_crack")
    for number in (3, 6):
        write_roast(clips / f"{number}.flac")
    mark(roasts / "marked.flac", 22.5)
    found, wrong = collect(tmp_path, "drum")
    assert {(r.path.stem, r.onset_s) for r in found} == {
        ("person", 21.0),
        ("confirmed", 21.0),
        ("marked", 22.5),
    }
    assert [clip.path.stem for clip in wrong] == ["6"]
    ran = CliRunner().invoke(command, [str(tmp_path), "--model", "transients", "--dry-run"])
    assert ran.exit_code == 0, ran.output  # the one station that there is
    write_roast(tmp_path / "roasts" / "popper" / "other.flac")
    ran = CliRunner().invoke(command, [str(tmp_path), "--model", "transients", "--dry-run"])
    assert "(drum, popper): choose one with --station" in str(ran.exception)


def test_label_outside_its_recording_is_refused(tmp_path: Path) -> None:
    write_roast(tmp_path / "a.flac")
    (tmp_path / "a.json").write_text('{"duration_s": 40.0}')
    with pytest.raises(BadInputError, match=r"labelled at 50 s, outside of its 40 s"):
        mark(tmp_path / "a.flac", 50)
    (tmp_path / "a.json").write_text("not json")
    with pytest.raises(BadInputError, match="is not valid JSON"):
        collect(tmp_path, "roaster")


def test_calibration_is_written_used_by_its_model_and_undone(tmp_path: Path) -> None:
    path = calibration.path_for(tmp_path, "drum")
    as_set = (OnsetOptions().sensitivity, OnsetOptions().pop_threshold)

    def used(model_id: str) -> tuple[float, float | None]:
        model = learn_judge.Replayed(replace(SPEC, model_id=model_id), [])
        options, same = calibration.applied(OnsetOptions(), model, path)
        assert same is model
        return options.sensitivity, options.pop_threshold

    first = Calibration(station="drum", model_id="m-1", sensitivity=0.6, pop_threshold=0.4)
    calibration.write(path, first)
    calibration.write(path, first.model_copy(update={"sensitivity": 0.7}))
    assert used("m-1") == (0.7, 0.4)
    assert used("m-2") == as_set
    assert "previous calibration applies again" in calibration.undo(path)
    assert used("m-1") == (0.6, 0.4)
    assert "shipped" in calibration.undo(path)
    assert used("m-1") == as_set
    with pytest.raises(SettingsError, match="no calibration"):
        calibration.undo(path)


def test_broken_calibration_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"sensitivity": 7}')
    with pytest.raises(SettingsError, match="is not a calibration"):
        calibration.read(path)


def test_learn_writes_nothing_without_an_improvement(tmp_path: Path) -> None:
    marks = []
    for number in range(3):
        write_roast(tmp_path / f"roast-{number}.flac")
        marks += ["--mark", f"{tmp_path / f'roast-{number}.flac'}=20"]
    ran = CliRunner().invoke(command, [str(tmp_path), *marks, "--model", "transients", "--dry-run"])
    assert ran.exit_code == 0, ran.output
    assert "roast-2.flac" in ran.output
    assert "held back" in ran.output
    assert not calibration.path_for(tmp_path, "roaster").exists()
