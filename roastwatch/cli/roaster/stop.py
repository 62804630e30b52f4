"""`roastwatch roaster stop`, `end` and `guardians`: for whichever guardian holds the machine."""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import click

from roastwatch.app.roaster_launch import Machine, wire_of_port
from roastwatch.cli.roaster.machine import machine_options, run_until_stopped
from roastwatch.errors import BadInputError, LostError, RoastwatchError
from roastwatch.roaster import doors, identity
from roastwatch.roaster.client.control import RoasterControl, Told
from roastwatch.roaster.client.guardian_client import Launch
from roastwatch.roaster.guardian.stop_record import KEEPS_TRYING

KNOCK_S = 1.5
SHOWN_EVERY_S = 30.0


@click.command("stop")
@machine_options
def stop(**chosen: Any) -> None:
    """Emergency stop: heat 0, drum and cooling on, latched. Needs no arming.

    It reaches the guardian that holds the machine, whichever options or user started it; --port
    alone is enough for that. It exits with 0 only when the machine has heat 0.
    """
    path, launch, wire = _meant(chosen)
    run_until_stopped(_stop(path, launch, wire))


async def _stop(path: Path | None, launch: Launch | None, wire: str) -> None:
    said: set[str] = set()

    def tell(told: Told) -> None:
        if told.message not in said:
            said.add(told.message)
            click.echo(f"roastwatch: {told.message}", err=True)

    async with RoasterControl(path, launch, wire=wire, role="stop", told=tell) as door:
        failed = await door.emergency_stop("Emergency stop from the command line.")
        if failed is not None:
            failed += _opened_by(wire, door.guardian_pid)
        if failed is not None and launch is None and not door.stop_accepted:
            raise LostError(failed.replace(KEEPS_TRYING, ""))
        while failed is not None and not door.stop_accepted:
            tell(Told("fault", failed, None))
            failed = await door.stopped(SHOWN_EVERY_S)
        if failed is not None:
            raise LostError(f"{failed} Run `roastwatch roaster stop` again to see how it stands.")
        peer = door.guardian_peer
        whose = "" if peer.is_trusted else f" (by the guardian of {peer.user}, process {peer.pid})"
        click.echo(f"Stopped{whose}: heat 0, drum and cooling on.")


@click.command("end")
@machine_options
@click.option("--process", "pid", type=int, help="The guardian with this process number.")
def end(pid: int | None, **chosen: Any) -> None:
    """End a guardian that is left over: it makes the roaster safe, and goes when it is cool.

    --port alone is enough. Without it, the guardians that run are listed.
    """
    if pid is not None:
        run_until_stopped(_end_process(pid))
    elif any(chosen[key] for key in ("kind", "port", "settings_path")):
        path, _, wire = _meant(chosen)
        run_until_stopped(_end(path, wire))
    else:
        _list(as_json=False)
        raise BadInputError("Name one with --port or --process.")


async def _end_process(pid: int) -> None:
    for address in doors.listening():
        with contextlib.suppress(LostError):
            if (await doors.who(address)).pid == pid:
                await _end(Path(address), "")
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
    """Which other programs have the port open, as far as we may see them."""
    held = [f"{name} (process {pid})" for pid, name in identity.holders(wire) if pid != guardian]
    return f" Its port is open in {', '.join(held)}." if held else ""


async def _until_gone(control: RoasterControl, pid: int | None) -> None:
    said, shown_s, off, reads = "", time.monotonic(), False, False
    unsafe = ""
    while control.guardian_pid == pid and control.raw_state:
        raw = control.raw_state
        problem = raw.get("heat_problem") and not raw.get("only_reads")
        unsafe = "" if raw.get("connected") and not problem else control.unsafe
        off = not unsafe
        line = ""
        reads = bool(raw.get("only_reads"))
        if off and not reads and raw.get("hot") is not False:
            line = (
                "Heat is 0. The guardian stays until the roaster is cool; Ctrl-C leaves it to it."
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
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def guardians(as_json: bool) -> None:
    """List the guardians that run on this computer, of every user."""
    _list(as_json)


def _list(as_json: bool) -> None:
    found = asyncio.run(_found())
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("No guardian runs.")


async def _found() -> list[dict[str, Any]]:
    """Each guardian once, however many names it has."""
    answers = await asyncio.gather(*(_ask(address) for address in doors.listening()))
    return list({one["pid"]: one for one in answers if one is not None}.values())


async def _ask(address: str) -> dict[str, Any] | None:
    pid: int | None = None
    try:
        peer = await doors.who(address)
        pid = peer.pid
        raw = await doors.knock(address, KNOCK_S)
    except RoastwatchError:
        return None if pid is None else {"pid": pid, "user": peer.user, "answers": False}
    told = raw.get("told") or {}
    keys = ("kind", "port", "connected", "controlled", "armed", "hot", "problem")
    return {
        "pid": peer.pid,
        "user": peer.user,
        "answers": True,
        **{key: raw.get(key) for key in keys},
        "heater_percent": told.get("heater"),
    }


def _line(one: dict[str, Any]) -> str:
    head = f"process {one['pid']} of {one['user']}"
    if not one["answers"]:
        return f"{head}: does not answer; end it with `kill -9 {one['pid']}`"
    heat = one["heater_percent"]
    words = [
        f"{one['kind']} at {one['port']}",
        "connected" if one["connected"] else f"not connected ({one['problem'] or 'no reason'})",
        "heat unknown" if heat is None else f"heat {heat:g} %",
        "controlled by a running roastwatch" if one["controlled"] else "left over",
    ]
    return f"{head}: {', '.join(words)}"


def _meant(chosen: dict[str, Any]) -> tuple[Path | None, Launch | None, str]:
    """The machine that is meant; by its port alone only a guardian that runs can be reached."""
    if chosen["kind"] is None and chosen["settings_path"] is None and chosen["port"]:
        return None, None, wire_of_port(chosen["port"])
    machine = Machine.chosen(**chosen)
    try:
        return machine.socket, machine.launch, machine.wire
    except BadInputError as error:
        click.echo(f"roastwatch: {error}", err=True)
        return None, None, machine.wire
