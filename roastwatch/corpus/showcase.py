"""Write every part of the synthesis as a WAV, with labels for Audacity and a picture."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile

from roastwatch.synth import (
    backgrounds,
    distractors,
    fire_crackles,
    pops,
    programmes,
    rooms,
)
from roastwatch.synth.clips import Kitchen
from roastwatch.synth.roasts import SynthRoast
from roastwatch.synth.shapes import add_at
from roastwatch.vocabulary import Float32Array

Labels = list[tuple[float, float, str]]
_PART_S = 6.0


def parts(seed: int, rate_hz: int) -> Iterator[tuple[str, Float32Array, Labels]]:
    """Name, sound and labels of each part."""
    rng = np.random.default_rng(seed)
    for name, second in (("pops-first", False), ("pops-second", True)):
        sound = np.zeros(int(_PART_S * rate_hz), np.float32)
        labels: Labels = []
        for index in range(int(_PART_S * 2)):
            family = pops.draw_family(rng, second=second)
            at_s = 0.2 + index * 0.5
            add_at(sound, int(at_s * rate_hz), 0.15 * pops.pop(rng, family, rate_hz))
            labels.append((at_s, at_s, "pop"))
        yield name, sound, labels
    for machine in backgrounds.KINDS:
        bed = backgrounds.draw_bed(rng, machine)
        sound = backgrounds.render(bed, rng, rate_hz, int(_PART_S * rate_hz))
        yield f"bed-{machine}", sound * np.float32(0.08), []
    for kind in distractors.MAKERS:
        yield f"fooling-{kind}", 0.7 * distractors.draw(rng, rate_hz, _PART_S, kind)[1], []
    for kind, make in programmes.PROGRAMMES.items():
        own = np.random.default_rng([seed, *kind.encode()])
        yield f"radio-{kind}", 0.7 * make(own, rate_hz, _PART_S), []
    dry = np.zeros(int(_PART_S * rate_hz), np.float32)
    add_at(dry, rate_hz // 2, 0.2 * pops.pop(rng, pops.draw_family(rng), rate_hz))
    yield "room", rooms.through_room(dry, rooms.room_response(rng, rate_hz)), [(0.5, 0.5, "pop")]
    plain = SynthRoast(seed, rate_hz, fooling_per_h=0)
    quiet = np.concatenate(list(islice(plain.blocks(1.0), int(_PART_S))))
    for name in ("gain", "suppression", "codec"):
        chosen = rooms.MicrophoneResponse((20, 20000), (0, 0), **{name: True})
        yield f"microphone-{name}", rooms.recorded(rng, quiet, rate_hz, chosen), []
    kitchen = Kitchen(rng, rate_hz, 8.0)
    for index in range(8):
        clip = kitchen.clip()
        labels = [(at_s, at_s, "pop") for at_s in clip.pops_s]
        yield f"clip-{index + 1}-{'-'.join(clip.kinds) or 'plain'}", clip.samples, labels


def cracks_of_fire(
    fires: Sequence[fire_crackles.Fire], seed: int, rate_hz: int
) -> Iterator[tuple[str, Float32Array, Labels]]:
    """Name, sound and labels of the sounds made from the cracks of each fire, in order."""
    rng = np.random.default_rng(seed)
    for number, fire in enumerate(fires, 1):
        sound = np.zeros(int(_PART_S * rate_hz), np.float32)
        family = fire_crackles.draw_family(rng, [fire])
        times = np.arange(0.2, _PART_S - 0.3, 0.25).tolist()
        for at_s in times:
            add_at(sound, int(at_s * rate_hz), 0.15 * fire_crackles.crackle(rng, family, rate_hz))
        yield f"cracks-of-fire-{number}", sound, [(at_s, at_s, "pop") for at_s in times]


def write_part(
    folder: Path, name: str, sound: Float32Array, rate_hz: int, labels: Labels
) -> list[Path]:
    """Write `name`.wav, its labels and, with matplotlib, a picture; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{name}.wav"]
    soundfile.write(str(written[0]), np.clip(sound, -1, 1), rate_hz, "PCM_16")
    if labels:
        written.append(folder / f"{name}.txt")
        lines = [f"{start:.4f}\t{end:.4f}\t{text}\n" for start, end, text in labels]
        written[-1].write_text("".join(lines), encoding="utf-8")
    picture = _picture(folder / f"{name}.png", name, sound, rate_hz, labels)
    return [*written, picture] if picture else written


def write_roast(folder: Path, seed: int, rate_hz: int, *, duration_s: float | None) -> list[Path]:
    """Write a whole roast as a WAV, with labels, and its truth as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    roast = SynthRoast(seed, rate_hz, duration_s=duration_s)
    path = folder / f"roast-{seed}.wav"
    with soundfile.SoundFile(str(path), "w", rate_hz, 1, "PCM_16") as file:
        for block in roast.blocks(1.0):
            file.write(block)
    truth = roast.truth
    labels: Labels = [(pop.at_s, pop.at_s, "pop") for pop in truth.pops]
    if truth.first_crack_at_s is not None and truth.first_crack_at_s < truth.duration_s:
        end_s = min(truth.first_crack_end_s or truth.duration_s, truth.duration_s)
        labels.append((truth.first_crack_at_s, end_s, "first crack"))
    lines = [f"{start:.4f}\t{end:.4f}\t{text}\n" for start, end, text in sorted(labels)]
    path.with_suffix(".txt").write_text("".join(lines), encoding="utf-8")
    path.with_suffix(".json").write_text(json.dumps(asdict(truth), indent=1) + "\n")
    return [path, path.with_suffix(".txt"), path.with_suffix(".json")]


def _picture(
    path: Path, title: str, sound: Float32Array, rate_hz: int, labels: Labels
) -> Path | None:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return None
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    wave, spectrum = figure.subplots(2, 1, sharex=True)
    at_s = np.arange(len(sound)) / rate_hz
    wave.plot(at_s, sound, linewidth=0.4)
    wave.set(title=title, ylabel="amplitude")
    quiet = sound + 1e-6 * np.random.default_rng(0).standard_normal(len(sound))
    spectrum.specgram(quiet, NFFT=256, Fs=rate_hz, noverlap=64, cmap="magma")
    for start, _, _ in labels:
        wave.axvline(start, color="tab:red", linewidth=0.6, alpha=0.6)
    spectrum.set(xlabel="time, s", ylabel="frequency, Hz")
    figure.savefig(path, dpi=80)
    return path
