"""What people watch of a station's sound: its level, with advice, and what the detector sees."""

from datetime import datetime

import numpy as np

from roastwatch.audio.level import LevelMeter
from roastwatch.channel import Feed
from roastwatch.detection.decision import hearing, room
from roastwatch.detection.pops.spectrogram import COLUMN_S, Spectrogram
from roastwatch.pipeline import SampleClock
from roastwatch.vocabulary import (
    AudioBlock,
    AudioLevel,
    HearingState,
    LevelNow,
    SoundProblem,
    SpectrogramColumns,
)

QUIET_PEAK_DBFS = -50.0
"""A roaster beside a microphone is louder than this: its noise alone peaks some 12 dB above its
RMS."""
QUIET_FOR = 10
"""Seconds, so that a pause of the roaster is not taken for a bad place of the microphone."""
TOO_QUIET = (
    "The sound is very quiet. If the roaster is running, move the microphone closer, or turn up "
    "its gain."
)

LOOK_EVERY_S = 0.2
"""Columns are made and sent for this much sound at once: for each 0.1 s, a watching client costs
nearly twice as much. The oldest column waits 0.1 s."""

_ROOM = {state.reason for state in (room.LIMITED, room.BLOCKED, hearing.NOISY)}


class LiveSound:
    """The level goes out four times a second, the spectrogram only while somebody watches."""

    def __init__(
        self, station: str, levels: Feed[LevelNow], spectrogram: Feed[SpectrogramColumns]
    ) -> None:
        self._station = station
        self._levels = levels
        self._columns = spectrogram
        self._meter: LevelMeter | None = None
        self._frames = 0
        self._quiet_s = 0
        self._problem: SoundProblem | None = None
        self._advice = ""
        self._rate_hz = 0
        self._spectrogram: Spectrogram | None = None
        self._unseen: list[AudioBlock] = []

    def open(self, sample_rate_hz: int) -> LevelMeter:
        """The meter of this sound; its owner pushes the samples."""
        self._rate_hz = sample_rate_hz
        self._meter = LevelMeter(sample_rate_hz)
        return self._meter

    def judge(self, level: AudioLevel, state: HearingState) -> None:
        """Once a second: what a person should improve."""
        self._quiet_s = self._quiet_s + 1 if level.peak_dbfs < QUIET_PEAK_DBFS else 0
        if level.kind is not None:
            self._problem, self._advice = level.kind, level.problem or ""
        elif state.reason in _ROOM:
            self._problem, self._advice = SoundProblem.ROOM_LOUD, state.reason
        elif self._quiet_s >= QUIET_FOR:
            self._problem, self._advice = SoundProblem.TOO_QUIET, TOO_QUIET
        else:
            self._problem, self._advice = None, ""

    def measured(self, until: datetime) -> None:
        """The meter has the sound up to a time."""
        if self._meter is None or self._meter.frames_seen == self._frames:
            return
        self._frames = self._meter.frames_seen
        if self._levels.wanted:
            peak, rms = self._meter.newest
            self._levels.put(LevelNow(self._station, until, peak, rms, self._problem, self._advice))

    def gather(self, block: AudioBlock) -> AudioBlock | None:
        """Keep a block while somebody watches the spectrogram.

        Returns:
            The sound to `look` at, once there is enough of it.
        """
        if not self._columns.wanted:
            self._spectrogram = None
            self._unseen.clear()
            return None
        if self._unseen and block.first_sample != self._unseen[-1].end_sample:
            self._unseen.clear()  # at most one column, before a gap
        self._unseen.append(block)
        first = self._unseen[0]
        if block.end_sample - first.first_sample < LOOK_EVERY_S * self._rate_hz:
            return None
        samples = np.concatenate([one.samples for one in self._unseen])
        self._unseen.clear()
        return AudioBlock(first.first_sample, samples, block.captured_at_s)

    def look(self, sound: AudioBlock, clock: SampleClock) -> SpectrogramColumns | None:
        """The columns that this sound completes; None: not one."""
        if self._spectrogram is None:
            self._spectrogram = Spectrogram(self._rate_hz)
        first, levels = self._spectrogram.push(sound.first_sample, sound.samples)
        if not levels:
            return None
        return SpectrogramColumns(self._station, clock.at(first), COLUMN_S, tuple(levels))
