"""The real program on a fake machine: a service in a process of its own, and its guardian."""

import asyncio
import contextlib
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.roaster.client.guardian_life import GuardianNotice
from roastwatch.vocabulary import Actuator, Command, Origin, Outcome
from tests.fakes.line import numbers_kept

PLAN = "steps: [{at_s: 0, heater_percent: 60, fan_percent: 30, drum_percent: 100}, {at_s: 600}]\n"

# A service whose event loop is blocked when it reads a line.
BLOCKED = """
import asyncio, sys, time, uuid
from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.vocabulary import Actuator, Command, Origin

async def main(kind, port, *options):
    machine = RoasterLaunch.chosen(kind, port, tuple(options), None, None, None, True)
    async with RoasterControl(machine.socket, machine.launch) as control:
        await control.answering()
        print(await control.arm(100), flush=True)
        while True:
            command = Command("1", "r", Actuator.HEATER, 100.0, Origin.PERSON, time.monotonic())
            result = await control.request(command)
            if result.outcome == "applied":
                break
            await asyncio.sleep(0.2)
        await asyncio.to_thread(sys.stdin.readline)
        time.sleep(10)

asyncio.run(main(*sys.argv[1:]))
"""


class Guarded:
    """Where one test's guardian lives, and the environment that leads there."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rw"))
        self.environment = os.environ | {"ROASTWATCH_RUNTIME_DIR": str(self.folder)}

    @property
    def guardians(self) -> list[int]:
        """Process numbers of the guardians that hold a lock."""
        found = []
        for lock in self.folder.glob("*.lock"):
            with contextlib.suppress(ValueError, ProcessLookupError):
                number = int(lock.read_text())
                os.kill(number, 0)
                found.append(number)
        return found

    def spares(self, service: int | None = None) -> list[int]:
        """Processes that wait to be the guardian of a service; of this process by default."""
        found = []
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                words = (process / "stat").read_text().rpartition(")")[2].split()
                is_its = int(words[1]) == (service or os.getpid()) and words[0] != "Z"
                if is_its and b"guard" in (process / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return [pid for pid in found if pid not in self.guardians]

    def watching(self, service: int | None = None) -> list[int]:
        """Those of them that are connected with the guardian: a socket besides their loop's two."""
        found = []
        for pid in self.spares(service):
            with contextlib.suppress(OSError):
                files = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
                if sum(file.startswith("socket:") for file in files) > 2:
                    found.append(pid)
        return found

    def kill_all(self) -> None:
        """Kill guardians and those that wait to be one, or a spare would take over."""
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                is_one = b"guard" in (process / "cmdline").read_bytes().split(b"\0")
                if is_one and os.fsencode(self.folder) in (process / "environ").read_bytes():
                    _kill(int(process.name))

    async def service(self, *words: str, code: str | None = None) -> asyncio.subprocess.Process:
        """Start the command line, or a script with arguments."""
        start = ["-c", code] if code else ["-m", "roastwatch"]
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *start,
            *words,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def drive(
        self, kind: str, port: object, plan: str = PLAN, *more: str
    ) -> asyncio.subprocess.Process:
        """Start `roastwatch roaster drive` with a plan."""
        path = self.folder / "plan.yaml"
        path.write_text(plan)
        log = self.folder / "drive.csv"
        return await self.service(
            *("roaster", "drive", str(path), "--type", kind, "--port", str(port)),
            *("--independent-cutoff", "--log-file", str(log), *more),
        )


@contextlib.asynccontextmanager
async def guarded() -> AsyncIterator[Guarded]:
    """A place for guardians; none of them outlives it."""
    place = Guarded()
    with numbers_kept():
        try:
            yield place
        finally:
            place.kill_all()
            shutil.rmtree(place.folder, ignore_errors=True)


def _kill(pid: int) -> None:
    """Kill a process and wait until it is gone, with all it had open."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], 10.0)
    finally:
        os.close(handle)


@contextlib.asynccontextmanager
async def heating(
    place: Guarded,
    kind: str,
    port: object,
    *options: str,
    percent: float = 60.0,
    notify: Callable[[GuardianNotice], None] = lambda _notice: None,
    python: Path | None = None,
) -> AsyncIterator[RoasterControl]:
    """This process as the service of a machine that heats; its guardian is a process of its own.

    A loaded computer may take the lease in between: then it is armed again. `python` runs the
    guardian instead of ours.
    """
    with mock.patch.dict(os.environ, place.environment):
        machine = RoasterLaunch.chosen(kind, str(port), options, None, None, None, True)
        launch = machine.launch
        if python is not None:
            launch = replace(launch, words=(str(python), *launch.words[1:]))
        async with RoasterControl(machine.socket, launch, notify=notify) as control:
            await control.answering()
            async with asyncio.timeout(60.0):
                while True:
                    await control.arm(600.0)
                    now = time.monotonic()
                    wish = Command("1", "r", Actuator.HEATER, percent, Origin.PERSON, now)
                    if (await control.request(wish)).outcome is Outcome.APPLIED:
                        break
                    await asyncio.sleep(0.2)
            yield control


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a process that may be stopped, and collect it."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    out, _ = await process.communicate()
    sys.stdout.write(out.decode())  # pytest shows it where the test fails


async def left(process: asyncio.subprocess.Process) -> str:
    """What `roaster stop` prints, if Ctrl-C ends it when it begins to watch the temperature."""
    out = b""
    async with asyncio.timeout(60.0):
        while b"Watching" not in out:
            assert process.stdout is not None
            line = await process.stdout.readline()
            assert line, out.decode()
            out += line
        process.send_signal(signal.SIGINT)
        rest, _ = await process.communicate()
    return (out + rest).decode()
