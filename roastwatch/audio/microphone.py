"""The source `microphone`: live sound that returns by itself after it was unplugged."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from types import TracebackType

from pydantic import Field

from roastwatch.audio.channel_selector import ChannelSelector, main_channel
from roastwatch.audio.pcm import silence_what_is_no_number
from roastwatch.audio.resample import Resampler, rate_to_judge
from roastwatch.audio.ring import Ring
from roastwatch.audio.sound_card import (
    Device,
    OpenStream,
    PortAudio,
    SoundCard,
    best_form,
    find_device,
)
from roastwatch.errors import BadInputError, LostError
from roastwatch.option_types import Channel, ReferenceChannel
from roastwatch.options import Options
from roastwatch.supervise import Backoff, ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState, Float32Array

_log = logging.getLogger(__name__)
_TAMPERING_NAMES = ("echo-cancel", "echo cancel", "rnnoise", "noise", "krisp", "hands-free", "hfp")


class MicrophoneOptions(Options):
    """A microphone."""

    device: str | int | None = Field(
        None,
        description="Name (or a unique part of it) or index from `roastwatch devices`; empty: the "
        "default of the system.",
    )
    sample_rate_hz: int | None = Field(
        None,
        description="Sample rate in Hz, 16000 or more (8000 for the model transients); empty: that "
        "of the device, 32000 to 48000 if supported.",
        ge=8000,
    )
    channel: Channel = None
    reference_channel: ReferenceChannel = None
    wait: bool = Field(
        True,
        description="If the device is missing at startup, wait for it; false: exit with an error.",
    )
    block_s: float = Field(
        0.1, description="Length of a block of sound, in seconds.", ge=0.01, le=2
    )
    ring_s: float = Field(
        8.0, description="Seconds of sound to buffer while the model is late.", ge=1, le=60
    )
    skip_after_s: float = Field(
        5.0,
        description="Seconds of delay after which the model skips to the newest sound.",
        ge=0.5,
        le=60,
    )
    lost_after_s: float = Field(
        2.0, description="Seconds without sound after which the device is considered lost.", ge=0.2
    )


@dataclass(slots=True)
class _Ear:
    """An open device: its thread writes, the loop reads."""

    device: Device
    rate_hz: int
    channels: int
    ring: Ring
    channel: int | None = None
    """The roaster's, from 1; None: the strongest."""
    recording: OpenStream | None = None
    overflows: int = 0
    lost: int = 0
    """Frames that the card lost, by its clock; only its thread changes it."""
    expected_s: float = 0.0

    def arrived(self, frames: Float32Array, card_s: float, overflowed: bool) -> None:
        """Copy and count frames. Runs in the thread of the card."""
        if overflowed:
            self.overflows += 1
            if self.expected_s > 0.0 and card_s > self.expected_s:
                self.lost += int((card_s - self.expected_s) * self.rate_hz)
        self.expected_s = card_s + len(frames) / self.rate_hz
        self.ring.write(frames)


class Microphone:
    """Live sound from a device. Lost sound is counted and reported as a gap."""

    Options = MicrophoneOptions

    def __init__(
        self,
        options: MicrophoneOptions,
        part: ComponentHealth,
        card: SoundCard | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """`card` replaces PortAudio in tests."""
        self._options = options
        self._part = part
        self._card = card
        self._backoff = backoff or Backoff()
        self._ear: _Ear | None = None
        self._rate: int | None = None
        self._next = 0
        self._heard_until_s: float | None = None

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the first device, at most 48 kHz; a later device is resampled to it."""
        assert self._rate is not None, "enter the source first"
        return self._rate

    @property
    def live(self) -> bool:
        """A microphone is live."""
        return True

    async def __aenter__(self) -> "Microphone":
        """Open the device.

        Raises:
            MissingLibraryError: PortAudio is not installed.
            BadInputError: no device, or more than one, matches.
        """
        if self._card is None:
            self._card = await asyncio.to_thread(PortAudio)
        card = self._card
        failures = 0
        while self._ear is None:
            try:
                await self._open()
            except (BadInputError, LostError) as error:
                if not self._options.wait:
                    raise BadInputError(str(error)) from error
                failures += 1
                self._part.trouble(ComponentState.RETRYING, str(error))
                await asyncio.sleep(self._backoff.wait_s(failures))
                await asyncio.to_thread(_look_again, card)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the device."""
        await asyncio.shield(self._close())

    async def blocks(self) -> AsyncIterator[AudioBlock]:
        """The sound as it arrives; never ends."""
        failures = 0
        while True:
            try:
                if self._ear is None:
                    await self._open()
                assert self._ear is not None
                async with contextlib.aclosing(self._hear(self._ear)) as heard:
                    async for block in heard:
                        failures = 0
                        yield block
            except (LostError, BadInputError) as lost:
                failures += 1
                self._part.trouble(ComponentState.RETRYING, str(lost))
                await self._close()
                self._part.count("times_lost")
                await asyncio.sleep(self._backoff.wait_s(failures))
                assert self._card is not None
                await asyncio.to_thread(_look_again, self._card)

    async def _hear(self, ear: _Ear) -> AsyncGenerator[AudioBlock]:
        """Read the ring until the device stops sending.

        Raises:
            LostError: nothing has arrived for `lost_after_s`.
        """
        options = self._options
        reference = options.reference_channel
        mixdown = ChannelSelector(ear.channels, ear.rate_hz, ear.channel)
        resampler = Resampler(ear.rate_hz, self.sample_rate_hz)
        beside = Resampler(ear.rate_hz, self.sample_rate_hz)
        scale = self.sample_rate_hz / ear.rate_hz
        step = max(1, round(options.block_s * ear.rate_hz))
        fresh_s = time.monotonic()
        lost_by_card = overflows = 0
        gap = 0.0
        while True:
            if ear.ring.waiting < step:
                alive = ear.recording is not None and ear.recording.active
                if time.monotonic() - fresh_s > options.lost_after_s or not alive:
                    raise LostError(
                        f"The microphone '{ear.device.name}' stopped sending sound: check that it "
                        "is plugged in; roastwatch keeps trying."
                    )
                await asyncio.sleep(options.block_s / 2)
                continue
            fresh_s = time.monotonic()
            skipped = 0
            if ear.ring.waiting > options.skip_after_s * ear.rate_hz:
                skipped = ear.ring.skip_to_newest(step)
                self._part.count("samples_skipped", skipped)
            frames, overrun = ear.ring.read(step)
            behind = ear.ring.waiting
            if overrun:
                self._part.count("ring_overruns")
                self._part.count("samples_overrun", overrun)
            if ear.overflows != overflows:
                self._part.count("card_overflows", ear.overflows - overflows)
                overflows = ear.overflows
                gap += max(1, ear.lost - lost_by_card)
                lost_by_card = ear.lost
            gap += skipped + overrun
            replaced = silence_what_is_no_number(frames)
            if replaced:
                self._part.count("samples_replaced", replaced)
            samples = resampler.push(mixdown.push(frames))
            other = beside.push(frames[:, reference - 1].copy()) if reference else None
            if not len(samples):
                continue
            captured_s = fresh_s - behind / ear.rate_hz
            lost = round(gap * scale) + self._missed_while_away(captured_s, len(samples))
            gap = 0.0
            self._part.running()
            block = AudioBlock(self._next + lost, samples, captured_s, lost, other)
            self._next = block.end_sample
            self._heard_until_s = captured_s
            yield block

    def _missed_while_away(self, captured_s: float, count: int) -> int:
        """Samples missed while the device was gone; once after each return, else 0."""
        if self._part.state is not ComponentState.RETRYING or self._heard_until_s is None:
            return 0
        away_s = captured_s - count / self.sample_rate_hz - self._heard_until_s
        return max(1, round(away_s * self.sample_rate_hz))

    async def _open(self) -> None:
        assert self._card is not None
        opening = asyncio.ensure_future(asyncio.to_thread(self._open_now, self._card))
        try:
            self._ear = await asyncio.shield(opening)
        except asyncio.CancelledError:
            await asyncio.wait([opening])
            if not opening.exception():
                self._ear = opening.result()
                await asyncio.shield(self._close())
            raise
        rate = rate_to_judge(self._ear.rate_hz, f"The microphone '{self._ear.device.name}'")
        if self._rate is None:
            self._rate = rate
            self._part.running()
        _log.info(
            "listening to '%s' at %d Hz, %d channel(s)",
            self._ear.device.name,
            self._ear.rate_hz,
            self._ear.channels,
        )
        if any(word in self._ear.device.name.lower() for word in _TAMPERING_NAMES):
            _log.warning(
                "the name '%s' suggests echo or noise suppression, which can erase pops: select "
                "the microphone itself",
                self._ear.device.name,
            )

    def _open_now(self, card: SoundCard) -> _Ear:
        device = find_device(card.devices(), self._options.device)
        rate, channels = best_form(card, device, self._options.sample_rate_hz)
        what, reference = f"The microphone '{device.name}'", self._options.reference_channel
        channel = main_channel(device.channels, self._options.channel, reference, what)
        channels = max(channels, channel or 1, reference or 1)
        ring = Ring(round(self._options.ring_s * rate), channels)
        ear = _Ear(device, rate, channels, ring, channel)
        _streams.add(id(ear))
        try:
            ear.recording = card.record(device, rate, channels, ear.arrived)
        except BaseException:
            _streams.discard(id(ear))
            raise
        return ear

    async def _close(self) -> None:
        ear, self._ear = self._ear, None
        if ear is None:
            return
        if ear.recording is not None:
            await asyncio.to_thread(ear.recording.close)
        _streams.discard(id(ear))


_streams: set[int] = set()
"""Open streams of this process: PortAudio can only search for devices while there is none."""


def _look_again(card: SoundCard) -> None:
    if not _streams:
        card.look_again()
