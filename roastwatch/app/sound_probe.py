"""A bean probe that follows the sound: the temperatures of a roast that is played back."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Protocol, Self, runtime_checkable

from roastwatch import plugins
from roastwatch.options import Options
from roastwatch.roaster.driver import RoasterDriver
from roastwatch.settings.model import StationSettings
from roastwatch.vocabulary import AudioBlock, Reading


@runtime_checkable
class FollowsSound(Protocol):
    """A driver class without a machine behind it: its readings belong to the station's sound.

    It needs no guardian, because nothing of it can be set.
    """

    follows_sound: ClassVar[bool]

    def __call__(self, options: Options, station: str, clock: Callable[[], float]) -> RoasterDriver:
        """A driver whose time is that of `clock`, in seconds of sound."""
        ...


class SoundProbe:
    """Reads such a driver once for each whole second of sound, at any speed of the replay."""

    def __init__(self, factory: FollowsSound, options: Options, station: str) -> None:
        self._second = 0
        # The clock is the sound, so its speed is already that of the replay.
        options = options.model_copy(update={"speed": 1.0})
        self._driver = factory(options, station, lambda: float(self._second))

    @classmethod
    def of_station(cls, station: StationSettings) -> Self | None:
        """The probe of a station; None: its roaster is a machine, or it has none."""
        if station.roaster is None:
            return None
        factory = plugins.load("drivers", station.roaster.type)
        if not isinstance(factory, FollowsSound):
            return None
        return cls(factory, station.roaster.options, station.name)

    async def __aenter__(self) -> Self:
        """The sound begins now."""
        await self._driver.__aenter__()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._driver.__aexit__(None, None, None)

    async def read(self, block: AudioBlock, sample_rate_hz: int, now_s: float) -> Reading | None:
        """The reading at the end of a block; None: the block ends no second of the sound."""
        second = block.end_sample // sample_rate_hz
        if second == block.first_sample // sample_rate_hz:
            return None
        self._second = second
        return replace(await self._driver.read(), taken_at_s=now_s)
