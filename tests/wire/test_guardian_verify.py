"""How long heat stays on the wire when service or guardian is killed, stopped or blocked.

One run prints the table of docs/development/roaster.md. If both are killed, the spare guardian
writes. If that is killed too, only the machine itself can end heat: the last column shows whether
it does.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.guarded import BLOCKED, Guarded, end, guarded
from tests.support.until import until
from tests.wire import rigs
from tests.wire.rigs import Make

pytestmark = [pytest.mark.verify, pytest.mark.timeout(600)]

STARTED_S = 90.0
WITHIN_S = 2.0
HEATS = "steps: [{at_s: 0, heater_percent: 100, fan_percent: 40%s}, {at_s: 590}]\n"
WAYS = (
    "SIGKILL",
    "SIGSTOP",
    "blocked for 10 s",
    "guardian killed",
    "guardian hung",
    "both killed",
)
ALL = "all killed"
BY_ITSELF_S = 20.0
"""How long a machine is watched after everything was killed."""
SETTLED_S = 4.0
"""A roast has run for longer before a guardian hangs: its spare is there."""
MEASURED: dict[str, dict[str, float]] = {}


async def service_that_heats(
    place: Guarded, way: str, kind: str, port: object, options: tuple[str, ...], plan: str
) -> asyncio.subprocess.Process:
    if way != "blocked for 10 s":
        process = await place.drive(kind, port, plan, *options)
        assert isinstance(process, asyncio.subprocess.Process)
        return process
    return await place.service(kind, str(port), *options[1::2], code=BLOCKED)


async def took_s(
    place: Guarded, service: asyncio.subprocess.Process, way: str, heat: Callable[[], float]
) -> float:
    """Heat is full and has been for a while; then it happens."""
    await until(lambda: heat() > 95, STARTED_S)
    await asyncio.sleep(SETTLED_S if way in WAYS[3:] else 1.0)
    assert heat() > 95
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    if way in ("SIGKILL", "SIGSTOP"):
        service.send_signal(getattr(signal, way))
    elif way in WAYS[3:]:
        (guardian,) = place.guardians
        os.kill(guardian, signal.SIGSTOP if way == "guardian hung" else signal.SIGKILL)
        if way == "both killed":
            service.kill()
    else:
        assert service.stdin is not None
        service.stdin.write(b"\n")
    await until(lambda: heat() == 0, 9.0, 0.005)
    took = loop.time() - began_s
    await asyncio.sleep(1.5)
    assert heat() == 0
    return took


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", rigs.RIGS)
async def test_heat_0_within_two_seconds(tmp_path: Path, make: Make, way: str) -> None:
    async with guarded() as place, make(tmp_path) as rig:
        rig.thermal.speed = 1.0
        rig.thermal.bean_c = rig.thermal.air_c = 120.0
        place.environment |= rig.environment
        drum = ", drum_percent: 100" if "drum" in rig.actuators else ""
        service = await service_that_heats(
            place, way, rig.kind, rig.port, rig.options, HEATS % drum
        )
        try:
            took = await took_s(place, service, way, rig.heat)
        finally:
            await end(service)
    MEASURED.setdefault(make.__name__, {})[way] = took
    assert took <= WITHIN_S


@pytest.mark.parametrize("make", rigs.RIGS)
async def test_all_killed(tmp_path: Path, make: Make) -> None:
    """Nothing is left: machines that go off or eject by themselves do; the rest is shown."""
    async with guarded() as place, make(tmp_path) as rig:
        rig.thermal.speed = 1.0
        rig.thermal.bean_c = rig.thermal.air_c = 120.0
        place.environment |= rig.environment
        drum = ", drum_percent: 100" if "drum" in rig.actuators else ""
        service = await service_that_heats(
            place, ALL, rig.kind, rig.port, rig.options, HEATS % drum
        )
        try:
            await until(lambda: rig.heat() > 95, STARTED_S)
            (guardian,) = place.guardians
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            for spare in place.spares(service.pid):
                os.kill(spare, signal.SIGKILL)
            service.kill()
            os.kill(guardian, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                await until(lambda: rig.heat() == 0, BY_ITSELF_S, 0.005)
            MEASURED.setdefault(make.__name__, {})[ALL] = (
                loop.time() - began_s if rig.heat() == 0 else float("inf")
            )
        finally:
            await end(service)


@pytest.mark.parametrize("way", WAYS[:3])
async def test_simulated_roaster_as_a_second_program_sees_it(way: str) -> None:
    """It has no wire: what counts is what the guardian reports to other clients."""
    async with guarded() as place:
        options = ("--option", "noise_c=0")
        service = await service_that_heats(
            place, way, "simulated", "simulated", options, HEATS % ", drum_percent: 100"
        )
        heats: list[float] = []
        await until(lambda: len(place.guardians) > 0, STARTED_S)
        watcher = await place.service(
            *("roaster", "read", "--type", "simulated", "--follow", "--json", *options)
        )
        watching = asyncio.create_task(follow(watcher, heats))
        try:
            took = await took_s(place, service, way, lambda: heats[-1] if heats else 0.0)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await end(service)
            await end(watcher)
    MEASURED.setdefault("simulated", {})[way] = took
    assert took <= WITHIN_S


async def follow(watcher: asyncio.subprocess.Process, heats: list[float]) -> None:
    assert watcher.stdout is not None
    while line := await watcher.stdout.readline():
        if line.startswith(b"{"):
            heats.append(json.loads(line)["heater_percent"] or 0.0)


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints what was measured; no cell may be missing."""
    about = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    with capsys.disabled():
        print(f"\n\nSeconds from the event to heat 0 on the wire ({about}):\n")
        columns = (*WAYS, ALL)
        print("| set-up | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
        for name, row in MEASURED.items():
            print(f"| {name} | " + " | ".join(_cell(row.get(way)) for way in columns) + " |")
    assert len(MEASURED) == len(rigs.RIGS) + 1
    machines = [row for name, row in MEASURED.items() if name != "simulated"]
    assert all(len(row) == len(columns) for row in machines)


def _cell(seconds: float | None) -> str:
    """The simulated machine lives in its guardian and ends with it."""
    if seconds is None:
        return "–"
    return f"{seconds:.2f}" if seconds < BY_ITSELF_S else f"heat stays (over {BY_ITSELF_S:.0f} s)"
