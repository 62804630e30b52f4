"""The model of a roaster: what any roaster does, and agreement with demonstration sound."""

from pathlib import Path

import pytest

from roastwatch.roaster.simulation.thermal import Heat, ThermalParameters, TimedRoast, advance

PARAMETERS = ThermalParameters()


def roast(seconds: float, heater: float, fan: float = 0.4) -> Heat:
    heat = Heat.empty(180.0, PARAMETERS).charged(0.25, PARAMETERS)
    return advance(heat, PARAMETERS, seconds, heater=heater, fan=fan)


def test_the_probe_falls_turns_and_rises() -> None:
    probes = [roast(seconds, 0.7).bean_probe_c for seconds in (0, 60, 120, 300, 600)]
    assert probes[0] > probes[1]
    assert probes[2] < probes[3] < probes[4]


def test_more_heat_makes_beans_hotter_and_drier() -> None:
    assert roast(400, 0.8).bean_c > roast(400, 0.4).bean_c
    assert roast(600, 0.7).moisture < 0.5 * PARAMETERS.moisture


def test_an_open_door_empties_a_turning_drum() -> None:
    out = advance(roast(500, 0.7), PARAMETERS, 20, heater=0, fan=0.5, door_open=True)
    assert out.mass_kg == 0
    assert out.tray_kg == pytest.approx(0.25)
    still = advance(roast(500, 0.7), PARAMETERS, 5, heater=0, fan=0.5, drum=0, door_open=True)
    assert still.mass_kg > 0.15


@pytest.mark.parametrize("at_s", [40.0, 394.0, 800.0])
def test_timed_roast_reaches_first_crack_at_the_given_second(at_s: float) -> None:
    timed = TimedRoast(at_s)
    before = timed.reading(at_s - 5, "r", 0.0)
    after = timed.reading(at_s + 1, "r", 0.0)
    assert before.bean_temp_c is not None
    assert after.bean_temp_c is not None
    assert before.bean_temp_c < PARAMETERS.first_crack_c <= after.bean_temp_c + 0.2


def test_held_out_logs_are_simulated_within_six_degrees(shared: Path) -> None:
    from statistics import median

    from roastwatch.roaster.simulation.fit import error_c, load

    roasts = load(shared / "data" / "telemetry" / "artisan")
    assert len(roasts) == 40  # 43 files, three of them saved twice
    assert median(error_c(roast, PARAMETERS) for roast in roasts[1::2]) <= 6.0
