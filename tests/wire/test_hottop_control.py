"""What the real program does with a Hottop: who controls it, and that it never ejects it."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import pytest

from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.roaster.client.control import GuardianNotice, RoasterControl
from roastwatch.roaster.client.guardian_life import BACK, DIED_READING, MAY_EJECT, READS_AGAIN
from tests.fakes.hottop import FakeHottop
from tests.fakes.line import PtyLine
from tests.support.guarded import PLAN, Guarded, end, guarded
from tests.support.until import until

STARTED_S = 60.0
FULL_HEAT = """
steps: [{at_s: 0, heater_percent: 100, fan_percent: 40, drum_percent: 100}, {at_s: 600}]
"""
DROPS = """
steps:
  - {at_s: 0, heater_percent: 60, fan_percent: 30, drum_percent: 100}
  - {at_s: 1.5}
"""


async def said(place: Guarded, *words: str, line: PtyLine) -> tuple[int | None, str]:
    """What a command of the command line prints, and its exit status."""
    process = await place.service("roaster", *words, "--type", "hottop", "--port", str(line.port))
    out, _ = await asyncio.wait_for(process.communicate(), STARTED_S)
    return process.returncode, out.decode()


@pytest.mark.parametrize("command", [("read", "--json"), ("probe",)])
@pytest.mark.parametrize("bean_c", [25.0, 200.0])
async def test_reading_takes_no_control_and_causes_no_eject(
    tmp_path: Path, command: tuple[str, ...], bean_c: float
) -> None:
    fake = FakeHottop(speed=0)
    fake.heater, fake.drum, fake.main_fan = 70, 1, 3  # a person roasts by its panel
    fake.thermal.bean_c = fake.thermal.air_c = bean_c
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        for _ in range(2):
            status, text = await said(place, *command, line=line)
            assert status == 0, text
        assert str(bean_c) in text
        await until(lambda: not place.guardians, STARTED_S)  # it has released the machine
        await asyncio.sleep(1.5)
    assert fake.commands == []
    assert (fake.ejected, fake.heater, fake.drum, fake.main_fan) == (False, 70, 1, 3)


async def test_hot_machine_that_needs_frames_is_not_left(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    fake.thermal.bean_c = fake.thermal.air_c = 191.0
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        status, text = await said(place, "read", "--json", "--option", "wake=true", line=line)
        assert status == 0, text
        await asyncio.sleep(8.5)  # longer than an unneeded guardian stays
        assert place.guardians
        assert (fake.ejected, fake.heater, fake.drum, fake.cooling) == (False, 0, 1, 1)


async def test_machine_only_read_is_not_taken_over_when_frames_pause(
    tmp_path: Path,
) -> None:
    fake = FakeHottop(speed=0)
    fake.heater, fake.drum, fake.main_fan = 70, 1, 3  # somebody roasts by its panel
    fake.thermal.bean_c = fake.thermal.air_c = 200.0
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        words = ("read", "--follow", "--json", "--type", "hottop", "--port", str(line.port))
        process = await place.service("roaster", *words)
        assert process.stdout is not None
        try:
            await asyncio.wait_for(process.stdout.readline(), STARTED_S)  # it reads
            fake.talks = False
            await asyncio.sleep(2.5)
            fake.talks = True
            await asyncio.sleep(2.5)
        finally:
            await end(process)
        assert fake.commands == []
        assert (fake.ejected, fake.heater, fake.drum) == (False, 70, 1)


async def test_emergency_stop_takes_control_of_a_machine_that_was_only_read(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    fake.heater, fake.thermal.bean_c = 100, 200.0
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        status, text = await said(place, "stop", line=line)
        assert status == 0, text
        assert (fake.heater, fake.drum, fake.cooling, fake.main_fan) == (0, 1, 1, 10)
        await asyncio.sleep(1.5)  # the guardian keeps a hot machine
        assert not fake.ejected


async def test_lost_status_frames_for_five_seconds_cause_no_eject(
    tmp_path: Path, record_property: object
) -> None:
    fake = FakeHottop()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("hottop", line.port)
        assert isinstance(service, asyncio.subprocess.Process)
        try:
            await until(lambda: fake.heater == 60, STARTED_S)
            fake.talks = False
            await until(lambda: fake.heater == 0, 10)
            await asyncio.sleep(5)
            fake.talks = True
            await asyncio.wait_for(service.communicate(), STARTED_S)
            await asyncio.sleep(2)
            assert (fake.ejected, fake.heater, fake.drum, fake.cooling) == (False, 0, 1, 1)
            assert fake.longest_gap_s < 1
        finally:
            await end(service)


async def test_drive_announces_what_its_end_does(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("hottop", line.port, DROPS)
        assert isinstance(service, asyncio.subprocess.Process)
        try:
            out, _ = await asyncio.wait_for(service.communicate(), STARTED_S)
        finally:
            await end(service)
        text = out.decode()
        assert text.count("the Hottop opens its door and powers down") == 2  # start and end
        assert "gives up control once the roaster is cool" in text
        await asyncio.sleep(2.5)
        assert (fake.ejected, fake.drum) == (False, 1)  # control is kept because it is hot
        fake.thermal.bean_c = fake.thermal.air_c = 40.0
        await until(lambda: not place.guardians, STARTED_S)
        await until(lambda: fake.ejected)  # as announced; the drum turns until it is empty
        assert fake.drum == 1


async def test_set_announces_what_its_end_does(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        status, text = await said(place, "set", "fan", "40", line=line)
        assert status == 0, text
        assert "the Hottop opens its door and powers down" in text
        assert json.dumps(fake.main_fan) == "4"


async def test_machine_that_heats_by_its_panel_is_not_taken_over(tmp_path: Path) -> None:
    fake = FakeHottop(speed=0)
    fake.heater, fake.thermal.bean_c, fake.thermal.air_c = 70, 120.0, 120.0
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        service = await place.drive("hottop", line.port, PLAN)
        assert isinstance(service, asyncio.subprocess.Process)
        try:
            out, _ = await asyncio.wait_for(service.communicate(), STARTED_S)
        finally:
            await end(service)
        assert service.returncode != 0
        text = out.decode()
        assert "heats by its own panel (70 %)" in text
        assert "The roaster was only read." in text
        assert "not known to be" not in text
        assert (fake.commands, fake.heater) == ([], 70)


@pytest.mark.parametrize(
    ("service", "guardian", "option"),
    [
        (None, signal.SIGKILL, ()),
        (None, signal.SIGSTOP, ()),
        (signal.SIGKILL, signal.SIGKILL, ()),
        (signal.SIGSTOP, signal.SIGKILL, ()),
        (signal.SIGSTOP, signal.SIGSTOP, ()),
        (signal.SIGKILL, signal.SIGSTOP, ()),
        (signal.SIGKILL, signal.SIGKILL, ("--option", "wake=true")),
    ],
)
async def test_next_guardian_continues_frames_before_the_machine_ejects(
    tmp_path: Path,
    service: signal.Signals | None,
    guardian: signal.Signals,
    option: tuple[str, ...],
) -> None:
    fake = FakeHottop(speed=0)
    fake.thermal.bean_c = fake.thermal.air_c = 191.0
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        drive = await place.drive("hottop", line.port, FULL_HEAT, *option)
        assert isinstance(drive, asyncio.subprocess.Process)
        try:
            await until(lambda: fake.heater == 100, STARTED_S)
            await until(lambda: place.watching(drive.pid), STARTED_S)
            (first,) = place.guardians
            fake.longest_gap_s, began_s = 0.0, time.monotonic()
            if service is not None:
                os.kill(drive.pid, service)
            os.kill(first, guardian)
            await until(lambda: fake.heater == 0, 5.0, 0.01)
            print(f"heat 0 after {time.monotonic() - began_s:.2f} s")
            await asyncio.sleep(8.5 if option else 2.5)  # longer than an unneeded one stays
            print(f"longest gap {fake.longest_gap_s:.2f} s")
            assert (fake.ejected, fake.heater, fake.drum, fake.cooling) == (False, 0, 1, 1)
            assert fake.main_fan == 10
            assert first not in place.guardians
            assert place.guardians
            if not service:
                assert drive.stdout is not None
                async with asyncio.timeout(STARTED_S):
                    while f"{BACK} {MAY_EJECT}" not in (await drive.stdout.readline()).decode():
                        pass
        finally:
            await end(drive)


async def test_successor_of_a_guardian_that_only_read_takes_no_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, notices = FakeHottop(speed=0), list[str]()
    fake.heater, fake.thermal.bean_c = 70, 120.0  # a person roasts by its panel
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        machine = RoasterLaunch.chosen("hottop", str(line.port), (), None, None, None, True)
        async with RoasterControl(
            machine.socket, machine.launch, notify=lambda notice: notices.append(notice.message)
        ) as control:
            await control.answering()
            (first,) = place.guardians
            os.kill(first, signal.SIGKILL)
            await until(lambda: READS_AGAIN in notices, STARTED_S)
        assert notices == [DIED_READING, READS_AGAIN]
        assert (fake.commands, fake.heater) == ([], 70)


async def test_nothing_is_owed_to_a_machine_that_heats_by_its_panel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pressing stop, or ending, reports no danger: a person at the panel heats."""
    fake = FakeHottop(speed=0)
    fake.heater, fake.thermal.bean_c, fake.thermal.air_c = 70, 120.0, 120.0
    notices: list[GuardianNotice] = []
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        machine = RoasterLaunch.chosen("hottop", str(line.port), (), None, None, None, True)
        async with RoasterControl(machine.socket, machine.launch, notify=notices.append) as control:
            raw = await control.answering()
            assert raw["only_reads"]
            heats = "The roaster heats by its own panel (70 %); roastwatch only reads it."
            assert raw["heat_problem"] == heats
            assert await control.make_safe("The roast was stopped.")
        assert (notices, fake.commands, fake.heater) == ([], [], 70)
        async with RoasterControl(machine.socket, machine.launch, notify=notices.append) as control:
            await control.answering()
            assert await control.emergency_stop("Stop.") is None  # this one takes control
            assert fake.heater == 0
            assert not control.raw_state["only_reads"]
