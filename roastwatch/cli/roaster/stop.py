"""`roastwatch roaster stop`, `end` and `guardians`, for any guardian that holds the machine."""

import asyncio
import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from roastwatch.app.roaster_launch import understood, wire_of_port
from roastwatch.cli.roaster.found import Found, guardians_here
from roastwatch.cli.roaster.machine import SLIP, Forgiving, machine_options, run_until_stopped
from roastwatch.errors import BadInputError, LostError, RoastwatchError
from roastwatch.roaster import doors, identity, messages
from roastwatch.roaster.client.control import GuardianNotice, RoasterControl
from roastwatch.roaster.client.guardian_client import Launch
from roastwatch.roaster.guardian.stop_record import KEEPS_TRYING
from roastwatch.roaster.handover import setpoints_of
from roastwatch.roaster.plans.drive_end import Afterheat

KNOCK_S = 1.5
LOOKS, LOOKS_APART_S, ROUND_S = 4, 0.1, 10.0
"""Guardians are looked for until this many looks in a row find no other: the kernel's list of
sockets may miss one while others come and go. A round ends after that, or after `ROUND_S`, once
all that were found are stopped."""
ROUNDS = 4
"""If each round finds others, guardians keep starting."""
SHOWN_EVERY_S = 30.0
WATCH_S = 22.0
WATCH_TURN_S = 0.25
LONG_OFF_S = 60.0
"""After this without heat, only the guardian's own alarm can show a rise."""


@click.command("stop", cls=Forgiving)
@machine_options
def stop(**chosen: Any) -> None:
    """Emergency stop: heat 0, drum and cooling on, latched. Needs no arming.

    It reaches the guardian that holds the machine, no matter which options or user started it;
    --port alone is enough. Without options it stops every guardian on this computer, and names
    each that it could not stop. Options that can't be understood are reported, and do not prevent
    the stop.

    Then it watches the temperature for up to 22 s; Ctrl-C leaves. It exits with 0 only when the
    machine has heat 0, as reported by a guardian of yours or root's, and gets not much hotter.
    """
    meant = _meant(chosen)
    slip = str(click.get_current_context().meta.get(SLIP) or meant.slip)
    try:
        if meant.wire:
            run_until_stopped(_stop(meant.path, meant.launch, meant.wire))
        else:
            run_until_stopped(_stop_all())
    finally:
        if slip:
            click.echo(f"roastwatch: Not understood: {slip}", err=True)


async def _stop_all() -> None:
    """Stop every guardian on this computer: heat 0 is the safe side.

    Raises:
        LostError: none is running, one can't be stopped, or guardians keep starting.
    """
    stops: dict[object, asyncio.Task[None]] = {}
    results: list[BaseException | None] = []
    for _ in range(ROUNDS):
        if not await _begin_stops(stops):
            break
        if len(stops) > 1:
            click.echo(f"Stopping all {len(stops)} guardians on this computer.", err=True)
        results = await asyncio.gather(*stops.values(), return_exceptions=True)
    else:
        results.append(LostError("Guardians keep starting: run `roastwatch roaster stop` again."))
    if problems := problems_of(results):
        raise LostError(" ".join(problems))
    if not stops:
        raise LostError(
            "No guardian is running on this computer, so nothing was stopped: pull the roaster's "
            "plug, or name the roaster with --type and --port."
        )


async def _begin_stops(stops: dict[object, asyncio.Task[None]]) -> bool:
    """Begin to stop each guardian that is found; whether there was another."""
    before, quiet, until_s = len(stops), 0, time.monotonic() + ROUND_S
    while quiet < LOOKS and time.monotonic() < until_s:
        new = [one for one in await guardians_here() if one.key not in stops]
        for one in new:
            stops[one.key] = asyncio.create_task(_stop(Path(one.address), None, "", one))
        quiet = 0 if new else quiet + 1
        await asyncio.sleep(LOOKS_APART_S)
    return len(stops) > before


def problems_of(stops: Sequence[BaseException | None]) -> list[str]:
    """What each stop that failed says; an error that nobody foresaw is a failed stop too."""
    return [str(one) or repr(one) for one in stops if one is not None]


async def _stop(
    path: Path | None, launch: Launch | None, wire: str, found: Found | None = None
) -> None:
    """Stop one machine; `found` is its guardian, if that was found and not the machine named."""
    said: set[str] = set()

    def show(notice: GuardianNotice) -> None:
        if notice.message not in said:
            said.add(notice.message)
            click.echo(f"roastwatch: {notice.message}", err=True)

    async with RoasterControl(path, launch, wire=wire, role="stop", notify=show) as door:
        failed = await door.emergency_stop("Emergency stop from the command line.")
        if failed is not None:
            failed += _opened_by(wire, door.guardian_pid)
        if failed is not None and launch is None and not door.stop_accepted:
            if found is not None:
                raise LostError(found.not_stopped)
            others = await guardians_here() if wire else []
            hint = (
                f" {len(others)} other guardians are running here: `roastwatch roaster stop` "
                "without options stops them all."
            )
            raise LostError(failed.replace(KEEPS_TRYING, "") + (hint if others else ""))
        while failed is not None and not door.stop_accepted:
            show(GuardianNotice("fault", failed, None))
            failed = await door.stopped(SHOWN_EVERY_S)
        if failed is not None:
            raise LostError(f"{failed} Run `roastwatch roaster stop` again to see how it stands.")
        raw = door.raw_state
        if danger := messages.danger_of(raw):
            click.echo(f"\a!! {danger}", err=True)
            raise LostError("Heat 0 was written, but the roaster heats: pull its plug.")
        which = f" {raw['kind']} at {raw['port']}" if raw.get("kind") else ""
        click.echo(f"Stopped{which}: heat 0 was written, drum and cooling on.")
        if messages.can_heat(raw):
            await _watch(door)


async def _watch(door: RoasterControl) -> None:
    """Watch whether the machine obeys, which shows only in its temperature.

    Raises:
        LostError: it gets much hotter with heat off.
    """
    raw, began_s, seen = door.raw_state, time.monotonic(), Afterheat()
    if (raw.get("heat_off_s") or 0.0) >= LONG_OFF_S and raw.get("rising") is False:
        return
    click.echo("Watching the temperature: Ctrl-C leaves.")
    while True:
        raw, now_s = door.raw_state, time.monotonic()
        reading = door.readings.value
        if reading is not None:
            seen.read(reading, setpoints_of(raw).get("heater"))
        rising = seen.verdict(now_s, raw.get("rising"))
        if danger := messages.danger_of(raw):
            click.echo(f"\a!! {danger}", err=True)
            raise LostError("Heat 0 was written, but the roaster gets hotter: look at it.")
        if rising is False:
            click.echo("The temperature no longer rises.")
            return
        if now_s - began_s >= WATCH_S:
            how = (
                "beans still get warmer from the hot roaster" if rising else "readings are unclear"
            )
            click.echo(f"The {how}: watch the temperature to see whether the roaster obeys.")
            return
        await asyncio.sleep(WATCH_TURN_S)


@click.command("end")
@machine_options
@click.option("--process", "pid", type=int, help="The guardian with this process number.")
def end(pid: int | None, **chosen: Any) -> None:
    """End a leftover guardian.

    It makes the roaster safe, and exits when the roaster is cool.

    --port alone is enough. Without it, the running guardians are listed.
    """
    if pid is not None:
        run_until_stopped(_end_process(pid))
    elif (meant := _meant(chosen)).wire:
        if meant.slip:
            click.echo(f"roastwatch: Not understood: {meant.slip}", err=True)
        run_until_stopped(_end(meant.path, meant.wire))
    else:
        _list(as_json=False)
        raise BadInputError(meant.slip or "Name one with --port or --process.")


async def _end_process(pid: int) -> None:
    for one in await guardians_here():
        if one.peer.pid == pid:
            await _end(Path(one.address), "")
            return
    raise BadInputError(f"No guardian has the process number {pid}: see `roaster guardians`.")


async def _end(path: Path | None, wire: str) -> None:
    control = RoasterControl(path, None, wire=wire, role="watch")
    try:
        await control.__aenter__()
    except LostError:
        click.echo(f"No guardian holds this roaster.{_opened_by(wire, None)}")
        return
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_exit(control)
        pid = control.guardian_pid
        refused = await control.end()
        if refused:
            raise BadInputError(refused)
        await _until_gone(control, pid)


def _opened_by(wire: str, guardian: int | None) -> str:
    """Which other programs have the port open, as far as we may see."""
    held = [f"{name} (process {pid})" for pid, name in identity.holders(wire) if pid != guardian]
    return f" Its port is open in {', '.join(held)}." if held else ""


async def _until_gone(control: RoasterControl, pid: int | None) -> None:
    said, shown_s, off, reads = "", time.monotonic(), False, False
    unsafe = ""
    while control.guardian_pid == pid and control.raw_state:
        raw = control.raw_state
        reads = messages.only_reads(raw)
        is_off = raw.get("connected") and not raw.get("heat_problem")
        unsafe = "" if is_off or reads else control.unsafe
        off = not unsafe
        line = ""
        if off and not reads and raw.get("hot") is not False:
            line = (
                "Heat is 0. The guardian stays until the roaster is cool; Ctrl-C leaves it alone."
            )
        if line and (line != said or time.monotonic() - shown_s > SHOWN_EVERY_S):
            said, shown_s = line, time.monotonic()
            click.echo(line)
        await asyncio.sleep(0.05)
    if off:
        left = "it only read the roaster" if reads else "heat is 0"
        click.echo(f"The guardian has ended; {left}.")
        return
    raise LostError(f"The guardian has ended, and heat is not known to be off: {unsafe}")


@click.command("guardians")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def guardians(as_json: bool) -> None:
    """List the running guardians of every user."""
    _list(as_json)


def _list(as_json: bool) -> None:
    found = asyncio.run(_found())
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("No guardian is running.")


async def _found() -> list[dict[str, Any]]:
    """Each guardian once, even if it has several names or does not answer."""
    answers = await asyncio.gather(*(_ask(one) for one in await guardians_here()))
    return [one for one in answers if one is not None]


async def _ask(one: Found) -> dict[str, Any] | None:
    known = {"pid": one.peer.pid, "user": one.peer.user}
    try:
        raw = await doors.knock(one.address, KNOCK_S)
    except RoastwatchError:
        return None if one.has_ended else {**known, "answers": False}
    keys = ("kind", "port", "connected", "controlled", "armed", "hot", "problem", "alarm")
    return {
        **known,
        "answers": True,
        **{key: raw.get(key) for key in keys},
        "heater_percent": setpoints_of(raw).get("heater"),
    }


def _line(one: dict[str, Any]) -> str:
    head = f"process {one['pid'] or '(unknown)'} of {one['user']}"
    if not one["answers"]:
        then = f"; then end it with `kill -9 {one['pid']}`" if one["pid"] else ""
        return f"{head}: does not answer; pull its roaster's plug if it heats{then}"
    heat = one["heater_percent"]
    words = [
        f"{one['kind']} at {one['port']}",
        "connected" if one["connected"] else f"not connected ({one['problem'] or 'no reason'})",
        "heat unknown" if heat is None else f"heat {heat:g} %",
        "controlled by a running roastwatch" if one["controlled"] else "left over",
    ]
    if one["alarm"]:
        head = f"ALARM: {one['alarm']} {head}"
    return f"{head}: {', '.join(words)}"


@dataclass(frozen=True, slots=True)
class _Meant:
    """The machine that a command line names; its port alone finds only a running guardian."""

    path: Path | None
    launch: Launch | None
    wire: str
    """Empty: no machine was named."""
    slip: str
    """What was not understood, in a sentence; empty: nothing."""


def _meant(chosen: dict[str, Any]) -> _Meant:
    by_port = chosen["kind"] is None and chosen["settings_path"] is None
    slip = ""
    if not by_port:
        machine, slip = understood(chosen)
        if machine is not None:
            if machine.folder_problem:
                click.echo(f"roastwatch: {machine.folder_problem}", err=True)
            return _Meant(machine.socket, machine.launch, machine.wire, slip)
    if chosen["port"]:
        try:
            return _Meant(None, None, wire_of_port(chosen["port"]), slip)
        except BadInputError as error:
            slip = slip or str(error)
    return _Meant(None, None, "", slip)
