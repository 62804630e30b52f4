"""A template for a source of sound: copy it, and replace what is marked with CHANGE.

It works as it stands: it reads raw PCM (s16le, mono) from a TCP server. CONTRIBUTING.md says which
other lines a new source needs. Replace this docstring by one sentence on what yours does.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType

import numpy as np
from pydantic import Field

from roastwatch.options import Options
from roastwatch.supervise import NEAR, Backoff, ComponentHealth
from roastwatch.vocabulary import AudioBlock, ComponentState, Float32Array

_BLOCK_S = 0.1
_BYTES = 2


class TemplateOptions(Options):  # CHANGE the name and the fields
    """A TCP server that sends raw sound."""

    host: str = Field("localhost", description="Name or address of the server.", min_length=1)
    port: int = Field(4953, description="Port of the server.", ge=1, le=65535)
    sample_rate_hz: int = Field(48_000, description="Samples per second.", ge=16_000, le=48_000)
    lost_after_s: float = Field(
        2.0, description="Seconds without sound after which it counts as lost.", ge=0.2
    )


class TemplateSource:  # CHANGE the name
    """Live sound that reconnects for as long as it takes. See `source.AudioSource`."""

    Options = TemplateOptions

    def __init__(
        self, options: TemplateOptions, part: ComponentHealth, backoff: Backoff = NEAR
    ) -> None:
        """Nothing is opened before the context is entered."""
        self._options = options
        self._part = part
        self._backoff = backoff
        self._writer: asyncio.StreamWriter | None = None

    @property
    def sample_rate_hz(self) -> int:
        """As set."""
        return self._options.sample_rate_hz

    @property
    def live(self) -> bool:
        """Sound from a microphone somewhere: late sound is skipped. CHANGE for a recording."""
        return True

    async def __aenter__(self) -> "TemplateSource":
        """Check here what can't get better by waiting, and raise BadInputError. CHANGE."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release everything, also after a cancellation. CHANGE."""
        self._close()

    async def blocks(self) -> AsyncGenerator[AudioBlock, None]:
        """The sound as it arrives. What is missing by the clock is reported as a gap."""
        first, heard_at_s, failures = 0, None, 0
        while True:
            try:
                async for samples in self._pieces():
                    now_s, lost = time.monotonic(), 0
                    if failures and heard_at_s is not None:
                        gap_s = now_s - heard_at_s - len(samples) / self.sample_rate_hz
                        lost = max(0, round(gap_s * self.sample_rate_hz))
                    failures = 0
                    self._part.running()
                    block = AudioBlock(first + lost, samples, now_s, lost)
                    first, heard_at_s = block.end_sample, now_s
                    yield block
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                failures += 1
                self._part.trouble(
                    ComponentState.RETRYING,
                    f"No sound from {self._options.host}:{self._options.port} "
                    f"({type(error).__name__}). Start the server; roastwatch keeps trying.",
                )
                self._close()
                await asyncio.sleep(self._backoff.wait_s(failures))

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def _pieces(self) -> AsyncIterator[Float32Array]:
        """Mono float32 in ±1, at most 0.1 s each. CHANGE: this is where your sound comes from."""
        options = self._options
        async with asyncio.timeout(options.lost_after_s):
            reader, self._writer = await asyncio.open_connection(options.host, options.port)
        size = round(options.sample_rate_hz * _BLOCK_S) * _BYTES
        while True:
            async with asyncio.timeout(options.lost_after_s):
                raw = await reader.readexactly(size)
            yield np.frombuffer(raw, "<i2").astype(np.float32) / 32768.0
