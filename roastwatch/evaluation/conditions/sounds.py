"""Sound for the conditions: roasters, playlists and their levels. Samples are float32, ±1."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from roastwatch.audio.file import open_file
from roastwatch.evaluation.conditions.sources import Choice
from roastwatch.evaluation.manifest import ManifestRecording
from roastwatch.evaluation.noise import RATE_HZ, join_ends
from roastwatch.evaluation.recordings import BLOCK_S, WARM_UP_S, load
from roastwatch.synth.rates import draw_rates
from roastwatch.synth.roasts import SynthRoast
from roastwatch.synth.shapes import rms
from roastwatch.vocabulary import Float32Array

PIECE_S = 60.0
"""A playlist changes its track after this long."""
BEFORE_S = 60.0
"""The roaster's own noise is measured up to this long before first crack."""
FADE_S = 0.02
_FIRST_SEED: dict[Choice, int] = {"evaluation": 510_000, "development": 610_000, "any": 610_000}


@dataclass(frozen=True, slots=True)
class WholeRoast:
    """A roast as sound, from a recording or synthesised."""

    name: str
    rate_hz: int
    samples: Float32Array
    charge_s: float
    truth_s: float
    """The first audible pop of first crack, or its label where no pop is labelled."""
    ingredients: tuple[ManifestRecording, ...] = ()

    @property
    def noise(self) -> Float32Array:
        """The roaster alone: after the microphone's start, and well before first crack."""
        first = round((max(self.charge_s, 0.0) + WARM_UP_S) * self.rate_hz)
        last = round(max(self.truth_s - BEFORE_S, 0.0) * self.rate_hz)
        return self.samples[first:last] if last > first else self.samples


def real_roasts(recordings: Sequence[ManifestRecording]) -> Iterator[WholeRoast]:
    """Recorded roasts whose first crack is labelled, one at a time.

    Without a known charge the recording is taken to begin with it.
    """
    for recording in recordings:
        if recording.truth_s is None:
            continue
        with open_file(recording.path) as reader:
            rate_hz = reader.sample_rate_hz
            samples = np.concatenate([*reader.blocks(), np.zeros(0, np.float32)])
        charge_s = recording.charge_s or 0.0
        yield WholeRoast(
            recording.path.stem, rate_hz, samples, charge_s, recording.truth_s, (recording,)
        )


def synthesised_roasts(count: int, choice: Choice) -> Iterator[WholeRoast]:
    """Seeded roasts without everyday sounds, other seeds for development than for evaluation."""
    for index in range(count):
        seed = _FIRST_SEED[choice] + index
        curve = draw_rates(np.random.default_rng([seed, 7]), second=False)
        roast = SynthRoast(seed, RATE_HZ, curve=curve, fooling_per_h=0.0)
        samples = np.concatenate(list(roast.blocks(BLOCK_S)))
        first = min(pop.at_s for pop in roast.truth.pops if pop.kind == "first")
        yield WholeRoast(f"synthesised {seed}", RATE_HZ, samples, 0.0, first)


def load_tracks(recordings: Sequence[ManifestRecording], rate_hz: int) -> list[Float32Array]:
    """Whole tracks at one rate, each without offset and of RMS 1."""
    tracks = [load(recording.path, rate_hz) for recording in recordings]
    tracks = [track - np.float32(track.mean()) for track in tracks]
    return [track / np.float32(rms(track)) for track in tracks]


def playlist(
    tracks: Sequence[Float32Array], rng: np.random.Generator, length: int, rate_hz: int
) -> Float32Array:
    """Pieces of at most a minute from tracks in a drawn order, shape (length,), RMS about 1."""
    whole, at = np.zeros(length, np.float32), 0
    while at < length:
        for index in rng.permutation(len(tracks)):
            track = tracks[index]
            wanted = min(round(PIECE_S * rate_hz), len(track), length - at)
            first = int(rng.integers(0, len(track) - wanted + 1))
            whole[at : at + wanted] = faded(track[first : first + wanted], rate_hz)
            at += wanted
            if at >= length:
                break
    return whole


def faded(samples: Float32Array, rate_hz: int) -> Float32Array:
    """A copy that begins and ends at zero, so that joints make no click."""
    fade = min(round(FADE_S * rate_hz), len(samples) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    samples = samples.copy()
    samples[:fade] *= ramp
    samples[len(samples) - fade :] *= ramp[::-1]
    return samples


def mixed(roast: WholeRoast, other: Float32Array, level_db: float) -> Iterator[Float32Array]:
    """A roast with another sound of RMS 1 at a level over the roaster's noise, in blocks.

    What would be louder than full scale turns the whole mix down, so that nothing is clipped.
    """
    gain = np.float32(rms(roast.noise) * 10 ** (level_db / 20))
    whole: Float32Array = roast.samples + gain * other[: len(roast.samples)]
    whole /= np.float32(max(1.0, float(np.abs(whole).max())))
    return blocks(whole, roast.rate_hz)


def blocks(samples: Float32Array, rate_hz: int) -> Iterator[Float32Array]:
    """Sound in pieces of `BLOCK_S`."""
    size = round(BLOCK_S * rate_hz)
    for first in range(0, len(samples), size):
        yield samples[first : first + size]


def repeated(bed: Float32Array, length: int, first: int = 0) -> Float32Array:
    """`length` samples of a bed from `first` on, repeated without a click."""
    return np.take(bed, np.arange(first, first + length), mode="wrap")


def recorded_bed(samples: Float32Array, rate_hz: int, longest_s: float = 120.0) -> Float32Array:
    """The newest part of a roaster's noise, its ends joined."""
    return join_ends(samples[-round(longest_s * rate_hz) :], rate_hz)
