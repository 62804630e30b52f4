"""How regular the Hottop's frames are while the machine that sends them is busy."""

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from roastwatch.roaster.drivers.hottop import Hottop, HottopOptions
from roastwatch.vocabulary import Actuator
from tests.fakes.hottop import FakeHottop
from tests.fakes.line import PtyLine, read_for_ever

HOTTOPS = 8
SECONDS = 130


@pytest.mark.verify
async def test_hottop_frames_under_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight at once, at normal priority, so that three thousand gaps take two minutes."""
    busy = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    fakes = [FakeHottop() for _ in range(HOTTOPS)]
    gaps: list[float] = []
    try:
        async with AsyncExitStack() as stack:
            lines = []
            for number, fake in enumerate(fakes):
                folder = tmp_path / str(number)
                folder.mkdir()
                lines.append(await stack.enter_async_context(PtyLine(fake, folder)))
                driver = Hottop(HottopOptions(port=str(lines[-1].port)), "kitchen")
                await stack.enter_async_context(driver)
                await driver.write(Actuator.FAN, 10)  # takes control
                reading = asyncio.create_task(read_for_ever(driver))
                stack.callback(reading.cancel)
            await asyncio.sleep(SECONDS)
            for line in lines:
                gaps += [after - before for (before, _), (after, _) in pairwise(line.heard)]
    finally:
        for process in busy:
            process.kill()
            await process.wait()
    gaps.sort()
    at = {p: gaps[min(len(gaps) - 1, int(len(gaps) * p / 100))] for p in (50, 99, 99.9)}
    with capsys.disabled():
        figures = ", ".join(f"p{p:g} {gap:.3f} s" for p, gap in at.items())
        print(
            f"\n{len(gaps)} gaps between frames, two busy processes per core: {figures}, ", end=""
        )
        print(f"longest {gaps[-1]:.3f} s")
    assert len(gaps) >= 3000
    assert gaps[-1] < 0.9
    assert not any(fake.ejected for fake in fakes)
