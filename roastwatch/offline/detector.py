"""The public Python API: first crack in an array, or in a stream of blocks.

    >>> import soundfile
    >>> from roastwatch import Detector
    >>> samples, rate_hz = soundfile.read("roast.wav")
    >>> crack = Detector().detect(samples, rate_hz)
    >>> print(f"First crack began at {crack.onset_s:.0f} s." if crack else "No first crack.")
    First crack began at 62 s.

A stream is detected as it arrives; each result is yielded as soon as it is known:

    >>> blocks = soundfile.blocks("roast.wav", blocksize=4096)
    >>> for crack in Detector().stream(blocks, rate_hz):
    ...     print(f"{crack.level}, detected at {crack.detected_s:.0f} s")
    ...     if crack.level == "certain":
    ...         break
    first_crack, detected at 71 s
    certain, detected at 71 s

The results are those of `roastwatch analyze` for the same sound.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from roastwatch import plugins
from roastwatch.audio.channel_selector import ChannelSelector, main_channel
from roastwatch.audio.pcm import silence_what_is_no_number
from roastwatch.audio.resample import HIGHEST_RATE_HZ, Resampler, rate_to_judge
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.detection.reference.reference import Reference
from roastwatch.errors import BadInputError
from roastwatch.offline.analysis import decided
from roastwatch.pipeline import Pipeline
from roastwatch.roast.roast import RoastOptions
from roastwatch.settings.model import chosen
from roastwatch.vocabulary import AudioBlock, EventKind, Float32Array, Level, RoastEvent

_BLOCK_S = 20.0
_MOST_CHANNELS = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FULL_SCALE = {"int16": (0.0, 2.0**-15), "int32": (0.0, 2.0**-31), "uint8": (-128.0, 2.0**-7)}
"""Offset and factor that bring integer samples to ±1."""


@dataclass(frozen=True, slots=True)
class FirstCrack:
    """A first crack. Times are seconds from the first sample."""

    onset_s: float
    """When the first pop of the crack sounded."""
    detected_s: float
    """When enough had been heard to detect it; it stays the same when the crack becomes certain."""
    level: Level
    """`first_crack`, or `certain` once it is beyond doubt; it compares equal to that string."""
    confidence: float | None = None
    """0 to 1; None if the model gives none."""
    end_s: float | None = None
    """When the pops died away; None until then."""


class Detector:
    """Finds first crack in sound. Load it once; it may serve any number of streams at a time.

    Sound is an array of shape (n,) or (n, channels): floating point in ±1, int16, int32 or uint8,
    at any sample rate that the model supports (the default: 16 kHz or more). With several channels
    the one with the strongest pops is selected.
    """

    def __init__(
        self,
        model: str | CrackModel = "pops",
        *,
        model_options: Mapping[str, Any] | None = None,
        sensitivity: float = 0.5,
        charge_s: float | None = None,
        armed_from_s: float = 0.0,
        reference_channel: int | None = None,
    ) -> None:
        """Load the model.

        Args:
            model: name of an installed model (`pops`, `transients`, `windowed`, ...), or the model.
            model_options: options of a model that is given by name, as in the settings file.
            sensitivity: 0 (latest, fewest errors) to 1 (earliest); 0.5 is the tested value.
            charge_s: when the beans go in, in seconds from the first sample, if known. Detection
                is more reliable with it.
            armed_from_s: nothing is detected before this time; ignored if `charge_s` is given.
            reference_channel: number of the channel of a microphone away from the roaster, from 1:
                what is louder there is not a crack. The sound must have two channels.

        Raises:
            RoastwatchError: the model is unknown, an option is wrong, or a library is missing.
        """
        if isinstance(model, str):
            choice = chosen("models", model, "model", **(model_options or {}))
            self._model: CrackModel = plugins.load("models", choice.type)(choice.options)
        else:
            self._model = model
        if not 0.0 <= sensitivity <= 1.0:
            raise BadInputError(f"The sensitivity is {sensitivity}: give a number from 0 to 1.")
        self._onset = OnsetOptions(sensitivity=sensitivity)
        self._roast = RoastOptions(begins="sound" if charge_s is None else "charge")
        self._reference_channel = reference_channel
        self._armed_from_s = armed_from_s if charge_s is None else charge_s

    def detect(self, samples: npt.ArrayLike, sample_rate_hz: float) -> FirstCrack | None:
        """Find first crack in a whole recording.

        Returns:
            The first crack, or None if there is none.

        Raises:
            BadInputError: the array is not sound, is empty, or its sample rate is too low.
        """
        sound = _frames(samples)
        if not len(sound):
            raise BadInputError("The array holds no sound: its length is 0.")
        size = max(1, round(_BLOCK_S * _rate(sample_rate_hz)))
        blocks = (sound[at : at + size] for at in range(0, len(sound), size))
        found = None
        for found in self.stream(blocks, sample_rate_hz):  # noqa: B007 - the last one is final
            pass
        return found

    def stream(
        self, blocks: Iterable[npt.ArrayLike], sample_rate_hz: float
    ) -> Iterator[FirstCrack]:
        """Find first crack in consecutive blocks of any length.

        Yields:
            The first crack as soon as it is detected, and again whenever more is known of it: its
            onset is refined, it becomes certain, its end is found. The last one is final.

        Raises:
            BadInputError: a block is not sound, or the sample rate is too low.
        """
        stream = self.open(sample_rate_hz)
        for block in blocks:
            yield from stream.push(block)
        yield from stream.finish()

    def open(self, sample_rate_hz: float) -> "DetectorStream":
        """A stream to push blocks into, for callbacks; `stream` is simpler where there is a loop.

        Raises:
            BadInputError: the sample rate is too low.
        """
        rate_hz = _rate(sample_rate_hz)
        lowest_hz = self._model.spec.lowest_rate_hz
        if rate_hz < lowest_hz:
            raise BadInputError(
                f"The sample rate is {rate_hz} Hz, but {self._model.spec.model_id} needs "
                f"{lowest_hz} Hz or more: record at 32000 Hz or more, or use "
                "Detector('transients'), which supports 8000 Hz at lower accuracy."
            )
        pipeline = Pipeline(
            "recording",
            self._model,
            rate_to_judge(rate_hz, "The sound"),
            started_at=_EPOCH,
            onset=self._onset,
            roast=self._roast,
            armed_from_s=self._armed_from_s,
            reference=Reference(min(rate_hz, HIGHEST_RATE_HZ)) if self._reference_channel else None,
        )
        return DetectorStream(pipeline, rate_hz, self._reference_channel)


class DetectorStream:
    """One stream of sound; `Detector.open` makes it."""

    def __init__(
        self, pipeline: Pipeline, sample_rate_hz: int, reference_channel: int | None = None
    ) -> None:
        self._pipeline = pipeline
        self._rate_hz = sample_rate_hz
        self._resampler = Resampler(sample_rate_hz, pipeline.sample_rate_hz)
        self._beside = Resampler(sample_rate_hz, pipeline.sample_rate_hz)
        self._reference = reference_channel
        self._mixdown: ChannelSelector | None = None
        self._end = 0
        self._events: list[RoastEvent] = []
        self._found: FirstCrack | None = None

    def push(self, block: npt.ArrayLike) -> list[FirstCrack]:
        """Take the next block, shape (n,) or (n, channels), n may be 0.

        Returns:
            The first crack if it was detected or changed with this block; else an empty list.

        Raises:
            BadInputError: the block is not sound, or has another number of channels.
        """
        frames = _as_float(_frames(block))
        channels = frames.shape[1]
        if self._mixdown is None:
            channel = main_channel(channels, None, self._reference, "The sound")
            self._mixdown = ChannelSelector(channels, self._rate_hz, channel)
        if channels != self._mixdown.channels:
            raise BadInputError(
                f"The block has {channels} channels, the first one had {self._mixdown.channels}: "
                "keep the number of channels the same, or open another stream."
            )
        mono = self._resampler.push(self._mixdown.push(frames))
        if self._reference is None:
            return self._hear(mono)
        return self._hear(mono, self._beside.push(frames[:, self._reference - 1].copy()))

    def finish(self) -> list[FirstCrack]:
        """The sound has ended: evaluate what was held back. Push nothing after it.

        Returns:
            As `push`.
        """
        if self._mixdown is not None:
            found = self._hear(self._resampler.push(self._mixdown.finish()))
            found += self._hear(self._resampler.finish())
        else:
            found = []
        self._events += self._pipeline.finish().events
        return found + self._changed()

    def _hear(self, mono: Float32Array, other: Float32Array | None = None) -> list[FirstCrack]:
        block = AudioBlock(self._end, mono, 0.0, reference=other)
        self._end = block.end_sample
        self._events += self._pipeline.push(block).events
        return self._changed()

    def _changed(self) -> list[FirstCrack]:
        """The first crack, if it is not as it was when last returned."""
        rows = {row.kind: row for row in decided(self._events, self._pipeline.sample_rate_hz)}
        crack, end = rows.get(EventKind.FIRST_CRACK), rows.get(EventKind.FIRST_CRACK_END)
        if crack is None:
            return []
        found = FirstCrack(
            crack.happened_at_s,
            crack.decided_at_s,
            crack.level or Level.FIRST_CRACK,
            crack.confidence,
            end.happened_at_s if end else None,
        )
        if found == self._found:
            return []
        self._found = found
        return [found]


def _rate(sample_rate_hz: float) -> int:
    """A sample rate as a whole number.

    Raises:
        BadInputError: it is not one.
    """
    try:
        if int(sample_rate_hz) == sample_rate_hz > 0:
            return int(sample_rate_hz)
    except (TypeError, ValueError, OverflowError):
        pass
    raise BadInputError(
        f"The sample rate is {sample_rate_hz!r}: give a whole number of hertz, such as 44100."
    )


def _frames(samples: npt.ArrayLike) -> npt.NDArray[Any]:
    """Sound of shape (n,) or (n, channels) as shape (n, channels), still of its own type.

    Raises:
        BadInputError: it has another shape or type.
    """
    try:
        array = np.asarray(samples)
    except ValueError as error:
        raise BadInputError(f"The sound is not an array ({error}).") from error
    if array.dtype.kind != "f" and array.dtype.name not in _FULL_SCALE:
        raise BadInputError(
            f"The array is of type {array.dtype}: give floating point in ±1, int16, int32 or uint8."
        )
    if array.ndim == 1:
        return array.reshape(-1, 1)
    if array.ndim != 2 or not 1 <= array.shape[1] <= _MOST_CHANNELS:
        raise BadInputError(
            f"The array has the shape {array.shape}: give (samples,) or (samples, channels) with "
            f"{_MOST_CHANNELS} channels at most; transpose it if channels come first."
        )
    return array


def _as_float(frames: npt.NDArray[Any]) -> Float32Array:
    """A copy as float32 in ±1, shape (n, channels); NaN and infinity become 0."""
    sound = np.array(frames, dtype=np.float32)
    if (scale := _FULL_SCALE.get(frames.dtype.name)) is not None:
        sound += np.float32(scale[0])
        sound *= np.float32(scale[1])
    silence_what_is_no_number(sound)
    return sound
