"""`roastwatch roaster`: read, set, arm, stop, probe, drive, simulate one machine."""

import asyncio
import contextlib
import importlib
import json
import math
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any, TypeVar

import click

from roastwatch.app.roaster_launch import RoasterLaunch, understood, wire_of_port
from roastwatch.cli.roaster.machine import machine_options, run_until_stopped
from roastwatch.errors import BadInputError, LostError
from roastwatch.roaster import messages
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.roaster.client.guardian_life import GuardianNotice
from roastwatch.vocabulary import Actuator, Command, Origin, Outcome

T = TypeVar("T")

ACTUATORS = {actuator.value: actuator for actuator in Actuator} | {
    "heat": Actuator.HEATER,
    "cool": Actuator.COOLING,
}


LONGER = {
    "drive": "roastwatch.cli.roaster.drive",
    "simulate": "roastwatch.cli.roaster.simulate",
    "guard": "roastwatch.cli.roaster.guard",
    "stop": "roastwatch.cli.roaster.stop",
    "end": "roastwatch.cli.roaster.stop",
    "guardians": "roastwatch.cli.roaster.stop",
}
"""Commands with files of their own, imported when called: a guardian must start quickly."""


class _Group(click.Group):
    """The commands of this file and the longer ones."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """By name."""
        return sorted({*super().list_commands(ctx), *LONGER})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One by its name, or None."""
        if cmd_name not in LONGER:
            return super().get_command(ctx, cmd_name)
        found: click.Command = getattr(importlib.import_module(LONGER[cmd_name]), cmd_name)
        return found


@click.group("roaster", cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Read and drive one roaster behind its guardian and interlocks."""


@command.command("read")
@machine_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--follow", is_flag=True, help="Continue until Ctrl-C.")
def read(as_json: bool, follow: bool, **chosen: Any) -> None:
    """Print the newest reading."""

    async def work(control: RoasterControl) -> None:
        await control.answering()
        last, danger = None, ""
        while True:
            reading, before = control.readings.value, danger
            danger = messages.danger_of(control.raw_state)
            if danger and danger != before:
                click.echo(f"\a!! {danger}", err=True)
            if reading is not None and reading is not last:
                last = reading
                raw = asdict(reading)
                if as_json:
                    click.echo(json.dumps(raw))
                else:
                    known = [f"{key} {value}" for key, value in raw.items() if value is not None]
                    click.echo("  ".join(word for word in known if "taken_at" not in word))
                    for key, why in control.raw_state.get("doubts", {}).items():
                        click.echo(f"No {key}: {why}", err=True)
                if not follow:
                    return
            await asyncio.sleep(0.05)

    machine, slip = understood(chosen)
    if slip and chosen["port"]:
        wire = wire_of_port(chosen["port"]) if machine is None else machine.wire
        run_until_stopped(_look(wire, slip, work))
    else:
        with_machine(chosen, work, control=False)


async def _look(
    wire: str, slip: str, work: Callable[[RoasterControl], Coroutine[Any, Any, None]]
) -> None:
    """Show what the guardian of a port reports, even if another option was not understood."""
    door = RoasterControl(None, None, wire=wire, role="watch")
    try:
        await door.__aenter__()
    except LostError as lost:
        raise BadInputError(slip) from lost
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(door)
        click.echo(f"roastwatch: {slip}", err=True)
        await work(door)


@command.command("set")
@click.argument("words", nargs=-1, required=True, metavar="ACTUATOR PERCENT ...")
@machine_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def set_(words: tuple[str, ...], as_json: bool, **chosen: Any) -> None:
    """Set actuators once: heater, fan, drum, cooling, door.

    Heat needs an armed roaster: leave `roastwatch roaster arm` running in another terminal, or
    drive a plan.

    Example: roastwatch roaster set fan 40 drum 100 --type hottop --port /dev/ttyUSB0
    """
    targets = _targets(words)

    async def work(control: RoasterControl) -> int:
        await control.answering()
        refused = 0
        for actuator, percent in targets:
            result = await control.request(Command.new("roaster", actuator, percent, Origin.PERSON))
            refused += result.outcome not in (Outcome.APPLIED, Outcome.LIMITED)
            if as_json:
                click.echo(json.dumps(asdict(result)))
            else:
                applied = "" if result.applied is None else f" {result.applied:g} %"
                why = f": {result.reason}" if result.reason else ""
                click.echo(f"{actuator} {percent:g} % → {result.outcome}{applied}{why}")
        return refused

    if with_machine(chosen, work, control=False):
        sys.exit(2)


@command.command("arm")
@machine_options
@click.option("--for", "for_s", default=900.0, help="How long, in seconds.", show_default=True)
def arm(for_s: float, **chosen: Any) -> None:
    """Arm the roaster and stay. Heat goes off when you press Ctrl-C or this ends."""

    async def work(control: RoasterControl) -> str | None:
        await control.answering()
        refused = await control.arm(for_s)
        if refused:
            return refused
        click.echo("Set heat from another terminal; Ctrl-C ends arming and makes safe.")
        async for state in control.changed.changes():
            if not state.armed:
                break
        return None

    refused = with_machine(chosen, work)
    if refused:
        raise BadInputError(refused)


@command.command("probe")
@machine_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def probe(as_json: bool, **chosen: Any) -> None:
    """Show what answers at a port and what it can do."""

    async def work(control: RoasterControl) -> None:
        await control.answering()
        raw = control.raw_state
        found = raw["capabilities"]
        if as_json:
            doubts = raw.get("doubts", {})
            click.echo(
                json.dumps({"capabilities": found, "reading": raw["reading"], "doubts": doubts})
            )
            return
        click.echo(f"{found['machine']} answers.")
        click.echo(f"  can set          {', '.join(found['actuators']) or 'nothing'}")
        click.echo(f"  reads every      {found['read_period_s']:g} s")
        click.echo(f"  host gone        {found['when_host_is_gone']}")
        click.echo(f"  make safe writes {found['make_safe_writes']}")
        for key, value in (raw["reading"] or {}).items():
            if value is not None and key not in ("station", "taken_at_s"):
                click.echo(f"  {key:16} {value}")
        for key, why in raw.get("doubts", {}).items():
            click.echo(f"  {key:16} none: {why}")
        if found["when_released"]:
            click.echo(f"  {found['when_released']}")

    with_machine(chosen, work, control=False)


def with_machine(
    chosen: dict[str, Any],
    work: Callable[[RoasterControl], Coroutine[Any, Any, T]],
    *,
    control: bool = True,
    notify: Callable[[GuardianNotice], None] | None = None,
) -> T:
    """Run `work` with the door to the chosen machine."""
    machine = RoasterLaunch.chosen(**chosen)
    if machine.folder_problem:
        click.echo(f"roastwatch: {machine.folder_problem}", err=True)

    async def run() -> T:
        show = notify or (lambda notice: click.echo(notice.message, err=True))
        async with RoasterControl(
            machine.socket, machine.launch, notify=show, holds_lease=control
        ) as door:
            if machine.cutoff:
                await door.confirm_cutoff()
            return await work(door)

    return run_until_stopped(run())


def _targets(words: tuple[str, ...]) -> list[tuple[Actuator, float]]:
    flat = [part for word in words for part in word.split("=", 1)]
    if len(flat) % 2:
        raise BadInputError("Name an actuator and its percent, such as `set fan 40`.")
    targets = []
    for name, value in zip(flat[::2], flat[1::2], strict=True):
        if name.removesuffix("_percent") not in ACTUATORS:
            raise BadInputError(f"No actuator is named '{name}'. There are {', '.join(Actuator)}.")
        words_for = {"open": "100", "on": "100", "closed": "0", "off": "0"}
        try:
            percent = float(words_for.get(value, value).removesuffix("%"))
            if not math.isfinite(percent):
                raise ValueError
        except ValueError as error:
            raise BadInputError(
                f"'{value}' is no value for {name}: give a percent from 0 to 100."
            ) from error
        targets.append((ACTUATORS[name.removesuffix("_percent")], percent))
    return targets
