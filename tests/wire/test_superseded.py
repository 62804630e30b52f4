"""Who comes while a guardian lets go of its machine is sent to a new one, not cut off later."""

import asyncio
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import cast

import pytest

from roastwatch.errors import BadInputError
from roastwatch.roaster import doors, identity
from roastwatch.roaster.doors import Doors, Peer
from roastwatch.roaster.drivers.tc4 import Tc4, Tc4Options
from roastwatch.roaster.guardian.connections import ClientConnection
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.server import SUPERSEDED, GuardianServer
from roastwatch.vocabulary import Reading
from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import guarded, heating
from tests.support.streams import Accept, serving_streams

HELLO = {"role": "control", "kind": "tc4", "options": {}}


async def test_releasing_guardian_takes_nobody_on(tmp_path: Path) -> None:
    def make() -> Tc4:
        return Tc4(Tc4Options(port="/dev/none"), "kitchen")

    server = GuardianServer(
        tmp_path / "g.sock",
        "kitchen",
        make,
        SafetyState(make().capabilities, Limits()),
        machine=("tc4", {}),
        stay=False,
    )
    writer = cast(asyncio.StreamWriter, None)  # nothing is sent
    connection = ClientConnection(writer, Peer(os.getpid(), os.getuid()), 0.0)
    assert server._hello(connection, HELLO) is None
    server._guardian.end()
    assert server._hello(connection, HELLO) == SUPERSEDED


@pytest.mark.parametrize(("air_c", "stays"), [(361.0, True), (120.0, True), (40.0, False)])
def test_guardian_stays_while_the_machine_it_lost_was_last_seen_hot(
    tmp_path: Path, air_c: float, stays: bool
) -> None:
    """It was made safe and nobody is connected; but its relay may be stuck."""
    now = [1000.0]
    capabilities = Tc4(Tc4Options(port="/dev/none"), "kitchen").capabilities
    guard = SafetyState(capabilities, Limits())
    server = GuardianServer(
        tmp_path / "g.sock",
        "kitchen",
        lambda: Tc4(Tc4Options(port="/dev/none"), "kitchen"),
        guard,
        machine=("tc4", {}),
        stay=False,
        clock=lambda: now[0],
    )
    guard.link_up(now[0])
    for _ in range(20):
        now[0] += 0.5
        guard.read(Reading("r", now[0], air_c - 20, air_c), now[0])
        if guard.tick(now[0]).make_safe:
            guard.made_safe(now[0])
    assert server._state()["rising"] is False
    guard.link_lost("unplugged")
    now[0] += 5000.0
    assert not guard.unsafe_pending
    assert server._ending.may_end(now[0]) is not stays
    assert server._state()["rising"] is (None if stays else False)


async def test_guardian_that_ends_while_it_is_greeted_is_replaced(tmp_path: Path) -> None:
    fake = FakeTc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        name = min(identity.names_of(str(line.port)))

        async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            ending.close()

        def start(accept: Accept) -> Awaitable[asyncio.Server]:
            return asyncio.start_unix_server(accept, doors.address_of(name))

        async with serving_streams(start, end) as ending:
            async with heating(place, "tc4", line.port):
                assert fake.ot1 > 0
            assert not ending.is_serving()


async def test_guardian_admits_nobody_until_all_its_names_are_free(tmp_path: Path) -> None:
    """Else it would cut off who came in at the first name, when the second is taken."""
    names = frozenset({f"{tmp_path}/a", f"{tmp_path}/b"})
    free, taken = sorted(names)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with Doors(None, converse).opened(frozenset({taken})):
        callers = [asyncio.create_task(doors.connect(doors.address_of(free))) for _ in range(20)]
        with pytest.raises(BadInputError, match="already holds this roaster"):
            async with Doors(None, converse).opened(names):
                pass
        refused = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(one, ConnectionRefusedError) for one in refused)
