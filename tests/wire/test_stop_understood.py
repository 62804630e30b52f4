"""No slip in the arguments of a stop and no broken folder keeps it from heat 0."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import PLAN, Guarded, end, guarded, heating, left
from tests.support.until import until

STARTED_S = 60.0


def hot_tc4() -> FakeTc4:
    fake = FakeTc4()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    return fake


@contextlib.asynccontextmanager
async def stopping(place: Guarded, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`roaster stop` with these words."""
    process = await place.service("roaster", "stop", *words)
    try:
        yield process
    finally:
        await end(process)


async def ended(process: asyncio.subprocess.Process) -> str:
    """What it printed; it must have ended well."""
    out, _ = await asyncio.wait_for(process.communicate(), STARTED_S)
    assert process.returncode == 0, out.decode()
    return out.decode()


@pytest.mark.parametrize(
    ("words", "slip"),
    [
        ("--type tc5", "tc5"),
        ("--type tc4 --option nope=1", "nope"),
        ("--type tc4 --option fan", "KEY=VALUE"),
        ("--type tc4 --limits /nonexistent.yaml", "/nonexistent.yaml"),
        ("--settings /nonexistent.yaml", "/nonexistent.yaml"),
        ("--tpye tc4 --station", "--tpye"),
    ],
)
async def test_stop_with_a_slip_is_carried_out_and_the_slip_reported(
    tmp_path: Path, words: str, slip: str
) -> None:
    fake = hot_tc4()
    async with (
        guarded() as place,
        PtyLine(fake, tmp_path) as line,
        heating(place, "tc4", line.port),
    ):
        assert fake.ot1 == 60
        async with stopping(place, "--port", str(line.port), *words.split()) as stop:
            await until(lambda: fake.ot1 == 0, STARTED_S)
            out = await left(stop)
            assert "Stopped tc4" in out
            assert slip in out.partition("Not understood")[2]


@pytest.mark.parametrize("spell", [lambda p: f" {p} ", os.path.relpath, lambda p: f"{p}/"])
async def test_port_is_found_with_spaces_and_as_a_relative_path(
    tmp_path: Path, spell: Callable[[str], str]
) -> None:
    fake = hot_tc4()
    async with (
        guarded() as place,
        PtyLine(fake, tmp_path) as line,
        heating(place, "tc4", line.port),
    ):
        assert fake.ot1 == 60
        async with stopping(place, "--port", spell(str(line.port))):
            await until(lambda: fake.ot1 == 0, STARTED_S)


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("unshare") is None, reason="makes a network of its own"
)
@pytest.mark.parametrize("words", [(), ("--type", "tc5"), ("--port", "usb")])
async def test_stop_that_names_no_machine_stops_them_all(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """In a network of its own: it must not stop the guardians of other tests."""
    one, other = hot_tc4(), hot_tc4()
    (tmp_path / "other").mkdir()
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    async with (
        guarded() as place,
        PtyLine(one, tmp_path) as first,
        PtyLine(other, tmp_path / "other") as second,
    ):
        network = await asyncio.create_subprocess_exec(
            "unshare",
            "-n",
            "sh",
            "-c",
            "echo ready; exec sleep 600",
            stdout=asyncio.subprocess.PIPE,
        )
        # before that, who enters it would stay in the computer's own network
        assert network.stdout is not None
        assert await network.stdout.readline() == b"ready\n"
        inside = (
            "nsenter",
            "-t",
            str(network.pid),
            "-n",
            sys.executable,
            "-m",
            "roastwatch",
            "roaster",
        )
        started: list[asyncio.subprocess.Process] = []

        async def run(*more: str) -> asyncio.subprocess.Process:
            started.append(
                await asyncio.create_subprocess_exec(
                    *inside,
                    *more,
                    env=place.environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                )
            )
            return started[-1]

        try:
            for line in (first, second):
                port = ("--type", "tc4", "--port", str(line.port), "--independent-cutoff")
                await run("drive", str(plan), *port, "--log-file", f"{line.port}.csv")
            await until(lambda: one.ot1 == 60 and other.ot1 == 60, STARTED_S)
            out = await ended(await run("stop", *words))
            assert (one.ot1, other.ot1) == (0, 0), out
            assert "all 2 guardians" in out
            assert out.count("Stopped tc4") == 2
        finally:
            for process in started:
                await end(process)
            network.send_signal(signal.SIGKILL)
            await network.wait()


def a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file"


def open_to_all(folder: Path) -> Path:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    return folder / "open"


@pytest.mark.parametrize(
    "make",
    [a_file, open_to_all, lambda _: Path("/proc/nope/x"), lambda folder: folder / ("x" * 120)],
)
async def test_stop_needs_no_runtime_folder(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        fake.ot1 = 60  # nobody guards it
        bad = make(tmp_path)
        place.environment["ROASTWATCH_RUNTIME_DIR"] = str(bad)
        place.folder, mine = bad, place.folder  # so that its guardian is found, and ended
        try:
            async with stopping(place, "--type", "tc4", "--port", str(line.port)) as stop:
                await until(lambda: fake.ot1 == 0, STARTED_S)
                out = await left(stop)
                assert "ROASTWATCH_RUNTIME_DIR" in out
                assert "Stopped tc4" in out
        finally:
            place.kill_all()
            place.folder = mine


async def test_drive_needs_no_runtime_folder(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        place.environment["ROASTWATCH_RUNTIME_DIR"] = f"{place.folder}/{'x' * 120}"
        service = await place.drive("tc4", line.port)
        try:
            await until(lambda: fake.ot1 == 60, STARTED_S)
            async with stopping(place, "--port", str(line.port)):
                await until(lambda: fake.ot1 == 0, STARTED_S)
        finally:
            await end(service)
