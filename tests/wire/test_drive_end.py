"""How `roastwatch roaster drive` ends: with what exit status, and not while it gets hotter."""

import asyncio
import signal
from pathlib import Path

from tests.fakes.hottop import FakeHottop
from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import end, guarded
from tests.support.until import until

STARTED_S = 60.0
SHORT = """
steps:
  - {at_s: 0, heater_percent: 60, fan_percent: 30}
  - {at_s: 3, heater_percent: 0}
"""
LONG = "steps: [{at_s: 0, heater_percent: 60, fan_percent: 30}, {at_s: 640, heater_percent: 0}]"


class StuckRelay(FakeTc4):
    """Its relay is welded: it heats on, whatever it says."""

    stuck = False

    def tick(self, passed_s: float) -> None:
        said, self.ot1 = self.ot1, 100 if self.stuck else self.ot1
        super().tick(passed_s)
        self.ot1 = said


def relay() -> StuckRelay:
    fake = StuckRelay()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    return fake


async def said(service: asyncio.subprocess.Process, words: str, so_far: list[str]) -> None:
    """Read on until the program has said this."""
    async with asyncio.timeout(STARTED_S):
        while not any(words in line for line in so_far):
            assert service.stdout is not None
            line = await service.stdout.readline()
            assert line, so_far
            so_far.append(line.decode())


async def test_drive_stays_while_the_temperature_rises_and_warns(tmp_path: Path) -> None:
    """It said Safe and left; the beans burnt 53 s later."""
    fake = relay()
    lines: list[str] = []
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("tc4", line.port, SHORT)
        try:
            await until(lambda: fake.ot1 == 60, STARTED_S)
            fake.stuck = True
            await until(lambda: fake.ot1 == 0, STARTED_S)
            await said(service, "pull the plug", lines)
            assert service.returncode is None
            assert not any("Safe" in text for text in lines)
            fake.stuck = False  # a person pulled the heater's plug
            fake.thermal.air_c = fake.thermal.bean_c - 60
            await asyncio.wait_for(service.wait(), 60)
            assert service.returncode == 1
        finally:
            await end(service)


async def test_second_interrupt_leaves_at_once_with_a_warning(tmp_path: Path) -> None:
    fake = relay()
    lines: list[str] = []
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("tc4", line.port)
        try:
            await until(lambda: fake.ot1 == 60, STARTED_S)
            fake.stuck = True
            service.send_signal(signal.SIGINT)
            await said(service, "waiting until the temperature no longer rises", lines)
            assert fake.ot1 == 0
            service.send_signal(signal.SIGINT)
            out, _ = await asyncio.wait_for(service.communicate(), 20)
            assert service.returncode == 130
            assert "look at it" in out.decode() or "pull the plug" in out.decode()
        finally:
            await end(service)


async def test_stop_ignored_by_a_stuck_relay_is_a_failure(tmp_path: Path) -> None:
    """`stop` said Stopped, `drive` left at once, and the beans burnt."""
    fake = relay()
    lines: list[str] = []
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        limits = tmp_path / "limits.yaml"
        limits.write_text("runaway_above_c: 80\nrunaway_after_s: 30\n")
        service = await place.drive("tc4", line.port, SHORT, "--limits", str(limits))
        stop = ("roaster", "stop", "--port", str(line.port))
        try:
            await until(lambda: fake.ot1 == 60, STARTED_S)
            fake.stuck = True
            first = await place.service(*stop)
            out, _ = await asyncio.wait_for(first.communicate(), STARTED_S)
            assert fake.ot1 == 0
            assert first.returncode == 2, out.decode()
            assert b"gets hotter" in out
            await said(service, "pull the plug if the heater glows", lines)
            assert service.returncode is None
            for command, status in ((stop, 2), (("roaster", "read", *stop[2:]), 0)):
                later = await place.service(*command)
                out, _ = await asyncio.wait_for(later.communicate(), STARTED_S)
                assert later.returncode == status, out.decode()
                assert b"The roaster rises by" in out
        finally:
            await end(service)


async def test_drive_with_less_heat_than_set_is_a_failure(tmp_path: Path) -> None:
    fake = FakeHottop()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    plan = SHORT.replace("at_s: 3", "at_s: 9")
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        fake.stuck_heater = 0
        service = await place.drive("hottop", line.port, plan)
        try:
            out, _ = await asyncio.wait_for(service.communicate(), 120)
            assert service.returncode == 1, out.decode()
            assert "heat" in out.decode()
        finally:
            await end(service)


class WeakHottop(FakeHottop):
    """It gives a fifth less heat than it is set to, and says so."""

    def status(self) -> bytes:
        self.heater, set_to = round(self.heater * 0.6), self.heater
        try:
            return super().status()
        finally:
            self.heater = set_to


async def test_less_heat_than_set_is_reported_and_heat_continues(tmp_path: Path) -> None:
    fake = WeakHottop()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        lines: list[str] = []
        service = await place.drive("hottop", line.port, SHORT.replace("3,", "14,"))
        try:
            await said(service, "gives only 36 % heat, not 60 %", lines)
            await asyncio.sleep(2.0)
            assert fake.heater == 60
            await asyncio.wait_for(service.communicate(), 120)
            assert service.returncode == 1
        finally:
            await end(service)


async def test_long_plan_does_not_start_without_a_terminal(tmp_path: Path) -> None:
    fake = relay()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("tc4", line.port, LONG)
        try:
            out, _ = await asyncio.wait_for(service.communicate(), STARTED_S)
            assert service.returncode == 2
            assert "run it in a terminal" in out.decode()
            assert fake.lines == []
            assert place.guardians == []
        finally:
            await end(service)


async def test_nothing_heats_after_a_drop_by_temperature(tmp_path: Path) -> None:
    """Whether a step comes after such a drop is not known when the plan is read."""
    fake = FakeHottop()
    fake.thermal.bean_c, fake.thermal.air_c = 120.0, 180.0
    plan = """
    steps:
      - {at_s: 0, heater_percent: 60, fan_percent: 30, drum_percent: 100}
      - {at_bean_temp_c: 123, drop: true}
      - {at_event: drop, after_s: 3, fan_percent: 50}
      - {at_s: 40, heater_percent: 70}
      - {at_s: 41, door: closed}
      - {at_s: 43, heater_percent: 80}
      - {at_s: 45, note: end}
    """
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("hottop", line.port, plan)
        try:
            await until(lambda: fake.door == 1, 120)
            since = len(fake.commands)
            out, _ = await asyncio.wait_for(service.communicate(), 150)
            assert {frame[10] for frame in fake.commands[since:]} == {0}
            assert "the beans have left" in out.decode()
        finally:
            await end(service)
