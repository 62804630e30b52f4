"""The sound card. This is the only module that uses PortAudio (sounddevice)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from roastwatch.errors import BadInputError, LostError, MissingLibraryError
from roastwatch.vocabulary import Float32Array

_RATES_HZ = (
    48_000, 44_100, 32_000, 96_000, 88_200, 192_000, 176_400, 384_000, 352_800, 24_000, 22_050,
    16_000, 11_025, 8_000,
)  # fmt: skip
"""In order of preference. Above 48 kHz sound is resampled; below 32 kHz a part of pops is lost."""
_LOWEST_HZ = 8_000


@dataclass(frozen=True, slots=True)
class Device:
    """One input device."""

    index: int
    name: str
    host_api: str
    channels: int
    """Maximum number of channels."""
    default_rate_hz: int
    is_default: bool = False


Callback = Callable[[Float32Array, float, bool], None]
"""Frames of shape (n, channels), the card's time of the first in s, and whether some were lost."""


class OpenStream(Protocol):
    """An open stream."""

    @property
    def active(self) -> bool:
        """Whether the card is still recording."""
        ...

    def close(self) -> None:
        """Stop and close the device."""
        ...


class SoundCard(Protocol):
    """What the microphone source needs from the sound system."""

    def devices(self) -> list[Device]:
        """All input devices."""
        ...

    def supports(self, device: Device, rate_hz: int, channels: int) -> bool:
        """Whether a stream with these parameters can be opened."""
        ...

    def record(self, device: Device, rate_hz: int, channels: int, callback: Callback) -> OpenStream:
        """Open and start a stream; the callback runs in the thread of the card.

        Raises:
            LostError: the device can't be opened now.
        """
        ...

    def look_again(self) -> None:
        """Search for devices again; no stream may be open."""
        ...


class PortAudio:
    """The sound card through PortAudio.

    Raises:
        MissingLibraryError: PortAudio is not installed; the text names the command.
    """

    def __init__(self) -> None:
        try:
            import sounddevice
        except OSError as error:
            raise MissingLibraryError(
                "The PortAudio library is missing, which microphones need: install it with "
                "`sudo apt-get install libportaudio2` and try again."
            ) from error
        self._sd: Any = sounddevice

    def devices(self) -> list[Device]:
        """All input devices that PortAudio lists."""
        default = self._default_index()
        apis = [api["name"] for api in self._sd.query_hostapis()]
        return [
            Device(
                index=index,
                name=str(found["name"]),
                host_api=apis[found["hostapi"]],
                channels=int(found["max_input_channels"]),
                default_rate_hz=round(found["default_samplerate"]),
                is_default=index == default,
            )
            for index, found in enumerate(self._sd.query_devices())
            if found["max_input_channels"] > 0
        ]

    def supports(self, device: Device, rate_hz: int, channels: int) -> bool:
        """See `SoundCard`."""
        try:
            self._sd.check_input_settings(
                device=device.index, channels=channels, dtype="float32", samplerate=rate_hz
            )
        except (self._sd.PortAudioError, ValueError):
            return False
        return True

    def record(self, device: Device, rate_hz: int, channels: int, callback: Callback) -> OpenStream:
        """See `SoundCard`."""

        def arrived(frames: Float32Array, _count: int, time: Any, status: Any) -> None:
            callback(frames, time.inputBufferAdcTime, bool(status.input_overflow))

        try:
            stream = self._sd.InputStream(
                device=device.index,
                samplerate=rate_hz,
                channels=channels,
                dtype="float32",
                latency="high",
                callback=arrived,
            )
        except (self._sd.PortAudioError, ValueError) as error:
            raise LostError(_cannot_open(device, error)) from error
        try:
            stream.start()
        except self._sd.PortAudioError as error:
            stream.close()
            raise LostError(_cannot_open(device, error)) from error
        recording: OpenStream = stream
        return recording

    def look_again(self) -> None:
        """See `SoundCard`. PortAudio lists devices only when it starts, so restart it."""
        self._sd._terminate()
        self._sd._initialize()

    def _default_index(self) -> int | None:
        try:
            return int(self._sd.query_devices(kind="input")["index"])
        except (self._sd.PortAudioError, ValueError, KeyError):
            return None


def _cannot_open(device: Device, error: Exception) -> str:
    reason = str(error.args[0] if error.args else error).removeprefix("Error opening InputStream: ")
    return (
        f"The microphone '{device.name}' can't be opened ({reason.strip(' .')}): check that it is "
        "plugged in and that no other program uses it."
    )


def rates_of(card: SoundCard, device: Device) -> list[int]:
    """The common sample rates that a device supports, its default first."""
    channels = 1 if card.supports(device, device.default_rate_hz, 1) else device.channels
    rates = dict.fromkeys((device.default_rate_hz, *_RATES_HZ))
    return [rate for rate in rates if card.supports(device, rate, channels)]


def best_form(card: SoundCard, device: Device, wanted_hz: int | None) -> tuple[int, int]:
    """Rate and channels to open a device with: as requested, else 32 to 48 kHz and mono.

    Raises:
        LostError: the device supports no usable format.
    """
    own = device.default_rate_hz
    good = [rate for rate in _RATES_HZ if rate >= 32_000]
    first = [own] if 32_000 <= own <= 48_000 else []
    last = [own] if own >= _LOWEST_HZ else []  # a device may have an unusual rate, such as 250 kHz
    rates = [wanted_hz] if wanted_hz else list(dict.fromkeys([*first, *good, *last, *_RATES_HZ]))
    for rate in rates:
        for channels in dict.fromkeys((1, 2, device.channels)):
            if channels <= device.channels and card.supports(device, rate, channels):
                return rate, channels
    form = f"{wanted_hz} Hz" if wanted_hz else "any usual rate"
    raise LostError(
        f"The microphone '{device.name}' does not record at {form}: choose another rate or device "
        "(see `roastwatch devices`)."
    )


def find_device(devices: list[Device], wanted: str | int | None) -> Device:
    """The device that matches a name or index; the default for None.

    Raises:
        BadInputError: none or several match; the text lists the devices.
    """
    if not devices:
        raise BadInputError(
            "There is no microphone: plug one in and run `roastwatch devices` (in a container, "
            "pass the sound device through)."
        )
    listed = ", ".join(f"{device.index} '{device.name}'" for device in devices)
    if wanted is None or wanted == "":
        for device in devices:
            if device.is_default:
                return device
        return devices[0]
    if isinstance(wanted, int) or wanted.isdigit():
        for device in devices:
            if device.index == int(wanted):
                return device
        raise BadInputError(f"There is no microphone with index {wanted}: choose from {listed}.")
    name = wanted.casefold()
    exact = [device for device in devices if device.name.casefold() == name]
    found = exact or [device for device in devices if name in device.name.casefold()]
    if not found:
        raise BadInputError(f"There is no microphone named '{wanted}': choose from {listed}.")
    if len(found) > 1:
        which = ", ".join(f"{device.index} '{device.name}'" for device in found)
        raise BadInputError(
            f"Several microphones match '{wanted}': {which}; use a longer part of the name, or the "
            "index."
        )
    return found[0]


def has_microphone() -> bool:
    """Whether PortAudio finds any input device."""
    try:
        return bool(PortAudio().devices())
    except MissingLibraryError:
        return False
