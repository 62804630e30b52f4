"""After a demonstration the page stays, until Ctrl-C or Enter."""

import asyncio
import os
import pty
import sys

import pytest

from roastwatch.app.outlet import Outlet
from roastwatch.cli.encore import Encore, keys, may_watch
from roastwatch.settings import model as settings
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import EventKind, Phase
from tests.unit.test_service import Notebook, short_roast


@pytest.mark.parametrize(("typed", "again"), [(b"\n", True), (b"", False)])
async def test_enter_plays_again_and_the_end_of_input_ends(
    typed: bytes, again: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.write(writer, typed)
    os.close(writer)
    with os.fdopen(reader) as typing:
        encore = Encore(typing)
        await encore.wait()
    assert encore.wanted is again
    assert "Ctrl+C to end" in capsys.readouterr().err


async def test_without_a_terminal_the_page_stays_until_the_program_is_stopped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    waiting = asyncio.ensure_future(Encore(None).wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert "until this program is stopped" in capsys.readouterr().err
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_sinks_go_on_while_the_service_waits_after_its_sound() -> None:
    service, notebook = short_roast(), Notebook()
    service.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
    waited: list[int] = []
    phases: list[tuple[Phase, str | None]] = []

    async def afterwards() -> None:
        known = len(notebook.events)
        service.outlets[0].put(notebook.events[-1])
        await service.outlets[0].events.settled()
        waited.append(len(notebook.events) - known)
        snapshots = service.latest.value or {}
        phases.extend((one.phase, one.roast_id) for one in snapshots.values())

    service.afterwards = afterwards
    await service.run()
    assert waited == [1]
    assert phases == [(Phase.IDLE, None)]  # the roast ends with its sound: `learn` waits for it
    assert EventKind.FIRST_CRACK in {event.kind for event in notebook.events}


def test_only_a_person_at_a_terminal_with_the_page_makes_it_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, none = [settings.chosen("sinks", "rest")], settings.parse({})
    assert not may_watch(none, page)
    assert may_watch(none, page, opened=True)  # from elsewhere
    assert keys() is None
    leader, follower = pty.openpty()
    with os.fdopen(follower, "r", closefd=True) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        assert may_watch(none, page)
        assert not may_watch(none, [])
        assert keys() is terminal
    os.close(leader)
