"""Where guardians listen, and how they are found there."""

import asyncio
import contextlib
import os
import re
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from roastwatch.cli.roaster.found import Found, Search, at
from roastwatch.roaster import doors
from roastwatch.roaster.doors import RUNS_AS, Doors, Peer
from roastwatch.roaster.identity import is_linux

pytestmark = pytest.mark.skipif(not is_linux(), reason="abstract sockets")
ME = os.getpid()


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex


@contextlib.contextmanager
def unix_socket(address: str = "") -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        if address:
            sock.bind(address)
        yield sock


@contextlib.contextmanager
def full(address: str) -> Iterator[socket.socket]:
    """One that listens, and has no room for another caller."""
    with unix_socket(address) as sock, contextlib.ExitStack() as callers:
        sock.listen(0)
        while True:
            caller = callers.enter_context(unix_socket())
            caller.setblocking(False)
            try:
                caller.connect(address)
            except BlockingIOError:
                break
        yield sock


@contextlib.asynccontextmanager
async def listening(name: str) -> AsyncIterator[tuple[Doors, asyncio.Event]]:
    """A guardian's sockets, and whether it has answered somebody who asked who holds the name."""
    answered = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        answered.set()

    found = Doors(None, answer)
    async with found.opened(frozenset({name})):
        yield found, answered


def test_only_sockets_that_accept_callers_are_listed(name: str) -> None:
    address = doors.address_of(name)
    with unix_socket(address) as sock, unix_socket() as caller:
        assert address not in doors.listening()
        sock.listen()
        assert address in doors.listening()
        caller.connect(address)
        accepted, _ = sock.accept()
        sock.close()
        with accepted:  # it has the same name
            assert address not in doors.listening()


async def test_caller_waits_for_room(name: str) -> None:
    address = doors.address_of(name)
    with full(address) as sock:
        calling = asyncio.create_task(doors.connect(address))
        await asyncio.sleep(0)
        assert not calling.done()
        sock.accept()[0].close()
        _, writer = await calling
        writer.close()
        await writer.wait_closed()


async def test_guardian_without_room_is_found_and_one_that_ended_is_not(name: str) -> None:
    address = doors.address_of(name)
    with full(address):
        assert await at(address) == Found(Peer(None, None), address)
        assert address in {one.address for one in await Search().look()}
    assert await at(address) is None


async def test_guardian_that_is_known_is_not_called_again(name: str) -> None:
    address = doors.address_of(name)
    search = Search()
    with unix_socket(address) as sock:
        sock.listen()
        sock.setblocking(False)
        for _ in range(2):
            assert os.getpid() in {one.peer.pid for one in await search.look()}
        sock.accept()[0].close()
        with pytest.raises(BlockingIOError):
            sock.accept()


def process(folder: Path, pid: int, name: str, state: str) -> None:
    (folder / str(pid)).mkdir()
    (folder / str(pid) / "comm").write_text(f"{name}\n")
    (folder / str(pid) / "stat").write_text(f"{pid} ({name}) {state} 1 {pid}")


def test_guardians_are_known_by_their_processes(tmp_path: Path) -> None:
    process(tmp_path, 5, RUNS_AS, "S")
    process(tmp_path, 6, RUNS_AS, "T")
    process(tmp_path, 7, RUNS_AS, "Z")
    process(tmp_path, 8, "python3", "S")
    process(tmp_path, 9, doors.STANDS_BY_AS, "S")
    (tmp_path / "10").mkdir()
    (tmp_path / "uptime").touch()
    uid = tmp_path.stat().st_uid
    assert doors.running(tmp_path) == {5: Peer(5, uid), 6: Peer(6, uid)}


async def test_guardian_takes_a_new_name_before_it_gives_up_the_old(name: str) -> None:
    old, new, taken = f"{name}/old", f"{name}/z", f"{name}/a"
    mine = {doors.address_of(old), doors.address_of(new)}
    async with listening(taken) as (_, answered), listening(old) as (guardian, _):
        renaming = asyncio.create_task(guardian.rename(frozenset({new, taken})))
        while not renaming.done():
            assert mine & set(doors.listening())
            await asyncio.sleep(0)
        await renaming
        await answered.wait()
        assert guardian.names == {new}
        assert mine & set(doors.listening()) == {doors.address_of(new)}


async def test_guardian_keeps_its_name_if_it_can_have_no_other(name: str) -> None:
    old, taken = f"{name}/old", f"{name}/taken"
    async with listening(taken) as (_, answered), listening(old) as (guardian, _):
        await guardian.rename(frozenset({taken}))
        await answered.wait()
        assert guardian.names == {old}
        assert doors.address_of(old) in doors.listening()
        await guardian.rename(frozenset())
        assert guardian.names == {old}


@pytest.mark.parametrize(
    ("pid", "uid", "address", "says"),
    [
        (0, os.getuid(), "\0x", "does not answer: .* `kill -9 {pid}`"),
        (0, 65534, "\0x", "`sudo kill -9 {pid}`"),
        (0, os.getuid(), "", r"can't be reached\. If it runs in a container"),
        (2**22 + 1, os.getuid(), "\0x", "ended before it reported heat 0"),
    ],
    ids=["silent", "of-another-user", "without-socket", "ended"],
)
def test_guardian_that_was_not_stopped_is_named_with_the_remedy(
    pid: int, uid: int, address: str, says: str
) -> None:
    found = Found(Peer(pid or ME, uid), address)  # workers of a test run have other numbers
    assert found.not_stopped.startswith("The emergency stop was not delivered: pull the roaster's")
    assert f"process {found.peer.pid} of {found.peer.user}" in found.not_stopped
    assert re.search(says.format(pid=ME), found.not_stopped)
