"""A transformers checkpoint as a model: scores, back ends, memory, and wrong folders."""

import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roastwatch.detection.decision.onset import Onset, OnsetOptions
from roastwatch.detection.large import backends
from roastwatch.detection.large.windowed import Windowed, WindowedOptions
from roastwatch.errors import BadInputError, SettingsError
from roastwatch.settings import model as settings
from roastwatch.vocabulary import CrackScore, EventKind, Float32Array, Level

RATE = 32_000


def _model(folder: Path, **options: Any) -> Windowed:
    options = {"threads": 1, **options}
    made = settings.chosen("models", "windowed", model=str(folder), **options).options
    assert isinstance(made, WindowedOptions)
    return Windowed(made)


def _sound(seconds: float = 9.0) -> Float32Array:
    rng = np.random.default_rng(2)
    loud = 0.02 + 0.2 * (np.arange(round(seconds * RATE)) // RATE % 3 == 2)
    sound: Float32Array = (rng.normal(0, 1, len(loud)) * loud).astype(np.float32)
    return sound


def _scores(model: Windowed, sound: Float32Array, block: int) -> list[CrackScore]:
    stream = model.open(RATE)
    scores = []
    for at in range(0, len(sound), block):
        scores += stream.push(sound[at : at + block])
    return scores + stream.finish()


def test_scores_do_not_depend_on_blocks(tiny_ast: Path) -> None:
    model, sound = _model(tiny_ast), _sound()
    wanted = _scores(model, sound, len(sound))
    assert len(wanted) == 13
    assert len({score.probability for score in wanted}) > 5
    for block in (160, 4801, 48_000):
        assert _scores(model, sound, block) == wanted


def test_equals_transformers_on_the_same_windows(tiny_ast: Path) -> None:
    import torch
    from transformers import ASTFeatureExtractor, ASTForAudioClassification

    sound = np.random.default_rng(5).normal(0, 0.1, 5 * 16_000).astype(np.float32)
    stream = _model(tiny_ast, window_s=2.0, overlap=0.5).open(16_000)
    found = [score.probability for score in stream.push(sound) + stream.finish()]
    network = ASTForAudioClassification.from_pretrained(tiny_ast).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an empty mel band, which AST has always had
        extract = ASTFeatureExtractor.from_pretrained(tiny_ast)
    wanted = []
    for start in range(0, 3 * 16_000 + 1, 16_000):
        made = extract(sound[start : start + 32_000], sampling_rate=16_000, return_tensors="pt")
        with torch.inference_mode():
            wanted.append(network(**made).logits.softmax(1)[0, 1].item())
    assert found == pytest.approx(wanted, abs=1e-4)


def test_batches_change_nothing(tiny_ast: Path) -> None:
    single, batched = (_scores(_model(tiny_ast, batch=n), _sound(), 5000) for n in (1, 4))
    assert [s.end_sample for s in single] == [s.end_sample for s in batched]
    assert np.allclose([s.probability for s in single], [s.probability for s in batched], atol=1e-5)


def test_the_log_has_every_window_and_the_events(tiny_ast: Path, tmp_path: Path) -> None:
    path = tmp_path / "logs" / "windows.jsonl"
    model = _model(tiny_ast, log_windows=path, threshold=1e-9, consecutive=2)
    scores = _scores(model, _sound(), 9000)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    windows = [line for line in lines if "event" not in line]
    assert [w["end_s"] for w in windows] == [round(s.end_sample / RATE, 3) for s in scores]
    (event,) = [line["event"] for line in lines if "event" in line]
    assert (event["start_s"], event["end_s"], event["duration_s"]) == (0.0, 9.0, 9.0)
    assert event["windows"] == len(scores)
    assert event["confidence"] == pytest.approx(np.mean([s.probability for s in scores]), abs=1e-4)


def test_consecutive_windows_decide(tiny_ast: Path) -> None:
    model = _model(tiny_ast, consecutive=3, threshold=0.6)
    onset = Onset(OnsetOptions(), RATE, model.spec)
    onset.arm(0)
    hop, length = round(model.spec.hop_s * RATE), round(model.window_s * RATE)
    chances = [0.1, 0.1, 0.7, 0.5, 0.7, 0.8, 0.9, 0.9, *[0.1] * 60]
    decisions = []
    for index, chance in enumerate(chances):
        end = index * hop + length
        decisions += onset.feed(CrackScore(end, 0.0, chance, "x"))
    reported = [d for d in decisions if d.level is Level.FIRST_CRACK]
    assert [d.decided_sample for d in reported] == [6 * hop + length]
    assert (
        reported[0].happened_sample == 3 * hop + length
    )  # where the first positive one's news began
    assert reported[0].confidence == pytest.approx(0.8)
    assert [d.kind for d in decisions][-1] is EventKind.FIRST_CRACK_END
    assert decisions[-1].happened_sample == 7 * hop + length


class ShortOfMemory:
    """What a graphics library does when a batch is too big, and when its driver dies."""

    name = "fake"
    dtype = "float32"

    def __init__(self, device: str, fits: int, error: Exception) -> None:
        self.device, self.fits, self.error = device, fits, error
        self.sizes: list[int] = []

    def logits(self, inputs: Float32Array) -> Float32Array:
        self.sizes.append(len(inputs))
        if len(inputs) > self.fits:
            raise self.error
        return inputs.reshape(len(inputs), -1)[:, :2]


def test_a_batch_shrinks_when_memory_is_short(caplog: pytest.LogCaptureFixture) -> None:
    fake = ShortOfMemory("cpu", 3, RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    network = backends.Network(lambda device: fake, "cpu", batch=8)
    inputs = np.arange(40, dtype=np.float32).reshape(20, 2)
    assert np.array_equal(network.logits(inputs), inputs)
    assert fake.sizes == [8, 4, *[2] * 10]
    assert network.batch == 2
    assert "memory is short for 8 windows" in caplog.text


def test_memory_short_for_the_weights(tiny_ast: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_args: object, **_options: Any) -> None:
        raise RuntimeError("unable to mmap 344790040 bytes: Cannot allocate memory (12)")

    loader = "transformers.AutoModelForAudioClassification.from_pretrained"
    monkeypatch.setattr(loader, no_room)
    assert "Memory is short for the weights" in _refused(tiny_ast)


def test_memory_short_for_one_window_is_one_sentence() -> None:
    fake = ShortOfMemory("cpu", 0, MemoryError())
    network = backends.Network(lambda device: fake, "cpu", batch=1)
    with pytest.raises(BadInputError, match="Memory is short for even one window"):
        network.logits(np.zeros((1, 2), np.float32))


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: unknown error"), MemoryError()])
def test_a_failing_accelerator_falls_back(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    made = {"cuda": ShortOfMemory("cuda", 0, error), "cpu": ShortOfMemory("cpu", 9, error)}
    network = backends.Network(lambda device: made[device], "cuda", batch=1)
    inputs = np.ones((2, 2), np.float32)
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(network.logits(inputs), inputs)
    assert network.fell_back
    assert network.backend.device == "cpu"
    assert "continuing on the processor" in caplog.text


def test_accelerator_that_fails_to_open_falls_back() -> None:
    def open_on(device: backends.DeviceName) -> backends.Backend:
        if device != "cpu":
            raise RuntimeError("no kernel image is available")
        return ShortOfMemory("cpu", 9, MemoryError())

    assert backends.Network(open_on, "auto", 1).fell_back


def _refused(folder: Path | str, **options: Any) -> str:
    with pytest.raises(BadInputError) as caught:
        _model(Path(folder), **options).open(RATE)
    return str(caught.value)


def test_wrong_folders_are_explained(
    tiny_ast: Path, tmp_path: Path, edited: Callable[..., Path]
) -> None:
    assert "no config.json" in _refused(tmp_path)
    assert "There is no model folder" in _refused("./nowhere")
    text = _refused(edited(id2label={"0": "dog", "1": "cat"}))
    assert "names first crack" in text
    assert "'dog', 'cat'" in text
    assert "`label`" in text


def test_a_folder_without_preprocessor(edited: Callable[..., Path]) -> None:
    folder = edited()
    (folder / "preprocessor_config.json").unlink()
    assert "no preprocessor_config.json" in _refused(folder)


@pytest.mark.parametrize(
    ("kind", "architecture"),
    [
        ("bert", "BertForSequenceClassification"),
        ("audio-spectrogram-transformer", "ASTModel"),
        ("whisper", "WhisperForConditionalGeneration"),
    ],
)
def test_a_checkpoint_of_another_task(
    kind: str, architecture: str, edited: Callable[..., Path]
) -> None:
    text = _refused(edited(model_type=kind, architectures=[architecture]))
    assert architecture in text
    assert "not an audio classifier" in text


def test_weights_of_another_network(edited: Callable[..., Path]) -> None:
    assert "another network" in _refused(edited(num_hidden_layers=3))


def test_damaged_and_missing_weights(edited: Callable[..., Path]) -> None:
    folder = edited()
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "can't be loaded" in _refused(folder)
    weights.unlink()
    assert "no weights" in _refused(folder)


def test_settings_that_do_not_fit_are_named(tiny_ast: Path) -> None:
    assert "at most 2.05 s" in _refused(tiny_ast, window_s=10)
    assert "label" in _refused(tiny_ast, label="boom")
    assert "--to onnx" in _refused(tiny_ast, backend="onnx")
    with pytest.raises(BadInputError, match="16000 Hz"):
        _model(tiny_ast).open(8000)
    with pytest.raises(SettingsError, match="overlap"):
        _model(tiny_ast, overlap=1.0)


def test_a_label_can_be_named(edited: Callable[..., Path]) -> None:
    folder = edited(id2label={"0": "Popping", "1": "quiet"})
    assert _model(folder, label="popping").open(RATE) is not None


def test_offline_hub_name_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    text = _refused("syamaner/coffee-first-crack-detection")
    assert "hf download syamaner/coffee-first-crack-detection --local-dir" in text
    assert "preprocessor_config.json" in text
