"""The demonstration source plays every sample of its roast."""

from roastwatch.supervise import ComponentHealth
from roastwatch.synth.source import DemoOptions, DemoSource


async def test_no_sample_of_the_roast_is_lost() -> None:
    options = DemoOptions(seed=3, speed=0, first_crack_at_s=5, sample_rate_hz=16000)
    source = DemoSource(options, ComponentHealth("test"))
    end = 0
    async with source:
        async for block in source.blocks():
            assert block.first_sample == end
            end = block.end_sample
    assert abs(end / source.sample_rate_hz - source.truth.duration_s) < 0.2
