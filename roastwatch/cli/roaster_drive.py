"""`roastwatch roaster drive` and `simulate`: a plan on a machine, and a plan on a model of one."""

import asyncio
import contextlib
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from roastwatch.cli.roaster_machine import machine_options, run_until_stopped
from roastwatch.folders import data_folder
from roastwatch.machine import Machine
from roastwatch.program import profile_of
from roastwatch.roaster.control import RoasterControl
from roastwatch.roaster.drive import ENDED, Drive, DriveLog
from roastwatch.roaster.machines import parse_limits
from roastwatch.roaster.messages import can_heat
from roastwatch.roaster.plan import Plan, read_plan, refuse_too_hot


@click.command("drive")
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@machine_options
@click.option(
    "--log-file",
    type=click.Path(path_type=Path),
    help="Readings as CSV; commands and events as JSON lines beside it.",
)
def drive(plan_path: Path, log_file: Path | None, **chosen: Any) -> None:
    """Drive PLAN to its end. You at the keyboard are the attendance; Ctrl-C makes safe.

    A plan is YAML: `steps: [{at_s: 0, heater_percent: 60, fan_percent: 30, drum_percent: 100}]`.

    Exit status: 0 the plan ran to its end, 1 an interlock ended it, 2 it could not begin,
    130 you stopped it. The machine is made safe each time.
    """
    plan = read_plan(plan_path)
    machine = Machine.chosen(**chosen)
    refuse_too_hot(plan, profile_of(plan), parse_limits(machine.limits, "limits"))
    if log_file is None:
        folder = data_folder() / "drives"
        log_file = folder / f"{datetime.now():%Y-%m-%d-%H%M%S}-{machine.kind}.csv"
    log = DriveLog(log_file)
    try:
        tripped = run_until_stopped(_drive(plan, machine, log))
    finally:
        log.close()
    if tripped:
        click.echo(f"roastwatch: The plan was not followed: {tripped}", err=True)
        sys.exit(1)


SAFE_S = 12.0
"""A guardian that died is started again meanwhile; a roaster that was unplugged is waited for."""


async def _drive(plan: Plan, machine: Machine, log: DriveLog) -> str | None:
    control = RoasterControl(machine.socket, machine.launch)
    asks = sys.stdin is not None and sys.stdin.isatty()
    run = Drive(
        plan,
        control,
        log,
        _say,
        station=machine.station,
        profile=profile_of(plan),
        asks_presence=asks,
        cutoff=machine.cutoff,
    )
    control.audit, control.told = run.audit, run.told
    _say(f"   Log: {log.path} and {log.lines_path.name}")
    async with control:
        if machine.cutoff:
            await control.confirm_cutoff()
        with contextlib.ExitStack() as stack:
            if asks:
                loop = asyncio.get_running_loop()
                keys: set[asyncio.Task[None]] = set()

                def pressed() -> None:
                    if not sys.stdin.readline():
                        loop.remove_reader(sys.stdin)
                        return
                    keys.add(asyncio.ensure_future(run.present()))

                loop.add_reader(sys.stdin, pressed)
                stack.callback(loop.remove_reader, sys.stdin)
            tripped = None
            try:
                tripped = await run.run()
            finally:
                await asyncio.shield(_make_safe(control))
    return tripped


async def _make_safe(control: RoasterControl) -> None:
    done = control.ever_connected and await control.make_safe(ENDED, SAFE_S)
    if not done and control.ever_connected:
        click.echo(f"roastwatch: The roaster is not known to be safe: {control.unsafe}", err=True)
    elif not done:
        pass  # it was never reached; the reason follows
    elif not can_heat(control.raw_state):
        _say("   The roaster was only read.")
    elif control.raw_state.get("hot"):
        _say("   Safe: heat 0. The guardian keeps drum and cooling on until it is cool.")
    else:
        _say("   Safe: heat 0.")
    released = (control.raw_state.get("capabilities") or {}).get("when_released")
    if done and released:
        _say(f"   {released} The guardian gives up control once the roaster is cool.")


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
