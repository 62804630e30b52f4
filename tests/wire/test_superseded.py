"""Who comes while a guardian lets go of its machine is sent to a new one, not cut off later."""

from pathlib import Path

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
    connection: object = type("Nobody", (), {"holds_lease": False})()
    assert server._hello(connection, HELLO) is None
    server._guardian.end()
    assert server._hello(connection, HELLO) == SUPERSEDED
