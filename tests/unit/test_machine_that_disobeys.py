"""A machine that heats on, refuses or fails stays connected and reported. In virtual time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from roastwatch.errors import BadInputError
from roastwatch.roaster.drivers.mqtt_options import MqttRoasterOptions
from roastwatch.roaster.drivers.mqtt_roaster import MqttRoaster
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.stop_record import heat_problem
from roastwatch.vocabulary import Actuator, Command, Origin
from tests.fakes.mqtt_device import OPTIONS
from tests.fakes.virtual_time import VirtualLoop
from tests.support import driver_benches as benches
from tests.support.driver_benches import Bench, bench

Make = Callable[[VirtualLoop, ExitStack], Bench]


@dataclass
class Kitchen:
    """A machine, its guardian, and the service that lives."""

    loop: VirtualLoop
    guard: SafetyState
    guardian: Guardian
    drivers: list[Any]
    notices: list[tuple[float, str, str | None, str]]
    connected_s: float = 0.0

    async def live(self, seconds: float) -> None:
        """Let time pass; what is notified and for how long it is connected is noted."""
        until_s = self.loop.time() + seconds
        while self.loop.time() < until_s:
            now_s = self.loop.time()
            self.guard.renew(now_s)
            self.guard.present(now_s)
            await asyncio.sleep(0.1)
            self.connected_s += 0.1 * self.guard.machine.connected
            for notice in self.guard.notices:
                said = (now_s, notice.kind, notice.interlock, notice.message)
                self.notices.append(said)
            self.guard.notices.clear()

    async def during(self, doing: Awaitable[Any]) -> Any:
        task = asyncio.ensure_future(doing)
        while not task.done():
            await self.live(0.1)
        return task.result()

    async def heat(self, percent: float) -> None:
        assert self.guard.arm(900, self.loop.time()) is None
        command = Command("c", "r", Actuator.HEATER, percent, Origin.PERSON, self.loop.time())
        await self.during(self.guardian.request(command))

    def forget(self) -> None:
        self.connected_s = 0.0
        self.notices.clear()
        del self.drivers[:-1]


@contextlib.contextmanager
def kitchen(loop: VirtualLoop, make: Callable[[], Any]) -> Iterator[Kitchen]:
    drivers: list[Any] = []

    def made() -> Any:
        drivers.append(make())
        return drivers[-1]

    guard = SafetyState(make().capabilities, Limits(), cutoff_confirmed=True)
    guardian = Guardian(made, guard, clock=loop.time)
    task = loop.create_task(guardian.run())
    try:
        yield Kitchen(loop, guard, guardian, drivers, [])
    finally:

        async def end() -> None:
            task.cancel()
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for other in rest:
                other.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        loop.run(end())


def slowly(made: Bench) -> None:
    """No limit of temperature is reached meanwhile."""
    fake = getattr(made.fake, "fake", getattr(made.fake, "_fake", made.fake))
    fake.thermal.speed = 1.0


def heats_on(made: Bench) -> None:
    """From now on the heater is stuck."""
    fake = made.fake
    if made.stick is not None:
        made.stick(True)
    elif isinstance(fake, benches.ModbusServed):
        received = fake.received

        def stuck(data: bytes) -> None:
            fake.fake.put(3, 20, [60])
            received(data)
            fake.fake.put(3, 20, [60])

        fake.received = stuck  # type: ignore[method-assign]
    else:
        obeys = fake._obey

        def ignores(packet: bytes) -> None:
            if packet[:2] == b"\xaa\x55":
                obeys(packet)
            elif fake.initialised:
                fake.left_s = 300
                fake._reply(fake.status())

        fake._obey = ignores


STUCK = (
    benches.tc4,
    benches.skywalker,
    benches.kaleido,
    benches.modbus,
    benches.freshroast,
    benches.mqtt,
    benches.aillio_r1,
    benches.aillio_r2,
)


@pytest.mark.parametrize("make", STUCK)
def test_machine_that_keeps_heating_is_watched_and_reported(make: Make) -> None:
    """Its link was refused for ever after a wire that blinked once."""
    loop = VirtualLoop()
    with bench(make, loop) as made, kitchen(loop, made.make) as place:

        async def life() -> None:
            await place.live(8)
            slowly(made)
            await place.heat(100)
            await place.live(8)
            heats_on(made)
            place.guard.emergency_stop("Stopped.")
            place.guardian.wake()
            await place.live(8)
            place.forget()
            made.link.pull()
            await place.live(2)
            made.link.plug()
            await place.live(100)

        loop.run(life())
        assert made.heat() > 0
        # An R2 takes four seconds until it has tried all its steps.
        assert place.connected_s > 85
        said = [at for at, kind, name, _ in place.notices if name == "heater_contradicts"]
        assert len(said) >= 3
        assert place.guard.arm(900, loop.time()) is not None
    loop.close()


class Refusing(SimulatedRoaster):
    """Its drum's register answers with an exception."""

    refuses = False

    async def write(self, actuator: Actuator, percent: float) -> None:
        if self.refuses and actuator is Actuator.DRUM:
            raise BadInputError("The machine refused drum 100 % (Modbus exception 4).")
        await super().write(actuator, percent)

    async def make_safe(self) -> None:
        """As Modbus does: go on, then raise the first failure."""
        failure = None
        for actuator in (Actuator.HEATER, Actuator.DRUM, Actuator.COOLING, Actuator.FAN):
            try:
                await self.write(actuator, 0.0 if actuator is Actuator.HEATER else 100.0)
            except BadInputError as error:
                failure = failure or error
        if failure:
            raise failure


class RefusingHeat0(SimulatedRoaster):
    """It reads, and takes no heat 0 while `refuses`."""

    refuses = True

    async def write(self, actuator: Actuator, percent: float) -> None:
        if self.refuses and (actuator, percent) == (Actuator.HEATER, 0.0):
            raise BadInputError("No heat 0.")
        await super().write(actuator, percent)

    async def make_safe(self) -> None:
        await self.write(Actuator.HEATER, 0.0)
        await super().make_safe()


def test_refused_write_keeps_the_link_of_a_hot_machine() -> None:
    loop = VirtualLoop()
    options = SimulatedRoaster.Options(drum_c=200, charged=True)
    roaster = Refusing(options, "r", loop.time)
    with kitchen(loop, lambda: roaster) as place:

        async def life() -> None:
            await place.live(4)
            await place.heat(60)
            await place.live(5)
            roaster.refuses = True
            place.forget()
            place.guard.ask_safe("The end.")
            await place.live(60)

        loop.run(life())
        assert len(place.drivers) == 1
        assert place.connected_s > 59
        assert not place.guard.unsafe_pending
        assert not place.guard.machine.heats
        refused = [message for _, kind, _, message in place.notices if "refused drum" in message]
        assert 1 <= len(refused) <= 2  # make-safe's, and the drum's own when it is asked again
    loop.close()


@pytest.mark.parametrize("drum_c", [30, 200])
def test_machine_that_refuses_heat_0_at_first_is_watched_and_not_armed(drum_c: float) -> None:
    loop = VirtualLoop()
    roaster = RefusingHeat0(SimulatedRoaster.Options(drum_c=drum_c, noise_c=0), "r", loop.time)
    with kitchen(loop, lambda: roaster) as place:
        guard = place.guard

        async def life() -> None:
            await place.live(30)
            assert place.connected_s > 29
            assert not place.guardian.wrong_machine
            assert "refuses heat 0" in heat_problem(guard, None, None)
            assert "refuses heat 0" in (guard.arm(900, loop.time()) or "")
            assert guard.may_release(loop.time()) is not None
            roaster.refuses = False
            await place.live(5)

        loop.run(life())
        assert len(place.drivers) == 1
        assert [kind for _, kind, _, said in place.notices if "No heat 0." in said] == ["fault"] * 2
        assert not guard.unsafe_pending
        assert heat_problem(guard, place.guardian.safe_since_s, None) == ""
        assert guard.arm(900, loop.time()) is None
    loop.close()


@pytest.mark.parametrize("make", [*STUCK, benches.hottop])
def test_driver_whose_task_fails_ends_heat_and_reopens(make: Make) -> None:
    """Without it a Hottop ejected, and the others kept heating unnoticed."""
    loop = VirtualLoop()
    with bench(make, loop) as made, kitchen(loop, made.make) as place:

        async def life() -> None:
            await place.live(8)
            slowly(made)
            await place.heat(100)
            await place.live(8)
            assert made.heat() > 95
            place.forget()
            place.drivers[-1]._task._fut_waiter.set_exception(ValueError("a defect"))
            failed_s = loop.time()
            while made.heat() > 0:
                assert loop.time() - failed_s < 2 + made.steps_s
                await place.live(0.1)
            await place.live(10)

        loop.run(life())
        assert place.guard.machine.connected
        assert made.heat() == 0
        assert made.ejected is None or not made.ejected()
        assert not place.guard.machine.heats
    loop.close()


def test_sensor_that_reports_every_ten_seconds_keeps_its_link() -> None:
    """The driver waits for as long as it is set to; a command waits three seconds at most."""
    loop = VirtualLoop()
    options = MqttRoasterOptions(**{**OPTIONS, "silence_s": 15, "stale_s": 15})
    with (
        bench(benches.mqtt, loop) as made,
        kitchen(loop, lambda: MqttRoaster(options, "r")) as place,
    ):

        async def tells_slowly() -> None:
            while True:
                made.fake.tells = True
                await asyncio.sleep(0.5)
                made.fake.tells = False
                await asyncio.sleep(9.5)

        async def life() -> None:
            telling = loop.create_task(tells_slowly())
            await place.live(12)
            place.forget()
            await place.live(40)
            for percent in (40.0, 60.0):
                asked_s = loop.time()
                fan = Command("c", "r", Actuator.FAN, percent, Origin.PERSON, asked_s)
                assert (await place.during(place.guardian.request(fan))).applied == percent
                assert loop.time() - asked_s < 3.5
            telling.cancel()
            made.fake.tells = False
            assert not losses()
            await place.live(30)

        def losses() -> list[str]:
            return [message for _, kind, _, message in place.notices if kind == "lost"]

        loop.run(life())
        assert losses()  # a silence that is too long is still one
    loop.close()
