"""Short clips to train on: a bed, cracks, distractors, a room and a microphone, with truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from roastwatch.synth import (
    backgrounds,
    distractors,
    fire_crackles,
    pops,
    programmes,
    rooms,
)
from roastwatch.synth.impacts import between
from roastwatch.synth.shapes import (
    add_at,
    convolved,
    filtered,
    high_band,
    loudest_rms,
    rms,
    shaped_noise,
)
from roastwatch.vocabulary import Float32Array


@dataclass(frozen=True, slots=True)
class Recipe:
    """The contents of clips. Each share is a probability; 0 leaves the part out."""

    cracks: float = 0.5
    """Clips with cracks."""
    fooling_with_cracks: float = 0.45
    fooling_without: float = 0.9
    bare: float = 0.3
    """Share of the clips without cracks that have no roaster, only a quiet room."""
    rooms: float = 0.8
    lossy: float = 1.0
    """Scales codecs, gain control, suppression and clipping."""
    real: float = 0.4
    """Share of distractors taken from recordings, if there are any."""
    fire: float = 0.0
    """Share of the clips with cracks whose cracks come from recordings of fire, if any."""
    kinds: tuple[str, ...] = tuple(distractors.MAKERS)
    music: float = 0.0
    """Share of clips in which a radio plays, with and without cracks and roaster."""
    music_whole: float = 0.7
    """Share of those in which it plays all the time; in the others it is switched on or off."""
    music_db: tuple[float, float] = (-20.0, 10.0)
    """Level of the radio's RMS over that of the bed, drawn uniformly."""
    music_real: float = 0.5
    """Share of those with recorded music or talk, if there is any."""
    music_weights: tuple[tuple[str, float], ...] = (
        ("music", 0.4),
        ("drums", 0.25),
        ("strings", 0.15),
        ("talk", 0.2),
    )
    """How often each of `programmes.PROGRAMMES` is played."""


@dataclass(frozen=True, slots=True, eq=False)
class SynthClip:
    """One clip, (n,) ±1, and its contents."""

    samples: Float32Array
    pops_s: tuple[float, ...]
    kinds: tuple[str, ...]
    """Names of its distractors; a recording is named by its kind."""
    masked_s: tuple[float, ...] = ()
    """Cracks that the radio drowned: nobody could tell them from it."""
    radio_db: Float32Array | None = None
    """Level of the radio above 3.5 kHz over the bed there, for each `RADIO_STEP_S`; None: none."""


Cut = Callable[[np.random.Generator, int], Float32Array]
"""Draws that many samples from a recording."""
RADIO_STEP_S = 0.1
RADIO_OVER_S = 1.0
"""The radio's level is a mean over this long."""
MASKED_DB = 3.0
"""A crack must be louder than the radio beside it by this much, above 3.5 kHz, to be heard."""


@dataclass(slots=True)
class Kitchen:
    """Makes clips of one rate and length; beds and rooms are reused."""

    rng: np.random.Generator
    rate_hz: int
    length_s: float
    recipe: Recipe = field(default_factory=Recipe)
    recordings: Sequence[tuple[str, Float32Array]] = ()
    """Real negatives at this rate: kind and samples."""
    radio: Sequence[tuple[str, Cut]] = ()
    """Recorded music and talk at this rate: kind, and what draws a piece of it."""
    fires: Sequence[fire_crackles.Fire] = ()
    """Real cracks, of wood."""
    stock: int = 12
    _beds: list[Float32Array] = field(default_factory=list)
    _rooms: list[Float32Array] = field(default_factory=list)

    def clip(self) -> SynthClip:
        """The next clip."""
        rng, recipe, rate = self.rng, self.recipe, self.rate_hz
        n = int(self.length_s * rate)
        cracking = rng.random() < recipe.cracks
        bare = rng.random() < (0.12 if cracking else recipe.bare)
        sound = self._quiet(n) if bare else self._bed(n)
        above = rms(high_band(sound[: 2 * rate], rate, 3500.0))
        room = self._room()
        dry = np.zeros(n, np.float32)
        cracks: list[tuple[float, float]] = []
        if cracking:
            cracks = self._add_cracks(dry, above, bare)
        kinds: list[str] = []
        if rng.random() < (recipe.fooling_with_cracks if cracking else recipe.fooling_without):
            count = 1 + int(rng.random() < 0.3)
            kinds = [self._add_fooling(dry, sound, above, bare) for _ in range(count)]
        masked, radio_db = set[float](), None
        if recipe.music and rng.random() < recipe.music:
            kind, radio = self._add_radio(dry, sound, bare=bare)
            kinds.append(kind)
            high = high_band(radio, rate, 3500.0)
            radio_db = _level_db(high, above, rate)
            masked = {at for at, level_db in cracks if _drowned(high, above, at, level_db, rate)}
        wet = convolved(dry, room)[:n] if rng.random() < recipe.rooms else dry
        whole = sound + wet
        microphone = rooms.draw_microphone(rng, plain=rng.random() >= recipe.lossy)
        level = 10 ** (rng.uniform(-45, -3) / 20) / (float(np.abs(whole).max()) + 1e-9)
        heard = rooms.recorded(rng, whole * np.float32(level), rate, microphone)
        times = sorted(at for at, _ in cracks)
        return SynthClip(heard, tuple(times), tuple(kinds), tuple(sorted(masked)), radio_db)

    def _quiet(self, n: int) -> Float32Array:
        """A room without a roaster, as the reference of levels."""
        slope = float(self.rng.uniform(-8, 0))
        noise = shaped_noise(
            self.rng, n, self.rate_hz, (60, 1000, 16000), (-4 * slope, 0, 4 * slope)
        )
        return noise / np.float32(rms(noise))

    def _bed(self, n: int) -> Float32Array:
        rng = self.rng
        if len(self._beds) < self.stock:
            bed = backgrounds.draw_bed(rng)
            first = int(rng.integers(0, 600 * self.rate_hz))
            self._beds.append(backgrounds.render(bed, rng, self.rate_hz, n, first))
            sound = self._beds[-1]
        else:
            sound = np.roll(self._beds[int(rng.integers(self.stock))], int(rng.integers(n)))
        if rng.random() < 0.1:  # the fan is turned
            at = int(rng.uniform(0.1, 0.9) * n)
            gains = (1.0, 1.0, 10 ** (rng.uniform(-9, 9) / 20))
            slow = int(rng.uniform(0.003, 1.5) * self.rate_hz)
            sound = sound * np.interp(np.arange(n), (0, at, at + slow), gains).astype(np.float32)
        return sound.copy()

    def _room(self) -> Float32Array:
        if len(self._rooms) < self.stock:
            self._rooms.append(rooms.room_response(self.rng, self.rate_hz))
            return self._rooms[-1]
        return self._rooms[int(self.rng.integers(self.stock))]

    def _add_cracks(self, dry: Float32Array, above: float, bare: bool) -> list[tuple[float, float]]:
        """Add cracks; return the time of each and its level over the bed, above 3.5 kHz."""
        rng, rate = self.rng, self.rate_hz
        crack = self._cracks()
        per_s = between(rng, 0.15, 6.0)
        count = max(1, rng.poisson(per_s * self.length_s))
        times = np.sort(rng.uniform(0.15, self.length_s - 0.15, min(count, 60)))
        keep = np.concatenate(([True], np.diff(times) > 0.03))
        median_db = float(rng.uniform(15, 42) if bare else np.clip(rng.normal(16, 5), 8, 34))
        added = []
        for at in times[keep].tolist():
            sound, spread_db = crack()
            level_db = max(rng.normal(median_db, spread_db), 4.0)
            add_at(dry, int(at * rate), sound * np.float32(above * 10 ** (level_db / 20)))
            added.append((float(at), float(level_db)))
        return added

    def _cracks(self) -> Callable[[], tuple[Float32Array, float]]:
        """A maker of this clip's cracks: (sound, spread of levels in dB)."""
        rng, rate = self.rng, self.rate_hz
        if self.recipe.fire and self.fires and rng.random() < self.recipe.fire:
            wood = fire_crackles.draw_family(rng, self.fires)
            spread_db = float(rng.uniform(2, 7))
            return lambda: (fire_crackles.crackle(rng, wood, rate), spread_db)
        family = pops.draw_family(rng, second=rng.random() < 0.12)
        return lambda: (pops.pop(rng, family, rate), family.level_spread_db)

    def _add_radio(
        self, dry: Float32Array, wet: Float32Array, *, bare: bool
    ) -> tuple[str, Float32Array]:
        """Let a radio play, through all of the clip or until or from some moment.

        Returns its kind, and what it plays.
        """
        rng, recipe, n = self.rng, self.recipe, len(dry)
        real = bool(self.radio) and rng.random() < recipe.music_real
        if real:
            kind, cut = self.radio[int(rng.integers(len(self.radio)))]
            sound = cut(rng, n)
        else:
            names, weights = zip(*recipe.music_weights, strict=True)
            kind = str(rng.choice(names, p=np.array(weights) / sum(weights)))
            sound = programmes.PROGRAMMES[kind](rng, self.rate_hz, self.length_s)[:n]
        level_db = float(rng.uniform(10, 45) if bare else rng.uniform(*recipe.music_db))
        sound = sound * np.float32(rms(wet) / rms(sound) * 10 ** (level_db / 20))
        if rng.random() >= recipe.music_whole:
            at, fade = int(rng.uniform(0.15, 0.85) * n), int(between(rng, 0.01, 1.0) * self.rate_hz)
            gain = np.interp(np.arange(n), (at, at + fade), (1.0, 0.0)).astype(np.float32)
            sound *= gain if rng.random() < 0.5 else 1 - gain
        add_at(wet if real else dry, 0, sound)  # a recording has had its room already
        return kind, sound

    def _add_fooling(self, dry: Float32Array, wet: Float32Array, above: float, bare: bool) -> str:
        """Add a distractor; a recording already has its room and is added unchanged."""
        rng, rate = self.rng, self.rate_hz
        real = bool(self.recordings) and rng.random() < self.recipe.real
        if real:
            kind, sound = self.recordings[int(rng.integers(len(self.recordings)))]
            sound = np.roll(sound, int(rng.integers(len(sound))))
            if len(sound) < len(dry) and rng.random() < 0.7:
                sound = np.resize(sound, len(dry))
            if rng.random() < 0.5:  # another microphone, another distance
                hz = (100, 800, 3000, 8000, 16000)
                sound = filtered(sound, rate, hz, np.cumsum(rng.normal(0, 3, 5)))
        else:
            length_s = float(rng.uniform(0.6, self.length_s))
            kind = str(rng.choice(self.recipe.kinds))
            _, sound = distractors.draw(rng, rate, length_s, kind)
        level_db = float(rng.uniform(12, 46) if bare else rng.normal(17, 8))
        loud = loudest_rms(high_band(sound, rate, 2500.0), rate)
        gain = above * 10 ** (level_db / 20) / (loud + 1e-4 * rms(sound) + 1e-9)
        gain = min(gain, 60 * rms(wet) / (rms(sound) + 1e-9))  # limits the gain of dull sounds
        at = int(rng.uniform(-0.2, 0.8) * len(dry)) if len(sound) < len(dry) else 0
        add_at(wet if real else dry, at, sound[: len(dry)] * np.float32(gain))
        return kind


def _level_db(high: Float32Array, above: float, rate_hz: int) -> Float32Array:
    """The radio's level over the bed in each `RADIO_STEP_S`, both above 3.5 kHz."""
    size = round(RADIO_STEP_S * rate_hz)
    power = (high[: len(high) // size * size] ** 2).reshape(-1, size).mean(axis=1)
    around = np.ones(round(RADIO_OVER_S / RADIO_STEP_S))
    mean = np.convolve(power, around, "same") / np.convolve(np.ones(len(power)), around, "same")
    level_db: Float32Array = 10 * np.log10(mean / (above**2 + 1e-20) + 1e-10).astype(np.float32)
    return level_db


def _drowned(high: Float32Array, above: float, at_s: float, level_db: float, rate_hz: int) -> bool:
    """Whether the radio is about as loud as a crack within 20 ms of it."""
    near = high[max(int((at_s - 0.02) * rate_hz), 0) : int((at_s + 0.03) * rate_hz)]
    if len(near) < 0.01 * rate_hz:
        return False
    return bool(loudest_rms(near, rate_hz) > above * 10 ** ((level_db - MASKED_DB) / 20))
