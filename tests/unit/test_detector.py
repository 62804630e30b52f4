"""The public Python API: the same results as `roastwatch analyze`, for any array and block size."""

import doctest
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from click.testing import CliRunner

import roastwatch
import roastwatch.offline.detector as detector_module
from roastwatch import Detector, FirstCrack, RoastwatchError
from roastwatch.cli import cli
from roastwatch.errors import BadInputError, SettingsError
from roastwatch.resampling import Resampler
from roastwatch.synth.rates import CrackPhase, RoastRates
from roastwatch.synth.roasts import SynthRoast
from roastwatch.vocabulary import Float32Array

RATE_HZ = 16_000
Sound = npt.NDArray[np.int16]


@pytest.fixture(scope="module")
def sound() -> Sound:
    """Two and a half minutes with a crack from 61.9 s on, as int16."""
    crack = CrackPhase(onset_s=60, rise_s=15, hold_s=30, fall_s=10, peak_per_s=2.0)
    roast = SynthRoast(
        2, RATE_HZ, curve=RoastRates(150.0, crack), pop_level_db=15, fooling_per_h=0, bed_dbfs=-40
    )
    return np.round(np.concatenate(list(roast.blocks(1.0))) * 32_000).astype(np.int16)


@pytest.fixture(scope="module")
def roast(sound: Sound, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("roast") / "roast.wav"
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="module")
def expected(detector: Detector, sound: Sound) -> FirstCrack:
    found = detector.detect(sound, RATE_HZ)
    assert found is not None
    return found


def analyzed(*arguments: object) -> FirstCrack:
    """What `roastwatch analyze` finds, rounded as it prints."""
    result = CliRunner().invoke(cli, ["analyze", "--json", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    rows = {row["kind"]: row for row in json.loads(result.stdout)["events"]}
    crack, end = rows["first_crack"], rows.get("first_crack_end")
    return FirstCrack(
        crack["happened_at_s"],
        crack["decided_at_s"],
        crack["level"],
        crack["confidence"],
        end and end["happened_at_s"],
    )


def rounded(found: FirstCrack | None) -> FirstCrack:
    assert found is not None
    digits = {"confidence": 4}
    rounded_values: dict[str, Any] = {
        name: round(value, digits.get(name, 3)) if isinstance(value, float) else value
        for name, value in asdict(found).items()
    }
    return FirstCrack(**rounded_values)


@pytest.mark.parametrize("module", [roastwatch, detector_module], ids=lambda one: one.__name__)
def test_examples_in_the_documentation_run(
    module: object, roast: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(roast.parent)
    result = doctest.testmod(module, exclude_empty=True)  # type: ignore[arg-type]
    assert result.attempted >= 4
    assert result.failed == 0


def test_detect_equals_analyze(detector: Detector, sound: Sound, roast: Path) -> None:
    assert rounded(detector.detect(sound, RATE_HZ)) == analyzed(roast)


def test_detect_equals_analyze_with_charge_and_sensitivity(sound: Sound, roast: Path) -> None:
    found = Detector(sensitivity=0.8, charge_s=5).detect(sound, RATE_HZ)
    assert rounded(found) == analyzed(roast, "--sensitivity", "0.8", "--charge", "5")


def test_detect_equals_analyze_for_the_signal_model(sound: Sound, roast: Path) -> None:
    found = Detector("transients", armed_from_s=10).detect(sound, RATE_HZ)
    assert rounded(found) == analyzed(roast, "--model", "transients", "--armed-from", "10")


def test_detect_equals_analyze_for_stereo_at_96_khz(
    detector: Detector, sound: Sound, tmp_path: Path
) -> None:
    mono = resampled(sound, 96_000)
    stereo = np.stack([mono / 40, mono], axis=1).astype(np.float32)
    path = tmp_path / "stereo.wav"
    soundfile.write(path, stereo, 96_000, subtype="FLOAT")
    assert rounded(detector.detect(stereo, 96_000)) == analyzed(path)


def resampled(sound: Sound, rate_hz: int) -> Float32Array:
    resampler = Resampler(RATE_HZ, rate_hz)
    pieces = [resampler.push(sound.astype(np.float32) / np.float32(32_768)), resampler.finish()]
    return np.concatenate(pieces)


@pytest.mark.parametrize("kind", ["float64", "float32", "int32", "uint8"])
def test_sample_types_give_the_same_crack(
    detector: Detector, sound: Sound, expected: FirstCrack, kind: str
) -> None:
    samples: npt.NDArray[np.generic]
    match kind:
        case "int32":
            samples = sound.astype(np.int32) << 16
        case "uint8":
            samples = np.round(sound / 256 + 128).astype(np.uint8)
        case _:
            samples = (sound / 32_768).astype(kind)
    found = detector.detect(samples, RATE_HZ)
    assert found is not None
    exact = 0.5 if kind == "uint8" else 1e-9
    assert found.onset_s == pytest.approx(expected.onset_s, abs=exact)


def assert_same(found: FirstCrack, expected: FirstCrack) -> None:
    """Some processors round a matrix product by its number of rows, and so a confidence."""
    assert found.confidence == pytest.approx(expected.confidence, abs=1e-6)
    assert replace(found, confidence=expected.confidence) == expected


@pytest.mark.parametrize("size", [160, 4_096, 20_001])
def test_stream_yields_each_step_and_ends_as_detect(
    detector: Detector, sound: Sound, expected: FirstCrack, size: int
) -> None:
    given = 0.0
    steps: list[FirstCrack] = []

    def blocks() -> Iterator[Sound]:
        nonlocal given
        for at in range(0, len(sound), size):
            given = (at + size) / RATE_HZ
            yield sound[at : at + size]

    for crack in detector.stream(blocks(), RATE_HZ):
        if not steps:  # as soon as the block that completes it was given
            assert crack.detected_s - 0.2 <= given <= crack.detected_s + size / RATE_HZ + 0.1
        steps.append(crack)
    assert_same(steps[-1], expected)
    assert [(step.level, step.end_s is None) for step in steps] == [
        ("first_crack", True),
        ("certain", True),
        ("certain", False),
    ]


def test_pushed_blocks_are_not_changed(detector: Detector) -> None:
    block = np.full(1_600, np.nan)
    stream = detector.open(RATE_HZ)
    assert stream.push(block) == []
    assert stream.push(np.zeros(0)) == []
    assert stream.finish() == []
    assert np.isnan(block).all()


def test_streams_of_one_detector_are_independent(
    detector: Detector, sound: Sound, expected: FirstCrack
) -> None:
    one, other = detector.open(RATE_HZ), detector.open(RATE_HZ)
    found: list[FirstCrack] = []
    for at in range(0, len(sound), RATE_HZ):
        found += one.push(sound[at : at + RATE_HZ])
        assert other.push(np.zeros(RATE_HZ, np.int16)) == []
    assert_same((found + one.finish())[-1], expected)
    assert other.finish() == []


def test_noise_has_no_first_crack(detector: Detector) -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, (30 * RATE_HZ, 2))
    assert detector.detect(noise, RATE_HZ) is None
    assert list(detector.stream([], RATE_HZ)) == []


@pytest.mark.parametrize(
    ("samples", "rate_hz", "words"),
    [
        (np.zeros(0), RATE_HZ, "length is 0"),
        (np.zeros((2, 48_000)), RATE_HZ, "transpose it if channels come first"),
        (np.zeros((2, 2, 2)), RATE_HZ, "give \\(samples,\\)"),
        (np.zeros(9, np.complex64), RATE_HZ, "is of type complex64"),
        (np.float32(0.5), RATE_HZ, "shape \\(\\)"),
        ([[0.0], [0.0, 1.0]], RATE_HZ, "not an array"),
        (np.zeros(9), 8_000, "needs 16000 Hz or more"),
        (np.zeros(9), 44_100.5, "a whole number of hertz"),
        (np.zeros(9), 0, "a whole number of hertz"),
        (np.zeros(9), "44100", "a whole number of hertz"),
        (np.zeros(9), float("nan"), "a whole number of hertz"),
    ],
)
def test_unusable_sound_is_an_error_that_names_the_fix(
    detector: Detector, samples: object, rate_hz: object, words: str
) -> None:
    with pytest.raises(BadInputError, match=words) as error:
        detector.detect(samples, rate_hz)  # type: ignore[arg-type]
    assert str(error.value).count("\n") == 0
    assert isinstance(error.value, RoastwatchError)


def test_channels_that_change_are_an_error(detector: Detector) -> None:
    stream = detector.open(RATE_HZ)
    stream.push(np.zeros((100, 2)))
    with pytest.raises(BadInputError, match="first one had 2"):
        stream.push(np.zeros(100))


def test_an_unknown_model_or_option_is_named() -> None:
    with pytest.raises(SettingsError, match="did you mean 'transients'"):
        Detector("transient")
    with pytest.raises(SettingsError, match=r"model\.treshold is not a setting"):
        Detector(model_options={"treshold": 0.5})
    with pytest.raises(BadInputError, match="from 0 to 1"):
        Detector(sensitivity=2)


def test_a_name_that_is_not_in_the_api_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Detektor'"):
        roastwatch.Detektor  # type: ignore[attr-defined]  # noqa: B018
