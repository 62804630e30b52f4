"""Who comes while a guardian lets go of its machine is sent to a new one, not cut off later."""

import asyncio
import os
from pathlib import Path
from typing import cast

from roastwatch.roaster.connections import Connection
from roastwatch.roaster.doors import Peer
from roastwatch.roaster.drivers.tc4 import Tc4, Tc4Options
from roastwatch.roaster.guard import Guard
from roastwatch.roaster.guardian_server import SUPERSEDED, GuardianServer
from roastwatch.roaster.limits import Limits

HELLO = {"role": "control", "kind": "tc4", "options": {}}


async def test_a_releasing_guardian_takes_nobody_on(tmp_path: Path) -> None:
    def make() -> Tc4:
        return Tc4(Tc4Options(port="/dev/none"), "kitchen")

    server = GuardianServer(
        tmp_path / "g.sock",
        "kitchen",
        make,
        Guard(make().capabilities, Limits()),
        machine=("tc4", {}),
        stay=False,
    )
    writer = cast(asyncio.StreamWriter, None)  # nothing is sent
    connection = Connection(writer, Peer(os.getpid(), os.getuid()), 0.0)
    assert server._hello(connection, HELLO) is None
    server._guardian.end()
    assert server._hello(connection, HELLO) == SUPERSEDED
