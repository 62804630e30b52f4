"""How regular the Hottop's frames are while the machine that sends them is busy."""

import asyncio
import os
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from roastwatch.roaster.drivers.hottop import Hottop, HottopOptions
from tests.fakes.hottop import FakeHottop
from tests.fakes.line import PtyLine

SECONDS = 60


@pytest.mark.verify
async def test_hottop_frames_under_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    busy = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    try:
        fake = FakeHottop()
        async with PtyLine(fake, tmp_path) as line:
            async with Hottop(HottopOptions(port=str(line.port)), "kitchen") as hottop:
                end_s = asyncio.get_running_loop().time() + SECONDS
                while asyncio.get_running_loop().time() < end_s:
                    await hottop.read()
            gaps = sorted(after - before for (before, _), (after, _) in pairwise(line.heard))
    finally:
        for process in busy:
            process.kill()
            await process.wait()
    at = {p: gaps[min(len(gaps) - 1, int(len(gaps) * p / 100))] for p in (50, 99, 99.9)}
    with capsys.disabled():
        print(f"\n{len(gaps)} gaps, two busy processes per core: ", end="")
        print(
            ", ".join(f"p{p:g} {gap:.3f} s" for p, gap in at.items()), f"longest {gaps[-1]:.3f} s"
        )
    assert gaps[-1] < 0.9
    assert not fake.ejected
