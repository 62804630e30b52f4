"""`roastwatch roaster drive` takes each machine from charge to cooling, twice, with logs.

The plan's last steps cool; the machines live twenty times as fast as real ones. What can only be
read (a recording, a thermometer) is read from charge to cooling.
"""

import asyncio
import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.support.guarded import Guarded, end, guarded
from tests.support.until import until
from tests.wire import rigs
from tests.wire.rigs import Make, Rig

FAST_LIMITS = """
bean_rate_max_c_per_min: 2400
environment_rate_max_c_per_min: 9000
environment_temp_max_c: 390
jump_max_c_per_s: 200
"""


def plan_for(rig: Rig) -> str:
    """Charge, heat, less heat, drop (or heat off where there is no door), cool.

    A machine that dims its heat gets less once more: air that stands while the beans rise trips.
    """
    drum = ", drum_percent: 100" if "drum" in rig.actuators else ""
    cool = ", cooling_percent: 100" if "cooling" in rig.actuators else ""
    door = ", door: closed" if rig.door else ""
    heat, drop_s = ((80, 75), 19) if rig.dims else ((100, 100), 12)
    if not rig.actuators:
        return f"steps: [{{at_s: 0, charge: true}}, {{at_s: {drop_s}, note: drop}}, {{at_s: 34}}]"
    less = "- {at_s: 13, heater_percent: 67}" if rig.dims else ""
    end = "drop: true" if rig.door else "heater_percent: 0"
    return f"""
    steps:
      - {{at_s: 0, charge: true, heater_percent: {heat[0]}, fan_percent: 40{drum}{door}}}
      - {{at_s: 9, heater_percent: {heat[1]}}}
      {less}
      - {{at_s: {drop_s}, {end}}}
      - {{at_s: {drop_s + 0.5}, fan_percent: 100{cool}}}
      - {{at_s: {drop_s + 10}, fan_percent: 100}}
    """


async def drive(place: Guarded, rig: Rig, limits: Path) -> asyncio.subprocess.Process:
    place.environment |= rig.environment
    process = await place.drive(
        rig.kind, rig.port, plan_for(rig), "--limits", str(limits), *rig.options
    )
    assert isinstance(process, asyncio.subprocess.Process)
    return process


async def whole_roast(make: Make, folder: Path, times: int) -> None:
    limits = folder / "limits.yaml"
    limits.write_text(FAST_LIMITS)
    async with guarded() as place, make(folder) as rig:
        for _ in range(times):
            service = await drive(place, rig, limits)
            try:
                out, _ = await asyncio.wait_for(service.communicate(), 120)
            finally:
                await end(service)
            text = out.decode()
            assert service.returncode == 0, text
            assert "refused" not in text, text
            shutil.copy(place.folder / "drive.csv", folder)
            await until(lambda: rig.heat() == 0)
            rows = list(csv.DictReader((place.folder / "drive.csv").read_text().splitlines()))
            temps = [
                float(row["bean_temp_c"] or row["environment_temp_c"])
                for row in rows
                if row["bean_temp_c"] or row["environment_temp_c"]
            ]
            assert max(temps) > 170, text
            assert temps[-1] < max(temps) - 40, text
            if not rig.actuators:
                await until(lambda: not place.guardians, 30)  # a recording begins anew with it
                rig.again()
                continue
            heats = [float(row["heater_percent"]) for row in rows if row["heater_percent"]]
            assert max(heats) >= 67
            assert heats[-1] == 0
            lines = (place.folder / "drive.jsonl").read_text().splitlines()
            commands = [line for line in map(json.loads, lines) if line["kind"] == "command"]
            assert {line["result"]["outcome"] for line in commands} <= {"applied", "limited"}
            rig.again()


@pytest.mark.parametrize("make", [rigs.hottop])
async def test_a_whole_roast(make: Make, tmp_path: Path) -> None:
    await whole_roast(make, tmp_path, 1)


@pytest.mark.verify
@pytest.mark.parametrize(
    "make", [rigs.simulated, *rigs.RIGS, rigs.replay, rigs.thermometer], ids=lambda m: m.__name__
)
async def test_a_whole_roast_twice(make: Make, tmp_path: Path) -> None:
    await whole_roast(make, tmp_path, 2)
