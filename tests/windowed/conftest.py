"""Small random audio classifiers on disk, as transformers writes them."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LABELS = {0: "no_first_crack", 1: "first_crack"}


def save_ast(folder: Path, labels: dict[int, str] = LABELS, seed: int = 7, **sizes: Any) -> Path:
    """A random Audio Spectrogram Transformer in a folder, with its preprocessor."""
    import torch
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    small = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_length": 204,
    }
    torch.manual_seed(seed)
    config = ASTConfig(
        id2label=labels, label2id={name: i for i, name in labels.items()}, **{**small, **sizes}
    )
    network = ASTForAudioClassification(config)
    with torch.no_grad():  # so that outputs differ from window to window
        weight: Any = network.classifier.dense.weight
        weight.mul_(40.0)
    network.save_pretrained(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an empty mel band, which AST has always had
        ASTFeatureExtractor(max_length=config.max_length).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Threads that wait for one another by spinning make a loaded machine slower still."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_ast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random AST of 60 thousand parameters that hears windows of 2 s."""
    return save_ast(tmp_path_factory.mktemp("models") / "tiny-ast")


@pytest.fixture(scope="session")
def base_ast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of other labels, as AudioSet's checkpoint is."""
    labels = {0: "Speech", 1: "Crackle", 2: "Crack"}
    return save_ast(tmp_path_factory.mktemp("models") / "base-ast", labels)


@pytest.fixture
def edited(tiny_ast: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the tiny AST with keys of its config.json changed (None removes a key)."""

    def make(**changes: Any) -> Path:
        folder = tmp_path / "edited"
        folder.mkdir()
        for file in tiny_ast.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        path = folder / "config.json"
        config = json.loads(path.read_text())
        for key, value in changes.items():
            config.pop(key, None)
            if value is not None:
                config[key] = value
        path.write_text(json.dumps(config))
        return folder

    return make
