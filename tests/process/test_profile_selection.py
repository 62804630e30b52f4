"""A station with a roaster: its profile is a plan or a recorded roast."""

from pathlib import Path

from roastwatch.app.selection import NO_PROFILE
from roastwatch.vocabulary import InstructionKind
from tests.support.selecting import ask, made, running, snapshot_where


async def test_a_profile_is_a_plan_or_a_recorded_roast(tmp_path: Path) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "light.yaml").write_text("steps: [{at_s: 0, heater_percent: 50}]\ntarget: [[0, 100]]")
    (plans / "broken.yaml").write_text("steps: nothing")
    (plans / "notes.txt").write_text("not a plan")
    service = made(tmp_path, roaster={"type": "simulated", "drum_c": 120}, profiles=str(plans))
    async with running(service):
        shown = await snapshot_where(service, lambda shown: shown.profiles)
        assert shown.profiles == (NO_PROFILE, "broken", "light")
        assert shown.profile == NO_PROFILE
        ask(service, InstructionKind.PROFILE, "light")
        await snapshot_where(service, lambda shown: shown.profile == "light")
        program = service.driven["kitchen"].program
        assert program is not None
        assert program.profile is not None
        ask(service, InstructionKind.PROFILE, "broken")
        shown = await snapshot_where(service, lambda shown: shown.refusal)
        assert "broken.yaml" in shown.refusal
        assert shown.profile == "light"
        ask(service, InstructionKind.PROFILE, NO_PROFILE)
        await snapshot_where(service, lambda shown: shown.profile == NO_PROFILE)
        assert service.driven["kitchen"].program is None
