"""`roastwatch roaster simulate`: a plan on the model, behind the interlocks, in virtual time."""

import asyncio
import itertools
import json
import sys
from pathlib import Path

import click

from roastwatch.app.program import profile_of
from roastwatch.errors import BadInputError
from roastwatch.printing.times import clock
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.limits_store import limits_for
from roastwatch.roaster.plans.pid import PidOptions, SetpointProfile
from roastwatch.roaster.plans.plan import Plan, read_plan
from roastwatch.roaster.plans.rehearsal import Rehearsed, rehearse

REPORT_S = 30.0


@click.command("simulate")
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--beans-g", default=250.0, show_default=True, help="Green beans, grams.")
@click.option("--drum-c", default=180.0, show_default=True, help="Preheated drum, °C.")
@click.option("--limits", type=click.Path(path_type=Path), help="File of limits.")
@click.option("--tune", is_flag=True, help="Try gains for the plan's profile and report each.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def simulate(
    plan_path: Path,
    beans_g: float,
    drum_c: float,
    limits: Path | None,
    tune: bool,
    as_json: bool,
) -> None:
    """Run PLAN on the simulated roaster.

    It runs as fast as the computer can, behind the interlocks of a real machine.

    Exit status 1: an interlock ended the plan (it would overheat, say), or gave it less heat.
    """
    plan = read_plan(plan_path)
    profile = profile_of(plan)
    charges = any(step.charge for step in plan.steps)
    try:
        options = SimulatedRoaster.Options(beans_g=beans_g, drum_c=drum_c, charged=not charges)
    except ValueError as error:
        raise BadInputError(f"--beans-g is 0 to 5000 and --drum-c 22 to 300: {error}") from error
    bounds = limits_for("simulated", limits)
    if tune:
        if profile is None:
            raise BadInputError("--tune needs a plan with a target or a background to follow.")
        _tune(plan, options, profile, bounds, as_json)
        return
    found = asyncio.run(rehearse(plan, options, bounds, profile))
    if as_json:
        click.echo(json.dumps(_as_json(found, profile)))
    else:
        _report(found)
    if found.tripped:
        click.echo(f"roastwatch: The plan was ended: {found.tripped}", err=True)
        sys.exit(1)
    if found.unheated:
        click.echo(f"roastwatch: The plan was not followed: {found.unheated}", err=True)
        sys.exit(1)


def _report(found: Rehearsed) -> None:
    last_s = -REPORT_S
    notices = sorted({*found.refused, *found.notices})
    # What ends a plan is reported by its interlock and by the arming that it ends.
    notices = [
        entry for at, entry in enumerate(notices) if at == 0 or notices[at - 1][1] != entry[1]
    ]
    for at_s, reading in found.readings:
        while notices and notices[0][0] <= at_s:
            click.echo(f"{clock(notices[0][0])}  !  {notices[0][1]}")
            notices.pop(0)
        if at_s - last_s >= REPORT_S:
            last_s = at_s
            click.echo(
                f"{clock(at_s)}  beans {reading.bean_temp_c:6.1f} °C  environment "
                f"{reading.environment_temp_c:6.1f} °C  heat {reading.heater_percent:3.0f} %  "
                f"fan {reading.fan_percent:3.0f} %"
            )
    for at_s, message in notices:
        click.echo(f"{clock(at_s)}  !  {message}")
    if found.first_crack_s is not None:
        click.echo(f"First crack at {clock(found.first_crack_s)}.")
    if found.deviation_rms_c is not None:
        click.echo(f"Deviation from the profile: {found.deviation_rms_c:.1f} °C RMS.")
    click.echo(f"Hottest: {found.hottest_c:.1f} °C.")


def _as_json(found: Rehearsed, profile: SetpointProfile | None) -> dict[str, object]:
    return {
        "readings": [
            {
                "elapsed_s": round(at_s, 2),
                "bean_temp_c": reading.bean_temp_c,
                "environment_temp_c": reading.environment_temp_c,
                "heater_percent": reading.heater_percent,
                "fan_percent": reading.fan_percent,
            }
            for at_s, reading in found.readings[::4]
        ],
        "refused": [{"elapsed_s": round(s, 2), "reason": why} for s, why in found.refused],
        "told": [{"elapsed_s": round(s, 2), "message": text} for s, text in found.notices],
        "steps": [{"elapsed_s": round(s, 2), "index": index} for s, index in found.steps],
        "events": {kind.value: round(s, 2) for kind, s in found.events.items()},
        "charge_s": found.charge_s,
        "profile": [] if profile is None else profile.points,
        "first_crack_s": found.first_crack_s,
        "drop_s": found.drop_s,
        "hottest_c": found.hottest_c,
        "deviation_rms_c": found.deviation_rms_c,
        "tripped": found.tripped,
        "unheated": found.unheated,
    }


def _tune(
    plan: Plan,
    options: SimulatedRoaster.Options,
    profile: SetpointProfile,
    bounds: Limits,
    as_json: bool,
) -> None:
    """The tuning report: the deviation for each set of gains, the best first."""
    rows = []
    follow = plan.model_copy(update={"follow": True})
    for gain, integral, derivative in itertools.product((2, 4, 8), (90, 180, 360), (0, 30, 60)):
        pid = PidOptions(gain_percent_per_c=gain, integral_s=integral, derivative_s=derivative)
        found = asyncio.run(rehearse(follow, options, bounds, profile, pid))
        heats = [r.heater_percent or 0.0 for _, r in found.readings]
        moved = sum(abs(b - a) for a, b in itertools.pairwise(heats))
        minutes = max(found.readings[-1][0] / 60, 1e-3)
        rows.append((found.deviation_rms_c or float("inf"), moved / minutes, pid))
    rows.sort(key=lambda row: row[0] + 0.02 * row[1])
    if as_json:
        report = [
            {"deviation_rms_c": off, "heat_moved_percent_per_min": moved, **pid.model_dump()}
            for off, moved, pid in rows
        ]
        click.echo(json.dumps(report))
        return
    click.echo("  gain %/°C  integral s  derivative s  deviation °C RMS  heat moved %/min")
    for off, moved, pid in rows:
        click.echo(
            f"  {pid.gain_percent_per_c:9g}  {pid.integral_s:10g}  {pid.derivative_s:12g}  "
            f"{off:16.2f}  {moved:16.0f}"
        )
