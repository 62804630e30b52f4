"""A stop reaches whichever guardian holds the machine: by other options, types, names and users."""

import asyncio
import os
import pty
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.kaleido import FakeKaleido
from tests.fakes.line import PtyLine, tcp_line
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import Guarded, end, guarded, heating, left
from tests.support.until import until

STARTED_S = 60.0
LEFT = "steps: [{at_s: 0, heater_percent: 60, fan_percent: 30}, {at_s: 600}]\n"


def hot_tc4() -> FakeTc4:
    fake = FakeTc4()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    return fake


async def run(place: Guarded, *words: str, code: str | None = None) -> tuple[int, str]:
    """A command to its end: exit status and what it printed."""
    process = await place.service(*words, code=code)
    out, _ = await asyncio.wait_for(process.communicate(), STARTED_S)
    assert process.returncode is not None
    return process.returncode, out.decode()


async def stopped(place: Guarded, heat: Callable[[], int], *words: str) -> None:
    """`roaster stop` says that it stopped, and heat is 0 at that moment."""
    out = await left(await place.service("roaster", "stop", *words))
    assert heat() == 0, out
    assert "Stopped" in out


@pytest.mark.parametrize(
    "words",
    [
        ("--type", "tc4", "--option", "period_s=0.5"),
        ("--type", "tc4", "--option", "dialect=skywalker"),
        ("--type", "kaleido"),
        ("--type", "thermometer"),
    ],
)
async def test_stop_by_other_options_or_type_is_accepted(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    fake = hot_tc4()
    async with (
        guarded() as place,
        PtyLine(fake, tmp_path) as line,
        heating(place, "tc4", line.port),
    ):
        assert fake.ot1 == 60
        await stopped(place, lambda: fake.ot1, "--port", str(line.port), *words)


async def test_stop_by_the_port_alone_is_accepted_and_exits_with_0(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with (
        guarded() as place,
        PtyLine(fake, tmp_path) as line,
        heating(place, "tc4", line.port),
    ):
        assert fake.ot1 == 60
        status, out = await run(place, "roaster", "stop", "--port", str(line.port))
        assert (status, fake.ot1) == (0, 0), out
        assert "Stopped" in out


async def test_stop_reaches_through_a_link_that_leads_elsewhere_now(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        master, slave = pty.openpty()
        try:
            async with heating(place, "tc4", line.port):
                line.port.unlink()
                line.port.symlink_to(os.ttyname(slave))
                assert fake.ot1 == 60
                await stopped(place, lambda: fake.ot1, "--port", str(line.port), "--type", "tc4")
        finally:
            os.close(master)
            os.close(slave)


async def test_stop_by_the_device_reaches_who_opened_it_by_a_link(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        device = str(line.port.resolve())
        async with heating(place, "tc4", line.port):
            line.port.unlink()  # not even the link is left
            assert fake.ot1 == 60
            await stopped(place, lambda: fake.ot1, "--port", device)


@pytest.mark.parametrize("other", ["127.0.0.1", "localhost", "[::1]"])
async def test_stop_by_another_name_of_the_host_is_accepted(other: str) -> None:
    fake = hot_tc4()
    async with guarded() as place, tcp_line(fake) as address:
        number = address.rpartition(":")[2]
        async with heating(place, "tc4", f"tcp://localhost:{number}"):
            port = f"socket://{other}:{number}"
            assert fake.ot1 == 60
            await stopped(place, lambda: fake.ot1, "--type", "tc4", "--port", port)


async def test_stop_arrives_though_the_runtime_folder_was_cleaned(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        guardians: list[int] = []
        try:
            async with heating(place, "tc4", line.port):
                guardians = place.guardians
                shutil.rmtree(place.folder)
                port = ("--type", "tc4", "--port", str(line.port))
                assert fake.ot1 == 60
                await stopped(place, lambda: fake.ot1, *port)
        finally:
            for pid in guardians:
                os.kill(pid, signal.SIGKILL)


# The command line as another user, who may not read the interpreter's own files any more.
AS_NOBODY = """
import concurrent.futures.thread, encodings.idna, os, pwd, sys
import roastwatch.cli.roaster.stop, roastwatch.cli.roaster.command
from roastwatch import plugins
from roastwatch.cli import main

plugins.load("drivers", "tc4")
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a program as another user")
async def test_another_user_may_stop_and_look_and_nothing_else(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        port = ("--type", "tc4", "--port", os.path.realpath(line.port))
        stranger = Guarded()
        os.chown(stranger.folder, 65534, -1)

        async def try_to(*what: str) -> tuple[int, str]:
            return await run(stranger, "roaster", *what, *port, code=AS_NOBODY)

        try:
            async with heating(place, "tc4", line.port):
                status, out = await try_to("read")
                assert status == 0, out
                status, out = await try_to("set", "heat", "100")
                assert status == 2
                assert "another user" in out
                status, out = await try_to("end")
                assert status == 2
                assert "another user" in out
                assert fake.ot1 == 60
                status, out = await try_to("stop")
                assert (status, fake.ot1) == (0, 0), out
        finally:
            shutil.rmtree(stranger.folder, ignore_errors=True)


async def test_left_over_guardian_is_named_and_ended_safely(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("tc4", line.port, LEFT)
        port = str(line.port)
        try:
            await until(lambda: fake.ot1 == 60, STARTED_S)
            status, out = await run(place, "roaster", "end", "--port", port)
            assert status == 2
            assert "running roastwatch" in out
        finally:
            await end(service)
        (left,) = place.guardians
        status, out = await run(place, "roaster", "guardians")
        assert f"process {left}" in out
        assert "left over" in out
        other = ("--option", "dialect=skywalker", "--independent-cutoff")
        status, out = await run(place, "roaster", "arm", "--type", "tc4", "--port", port, *other)
        assert status == 2
        assert f"roastwatch roaster end --port {port}" in out.replace("\n", " ")
        ending = await place.service("roaster", "end", "--port", port)
        assert ending.stdout is not None
        line_said = await asyncio.wait_for(ending.stdout.readline(), STARTED_S)
        assert b"Heat is 0" in line_said  # it is hot: the guardian stays until it is cool
        assert place.guardians == [left]
        fake.thermal.bean_c = fake.thermal.air_c = 30.0
        out_bytes, _ = await asyncio.wait_for(ending.communicate(), STARTED_S)
        assert ending.returncode == 0
        assert b"has ended" in out_bytes
        await until(lambda: not place.guardians, STARTED_S)
        assert fake.ot1 == 0


async def test_another_machine_on_the_port_of_a_left_over_guardian(tmp_path: Path) -> None:
    tc4, kaleido = hot_tc4(), FakeKaleido()
    async with guarded() as place, PtyLine(tc4, tmp_path) as line:
        service = await place.drive("tc4", line.port, LEFT)
        await until(lambda: tc4.ot1 == 60, STARTED_S)
        await end(service)
        await until(lambda: tc4.ot1 == 0, STARTED_S)
        (left,) = place.guardians
        line.unplug()  # hot, so its guardian waits for it
        line.machine, kaleido.send = kaleido, tc4.send
        line.plug()
        words = ("roaster", "probe", "--type", "kaleido", "--port", str(line.port))
        status, out = await run(place, *words)
        assert (status, place.guardians) == (2, [left]), out  # what may heat on stays guarded
        assert "roastwatch roaster end --port" in out
        await run(place, "roaster", "end", "--port", str(line.port))
        await until(lambda: not place.guardians, STARTED_S)
        status, out = await run(place, *words)
        assert status == 0, out
        assert "Kaleido" in out
        assert left not in place.guardians
