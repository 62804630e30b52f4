"""Each driver with its fake machine on a real line, ready for the real program to drive."""

import asyncio
import contextlib
import csv
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from roastwatch.records.formats import alog_write
from tests.fakes.aillio import FakeR1, FakeR2
from tests.fakes.freshroast import ROASTING, FakeFreshRoast
from tests.fakes.hottop import FakeHottop
from tests.fakes.kaleido import FakeKaleido, kaleido_websocket
from tests.fakes.line import PtyLine
from tests.fakes.modbus import PROFILE, FakeModbusRoaster, modbus_rtu, modbus_tcp
from tests.fakes.mqtt_device import OPTIONS, FakeMqttRoaster, on_broker
from tests.fakes.tc4 import FakeTc4
from tests.fakes.thermal import Thermal
from tests.fakes.usb_bus import usb_bus
from tests.support.made_roasts import made_roast
from tests.support.mosquitto import Broker

SPEED = 20.0
"""Seconds of the machine in one real second: a roast of six minutes takes eighteen. If it were
faster, a line without a checksum would look like broken digits."""


@dataclass
class Rig:
    """One machine."""

    kind: str
    port: object
    thermal: Thermal
    heat: Callable[[], float]
    """What heats, in percent, as the machine sees it."""
    options: tuple[str, ...] = ()
    actuators: frozenset[str] = frozenset({"heater", "fan"})
    door: bool = False
    dims: bool = True
    """Whether heat is more than on and off."""
    again: Callable[[], None] = lambda: None
    """Power cycle between two roasts."""
    environment: dict[str, str] = field(default_factory=dict)
    """In which the program finds the machine."""


@contextlib.asynccontextmanager
async def hottop(folder: Path) -> AsyncIterator[Rig]:
    fake = FakeHottop(SPEED)

    def again() -> None:
        fake.powered, fake.ejected, fake.in_control = True, False, False

    async with PtyLine(fake, folder) as line:
        everything = frozenset({"heater", "fan", "drum", "cooling"})
        yield Rig(
            "hottop",
            line.port,
            fake.thermal,
            lambda: fake.heater,
            (),
            everything,
            True,
            again=again,
        )


@contextlib.asynccontextmanager
async def tc4(
    folder: Path, kind: str = "aartisan", dialect: str = "aartisan"
) -> AsyncIterator[Rig]:
    fake = FakeTc4(SPEED, kind=kind)
    actuators = {"heater", "fan"}
    if kind == "skywalker":
        actuators |= {"drum", "cooling"}
    if kind == "cyberroaster":
        actuators |= {"drum"}
    async with PtyLine(fake, folder) as line:
        yield Rig(
            "tc4",
            line.port,
            fake.thermal,
            lambda: fake.ot1,
            ("--option", f"dialect={dialect}"),
            frozenset(actuators),
        )


def skywalker(folder: Path) -> contextlib.AbstractAsyncContextManager[Rig]:
    return tc4(folder, "skywalker", "skywalker")


def cyberroaster(folder: Path) -> contextlib.AbstractAsyncContextManager[Rig]:
    return tc4(folder, "cyberroaster", "cyberroaster")


def htri(folder: Path) -> contextlib.AbstractAsyncContextManager[Rig]:
    return tc4(folder, "aartisan", "htri")


@contextlib.asynccontextmanager
async def modbus(folder: Path, *, rtu: bool = False) -> AsyncIterator[Rig]:
    fake = FakeModbusRoaster(SPEED)
    (folder / "drum.yaml").write_text(PROFILE)
    async with modbus_rtu(fake, folder) if rtu else modbus_tcp(fake) as port:
        yield Rig(
            "modbus",
            port,
            fake.thermal,
            lambda: fake.get(3, 20),
            ("--option", f"profile={folder / 'drum.yaml'}"),
            frozenset({"heater", "fan", "drum", "cooling"}),
        )


def modbus_serial(folder: Path) -> contextlib.AbstractAsyncContextManager[Rig]:
    return modbus(folder, rtu=True)


@contextlib.asynccontextmanager
async def kaleido(folder: Path, *, websocket: bool = False) -> AsyncIterator[Rig]:
    fake = FakeKaleido(SPEED)
    actuators = frozenset({"heater", "fan", "drum", "cooling"})

    def heat() -> float:
        return fake.values["HP"] if fake.values["HS"] else 0

    if not websocket:
        async with PtyLine(fake, folder) as line:
            yield Rig("kaleido", line.port, fake.thermal, heat, (), actuators)
        return
    async with ticking(fake), kaleido_websocket(fake) as port:
        yield Rig("kaleido", port, fake.thermal, heat, (), actuators)


def kaleido_over_websocket(folder: Path) -> contextlib.AbstractAsyncContextManager[Rig]:
    return kaleido(folder, websocket=True)


@contextlib.asynccontextmanager
async def freshroast(folder: Path) -> AsyncIterator[Rig]:
    fake = FakeFreshRoast(SPEED)

    def heat() -> float:
        return fake.heat * 33 if fake.state == ROASTING else 0

    async with PtyLine(fake, folder) as line:
        yield Rig(
            "freshroast",
            line.port,
            fake.thermal,
            heat,
            (),
            frozenset({"heater", "fan", "cooling"}),
        )


@contextlib.asynccontextmanager
async def mqtt(folder: Path) -> AsyncIterator[Rig]:
    fake = FakeMqttRoaster(SPEED)
    broker = Broker(folder).start()
    words: list[str] = []
    for key, value in OPTIONS.items():
        words += ["--option", f"{key}={json.dumps(value)}"]
    try:
        async with on_broker(fake, broker.port):
            yield Rig(
                "mqtt",
                f"mqtt://127.0.0.1:{broker.port}",
                fake.thermal,
                lambda: 100 if fake.heater == "ON" else 0,
                tuple(words),
                frozenset({"heater", "fan", "drum"}),
                dims=False,
            )
    finally:
        broker.kill()


@contextlib.asynccontextmanager
async def bullet(
    folder: Path, kind: str, fake: FakeR1 | FakeR2, product: int
) -> AsyncIterator[Rig]:
    actuators = frozenset({"heater", "fan", "drum"})
    async with usb_bus(fake, product, folder) as environment:
        yield Rig(
            kind,
            "usb",
            fake.thermal,
            lambda: round(100 * fake.heater / fake.heater_steps),
            (),
            actuators,
            environment=environment,
        )


def aillio_r1(folder: Path) -> contextlib.AbstractAsyncContextManager[Rig]:
    return bullet(folder, "aillio_r1", FakeR1(SPEED), 0x5741)


def aillio_r2(folder: Path) -> contextlib.AbstractAsyncContextManager[Rig]:
    return bullet(folder, "aillio_r2", FakeR2(SPEED), 0xA4CD)


@contextlib.asynccontextmanager
async def simulated(folder: Path) -> AsyncIterator[Rig]:
    """It has no wire: what heats is what the drive's log says that it reported."""

    def heat() -> float:
        rows = list(csv.DictReader((folder / "drive.csv").read_text().splitlines()))
        return float(rows[-1]["heater_percent"])

    yield Rig(
        "simulated",
        "simulated",
        Thermal(),
        heat,
        ("--option", "speed=30"),
        frozenset({"heater", "fan", "drum", "cooling"}),
        door=True,
    )


@contextlib.asynccontextmanager
async def replay(folder: Path) -> AsyncIterator[Rig]:
    """A recorded roast: it is read, and nothing else."""
    path = folder / "recorded.alog"
    path.write_text(alog_write.write(made_roast()))
    options = ("--option", "speed=25")
    yield Rig("replay", path, Thermal(), lambda: 0.0, options, frozenset())


@contextlib.asynccontextmanager
async def thermometer(folder: Path) -> AsyncIterator[Rig]:
    """A TC4 that somebody else drives: 80 % for a while, then nothing and a fan."""
    fake = FakeTc4(SPEED)

    def again() -> None:
        fake.ot1 = 80

    again()

    async def somebody() -> None:
        while True:
            await asyncio.sleep(0.1)
            if fake.thermal.bean_c > 190:
                fake.ot1, fake.thermal.air_c = 0, 25.0

    async with PtyLine(fake, folder) as line:
        task = asyncio.create_task(somebody())
        try:
            yield Rig(
                "thermometer", line.port, fake.thermal, lambda: 0.0, (), frozenset(), again=again
            )
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def ticking(fake: FakeKaleido) -> AsyncIterator[None]:
    """Time for a machine that is not on a pseudo-terminal."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.05)
            fake.tick(0.05)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


Make = Callable[[Path], contextlib.AbstractAsyncContextManager[Rig]]

RIGS: tuple[Make, ...] = (
    hottop,
    tc4,
    htri,
    skywalker,
    cyberroaster,
    modbus,
    modbus_serial,
    kaleido,
    kaleido_over_websocket,
    freshroast,
    mqtt,
    aillio_r1,
    aillio_r2,
)
