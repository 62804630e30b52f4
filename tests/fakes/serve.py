"""Try a fake machine by hand: `python -m tests.fakes.serve hottop --speed 20`."""

import argparse
import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fakes.freshroast import FakeFreshRoast
from tests.fakes.hottop import FakeHottop
from tests.fakes.kaleido import FakeKaleido
from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.fakes.template import FakeTemplate

MACHINES: dict[str, Callable[[float], Any]] = {
    "hottop": lambda speed: FakeHottop(speed),
    "tc4": lambda speed: FakeTc4(speed),
    "freshroast": lambda speed: FakeFreshRoast(speed),
    "kaleido": lambda speed: FakeKaleido(speed),
    "skywalker": lambda speed: FakeTc4(speed, kind="skywalker"),
    "template": lambda speed: FakeTemplate(speed),
}


async def serve(name: str, speed: float, folder: Path) -> None:
    machine = MACHINES[name](speed)
    async with PtyLine(machine, folder) as line:
        print(f"{name} at {line.port}", flush=True)
        while True:
            await asyncio.sleep(1)
            print(vars(machine.thermal), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine", choices=sorted(MACHINES))
    parser.add_argument("--speed", type=float, default=1.0)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.machine, chosen.speed, Path(tempfile.mkdtemp())))
