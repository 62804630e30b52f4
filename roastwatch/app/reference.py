"""The reference microphone of a station: a second channel of its source, or a source of its own.

It is optional: whatever happens to it, the station listens on, at most `HELD_S` later.
"""

import asyncio
import time
from collections import deque
from typing import Self

from roastwatch import plugins
from roastwatch.audio.source import AudioSource
from roastwatch.detection.reference.reference import Reference
from roastwatch.errors import RoastwatchError
from roastwatch.settings.model import Chosen, StationSettings
from roastwatch.supervise import Background, Backoff, ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState

HELD_S = 0.5
"""Sound of a live station waits at most this long for the same moment of its reference."""
_REPLAY_HELD_S = 5.0
"""A recording may wait longer: nothing is delayed by it but the replay."""
_KEPT = 100
"""Blocks of the reference that wait to be used (10 s); the oldest are dropped first."""
_AHEAD = 50
"""Blocks that a recording may be read ahead."""
_MOVED_S = 0.5
"""Clocks that disagree by more than this since they were related are related again."""
_OTHER_TIME = (
    "The reference is live and the source is a recording, or the reverse: use two microphones or "
    "two recordings."
)


class StationReference:
    """Feeds a station's `Reference`, and shows how its microphone is."""

    def __init__(self, station: str, source: Chosen | None) -> None:
        """`source` is None for a channel of the station's own source."""
        self.health = ComponentHealth(f"{station}-reference")
        self.reference: Reference | None = None
        self._chosen = source
        self._source: AudioSource | None = None
        self._blocks: deque[AudioBlock] = deque()
        self._changed = asyncio.Event()
        """Sound arrived, or none can be expected."""
        self._room = asyncio.Event()
        """A recording may be read on."""
        self._refused = self._aligned = False
        self._tasks = Background(self.health)
        self._anchored_s: float | None = None

    @classmethod
    def of_station(cls, settings: StationSettings) -> Self | None:
        """The reference that a station names; None: it names none."""
        own_channel = settings.source.options.model_dump().get("reference_channel")
        if settings.reference is None and own_channel is None:
            return None
        return cls(settings.name, settings.reference)

    async def __aenter__(self) -> Self:
        """Begin to listen; the station does not wait for it."""
        if self._chosen is not None:
            self._tasks.run(self._listen(self._chosen), self.health.name)
        return self

    async def __aexit__(self, *_raised: object) -> None:
        """End listening."""
        await self._tasks.close()

    def open(self, sample_rate_hz: int) -> Reference:
        """What judges the pops of a station whose sound has this rate."""
        self.reference = Reference(sample_rate_hz, same_clock=self._chosen is None)
        return self.reference

    async def supply(self, block: AudioBlock, source: AudioSource) -> None:
        """Before a block is judged: use what the reference heard at that time, if it arrives."""
        reference = self.reference
        if reference is None:
            return
        if self._chosen is None:
            if block.reference is not None:
                self.health.running()
        else:
            rate_hz = source.sample_rate_hz
            held_s = HELD_S if source.live else _REPLAY_HELD_S
            until_s = block.captured_at_s + held_s
            while self._use(reference, block, source.live, rate_hz) and self._arriving(source.live):
                self._changed.clear()
                try:
                    async with asyncio.timeout(until_s - time.monotonic()):
                        await self._changed.wait()
                except TimeoutError:
                    self.health.count("blocks_too_late")
                    break
        self.health.counters["pops_judged"] = reference.judged
        self.health.counters["pops_rejected"] = reference.rejected
        if self._chosen is not None:
            aligned = reference.offset_s is not None
            self.health.count("alignments", int(aligned and not self._aligned))
            self._aligned = aligned

    def _arriving(self, live: bool) -> bool:
        """Whether sound of the reference can be expected now."""
        if self._refused:
            return False
        state = self.health.state
        return state is ComponentState.RUNNING or (not live and state is ComponentState.STARTING)

    def _use(self, reference: Reference, main: AudioBlock, live: bool, rate_hz: int) -> bool:
        """Push what has arrived; returns whether sound of the time of `main` is still missing."""
        main_end_s = main.end_sample / rate_hz
        source = self._source
        while self._blocks and source is not None:
            if not live and reference.heard_until_s > main_end_s:
                break  # a recording is read ahead, but nothing is used before its time
            block = self._blocks.popleft()
            if source.live != live:
                self._refused = True
                self._blocks.clear()
                self._room.set()
                return False
            start_s = 0.0
            if live:
                late_s = block.captured_at_s - main.captured_at_s
                start_s = main_end_s + late_s - block.end_sample / source.sample_rate_hz
            if self._anchored_s is None or abs(start_s - self._anchored_s) > _MOVED_S:
                reference.anchor(start_s, source.sample_rate_hz)
                self._anchored_s = start_s
            reference.push(block.first_sample, block.samples)
        self._room.set()
        return reference.heard_until_s < main_end_s

    async def _listen(self, chosen: Chosen) -> None:
        """Read the source until it ends; what goes wrong is shown, and tried again."""
        failures = 0
        backoff = Backoff()
        while True:
            try:
                factory = plugins.load("sources", chosen.type)
                async with factory(chosen.options, self.health) as source:
                    self._blocks.clear()
                    self._source, self._anchored_s = source, None
                    async for block in source.blocks():
                        failures = 0
                        if self._refused:
                            self.health.trouble(ComponentState.FAILED, _OTHER_TIME)
                            return
                        await self._keep(block, source)
                self.health.state = ComponentState.STOPPED
                self._changed.set()
                return
            except RoastwatchError as error:
                failures += 1
                self.health.trouble(ComponentState.RETRYING, str(error))
                self._changed.set()
                await asyncio.sleep(backoff.wait_s(failures))

    async def _keep(self, block: AudioBlock, source: AudioSource) -> None:
        self._blocks.append(block)
        self._changed.set()
        if source.live and len(self._blocks) > _KEPT:
            self._blocks.popleft()
            self.health.count("blocks_dropped")
        while not source.live and len(self._blocks) > _AHEAD:
            self._room.clear()
            await self._room.wait()
