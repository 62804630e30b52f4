"""A sound card at the seam of PortAudio: a real thread calls the real callback."""

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from roastwatch.audio.sound_card import Callback, Device
from roastwatch.errors import LostError
from roastwatch.vocabulary import Float32Array


@dataclass
class FakeRecording:
    """An open stream; `play` is the card's thread at work."""

    device: Device
    rate_hz: int
    channels: int
    callback: Callback
    active: bool = True
    closed: bool = False
    card_s: float = 100.0

    def play(self, sound: Float32Array, block: int = 512, lost_before: int = 0) -> None:
        """Call back with the sound, shape (n,) or (n, channels), as fast as the thread can.

        The buffer is the card's own: it is overwritten after each call, as PortAudio's is.
        """
        frames = sound.reshape(len(sound), -1)
        if frames.shape[1] != self.channels:
            frames = np.repeat(frames, self.channels, axis=1)
        failed: list[Exception] = []

        def work() -> None:
            overflowed = bool(lost_before)
            self.card_s += lost_before / self.rate_hz
            for at in range(0, len(frames), block):
                buffer = frames[at : at + block].astype(np.float32)
                try:
                    self.callback(buffer, self.card_s, overflowed)
                except Exception as error:  # noqa: BLE001 - raised again where the test sees it
                    failed.append(error)
                    return
                self.card_s += len(buffer) / self.rate_hz
                buffer.fill(np.nan)
                overflowed = False

        thread = threading.Thread(target=work, name="sound card")
        thread.start()
        thread.join()
        if failed:
            raise failed[0]

    def unplug(self) -> None:
        """The plug is pulled: the card's thread ends."""
        self.active = False

    def close(self) -> None:
        self.active, self.closed = False, True


@dataclass
class FakeCard:
    """What is plugged in, and which forms it records in."""

    plugged: list[Device] = field(default_factory=list)
    rates_hz: tuple[int, ...] = (48_000, 44_100, 32_000)
    channels: tuple[int, ...] = (1, 2)
    recordings: list[FakeRecording] = field(default_factory=list)
    looked_again: int = 0
    busy: bool = False

    def devices(self) -> list[Device]:
        return list(self.plugged)

    def supports(self, device: Device, rate_hz: int, channels: int) -> bool:
        return rate_hz in self.rates_hz and channels in self.channels

    def record(
        self, device: Device, rate_hz: int, channels: int, callback: Callback
    ) -> FakeRecording:
        if self.busy:
            raise LostError(f"The microphone '{device.name}' can't be opened (Device unavailable).")
        assert self.supports(device, rate_hz, channels)
        self.recordings.append(FakeRecording(device, rate_hz, channels, callback))
        return self.recordings[-1]

    def look_again(self) -> None:
        assert all(recording.closed for recording in self.recordings)
        self.looked_again += 1


def usb(index: int = 1, name: str = "USB Microphone: Audio (hw:1,0)", **more: Any) -> Device:
    """A device of the usual kind."""
    given = {"channels": 2, "default_rate_hz": 48_000, "is_default": True, **more}
    return Device(index=index, name=name, host_api="ALSA", **given)
