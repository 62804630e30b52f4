"""Evaluation: the numbers, the simulation, and the command on a folder of recordings."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import roastwatch.detection.pops
from roastwatch.cli.data import command as data
from roastwatch.cli.evaluate import command
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.pops.model import PopsModel, PopsOptions
from roastwatch.errors import BadInputError
from roastwatch.evaluation import oracle as evaluate_oracle
from roastwatch.evaluation import plots as evaluate_plots
from roastwatch.evaluation.evaluate import ModelResult
from roastwatch.evaluation.manifest import read
from roastwatch.evaluation.recordings import Played
from roastwatch.evaluation.simulated import (
    NOISY,
    QUIET,
    SPEC,
    count_alarms,
    decide,
    hear,
    judge_roast,
    judge_second,
    simulated_hour,
    simulated_roast,
)
from roastwatch.evaluation.sound import SoundResult
from roastwatch.evaluation.statistics import (
    Judged,
    alarms,
    begins,
    compare,
    cusum,
    judged,
    k_of_n,
    match,
    poisson_interval,
    pop_curve,
    summary,
)
from roastwatch.synth.rates import CrackPhase, RoastRates
from roastwatch.synth.roasts import RoastTruth, TruePop


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)]
)
def test_poisson_interval_gives_published_values(count: int, low: float, high: float) -> None:
    assert poisson_interval(count) == pytest.approx((low, high), rel=2e-3, abs=1e-6)


def test_summary_separates_missed_early_and_delayed_roasts() -> None:
    rows = [
        Judged("a", 100, 110, 98),
        Judged("b", 100, 130, 104),
        Judged("c", 100, None, None),
        Judged("d", 100, 50, 40),
    ]
    found = summary(rows)
    assert (found["missed"], found["early"]) == (1, 1)
    assert found["delay_median_s"] == 20
    assert found["onset_error_median_s"] == 1
    assert summary([])["delay_median_s"] is None


def test_onset_is_compared_with_the_first_of_five_cracks_in_20_s() -> None:
    cracks_s = [40.0, 101.0, 125.0, 130.0, 134.0, 139.0, 144.5, 150.0]
    assert begins(cracks_s) == (125, 144.5)
    assert begins(cracks_s[:5]) is None
    roast = judged("a", 100, cracks_s, (150, 128))
    assert (roast.delay_s, roast.error_s) == (50, 3)
    assert judged("b", 100, cracks_s[:5], (150, 128)).error_s == 28
    assert judged("c", 100, cracks_s, None).missed


def test_pops_are_matched_at_most_once() -> None:
    hit, false = match([1.0, 2.0, 3.0], [1.05, 1.06, 2.5, 3.02])
    assert hit == [0, 2]
    assert false == [2]
    curve = pop_curve([0.9, 0.6], [0.4], truths=3, minutes=2)
    assert curve.recall[0] == pytest.approx(2 / 3)
    assert curve.false_per_min[0] == 0.5


def test_plain_rules_decide_as_defined() -> None:
    pops = [10.0, 10.2, 50, 55, 60, 62]
    assert k_of_n(pops) == (62, 50)
    decided = cusum([50, 51.2, 52.5, 53.8])
    assert decided is not None
    assert decided[1] == 50
    assert cusum([10, 40, 70]) is None
    assert alarms("4 of 30 s", [*pops, 200, 203, 206, 209]) == 2


def test_comparison_pairs_roasts_and_gives_sign_test() -> None:
    one = [Judged(str(i), 0, 10, 0) for i in range(8)]
    two = [Judged(str(i), 0, 15 if i else None, 0) for i in range(8)]
    found = compare(one, two)
    assert (found["first_better"], found["second_better"]) == (8, 0)
    assert found["seconds_gained_median"] == 5
    assert found["p_sign_test"] == pytest.approx(2 / 2**8, abs=1e-4)


def test_simulation_is_determined_by_its_seed() -> None:
    one, two = (simulated_roast(3, NOISY) for _ in range(2))
    np.testing.assert_array_equal(one.at_s, two.at_s)
    assert simulated_roast(3, QUIET).rates == one.rates
    assert len(simulated_hour(1, NOISY).at_s) > len(simulated_hour(1, QUIET).at_s)


def test_decision_finds_simulated_roasts_without_false_alarm() -> None:
    judged = [judge_roast(seed, QUIET, OnsetOptions())["roastwatch"] for seed in range(900, 906)]
    assert sum(j.delay_s is not None for j in judged) >= 5
    assert count_alarms(simulated_hour(7, QUIET), OnsetOptions()) == 0


def test_cracks_a_minute_after_the_charge_are_not_learnt_as_noise() -> None:
    first = CrackPhase(onset_s=65.0, rise_s=40.0, hold_s=60.0, fall_s=40.0, peak_per_s=1.0)
    for seed in range(4):
        heard = hear(np.random.default_rng(seed), QUIET, RoastRates(duration_s=300.0, first=first))
        decided = decide(heard, OnsetOptions(), charged=True)
        assert decided is not None
        assert 65 < decided[0] < 130


def test_oracle_raises_at_most_the_allowed_alarms() -> None:
    roasts = [simulated_roast(seed, QUIET) for seed in range(4)]
    hours = [simulated_hour(seed, QUIET) for seed in range(2)]
    found = evaluate_oracle.judge(roasts, hours, QUIET, {"none": 0, "any": 10**6})
    judged, raised = found["none"]
    assert raised == 0
    assert found["any"][1] > 0
    assert sum(j.decided_s is not None for j in judged) >= 3


def test_simulation_counts_pops_as_the_shipped_model_does() -> None:
    shipped = PopsModel(PopsOptions()).spec
    assert shipped.evidence_over == SPEC.evidence_over
    hour = simulated_hour(55, NOISY)  # one of a few in which it matters
    strict, loose = (
        count_alarms(hour, OnsetOptions(), charged=charged) for charged in (False, True)
    )
    assert strict < loose


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    rate, rng = 16_000, np.random.default_rng(5)

    def noise(seconds: float) -> np.ndarray:
        return rng.standard_normal(round(seconds * rate)) * 0.01

    def pop(samples: np.ndarray, at_s: float) -> None:
        first = round(at_s * rate)
        samples[first : first + 160] += rng.standard_normal(160) * np.exp(-np.arange(160) / 30)

    roast = noise(60)
    pops_s = [20, 24, 27, 29.5, 31, 33, 34.2, 36, 38.5, 40, 43]
    for at_s in pops_s:
        pop(roast, at_s + 0.3)
    soundfile.write(tmp_path / "roast.wav", roast, rate)
    labels = [f"{int(at_s)},{int(at_s) + 1},crack" for at_s in pops_s]
    (tmp_path / "roast.csv").write_text("\n".join(["start_s,end_s,label", *labels]))
    clip = noise(4)
    pop(clip, 2.5)
    soundfile.write(tmp_path / "clip.wav", clip, rate)
    soundfile.write(tmp_path / "rest.wav", noise(5), rate)
    (tmp_path / "manifest.csv").write_text(
        "path,kind,label\nroast.wav,roast,\nclip.wav,clip,crack\nrest.wav,clip,background\n"
        "rest.wav,negative,fan\nclip.wav,popcorn,pops\n"
    )
    return tmp_path


def test_command_reports_on_a_folder(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = ["--simulated", "0", "--hours", "0", "--sound", "0", "--orders", "1", "--json"]
    ran = CliRunner().invoke(
        command, [*asked, "--model", "transients", "--data", str(recordings), "--out", str(out)]
    )
    assert ran.exit_code == 0, ran.output
    report = json.loads((out / "report.json").read_text())
    rows = report["models"]["transients"]
    assert rows["roasts"][0]["first_cracks"] == 1
    assert rows["roasts"][0]["labelled_seconds_found"] >= 9
    assert abs(rows["roasts"][0]["onset_error_s"]) < 15
    assert rows["clips"]["heard"] == 1
    assert rows["false_alarms"]["bare"]["count"] == 0
    assert rows["false_alarms"]["bare"]["high"] > 0
    assert rows["negatives"][0]["first_cracks"] == 0
    assert "Real roasts" in (out / "report.md").read_text()
    assert (out / "popcorn.png").stat().st_size > 1000


def test_audacity_labels_are_compared_pop_by_pop(recordings: Path) -> None:
    for name in ("manifest.csv", "roast.csv"):
        (recordings / name).unlink()
    pops_s = [20, 24, 27, 29.5, 31, 33, 34.2, 36, 38.5, 40, 43]
    labels = [f"{at_s + 0.3}\t{at_s + 0.3}\tpop" for at_s in (5, *pops_s)]
    (recordings / "roast.txt").write_text("\n".join([*labels, "20.3\t50\tfirst crack"]))
    for name, label in (("clip", "2.5\t2.5\tcrack"), ("rest", "")):
        (recordings / f"{name}.txt").write_text(label)
    (recordings / "whole.wav").write_bytes((recordings / "roast.wav").read_bytes())
    assert CliRunner().invoke(data, ["manifest", str(recordings)]).exit_code == 0
    assert [one.part for one in read(recordings)] == ["evaluation"] * 4
    asked = ["--simulated", "0", "--hours", "0", "--sound", "0", "--json"]
    found = recordings / "manifest.json"
    ran = CliRunner().invoke(command, [*asked, "--model", "transients", "--data", str(found)])
    assert ran.exit_code == 0, ran.output
    rows = json.loads(ran.stdout)["models"]["transients"]
    (roast,) = rows["roasts"]
    assert (roast["pops"], roast["first_label_s"]) == (12, 20.3)
    assert roast["pops_found"] == 11
    assert abs(roast["onset_error_s"]) < 15
    in_sum = rows["roasts_in_sum"]
    assert in_sum["pops"] == {"true": 12, "recall": round(11 / 12, 4), "precision": 1.0}
    assert {rule: row["missed"] for rule, row in in_sum["decision"].items()} == {
        "roastwatch": 0,
        "4 of 30 s": 0,
        "CUSUM h=6": 0,
        "CUSUM h=8": 0,
    }
    clips = rows["clips"]
    assert (clips["heard"], clips["background_s"], clips["without_labels"]) == (1, 5.0, 1)


def test_roast_without_labels_is_reported_but_not_scored(recordings: Path) -> None:
    (recordings / "roast.csv").unlink()
    asked = ["--simulated", "0", "--hours", "0", "--sound", "0", "--orders", "0"]
    ran = CliRunner().invoke(command, [*asked, "--model", "transients", "--data", str(recordings)])
    assert ran.exit_code == 0, ran.output
    (row,) = [line for line in ran.stdout.splitlines() if line.startswith("| roast.wav")]
    assert row.split("|")[2].strip() == "–"
    assert float(row.split("|")[3]) > 0
    assert "First crack is not labelled" in ran.stdout
    assert "before first crack" not in ran.stdout  # its time is unknown


@pytest.mark.parametrize(("charge_s", "cracks"), [("", 1), ("0", 0), ("-0.1", 0), ("-400", 1)])
def test_known_charge_prevents_reports_soon_after_it(
    recordings: Path, charge_s: str, cracks: int
) -> None:
    text = f"path,kind,label,charge_s\nroast.wav,roast,,{charge_s}\n"
    (recordings / "manifest.csv").write_text(text)
    asked = ["--simulated", "0", "--hours", "0", "--sound", "0", "--json"]
    ran = CliRunner().invoke(command, [*asked, "--model", "transients", "--data", str(recordings)])
    assert ran.exit_code == 0, ran.output
    (row,) = json.loads(ran.stdout)["models"]["transients"]["roasts"]
    assert row["first_cracks"] == cracks  # none in the seconds that follow a charge
    assert row["charge_s"] == (float(charge_s) if charge_s else None)


@pytest.mark.parametrize(
    ("file", "text", "wrong"),
    [
        (
            "manifest.csv",
            "path,kind,label\ngone.wav,clip,crack\n",
            r"line 2: gone\.wav is missing",
        ),
        ("manifest.csv", "path,kind\nroast.wav,\n", "line 2: path or kind is missing"),
        (
            "manifest.csv",
            "path,kind,first_crack_s\nroast.wav,roast,7:30\n",
            "first_crack_s is '7:30'; give seconds",
        ),
        ("roast.csv", "start,end\n1,2\n", "its columns must be start_s,end_s,label"),
        (
            "roast.csv",
            "start_s,end_s,label\none,2,crack\n",
            "its columns must be start_s,end_s,label",
        ),
    ],
)
def test_wrong_manifest_is_named_with_its_line(
    recordings: Path, file: str, text: str, wrong: str
) -> None:
    (recordings / file).write_text(text)
    with pytest.raises(BadInputError, match=wrong):
        read(recordings)


def test_folder_without_manifest_or_recordings_is_named(
    tmp_path: Path,
) -> None:
    with pytest.raises(BadInputError, match=r"roastwatch data manifest"):
        read(tmp_path)
    soundfile.write(tmp_path / "coarse.wav", np.zeros(8000), 8000)
    text = "path,kind,label,split\ncoarse.wav,clip,crack,train\n"
    (tmp_path / "manifest.csv").write_text(text)
    asked = ["--simulated", "0", "--hours", "0", "--sound", "0", "--data", str(tmp_path)]
    ran = CliRunner().invoke(command, asked)
    assert "holds no recordings for evaluation" in str(ran.exception)
    (tmp_path / "manifest.csv").write_text(text.replace("train", "test"))
    assert "coarse.wav: The sample rate of 8000 Hz" in str(
        CliRunner().invoke(command, asked).exception
    )


def test_command_counts_simulated_roasts_and_hours() -> None:
    asked = ["--simulated", "2", "--hours", "10", "--sound", "0", "--workers", "1", "--json"]
    ran = CliRunner().invoke(command, [*asked, "--model", "transients"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)["simulated"]
    assert found["quiet"]["rules"]["roastwatch"]["roasts"] == 2
    assert found["noise"]["rules"]["oracle held to roastwatch"]["false_alarms"]["hours"] == 10
    assert found["noise"]["rules"]["CUSUM h=6"]["false_alarms"]["count"] > 5


def test_exported_net_is_chosen_by_its_manifest(tmp_path: Path) -> None:
    shipped = Path(roastwatch.detection.pops.__file__).parent / "weights" / "pops.json"
    asked = ["--simulated", "0", "--hours", "0", "--sound", "0", "--json"]
    ran = CliRunner().invoke(command, [*asked, "--model", str(shipped)])
    assert ran.exit_code == 0, ran.output
    ran = CliRunner().invoke(command, [*asked, "--model", str(tmp_path / "gone.json")])
    assert isinstance(ran.exception, BadInputError)
    assert "can't be read" in str(ran.exception)


def test_early_alarms_count_per_hour_before_first_crack() -> None:
    found = SoundResult(threshold=0.5)
    truth = RoastTruth((), 1800.0, 1900.0, None, 2000.0, (), "drum roaster, seed 1")
    played = Played(2000.0, [], [(900.0, 880.0)])
    found.add(0, truth, played, played)
    played = Played(2000.0, [], [(1820.0, 1801.0)])
    found.add(1, truth, played, played)
    played = Played(2000.0, [], [])
    found.add(2, truth, played, played)
    rows = found.as_json()
    assert (rows["before_crack"]["count"], rows["before_crack"]["hours"]) == (1, 1.25)
    assert [row["decided_s"] for row in rows["wrong"]] == [900.0, None]


def test_plots_show_curves_in_total_and_by_noise(tmp_path: Path) -> None:
    found = SoundResult(threshold=0.5)
    for bed in ("drum", "fluid"):
        truth = RoastTruth((TruePop(60.0, 12.0, "first"),), 50.0, 90.0, None, 120.0, (), bed)
        played = Played(120.0, [(60.0, 0.9), (20.0, 0.6)], [])
        found.add(0, truth, played, played)
    assert found.curve("drum").recall[0] == 1
    assert found.curve().false_per_min[0] == found.curve("fluid").false_per_min[0] == 0.5
    files = evaluate_plots.save({"m": ModelResult("m", sound=found)}, tmp_path)
    assert [file.name for file in files] == ["pops.png", "pops-by-noise.png", "delays.png"]


def test_second_crack_is_distinguished_by_its_rate() -> None:
    found = [judge_second(seed, QUIET, OnsetOptions()) for seed in range(12)]
    with_one = [at_s for has, at_s in found if has]
    assert sum(at_s is not None and at_s >= 0 for at_s in with_one) >= len(with_one) / 2
    assert sum(at_s is not None for has, at_s in found if not has) <= 1


def test_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = CliRunner().invoke(command, ["--out", str(tmp_path / "file" / "report")])
    assert isinstance(ran.exception, BadInputError)
    assert "can't be created" in str(ran.exception)
