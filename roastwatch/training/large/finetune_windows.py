"""Cut a corpus into labelled windows for fine-tuning a large model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from roastwatch.audio.file import open_file
from roastwatch.corpus.corpus import CorpusRecording, faults, read_manifest
from roastwatch.detection.large.logmel import LogMelSpec
from roastwatch.detection.large.windows import LogMelFrontEnd, WindowStream
from roastwatch.errors import BadInputError
from roastwatch.options import Options
from roastwatch.vocabulary import Float32Array

NOTHING, CRACK = 0, 1
CRACK_LABELS = {"first_crack", "first crack", "crack"}


class WindowSettings(Options):
    """How windows are cut and labelled."""

    window_s: float = Field(10.0, description="Length of a window in seconds.", gt=0.1, le=60)
    overlap: float = Field(
        0.5, description="Share of a window that overlaps with the next.", ge=0, lt=1
    )
    least_pops: int = Field(
        2, description="Labelled pops that a window must hold to count as first crack.", ge=1
    )
    margin_s: float = Field(
        5.0,
        description="Windows with one pop fewer, or within this many seconds of first crack, are "
        "not trained on.",
        ge=0,
        le=120,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of one split."""

    inputs: Float32Array
    """Shape (windows, frames, bands), normalised with the checkpoint's mean and deviation."""
    labels: npt.NDArray[np.int64]
    """Shape (windows,): 1 for first crack, else 0."""
    recordings: int

    def __len__(self) -> int:
        return len(self.labels)

    def class_weights(self) -> Float32Array:
        """Weights that balance the two classes, with mean 1 over the windows; shape (2,)."""
        counts = np.maximum(1, np.bincount(self.labels, minlength=2))
        return np.asarray(len(self.labels) / (2 * counts), np.float32)


def read_corpus(manifest: Path) -> list[CorpusRecording]:
    """Read a manifest, and check that its splits share no roast.

    Raises:
        BadInputError: the corpus is not valid.
    """
    recordings = read_manifest(manifest)
    wrong = faults(recordings, manifest.parent, hashes=False)
    if wrong:
        more = f" ({len(wrong) - 1} more: `roastwatch data verify`)" if len(wrong) > 1 else ""
        raise BadInputError(f"{manifest}: {wrong[0]}{more}")
    return recordings


def label(
    item: CorpusRecording, start_s: float, end_s: float, settings: WindowSettings
) -> int | None:
    """The label of a window; None if it is unsure."""
    if item.kind == "negative":
        return NOTHING
    if item.pops_s is not None:
        pops = sum(start_s <= at_s < end_s for at_s in item.pops_s)
        if pops >= settings.least_pops:
            return CRACK
        return NOTHING if pops == 0 and _clear(item, start_s, end_s, settings) else None
    if item.first_crack_s is not None:
        first_s, last_s = item.first_crack_s
        inside_s = min(end_s, last_s) - max(start_s, first_s)
        if inside_s >= 0.5 * min(end_s - start_s, last_s - first_s) and inside_s > 0:
            return CRACK
        return NOTHING if _clear(item, start_s, end_s, settings) else None
    if item.kind == "clip" and item.label:
        return CRACK if item.label.lower() in CRACK_LABELS else NOTHING
    return None  # nothing to learn from an unlabelled roast


def _clear(item: CorpusRecording, start_s: float, end_s: float, settings: WindowSettings) -> bool:
    if item.first_crack_s is None:
        return True
    first_s, last_s = item.first_crack_s
    return end_s < first_s - settings.margin_s or start_s > last_s + settings.margin_s


def cut(
    recordings: list[CorpusRecording],
    root: Path,
    split: str,
    spec: LogMelSpec,
    settings: WindowSettings,
    store: Path,
) -> Windows:
    """All labelled windows of a split. Their inputs are in a file, not in memory.

    Raises:
        BadInputError: a recording can't be read, or the split has no windows.
    """
    chosen = [item for item in recordings if item.split == split]
    labels: list[int] = []
    shape = (spec.max_frames, spec.bands)
    store.parent.mkdir(parents=True, exist_ok=True)
    with store.open("wb") as file:
        for item in chosen:
            for made, what in _windows(item, root, spec, settings):
                file.write(made.tobytes())
                labels.append(what)
    if not labels:
        raise BadInputError(
            f"The corpus has no labelled windows in the split '{split}': label recordings and run "
            "`roastwatch data split`."
        )
    inputs = np.memmap(store, np.float32, "r", shape=(len(labels), *shape))
    return Windows(inputs, np.array(labels, np.int64), len(chosen))


def _windows(
    item: CorpusRecording, root: Path, spec: LogMelSpec, settings: WindowSettings
) -> list[tuple[Float32Array, int]]:
    with open_file(root / item.path) as reader:
        rate = reader.sample_rate_hz
        stream = WindowStream(
            LogMelFrontEnd(spec),
            rate,
            settings.window_s,
            settings.window_s * (1 - settings.overlap),
        )
        found = []
        for samples in reader.blocks(samples=10 * rate):
            found += stream.push(samples)
        found += stream.finish()
    labelled = [
        (w.network_input, label(item, w.start_sample / rate, w.end_sample / rate, settings))
        for w in found
    ]
    return [(made, what) for made, what in labelled if what is not None]
