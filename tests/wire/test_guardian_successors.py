"""What one service said is its own: the next one, and the next guardian, begin with the truth."""

import os
import signal
import time
from pathlib import Path

import pytest

from roastwatch.app.roaster_launch import RoasterLaunch
from roastwatch.roaster.client.control import RoasterControl
from roastwatch.vocabulary import Actuator, Command, CommandResult, Origin, Outcome
from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import guarded
from tests.support.until import until


def machine() -> RoasterLaunch:
    return RoasterLaunch.chosen("simulated", None, ("drum_c=30",), None, None, None, False)


async def heat(control: RoasterControl) -> CommandResult:
    await control.answering()
    assert await control.arm(600) is None
    command = Command("1", "r", Actuator.HEATER, 50.0, Origin.PERSON, time.monotonic())
    return await control.request(command)


async def test_log_that_failed_for_one_service_hinders_not_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        chosen = machine()
        async with RoasterControl(chosen.socket, chosen.launch) as first:
            await first.log_works(False)
            assert (await heat(first)).interlock == "log_works"
            guardian = first.guardian_pid
        async with RoasterControl(chosen.socket, chosen.launch) as second:
            assert second.guardian_pid == guardian
            assert (await heat(second)).outcome is Outcome.APPLIED


async def test_restarted_guardian_learns_that_the_log_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with guarded() as place:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        chosen = machine()
        async with RoasterControl(chosen.socket, chosen.launch) as control:
            await control.answering()
            await control.log_works(False)
            first = control.guardian_pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await until(lambda: control.guardian_pid not in (None, first), 60.0)
            assert (await heat(control)).interlock == "log_works"


async def test_cutoff_that_one_person_confirmed_is_not_the_next_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with guarded() as place, PtyLine(FakeTc4(), tmp_path) as line:
        monkeypatch.setenv("ROASTWATCH_RUNTIME_DIR", str(place.folder))
        pids = set()
        for cutoff, outcome in ((True, Outcome.APPLIED), (False, Outcome.REFUSED)):
            chosen = RoasterLaunch.chosen("tc4", str(line.port), (), None, None, None, cutoff)
            async with RoasterControl(chosen.socket, chosen.launch) as control:
                pids.add(control.guardian_pid)
                assert (await heat(control)).outcome is outcome
        assert len(pids) == 1
