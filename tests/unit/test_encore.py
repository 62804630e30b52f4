"""After a demonstration the page stays, until Ctrl-C or Enter."""

import os
import pty
import sys

import pytest

from roastwatch.app.outlet import Outlet
from roastwatch.cli.encore import Encore, may_watch
from roastwatch.settings import model as settings
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import EventKind
from tests.unit.test_service import Notebook, short_roast


@pytest.mark.parametrize(("typed", "again"), [(b"\n", True), (b"", False)])
async def test_enter_plays_again_and_the_end_of_input_ends(
    typed: bytes, again: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.write(writer, typed)
    os.close(writer)
    with os.fdopen(reader) as keys:
        encore = Encore(keys)
        await encore.wait()
    assert encore.wanted is again
    assert "Ctrl+C to end" in capsys.readouterr().err


async def test_sinks_go_on_while_the_service_waits_after_its_sound() -> None:
    service, notebook = short_roast(), Notebook()
    service.outlets = [Outlet("notebook", notebook, ComponentHealth("notebook"))]
    waited: list[int] = []

    async def afterwards() -> None:
        known = len(notebook.events)
        service.outlets[0].put(notebook.events[-1])
        await service.outlets[0].events.settled()
        waited.append(len(notebook.events) - known)

    service.afterwards = afterwards
    await service.run()
    assert waited == [1]
    assert EventKind.FIRST_CRACK in {event.kind for event in notebook.events}


def test_only_a_person_at_a_terminal_with_the_page_makes_it_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, none = [settings.chosen("sinks", "rest")], settings.parse({})
    assert not may_watch(none, page)
    leader, follower = pty.openpty()
    with os.fdopen(follower, "r", closefd=True) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        assert may_watch(none, page)
        assert not may_watch(none, [])
    os.close(leader)
