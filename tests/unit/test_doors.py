"""Where guardians listen, and how they are found there."""

import asyncio
import contextlib
import os
import re
import socket
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from roastwatch.cli.roaster.found import Found, at, guardians_here
from roastwatch.roaster import doors
from roastwatch.roaster.client.guardian_client import GuardianClient
from roastwatch.roaster.client.spare import _is_gone
from roastwatch.roaster.doors import Doors, Peer
from roastwatch.roaster.identity import is_linux

pytestmark = pytest.mark.skipif(not is_linux(), reason="abstract sockets")
UNKNOWN = Peer(None, None)


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


async def test_guardian_without_room_is_found_until_it_ends(name: str) -> None:
    address = doors.address_of(name)
    with full(address):
        assert await at(address) == Found(UNKNOWN, address)
        assert Found(UNKNOWN, address) in await guardians_here()
    assert await at(address) is None


async def test_guardian_that_refuses_callers_is_found(name: str) -> None:
    address = doors.address_of(name)
    with unix_socket(address) as sock:
        sock.listen()
        sock.shutdown(socket.SHUT_RD)
        with pytest.raises(ConnectionRefusedError):
            await doors.connect(address)
        assert Found(UNKNOWN, address) in await guardians_here()


async def test_guardian_without_room_is_not_gone_for_its_spare(name: str) -> None:
    client = GuardianClient(None, None)
    client._address = doors.address_of(name)
    with full(doors.address_of(name)):
        assert not await _is_gone(client)
    assert await _is_gone(client)


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
    ("peer", "listens", "says"),
    [
        (Peer(77, os.getuid()), True, r"\(process 77 of .*\) does not answer: .* `kill -9 77`\.$"),
        (
            Peer(77, 65534),
            True,
            r"\(process 77 of nobody\) does not answer: .*`sudo kill -9 77`\.$",
        ),
        (UNKNOWN, True, r"\(process unknown\) does not answer\.$"),
        (Peer(77, os.getuid()), False, r"\(process 77 of .*\) ended before it reported heat 0\.$"),
    ],
    ids=["silent", "of-another-user", "without-room", "ended"],
)
def test_guardian_that_was_not_stopped_is_named_with_the_remedy(
    name: str, peer: Peer, listens: bool, says: str
) -> None:
    with unix_socket(doors.address_of(name)) as sock:
        if listens:
            sock.listen()
        problem = Found(peer, doors.address_of(name)).not_stopped
    assert problem.startswith("The emergency stop was not delivered: pull the roaster's plug. Its")
    assert re.search(says, problem)
