"""What a person and a supervisor see when the service ends by a failure."""

import asyncio
from pathlib import Path
from typing import Any

import click
import pytest

from roastwatch import cli
from roastwatch.cli.live import _shown
from roastwatch.errors import EndedError, LostError
from roastwatch.vocabulary import InstructionKind
from tests.unit.test_keeping import asked, service

DEFECT = RuntimeError("a defect in an essential part")
LOST = LostError("The roaster is gone.")


@pytest.mark.parametrize("roasting", [False, True])
def test_a_defect_is_not_hidden_by_another_failure(roasting: bool) -> None:
    group = ExceptionGroup("g", [DEFECT, ExceptionGroup("h", [LOST])])
    assert _shown(group, roasting=roasting) is group


@pytest.mark.parametrize(("roasting", "code"), [(False, 2), (True, 1)])
def test_a_failure_during_a_roast_exits_for_a_supervisor(
    roasting: bool, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = _shown(ExceptionGroup("g", [ExceptionGroup("h", [LOST])]), roasting=roasting)
    assert isinstance(shown, EndedError) is roasting

    def command(**_: Any) -> None:
        raise shown

    monkeypatch.setattr(
        cli.cli, "get_command", lambda _context, _name: click.command("run")(command)
    )
    with pytest.raises(SystemExit) as ended:
        cli.main(["run"])
    assert ended.value.code == code
    assert capsys.readouterr().err == "roastwatch: The roaster is gone.\n"


async def test_the_service_reports_whether_a_roast_is_in_progress(tmp_path: Path) -> None:
    made, _ = service(tmp_path / "roasts.db", {"speed": 4.0})
    running = asyncio.create_task(made.run())
    async with asyncio.timeout(30):
        while not made.stations["kitchen"].has_sound:
            await asyncio.sleep(0.01)
        assert not made.roasting
        made.instruct(asked(InstructionKind.CHARGE))
        assert made.roasting
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
