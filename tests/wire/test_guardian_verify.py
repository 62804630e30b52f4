"""The long proofs of the guardian: every serial driver that heats, and a loaded machine."""

import asyncio
import itertools
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.freshroast import FakeFreshRoast
from tests.fakes.hottop import FakeHottop
from tests.fakes.kaleido import FakeKaleido
from tests.fakes.line import PtyLine, until
from tests.fakes.tc4 import FakeTc4
from tests.guarded import end, guarded

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]

STARTED_S = 90.0
WITHIN_S = 2.0
HEATS = "steps: [{at_s: 0, heater_percent: 67, fan_percent: 40, drum_percent: 100}, {at_s: 900}]\n"
ROAST = """
steps:
  - {at_s: 0, heater_percent: 67, fan_percent: 40, drum_percent: 100}
  - {at_s: 6, heater_percent: 100}
  - {at_s: 12, heater_percent: 34, fan_percent: 60}
  - {at_s: 16, drop: true}
  - {at_s: 17, cooling_percent: 100}
  - {at_s: 20, note: the end}
"""

MACHINES: dict[str, tuple[Callable[[], object], Callable[..., int], tuple[str, ...]]] = {
    "hottop": (FakeHottop, lambda fake: fake.heater, ()),
    "tc4": (FakeTc4, lambda fake: fake.ot1, ()),
    "skywalker": (
        lambda: FakeTc4(kind="skywalker"),
        lambda fake: fake.ot1,
        ("--option", "dialect=skywalker"),
    ),
    "freshroast": (FakeFreshRoast, lambda fake: fake.heat, ()),
    "kaleido": (FakeKaleido, lambda fake: fake.values["HP"] * (fake.values["HS"] > 0), ()),
}


def made(name: str) -> tuple[str, object, Callable[[], int], tuple[str, ...]]:
    make, heat, more = MACHINES[name]
    fake = make()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    return "tc4" if name == "skywalker" else name, fake, lambda: heat(fake), more


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_heat_0_within_two_seconds(tmp_path: Path, name: str, how: signal.Signals) -> None:
    kind, fake, heat, more = made(name)
    async with guarded() as place, PtyLine(fake, tmp_path, tick_s=0.02) as line:
        service = await place.drive(kind, line.port, HEATS, *more)
        try:
            await until(lambda: heat() > 0, STARTED_S)
            await asyncio.sleep(2.0)
            loop = asyncio.get_running_loop()
            service.send_signal(how)
            began_s = loop.time()
            await until(lambda: heat() == 0, 20.0, 0.005)
            took_s = loop.time() - began_s
            sys.stdout.write(f"\n{name} {how.name}: heat 0 after {took_s:.2f} s\n")
            assert took_s <= WITHIN_S
            await asyncio.sleep(5.0)
            assert heat() == 0
        finally:
            await end(service)


@pytest.mark.parametrize("name", MACHINES)
async def test_each_driver_drives_its_machine_through_a_roast_twice(
    tmp_path: Path, name: str
) -> None:
    kind, fake, heat, more = made(name)
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        for _ in range(2):
            service = await place.drive(kind, line.port, ROAST, *more)
            out, _ = await asyncio.wait_for(service.communicate(), 180)
            assert service.returncode == 0, out.decode()
            assert heat() == 0
            rows = (place.folder / "drive.csv").read_text().splitlines()
            heats = {row.split(",")[4] for row in rows[1:]}
            assert len(heats) > 2, heats


async def test_keep_alive_holds_its_period_on_a_loaded_machine(tmp_path: Path) -> None:
    """Hottop ejects after 1 s of silence: the period between frames, with every core busy."""
    kind, fake, heat, _ = made("hottop")
    burn = [sys.executable, "-c", "while True: pass"]
    burners = [await asyncio.create_subprocess_exec(*burn) for _ in range(4)]
    try:
        async with guarded() as place, PtyLine(fake, tmp_path) as line:
            service = await place.drive(kind, line.port, HEATS)
            try:
                await until(lambda: heat() > 0, STARTED_S)
                line.heard.clear()
                await asyncio.sleep(120.0)
                at_s = [when for when, _ in line.heard]
            finally:
                await end(service)
    finally:
        for burner in burners:
            burner.kill()
            await burner.wait()
    gaps = sorted(b - a for a, b in itertools.pairwise(at_s))
    high = gaps[int(0.999 * (len(gaps) - 1))]
    sys.stdout.write(
        f"\n{len(gaps)} frames under load: median {gaps[len(gaps) // 2]:.3f} s, "
        f"p99.9 {high:.3f} s, longest {gaps[-1]:.3f} s\n"
    )
    assert gaps[-1] < 1.0
    assert fake.ejected is False
