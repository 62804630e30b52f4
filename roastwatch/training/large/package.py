"""Package a large model as a folder that is ready to use: weights, manifest, card, example."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import soundfile

from roastwatch import __version__
from roastwatch.detection.large import checkpoint
from roastwatch.errors import BadInputError
from roastwatch.synth.rates import CrackPhase, RoastRates
from roastwatch.synth.roasts import SynthRoast

MANIFEST = "roastwatch.json"
EXAMPLE = "example.flac"


def write_package(
    folder: Path, out: Path, *, model_id: str | None, licence: str, trained_on: str,
    threshold: float,
) -> dict[str, Any]:  # fmt: skip
    """Write the package; return its manifest, which is also written to roastwatch.json.

    Raises:
        BadInputError: the folder is not a first-crack classifier, or `out` can't be written.
    """
    model = checkpoint.read(folder)
    label = model.labels[model.crack_index()]
    forms = [name for name in checkpoint.WEIGHTS if model.weights(name) is not None]
    if not forms:
        raise BadInputError(f"{folder} has no weights: download the model again.")
    if out.exists() and any(out.iterdir()):
        raise BadInputError(f"{out} is not empty: choose another --out, or empty it.")
    name = model_id or model.model_id
    example = f"roastwatch analyze {out / EXAMPLE} --model {out}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file in _files(model):
            shutil.copyfile(file, out / file.name)
        _set_id(out / "preprocessor_config.json", name)
        _write_example(out / EXAMPLE)
        window_s = min(10.0, model.longest_s or 10.0)
        about = {
            "model_id": name,
            "made_by": f"roastwatch {__version__}",
            "kind": model.kind,
            "forms": forms,
            "labels": list(model.labels),
            "crack_label": label,
            "sample_rate_hz": model.sample_rate_hz,
            "window_s": round(window_s, 3),
            "overlap": 0.7,
            "threshold": threshold,
            "licence": licence or None,
            "trained_on": trained_on or None,
        }
        (out / "settings.yaml").write_text(_settings(threshold), encoding="utf-8")
        (out / "example.sh").write_text(_SCRIPT, encoding="utf-8")
        (out / "example.sh").chmod(0o755)
        (out / "README.md").write_text(_card(about), encoding="utf-8")
        files: dict[str, dict[str, Any]] = {
            file.name: {"bytes": file.stat().st_size, "sha256": _sha256(file)}
            for file in sorted(out.iterdir())
            if file.name != MANIFEST
        }
        manifest = {
            **about,
            "files": files,
            "bytes": sum(entry["bytes"] for entry in files.values()),
            "example": example,
        }
        text = json.dumps(manifest, indent=2, allow_nan=False)
        (out / MANIFEST).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInputError(
            f"The package can't be written to {out} ({error.strerror}): choose another --out."
        ) from error
    return manifest


def _files(model: checkpoint.Checkpoint) -> list[Path]:
    """The files of the model: configuration and weights in every form."""
    folder = model.folder
    found = [folder / "config.json", folder / "preprocessor_config.json"]
    for names in checkpoint.WEIGHTS.values():
        found += [folder / name for name in names if (folder / name).exists()]
    found += sorted(folder.glob("model-?????-of-?????.safetensors"))
    if (folder / "model.xml").exists():
        found.append(folder / "model.bin")
    return list(dict.fromkeys(found))


def _set_id(path: Path, model_id: str) -> None:
    """Store the name with the model, so that it does not depend on the folder."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config["roastwatch_model_id"] = model_id
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _write_example(path: Path) -> None:
    """Write a synthesised minute: 30 s before first crack, 30 s during it."""
    crack = CrackPhase(onset_s=30.0, rise_s=5.0, hold_s=40.0, fall_s=1.0, peak_per_s=2.0)
    roast = SynthRoast(1, 32_000, curve=RoastRates(60.0, crack), pop_level_db=18.0)
    with soundfile.SoundFile(path, "w", 32_000, 1) as file:
        for block in roast.blocks():
            file.write(block)


def _settings(threshold: float) -> str:
    return (
        "# For `roastwatch run` in this folder: this model listens to the microphone.\n"
        "stations:\n"
        "  - model:\n"
        "      type: windowed\n"
        "      model: .\n"
        f"      threshold: {threshold}\n"
    )


_SCRIPT = """\
#!/bin/sh
# Analyses the synthesised minute beside this file. Its first crack begins at 30 s.
here=$(dirname "$0")
exec roastwatch analyze "$here/example.flac" --model "$here" --json
"""


def _card(about: dict[str, Any]) -> str:
    needs = {"torch": "ast", "torchscript": "ast", "openvino": "openvino", "onnx": ""}
    extra = needs[about["forms"][0]]
    install = f"roastwatch[{extra}]" if extra else "roastwatch"
    return f"""\
# {about["model_id"]}

Detects first crack in a coffee roast: {about["kind"]}, windows of {about["window_s"]:g} s at
{about["sample_rate_hz"]} Hz, labels {", ".join(about["labels"])} (first crack is
`{about["crack_label"]}`).

- **Forms here:** {", ".join(about["forms"])}
- **Licence of the weights:** {about["licence"] or "not stated by the author of this package"}
- **Trained on:** {about["trained_on"] or "not stated by the author of this package"}
- **Threshold:** {about["threshold"]}

## Run it

    pip install '{install}'
    sh example.sh

In `example.flac`, which is synthesised, first crack begins at 30 s. To listen to a microphone with
this model, run `roastwatch run --settings settings.yaml` in this folder.

## Limits

Its accuracy on a roaster that it was not trained on is unknown. Measure it on your own recordings
with `roastwatch evaluate` before you rely on it. A large model alone should not act on a roaster:
a person confirms.

`roastwatch.json` lists every file with its size and sha256.
"""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
