"""The conditions of `roastwatch evaluate`: radio, kitchen and timelines, on small sounds."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from roastwatch.cli.evaluate import command
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.transients import Transients, TransientsOptions
from roastwatch.errors import BadInputError
from roastwatch.evaluation.conditions import sounds, sources
from roastwatch.evaluation.conditions.radio import evaluate_radio
from roastwatch.evaluation.conditions.results import HEAD, Row, cells
from roastwatch.evaluation.conditions.run import evaluate_conditions
from roastwatch.evaluation.conditions.timelines import Bed, re_enacted, read_timelines
from roastwatch.evaluation.statistics import (
    Judged,
    Rate,
    quantile_interval,
    wilson_interval,
)
from roastwatch.synth.shapes import high_band, rms
from roastwatch.vocabulary import Float32Array

RATE = 16_000
CRACKS_S = (70, 74, 77, 79.5, 81, 83, 84.2, 86, 88.5, 90, 93)
MANIFEST = (
    "path,kind,label,part,first_pop_s\n"
    "roast.wav,roast,,evaluation,70.3\n"
    "song.wav,music,song,evaluation,\n"
    "news.wav,talk,news,evaluation,\n"
    "pan.wav,kitchen,pan,evaluation,\n"
    "events.csv,timeline,,evaluation,\n"
)


def noise(rng: np.random.Generator, seconds: float, level: float = 0.01) -> Float32Array:
    return (rng.standard_normal(round(seconds * RATE)) * level).astype(np.float32)


def with_pops(
    samples: Float32Array, rng: np.random.Generator, times_s: Sequence[float]
) -> Float32Array:
    for at_s in times_s:
        first = round(at_s * RATE)
        pop = rng.standard_normal(160) * np.exp(-np.arange(160) / 30)
        samples[first : first + 160] += pop[: len(samples) - first]
    return samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    roast = with_pops(noise(rng, 110), rng, [at_s + 0.3 for at_s in CRACKS_S])
    soundfile.write(tmp_path / "roast.wav", roast, RATE)
    hum = np.sin(2 * np.pi * 300 * np.arange(20 * RATE) / RATE).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "song.wav", hum, RATE)
    soundfile.write(tmp_path / "news.wav", hum[: 8 * RATE], RATE)
    pan = with_pops(noise(rng, 30, 0.001), rng, [5, 6.5, 8, 9, 10.5, 12, 13, 14.5, 16, 17])
    soundfile.write(tmp_path / "pan.wav", pan, RATE)
    events = [(at_s, 1) for at_s in CRACKS_S] + [(20, 0), (40, 0), (80, 0), (120, 2)]
    lines = [f"1,{at_s},{kind}" for at_s, kind in events]
    (tmp_path / "events.csv").write_text("\n".join(["trial,t_s,class", *lines]))
    (tmp_path / "manifest.csv").write_text(MANIFEST)
    return tmp_path


def model() -> Transients:
    return Transients(TransientsOptions())


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    asked = ["--data", str(folder), "--draws", "1", "--sound", "0", "--model", "transients"]
    ran = CliRunner().invoke(command, [*asked, "--json", *arguments])
    assert ran.exit_code == 0, ran.output or ran.exception
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 6, 0.0, 0.3903), (6, 6, 0.6097, 1.0), (5, 10, 0.2366, 0.7634), (0, 0, 0.0, 1.0)],
)
def test_wilson_interval_gives_published_values(
    count: int, total: int, low: float, high: float
) -> None:
    assert wilson_interval(count, total) == pytest.approx((low, high), abs=1e-3)


def test_quantile_interval_of_ten_values_is_second_to_ninth() -> None:
    values = [float(value) for value in range(1, 11)]
    assert quantile_interval(values, 0.5) == (2.0, 9.0)  # 97.9 %, tabled by Conover
    assert quantile_interval(values, 0.9)[1] is None
    assert quantile_interval([], 0.5) == (None, None)


def test_radio_reports_every_level_over_a_roast_and_bare(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = run(
        folder, "--condition", "radio", "--level", "-10", "--level", "5", "--out", str(out)
    )
    rows = report["conditions"]["models"]["transients"]
    found = {(row["sound"], row["over"], row["level_db"]): row for row in rows}
    assert ("none", "recorded", None) in found
    for sound in ("music", "talk", "switched"):
        assert [level for s, _, level in found if s == sound and level] == [-10, 5]
    for row in rows:
        if row["over"] == "recorded":  # a hum of 300 Hz hides no pops and makes none
            assert (row["early"]["count"], row["missed"]["count"]) == (0, 0)
            assert 0 < row["delay_s"]["median"] < 20
            assert row["early"]["high"] > 0.5  # one roast proves little
    assert found[("music", "bare", None)]["alarms"]["count"] == 0
    assert found[("music", "bare", None)]["alarms"]["high"] > 0
    assert {row["part"] for row in rows} == {"evaluation"}
    text = (out / "report.md").read_text()
    assert "radio: music, -10 dB" in text
    assert (out / "conditions.png").stat().st_size > 5000


def test_radio_level_is_measured_against_roaster_noise_before_first_crack(folder: Path) -> None:
    (roast,) = sounds.real_roasts(sources.find(folder, "any").of("roast"))
    other = sounds.playlist(
        sounds.load_tracks(sources.find(folder, "any").of("music"), RATE),
        np.random.default_rng(1),
        len(roast.samples),
        RATE,
    )
    whole = np.concatenate(list(sounds.mixed(roast, other, -10.0)))
    scale = float(np.abs(whole).max()) / float(np.abs(roast.samples + 0).max())
    added = whole / np.float32(max(scale, 1.0)) - roast.samples
    assert rms(roast.noise) == pytest.approx(0.01, rel=0.02)
    quiet = slice(5 * RATE, 15 * RATE)
    assert 20 * np.log10(rms(added[quiet].astype(np.float32)) / 0.01) == pytest.approx(-10, abs=1.0)


def test_clicking_radio_is_reported_as_early(folder: Path) -> None:
    rng = np.random.default_rng(8)
    clicks = np.sort(rng.uniform(0, 30, 40))
    soundfile.write(
        folder / "song.wav", with_pops(noise(rng, 30, 0.001), rng, clicks.tolist()), RATE
    )
    (folder / "roast.wav").unlink()
    roast = with_pops(noise(rng, 210), rng, [at_s + 100 for at_s in CRACKS_S])
    soundfile.write(folder / "roast.wav", roast, RATE)
    (folder / "manifest.csv").write_text(MANIFEST.replace("70.3", "170"))
    report = run(folder, "--condition", "radio", "--level", "0")
    rows = report["conditions"]["models"]["transients"]
    music = [row for row in rows if row["sound"] == "music" and row["over"] == "recorded"]
    assert [row["early"]["count"] for row in music] == [1]
    assert [row["missed"]["count"] for row in music] == [1]
    assert [row["misses_announced"] for row in music] == [0]  # this model knows of no radio
    (none,) = [row for row in rows if row["sound"] == "none"]
    assert none["early"]["count"] == none["missed"]["count"] == 0
    (bare,) = [row for row in rows if (row["sound"], row["over"]) == ("music", "bare")]
    assert bare["by_kind"] == {"song": bare["alarms"]["count"]}
    assert bare["alarms"]["count"] >= 1


def test_radio_gives_the_same_result_for_the_same_seed(folder: Path) -> None:
    found = [
        evaluate_radio(
            model(),
            sources.find(folder, "evaluation"),
            draws=1,
            synthesised=0,
            levels_db=[0.0],
            onset=OnsetOptions(),
            progress=lambda _: None,
        )
        for _ in range(2)
    ]
    assert [row.as_json() for row in found[0]] == [row.as_json() for row in found[1]]
    assert len(found[0]) == 1 + 3 + 2


def test_playlists_differ_by_seed_and_join_without_clicks() -> None:
    rng = np.random.default_rng(3)
    tone = np.sin(2 * np.pi * 200 * np.arange(3 * RATE) / RATE).astype(np.float32)
    tracks = [tone * np.float32(gain) for gain in (1.0, 0.9)]
    one, two = (
        sounds.playlist(tracks, np.random.default_rng(seed), 10 * RATE, RATE) for seed in (1, 2)
    )
    assert not np.array_equal(one, two)
    assert np.abs(np.diff(one)).max() < 0.1
    whole = sounds.playlist([noise(rng, 2)], np.random.default_rng(1), 5 * RATE, RATE)
    assert rms(whole[-RATE:]) > 0.005  # filled to its end


def test_kitchen_counts_alarms_bare_and_over_roasters(folder: Path) -> None:
    rows = run(folder, "--condition", "kitchen", "--sound", "1")["conditions"]["models"][
        "transients"
    ]
    assert [row["over"] for row in rows] == ["bare", "synthesised"]  # the roast is of 16 kHz
    assert rows[0]["alarms"]["count"] == 1
    assert rows[0]["by_kind"] == {"pan": 1}
    assert rows[0]["pops_per_min"] > 5


def test_timelines_put_a_crack_at_each_label_and_impacts_before(folder: Path) -> None:
    (timeline,) = read_timelines(folder / "events.csv")
    assert timeline.truth_s == 70
    assert timeline.fifth_s == 81
    assert timeline.impacts_s == (20, 40)  # the one at 80 s is unknown
    assert timeline.end_s == 120  # where second crack begins
    bed = Bed("hiss", noise(np.random.default_rng(1), 7, 0.001), ())
    sound = re_enacted(timeline, bed, RATE, np.random.default_rng(2))
    assert len(sound) == 120 * RATE
    band = np.abs(high_band(sound, RATE, 3500.0))
    heard = np.flatnonzero(band > 6 * rms(high_band(bed.samples, RATE, 3500.0))) / RATE
    for at_s in (20, 40, *CRACKS_S):
        assert np.abs(heard - at_s).min() < 0.02
    nearest = np.abs(heard[:, None] - np.array((20, 40, *CRACKS_S))).min(axis=1)
    assert nearest.max() < 0.3


def test_a_lone_crack_is_not_the_truth_of_a_timeline(folder: Path) -> None:
    text = (folder / "events.csv").read_text()
    (folder / "events.csv").write_text(text + "\n1,30,1\n2,5,0\n2,9,1\n")
    (timeline,) = read_timelines(folder / "events.csv")  # trial 2 has no first crack
    assert timeline.truth_s == 70
    assert timeline.cracks_s[0] == 30


def test_timelines_are_decided_at_both_rates(folder: Path) -> None:
    rows = run(folder, "--condition", "timelines", "--sound", "1")["conditions"]["models"][
        "transients"
    ]
    assert [(row["over"], row["sound"]) for row in rows] == [
        (over, sound)
        for over in (
            "synthesised drum, 32 kHz",
            "synthesised drum, 16 kHz",
            "recorded roast, 16 kHz",
        )
        for sound in ("timeline", "cracks alone")
    ]
    recorded = rows[-1]
    assert (recorded["early"]["count"], recorded["missed"]["count"]) == (0, 0)
    assert recorded["latest_after_fifth_s"] < 20
    assert recorded["each"][0]["truth_s"] == 70


@pytest.mark.parametrize("text", ["trial,t_s\n1,2\n", "trial,t_s,class\n1,soon,1\n"])
def test_a_wrong_timeline_is_named_with_its_line(folder: Path, text: str) -> None:
    (folder / "events.csv").write_text(text)
    with pytest.raises(BadInputError, match=r"events\.csv, line 2: trial, t_s"):
        read_timelines(folder / "events.csv")


def test_parts_are_not_mixed_unless_asked(folder: Path) -> None:
    text = MANIFEST.replace("song.wav,music,song,evaluation", "song.wav,music,song,training")
    (folder / "manifest.csv").write_text(text)
    arguments = ["--data", str(folder), "--condition", "radio", "--draws", "1", "--sound", "0"]
    ran = CliRunner().invoke(command, [*arguments, "--model", "transients"])
    assert "All 1 music recordings are for training, not for evaluation" in str(ran.exception)
    report = run(folder, "--condition", "radio", "--part", "any", "--level", "0")
    rows = report["conditions"]["models"]["transients"]
    parts = {row["sound"]: row["part"] for row in rows if row["over"] == "recorded"}
    assert parts["music"] == parts["switched"] == "training + evaluation"
    assert parts["none"] == parts["talk"] == "evaluation"


def test_files_without_a_row_follow_the_rules_of_the_folder(folder: Path) -> None:
    (folder / "radio").mkdir()
    for name in ("talk-en", "song"):
        (folder / "radio" / f"{name}.wav").write_bytes((folder / "song.wav").read_bytes())
    found = sources.find(folder, "development")
    assert [(one.kind, one.path.stem, one.part) for one in found.recordings] == [
        ("talk", "talk-en", "training"),
        ("music", "song", "training"),
    ]
    (folder / "sources.csv").write_text("pattern,kind,part\nradio/*,music,evaluation\n")
    assert {one.part for one in sources.find(folder, "any").recordings} == {"evaluation"}


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        ("radio/*,song,training\n", "line 2: write pattern, kind"),
        ("radio/*,music,training\nradio/t*,talk,evaluation\n", "line 3: radio/t. is already in"),
    ],
)
def test_a_wrong_rule_is_named_with_its_line(folder: Path, rules: str, wrong: str) -> None:
    (folder / "sources.csv").write_text(f"pattern,kind,part\n{rules}")
    with pytest.raises(BadInputError, match=wrong):
        sources.find(folder, "any")


def test_a_file_in_two_parts_is_refused(folder: Path) -> None:
    text = MANIFEST + "song.wav,music,song,training,\n"
    (folder / "manifest.csv").write_text(text)
    with pytest.raises(BadInputError, match="stands in two parts, evaluation and training"):
        sources.find(folder, "any")


def test_recordings_that_a_model_was_trained_on_are_refused(folder: Path) -> None:
    found = sources.find(folder, "evaluation").recordings
    trained = frozenset({sources.digest(folder / "song.wav")})
    with pytest.raises(BadInputError, match=r"song\.wav is for evaluation, but the model was"):
        sources.refuse_trained_on(found, trained)
    sources.refuse_trained_on(found, frozenset({"0123456789abcdef"}))


def test_training_refuses_recordings_kept_for_evaluation(folder: Path) -> None:
    with pytest.raises(BadInputError, match=r"song\.wav is for evaluation according to"):
        sources.refuse_untrainable([folder / "song.wav"])
    (folder / "manifest.csv").write_text(MANIFEST.replace("song,evaluation", "song,training"))
    sources.refuse_untrainable([folder / "song.wav"])


def test_conditions_need_recordings_and_say_which(folder: Path) -> None:
    (folder / "manifest.csv").write_text("path,kind,label\nroast.wav,roast,\n")
    for name in ("radio", "kitchen", "timelines"):
        with pytest.raises(BadInputError, match=f"nothing for the condition '{name}'"):
            evaluate_conditions(
                model(),
                [name],
                folder,
                "evaluation",
                draws=1,
                synthesised=0,
                onset=OnsetOptions(),
                progress=lambda _: None,
            )
    ran = CliRunner().invoke(command, ["--condition", "radio"])
    assert "name their folder with --data" in str(ran.exception)


@pytest.mark.parametrize(
    ("option", "wrong"),
    [("own_level", "write KEY=VALUE"), ("no_such=1", "no_such"), ("told_bar=-1", "told_bar")],
)
def test_a_wrong_onset_option_is_named(option: str, wrong: str) -> None:
    ran = CliRunner().invoke(command, ["--onset", option])
    assert wrong in str(ran.exception)


def test_onset_options_reach_the_decision(folder: Path) -> None:
    rows = run(folder, "--condition", "kitchen", "--onset", "told_bar=1000")
    assert rows["conditions"]["models"]["transients"][0]["alarms"]["count"] == 0


def test_row_counts_early_report_as_missed_and_shows_unknown_as_dash() -> None:
    judged = [
        Judged("a", 500, 510, 498),
        Judged("b", 500, 300, 290),
        Judged("c", 500, None, None),
    ]
    found = Row("radio", "music", "recorded", "training", -10.0, judged).as_json()
    assert found["early"]["count"] == 1
    assert found["missed"]["count"] == 2
    assert found["delay_s"]["median"] == 10
    assert found["delay_s"]["median_low"] is None
    assert found["alarms"]["hours"] == pytest.approx(1300 / 3600, abs=1e-3)
    row = cells(found)
    assert len(row) == len(HEAD)
    assert row[0] == "radio: music, -10 dB"
    assert row[4] == "1 of 3 (6–79 %)"
    assert row[6] is None  # whether misses were announced was not examined
    assert row[7] == "10.0 (? to ?)"
    bare = cells(Row("radio", "talk", "bare", "training", alarms=Rate(2, 1.0)).as_json())
    assert bare[3:11] == [None] * 8
    assert str(bare[11]).startswith("2.00 (0.24")
