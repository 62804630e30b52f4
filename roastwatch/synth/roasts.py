"""Whole roasts as sound with their truth, streamed in constant memory.

The seed determines everything; the size of blocks changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from roastwatch.synth import backgrounds, distractors, pops, rates, rooms
from roastwatch.synth.shapes import add_at, convolved, filtered, high_band, loudest_rms, rms
from roastwatch.vocabulary import Float32Array

Float64Array: TypeAlias = npt.NDArray[np.float64]
_PIECE_S = 2.0
_FADE_S = 0.05
_MARGIN_S = 0.02


@dataclass(frozen=True, slots=True)
class TruePop:
    """One synthesised crack."""

    at_s: float
    level_db: float
    """Its loudest 4 ms above 3.5 kHz over the bed's RMS there."""
    kind: str
    """first, second or stray (before first crack)."""


@dataclass(frozen=True, slots=True)
class RoastTruth:
    """The truth of a synthesised roast, in seconds from the charge at 0."""

    pops: tuple[TruePop, ...]
    """In order of time."""
    first_crack_at_s: float | None
    """Start of the rate curve."""
    first_crack_end_s: float | None
    second_crack_at_s: float | None
    duration_s: float
    fooling: tuple[tuple[float, float, str], ...]
    """Start, length and name of each distractor."""
    description: str

    @property
    def pop_times_s(self) -> tuple[float, ...]:
        """Times of all cracks, including stray ones."""
        return tuple(pop.at_s for pop in self.pops)


class SynthRoast:
    """A roast as sound. Each call of `blocks()` starts anew."""

    def __init__(
        self,
        seed: int,
        sample_rate_hz: int = 32000,
        *,
        kind: backgrounds.BedKind | None = None,
        curve: rates.RoastRates | None = None,
        pop_level_db: float | None = None,
        fooling_per_h: float = 6.0,
        fooling_kinds: tuple[str, ...] | None = None,
        bed_dbfs: float | None = None,
        duration_s: float | None = None,
    ) -> None:
        """Draw a roast without rendering it.

        `pop_level_db`: median level of a crack over the bed (None: drawn from 9 to 24 dB; two real
        roasts had 17.7). `duration_s` cuts the roast short. `curve` sets when cracks come.
        """
        rng = np.random.default_rng([seed, 1])
        self.sample_rate_hz = sample_rate_hz
        self._seed = seed
        self._curve = curve if curve is not None else rates.draw_rates(rng)
        self._duration_s = min(duration_s or np.inf, self._curve.duration_s)
        self._bed = backgrounds.draw_bed(rng, kind)
        self._microphone = rooms.draw_microphone(rng, plain=True)
        self._room = rooms.room_response(rng, sample_rate_hz)
        self._family = pops.draw_family(rng)
        self._second = pops.draw_family(rng, second=True)
        level = float(rng.uniform(9, 24)) if pop_level_db is None else pop_level_db
        self._bed_dbfs = float(rng.uniform(-46, -24)) if bed_dbfs is None else bed_dbfs
        self._fan = self._fan_steps(rng)
        made = self._draw_pops(rng, level)
        sounds = self._draw_fooling(rng, fooling_per_h, fooling_kinds)
        first, second = self._curve.first, self._curve.second
        self.truth = RoastTruth(
            pops=tuple(made),
            first_crack_at_s=first.onset_s if first else None,
            first_crack_end_s=first.end_s if first else None,
            second_crack_at_s=second.onset_s if second else None,
            duration_s=self._duration_s,
            fooling=tuple(sounds),
            description=f"{self._bed.kind} roaster, seed {seed}, cracks {level:.0f} dB above it",
        )
        self._measure()

    def blocks(self, block_s: float = 0.1) -> Iterator[Float32Array]:
        """The sound in blocks of `block_s` (the last may be shorter), float32 ±1, shape (n,)."""
        size = max(round(block_s * self.sample_rate_hz), 1)
        held = np.empty(0, np.float32)
        for piece in self._pieces():
            held = np.concatenate((held, piece))
            while len(held) >= size:
                yield held[:size]
                held = held[size:]
        if len(held):
            yield held

    def _pieces(self) -> Iterator[Float32Array]:
        rate = self.sample_rate_hz
        size, fade = int(_PIECE_S * rate), int(_FADE_S * rate)
        total = int(self._duration_s * rate)
        rise = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32))
        fall = np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32))
        waiting = self._events()
        upcoming = next(waiting, None)
        ringing: list[tuple[int, Float32Array]] = []
        tail: Float32Array | None = None
        for index, start in enumerate(range(0, total, size)):
            whole = self._bed_piece(index, start, size + fade)
            if tail is not None:
                whole[:fade] = whole[:fade] * rise + tail * fall
            tail = whole[size:].copy()
            piece = whole[:size]
            while upcoming is not None and upcoming[0] < start + size:
                ringing.append(upcoming)
                upcoming = next(waiting, None)
            for at, sound in ringing:
                add_at(piece, at - start, sound)
            ringing = [(at, s) for at, s in ringing if at + len(s) > start + size]
            yield np.clip(piece[: total - start], -1, 1)

    def _bed_piece(self, index: int, start: int, n: int) -> Float32Array:
        """The bed through the microphone, with margins so that the filter has no edge effects."""
        rate = self.sample_rate_hz
        margin = int(_MARGIN_S * rate)
        rng = np.random.default_rng([self._seed, 2, index])
        dry = backgrounds.render(self._bed, rng, rate, n + 2 * margin, max(start - margin, 0))
        heard = filtered(dry, rate, self._microphone.hz, self._microphone.db)[margin : margin + n]
        at_s = (start + np.arange(n, dtype=np.float64)) / rate
        gain = np.interp(at_s, *self._fan).astype(np.float32)
        heard *= gain * np.float32(self._gain)
        hiss = np.float32(10 ** (self._microphone.noise_dbfs / 20))
        return heard + hiss * rng.standard_normal(n, dtype=np.float32)

    def _measure(self) -> None:
        """Set the gains of the bed and of the cracks from short samples of both."""
        rate = self.sample_rate_hz
        rng = np.random.default_rng([self._seed, 3])
        response = (self._microphone.hz, self._microphone.db)
        bed = filtered(backgrounds.render(self._bed, rng, rate, 2 * rate, 0), rate, *response)
        self._gain = 10 ** (self._bed_dbfs / 20) / rms(bed)
        above = max(rms(high_band(bed, rate, 3500.0)) * self._gain, 10**-4.6)
        self._pop_gain = {}
        for kind, family in (("first", self._family), ("second", self._second)):
            heard = [filtered(pops.pop(rng, family, rate), rate, *response) for _ in range(6)]
            loud = [loudest_rms(high_band(sound, rate, 3500.0), rate) for sound in heard]
            self._pop_gain[kind] = above / (float(np.median(loud)) + 1e-9)

    def _draw_pops(self, rng: np.random.Generator, level_db: float) -> list[TruePop]:
        first, second, strays = self._curve.pops(rng)
        made = []
        for kind, times, lower in (
            ("first", first, 0.0),
            ("second", second, 4.0),
            ("stray", strays, 0),
        ):
            for at_s in times.tolist():
                spread = rng.normal(0, self._family.level_spread_db)
                made.append(TruePop(at_s, float(level_db - lower + spread), kind))
        return sorted(
            (pop for pop in made if pop.at_s < self._duration_s), key=lambda pop: pop.at_s
        )

    def _draw_fooling(
        self, rng: np.random.Generator, per_h: float, kinds: tuple[str, ...] | None
    ) -> list[tuple[float, float, str]]:
        names = kinds or tuple(name for name in distractors.MAKERS if name != "fire")
        count = rng.poisson(per_h * self._duration_s / 3600)
        starts = np.sort(rng.uniform(5, max(self._duration_s - 5, 6), count))
        sounds = [(float(at), float(rng.uniform(0.5, 5)), str(rng.choice(names))) for at in starts]
        return [(0.2, 2.5, "charge"), *sounds]

    def _fan_steps(self, rng: np.random.Generator) -> tuple[Float64Array, Float64Array]:
        """Times and gains of the bed: a person changes the fan a few times."""
        times, gains, now = [0.0], [1.0], 1.0
        changes = rng.uniform(0.05, 1.0, rng.integers(0, 6)) * self._curve.duration_s
        for at in np.sort(changes).tolist():
            times += [at, at + float(rng.uniform(0.3, 3))]
            gains += [now, now := 10 ** (float(rng.uniform(-2.5, 2.5)) / 20)]
        order = np.argsort(times, kind="stable")
        return np.array(times)[order], np.array(gains)[order]

    def _events(self) -> Iterator[tuple[int, Float32Array]]:
        """Cracks and distractors through room and microphone: (first sample, samples), in order."""
        rate, truth = self.sample_rate_hz, self.truth
        order = sorted(
            [(pop.at_s, index, pop) for index, pop in enumerate(truth.pops)]
            + [(sound[0], index, sound) for index, sound in enumerate(truth.fooling)],
            key=lambda row: row[0],
        )
        for at_s, index, event in order:
            if isinstance(event, TruePop):
                rng = np.random.default_rng([self._seed, 4, index])
                kind = "second" if event.kind == "second" else "first"
                family = self._second if kind == "second" else self._family
                sound = pops.pop(rng, replace(family, doublets=0.1), rate)
                gain = self._pop_gain[kind] * 10 ** (event.level_db / 20)
            else:
                rng = np.random.default_rng([self._seed, 5, index])
                name = "grains" if event[2] == "charge" else event[2]
                sound = distractors.draw(rng, rate, event[1], name)[1]
                level_db = float(rng.uniform(8, 34))
                gain = 10 ** ((self._bed_dbfs + level_db) / 20)
            wet = convolved(sound, self._room)
            heard = filtered(wet, rate, self._microphone.hz, self._microphone.db)
            yield int(at_s * rate), heard * np.float32(gain)
