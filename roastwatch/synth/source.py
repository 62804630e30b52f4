"""The source `demo`: a synthesised roast instead of a microphone."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Literal

import numpy as np
from pydantic import Field

from roastwatch.options import Options
from roastwatch.supervise import ComponentHealth
from roastwatch.synth import rates
from roastwatch.synth.roasts import RoastTruth, SynthRoast
from roastwatch.vocabulary import AudioBlock, Float32Array

_BLOCK_S = 0.1


class DemoOptions(Options):
    """A synthesised roast."""

    seed: int = Field(1, description="Which roast: the same number gives the same sound.", ge=0)
    sample_rate_hz: Literal[16000, 32000, 44100, 48000] = Field(
        32000, description="Samples per second."
    )
    speed: float = Field(
        1.0, description="1 plays in real time, 10 ten times as fast, 0 as fast as possible.", ge=0
    )
    machine: Literal["drum", "fluid", "popper", "pan"] | None = Field(
        "drum", description="Kind of roaster; empty: drawn from the seed."
    )
    first_crack_at_s: float | None = Field(
        None, description="Seconds from the charge to first crack; empty: from the seed.", ge=5
    )
    cracks: bool = Field(True, description="Whether the beans crack at all.")
    temperatures: bool = Field(
        False,
        description="Whether to simulate a bean probe that agrees with the cracks. Not with a "
        "roaster, which has its own.",
    )
    fooling_per_h: float = Field(
        6.0, description="Everyday sounds per hour (clatter, speech, a door).", ge=0
    )


class DemoSource:
    """Plays a synthesised roast, paced like a microphone; ends with the roast."""

    Options = DemoOptions

    def __init__(self, options: DemoOptions, part: ComponentHealth) -> None:
        """Prepare the roast; nothing is rendered before `blocks()` is read."""
        self._options = options
        self._part = part
        self._roast = demo_roast(options)

    @property
    def sample_rate_hz(self) -> int:
        """The sample rate of the options."""
        return self._options.sample_rate_hz

    @property
    def live(self) -> bool:
        """False: like a replay, no part of a synthesised roast is skipped."""
        return False

    @property
    def length_s(self) -> float:
        """Length of the roast in seconds."""
        return self.truth.duration_s

    @property
    def replay_speed(self) -> float:
        """The speed of the options; 0 is as fast as possible."""
        return self._options.speed

    @property
    def truth(self) -> RoastTruth:
        """When its beans crack."""
        return self._roast.truth

    async def __aenter__(self) -> "DemoSource":
        """Report that the source is running."""
        self._part.running()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing: no resource is open."""

    async def blocks(self) -> AsyncIterator[AudioBlock]:
        """Yield blocks of 0.1 s at the pace of `speed`; a thread renders them."""
        sound = self._roast.blocks(_BLOCK_S)
        began_s, first = time.monotonic(), 0
        while True:
            batch = await asyncio.to_thread(_take, sound, 20)
            for samples in batch:
                end = first + len(samples)
                if self._options.speed > 0:
                    due_s = began_s + end / self.sample_rate_hz / self._options.speed
                    await asyncio.sleep(max(due_s - time.monotonic(), 0))
                yield AudioBlock(first, samples, time.monotonic())
                first = end
            if not batch:
                return


def _take(sound: Iterator[Float32Array], count: int) -> list[Float32Array]:
    return list(islice(sound, count))


def demo_roast(options: DemoOptions) -> SynthRoast:
    """The roast of these options."""
    return SynthRoast(
        options.seed,
        options.sample_rate_hz,
        kind=options.machine,
        curve=demo_rates(options),
        fooling_per_h=options.fooling_per_h,
    )


def demo_rates(options: DemoOptions) -> rates.RoastRates:
    """The crack rates of that roast, in seconds from the charge; nothing is rendered."""
    curve = rates.draw_rates(np.random.default_rng([options.seed, 6]), second=False)
    if options.first_crack_at_s is not None and curve.first is not None:
        shift_s = options.first_crack_at_s - curve.first.onset_s
        first = replace(curve.first, onset_s=options.first_crack_at_s)
        curve = replace(curve, first=first, duration_s=curve.duration_s + shift_s)
    if not options.cracks:
        curve = replace(curve, first=None, stray_per_s=0.0)
    return curve
