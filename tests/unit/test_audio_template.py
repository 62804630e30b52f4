"""The template for sources works as it stands: sound, a gap, and a reconnection over real TCP."""

import asyncio
from contextlib import aclosing

import numpy as np

from roastwatch.audio._template import TemplateOptions, TemplateSource
from roastwatch.supervise import Backoff, ComponentHealth
from roastwatch.vocabulary import ComponentState

RATE_HZ = 16_000
AT_ONCE = Backoff(first_s=0.01, longest_s=0.01)
LONGER_THAN_A_BLOCK = Backoff(first_s=0.4, longest_s=0.4)
SOUND = (np.sin(np.arange(4800)) * 20000).astype("<i2")  # three blocks


async def test_template_source_reports_the_gap_after_a_reconnection() -> None:
    part = ComponentHealth("microphone")
    connections = 0

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(SOUND.tobytes())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        options = TemplateOptions(host="127.0.0.1", port=port, sample_rate_hz=RATE_HZ)
        async with (
            TemplateSource(options, part, LONGER_THAN_A_BLOCK) as source,
            aclosing(source.blocks()) as sound,
        ):
            blocks = []
            async with asyncio.timeout(20):
                async for block in sound:
                    blocks.append(block)
                    if len(blocks) == 6:
                        break
            assert part.state is ComponentState.RUNNING
    assert connections == 2
    for first in (0, 3):
        heard = np.concatenate([block.samples for block in blocks[first : first + 3]])
        assert np.array_equal(heard, SOUND.astype(np.float32) / 32768.0)
    assert [block.samples_lost_before > 0 for block in blocks] == [index == 3 for index in range(6)]
    ends = [0, *(block.end_sample for block in blocks)]
    for block, end in zip(blocks, ends, strict=False):
        assert block.first_sample == end + block.samples_lost_before


async def test_template_source_counts_as_lost_while_nothing_answers() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    part = ComponentHealth("microphone")
    options = TemplateOptions(host="127.0.0.1", port=port)
    async with TemplateSource(options, part, AT_ONCE) as source:
        listening = asyncio.ensure_future(anext(source.blocks()))
        async with asyncio.timeout(20):
            while part.state is not ComponentState.RETRYING:
                await asyncio.sleep(0)
        listening.cancel()
    assert part.problem is not None
    assert str(port) in part.problem
