"""Every driver that can set heat, with its fake machine on a cable in memory, in virtual time."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from pymodbus.server import ModbusTcpServer

from roastwatch.roaster.drivers.aillio import AillioOptions
from roastwatch.roaster.drivers.aillio_r1 import AillioR1
from roastwatch.roaster.drivers.aillio_r2 import AillioR2
from roastwatch.roaster.drivers.freshroast import FreshRoast, FreshRoastOptions
from roastwatch.roaster.drivers.hottop import Hottop, HottopOptions
from roastwatch.roaster.drivers.kaleido import Kaleido, KaleidoOptions
from roastwatch.roaster.drivers.modbus import Modbus, ModbusOptions
from roastwatch.roaster.drivers.mqtt_options import MqttRoasterOptions
from roastwatch.roaster.drivers.mqtt_roaster import MqttRoaster
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.drivers.tc4 import Tc4, Tc4Options
from tests.fakes.aillio import FakeBullet, FakeR1, FakeR2
from tests.fakes.cable import Cable, CableFaults, serial_port
from tests.fakes.freshroast import ROASTING, FakeFreshRoast
from tests.fakes.hottop import FakeHottop
from tests.fakes.kaleido import FakeKaleido
from tests.fakes.memory_broker import MemoryBroker, on_memory_broker
from tests.fakes.modbus import PROFILE, FakeModbusRoaster
from tests.fakes.mqtt_device import OPTIONS, FakeMqttRoaster
from tests.fakes.tc4 import FakeTc4
from tests.fakes.virtual_time import VirtualLoop

SPEED = 5.0
TICK_S = 0.1


@dataclass
class Bench:
    """One driver with its machine. Percent is what the machine itself does."""

    make: Callable[[], Any]
    fake: Any
    link: Any
    """`plugged`, `pull()`, `plug()`, `drop_host()`."""
    heat: Callable[[], float]
    fan: Callable[[], float] | None = None
    drum: Callable[[], float] | None = None
    air: Callable[[], bool] | None = None
    """Whether a fluid bed blows."""
    ejected: Callable[[], bool] | None = None
    faults: CableFaults | None = None
    mute: Callable[[bool], None] | None = None
    stick: Callable[[bool], None] | None = None
    """A heater that does not obey."""
    power_cycle: Callable[[], None] | None = None
    powered: Callable[[], bool] = lambda: True
    has_bean_probe: bool = True
    steps_s: float = 0.0
    """How long a machine takes that is stepped."""
    holds: ExitStack = field(default_factory=ExitStack)


def set_to(fake: Any, name: str, on: Any, off: Any) -> Callable[[bool], None]:
    return lambda wanted: setattr(fake, name, on if wanted else off)


def hottop(loop: VirtualLoop, stack: ExitStack) -> Bench:
    fake = FakeHottop(SPEED)
    cable = Cable(fake, loop)
    stack.enter_context(serial_port(cable))

    return Bench(
        lambda: Hottop(HottopOptions(port="/dev/ttyUSB0"), "r"),
        fake,
        cable,
        heat=lambda: fake.heater,
        fan=lambda: fake.main_fan * 10,
        drum=lambda: fake.drum * 100,
        ejected=lambda: fake.ejected,
        faults=cable.faults,
        mute=set_to(fake, "talks", on=False, off=True),
        stick=set_to(fake, "stuck_heater", on=60, off=None),
        power_cycle=fake.power_cycle,
        powered=lambda: fake.powered,
    )


def tc4(
    loop: VirtualLoop, stack: ExitStack, kind: str = "aartisan", dialect: str = "aartisan"
) -> Bench:
    fake = FakeTc4(SPEED, kind=kind)
    cable = Cable(fake, loop)
    stack.enter_context(serial_port(cable))

    def power() -> None:
        fake.ot1 = fake.ot2 = fake.io3 = fake.dcfan = fake.drum = fake.cool = 0
        fake.celsius, fake.channels = kind != "aartisan", "2100"

    return Bench(
        lambda: Tc4(Tc4Options(port="/dev/ttyUSB0", dialect=dialect), "r"),
        fake,
        cable,
        heat=lambda: fake.ot1 if fake.stuck_heater is None else fake.stuck_heater,
        fan=lambda: max(fake.ot2, fake.dcfan),
        drum=(lambda: fake.drum) if kind != "aartisan" else None,
        faults=cable.faults,
        mute=set_to(fake, "answers", on=False, off=True),
        stick=set_to(fake, "stuck_heater", on=60, off=None),
        power_cycle=power,
    )


def skywalker(loop: VirtualLoop, stack: ExitStack) -> Bench:
    return tc4(loop, stack, "skywalker", "skywalker")


def cyberroaster(loop: VirtualLoop, stack: ExitStack) -> Bench:
    return tc4(loop, stack, "cyberroaster", "cyberroaster")


def htri(loop: VirtualLoop, stack: ExitStack) -> Bench:
    return tc4(loop, stack, "aartisan", "htri")


def kaleido(loop: VirtualLoop, stack: ExitStack) -> Bench:
    fake = FakeKaleido(SPEED)
    cable = Cable(fake, loop)
    stack.enter_context(serial_port(cable))

    fake.least_gap_s, fake.clock = 0.1, loop.time
    return Bench(
        lambda: Kaleido(KaleidoOptions(port="/dev/ttyUSB0"), "r"),
        fake,
        cable,
        heat=lambda: fake.values["HP"] if fake.values["HS"] else 0,
        fan=lambda: fake.values["FC"],
        drum=lambda: fake.values["RC"],
        faults=cable.faults,
        mute=set_to(fake, "answers", on=False, off=True),
        stick=set_to(fake, "stuck_burner", on=60, off=None),
        power_cycle=fake.power_cycle,
    )


def freshroast(loop: VirtualLoop, stack: ExitStack) -> Bench:
    fake = FakeFreshRoast(SPEED)
    cable = Cable(fake, loop)
    stack.enter_context(serial_port(cable))

    return Bench(
        lambda: FreshRoast(FreshRoastOptions(port="/dev/ttyUSB0"), "r"),
        fake,
        cable,
        heat=lambda: round(fake.heat * 100 / 3) if fake.state == ROASTING else 0,
        fan=lambda: round(fake.blows * 100 / 9),
        air=lambda: fake.blows > 0,
        faults=cable.faults,
        mute=set_to(fake, "answers", on=False, off=True),
        power_cycle=fake.power_cycle,
        has_bean_probe=False,
    )


class ModbusServed:
    """pymodbus's own server, its bytes on a cable in memory."""

    def __init__(self, fake: FakeModbusRoaster) -> None:
        self.fake = fake
        self.send: Callable[[bytes], None] = lambda data: None
        self.answers = True
        self._handler: Any = None

    def plugged(self) -> None:
        server = ModbusTcpServer(self.fake.device(), address=("127.0.0.1", 1))
        self.fake.serve(server)
        self._handler = server.handle_new_connection()
        self._handler.connection_made(self)

    def received(self, data: bytes) -> None:
        if self._handler is not None:
            self._handler.data_received(data)

    def tick(self, passed_s: float) -> None:
        self.fake.tick(passed_s)

    # What the server's protocol asks of its transport.

    def write(self, data: bytes) -> None:
        if self.answers:
            self.send(data)

    def close(self) -> None:
        pass

    abort = close

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default


def modbus(loop: VirtualLoop, stack: ExitStack) -> Bench:
    fake = FakeModbusRoaster(SPEED)
    served = ModbusServed(fake)
    cable = Cable(served, loop)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (folder / "drum.yaml").write_text(PROFILE)

    async def connect(factory: Callable[[], Any], *_: Any, **__: Any) -> tuple[Any, Any]:
        protocol = factory()
        return cable.open(protocol), protocol

    stack.enter_context(mock.patch.object(loop, "create_connection", connect))

    def power() -> None:
        for register in (20, 21):
            fake.put(3, register, [0])
        for coil in (3, 4):
            fake.put(1, coil, [0])

    options = {"port": "tcp://127.0.0.1:1502", "profile": str(folder / "drum.yaml")}
    return Bench(
        lambda: Modbus(ModbusOptions(**options), "r"),
        served,
        cable,
        heat=lambda: fake.get(3, 20),
        fan=lambda: fake.get(3, 21),
        drum=lambda: fake.get(1, 3) * 100,
        faults=cable.faults,
        mute=set_to(served, "answers", on=False, off=True),
        power_cycle=power,
    )


def mqtt(loop: VirtualLoop, stack: ExitStack) -> Bench:
    fake = FakeMqttRoaster(SPEED)
    broker = MemoryBroker(fake, loop)
    stack.enter_context(on_memory_broker(broker))

    def power() -> None:
        fake.heater, fake.drum, fake.fan = "OFF", "OFF", 0
        broker.tell([("tele/roaster/LWT", "offline")])

    return Bench(
        lambda: MqttRoaster(MqttRoasterOptions(**OPTIONS), "r"),
        fake,
        broker,
        heat=lambda: 100 if fake.heater == "ON" else 0,
        fan=lambda: fake.fan,
        drum=lambda: 100 if fake.drum == "ON" else 0,
        mute=set_to(fake, "tells", on=False, off=True),
        stick=set_to(fake, "stuck", on=True, off=False),
        power_cycle=power,
    )


class Usb:
    """A Bullet's plug. A host that dies leaves nothing behind that we could cut off."""

    def __init__(self, fake: FakeBullet) -> None:
        self._fake = fake

    @property
    def plugged(self) -> bool:
        return self._fake.plugged

    def pull(self) -> None:
        self._fake.plugged = False

    def plug(self) -> None:
        self._fake.plugged = True

    def drop_host(self) -> None:
        pass

    def tick(self, passed_s: float) -> None:
        pass


def aillio(kind: Any, fake: FakeBullet, steps_s: float) -> Bench:
    fake.waits = False

    def opened() -> FakeBullet:
        if not fake.plugged:
            raise OSError(19, "No such device")
        return fake

    def power() -> None:
        fake.heater, fake.fan, fake.drum = 0, 1, 1

    return Bench(
        lambda: kind(AillioOptions(), "r", open_pipes=opened),
        Usb(fake),
        Usb(fake),
        heat=lambda: 100 * fake.heater / fake.heater_steps,
        fan=lambda: 100 * fake.fan / 12,
        drum=lambda: 100 * fake.drum / 9,
        mute=set_to(fake, "silent", on=True, off=False),
        stick=set_to(fake, "stuck", on=True, off=False),
        power_cycle=power,
        steps_s=steps_s,
    )


def aillio_r1(loop: VirtualLoop, stack: ExitStack) -> Bench:
    return aillio(AillioR1, FakeR1(SPEED), 0.9)


def aillio_r2(loop: VirtualLoop, stack: ExitStack) -> Bench:
    return aillio(AillioR2, FakeR2(SPEED), 1.4)


def simulated(loop: VirtualLoop, stack: ExitStack) -> Bench:
    machine = SimulatedRoaster(SimulatedRoaster.Options(drum_c=90, noise_c=0.0), "r", loop.time)

    class NoWire:
        plugged = True

        def pull(self) -> None:
            pass

        plug = drop_host = pull

        def tick(self, passed_s: float) -> None:
            pass

    def latest(name: str) -> Callable[[], float]:
        return lambda: next((p for _, a, p in reversed(machine.log) if a == name), 0.0)

    return Bench(
        lambda: machine,
        NoWire(),
        NoWire(),
        heat=latest("heater"),
        fan=latest("fan"),
        drum=latest("drum"),
    )


BENCHES = (
    simulated,
    hottop,
    tc4,
    htri,
    skywalker,
    cyberroaster,
    modbus,
    kaleido,
    freshroast,
    mqtt,
    aillio_r1,
    aillio_r2,
)


Make = Callable[[VirtualLoop, ExitStack], Bench]


@contextlib.contextmanager
def bench(make: Make, loop: VirtualLoop) -> Iterator[Bench]:
    """One of them, its time passing with the loop's."""
    with ExitStack() as stack:
        made = make(loop, stack)
        last_s = loop.time()
        handle: asyncio.TimerHandle

        def tick() -> None:
            nonlocal last_s, handle
            now_s = loop.time()
            ticked = made.link if isinstance(made.link, MemoryBroker) else made.fake
            ticked.tick(now_s - last_s)
            last_s = now_s
            handle = loop.call_later(TICK_S, tick)

        handle = loop.call_later(TICK_S, tick)
        try:
            yield made
        finally:
            handle.cancel()
