"""`roastwatch roaster drive`: runs a plan on a machine."""

import asyncio
import contextlib
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from roastwatch.app.program import profile_of
from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.cli.roaster.machine import machine_options, run_until_stopped
from roastwatch.files.folders import data_folder
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.roaster.guardian.limits_store import parse_limits
from roastwatch.roaster.messages import can_heat, only_reads
from roastwatch.roaster.plans.drive import ENDED, Drive, DriveLog
from roastwatch.roaster.plans.plan import Plan, read_plan, refuse_too_hot, refuse_unattended


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

    Without a terminal nobody can confirm being there: a plan that heats for longer than the
    attendance limit (10 minutes) is refused. At its end it waits until the temperature no longer
    rises; Ctrl-C once more leaves at once.

    A plan is YAML: `steps: [{at_s: 0, heater_percent: 60, fan_percent: 30, drum_percent: 100}]`.

    Exit status: 0 the plan ran to its end, 1 an interlock ended it, the machine got or gave less
    heat than the plan set, or it was still getting hotter with heat off; 2 it could not begin,
    130 you stopped it. The machine is made safe each time.
    """
    plan = read_plan(plan_path)
    machine = RoasterLaunch.chosen(**chosen)
    limits = parse_limits(machine.limits, "limits")
    refuse_too_hot(plan, profile_of(plan), limits)
    if not _at_a_terminal():
        refuse_unattended(plan, limits)
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
"""Time to start another guardian if it died, or to plug the roaster in again."""


async def _drive(plan: Plan, machine: RoasterLaunch, log: DriveLog) -> str | None:
    control = RoasterControl(machine.socket, machine.launch)
    asks = _at_a_terminal()
    run = Drive(
        plan,
        control,
        log,
        _say,
        station=machine.station,
        profile=profile_of(plan),
        cutoff=machine.cutoff,
    )
    control.audit, control.notify = run.audit, run.notice
    if machine.folder_problem:
        _say(f"!  {machine.folder_problem}")
    _say(f"   Log: {log.path} and {log.lines_path.name}")
    if plan.heats and not asks:
        _say(
            "   Without a terminal nobody can confirm being at the roaster: heat goes off after "
            f"{_unattended_s(machine) / 60:.0f} minutes."
        )
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
            wrong = None
            try:
                tripped = await run.run()
            finally:
                wrong = await _leave(run, control)
    return tripped or wrong


async def _leave(run: Drive, control: RoasterControl) -> str | None:
    """Set heat to 0 and stay until it no longer gets hotter; returns what is wrong, or None."""
    done = await asyncio.shield(_make_safe(control))
    if control.ever_connected and only_reads(control.raw_state):
        _say_left(control.raw_state)
        return None
    wrong = await run.stay() if done else None
    if not control.ever_connected:
        return None  # it was never reached; the reason follows
    if not done:
        return "the roaster could not be made safe."
    if wrong is None:
        _say_left(control.raw_state)
    return wrong


def _say_left(state: dict[str, Any]) -> None:
    """Say in which state the roaster is left."""
    if only_reads(state) or not can_heat(state):
        _say("   The roaster was only read.")
        return
    elif state.get("hot"):
        _say("   Safe: heat 0. The guardian keeps drum and cooling on until it is cool.")
    else:
        _say("   Safe: heat 0.")
    released = (state.get("capabilities") or {}).get("when_released")
    if released:
        _say(f"   {released} The guardian gives up control once the roaster is cool.")


def _unattended_s(machine: RoasterLaunch) -> float:
    limits = parse_limits(machine.limits, "limits")
    return limits.attendance_s + limits.attendance_grace_s


def _at_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


async def _make_safe(control: RoasterControl) -> bool:
    done = control.ever_connected and await control.make_safe(ENDED, SAFE_S)
    if not done and control.ever_connected:
        click.echo(f"roastwatch: The roaster is not known to be safe: {control.unsafe}", err=True)
    return done


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
