"""`roastwatch roaster stop` and `guardians` for several guardians."""

import uuid

from roastwatch.cli.roaster.found import Found
from roastwatch.cli.roaster.stop import _ask, _line, problems_of
from roastwatch.errors import LostError
from roastwatch.roaster.doors import Peer, address_of


def test_any_error_counts_as_a_failed_stop() -> None:
    stops = [None, LostError("It does not answer."), KeyError("pid"), TimeoutError()]
    assert problems_of(stops) == ["It does not answer.", "'pid'", "TimeoutError()"]


async def test_guardian_that_ended_while_it_was_asked_is_not_listed() -> None:
    assert await _ask(Found(Peer(77, 0), address_of(uuid.uuid4().hex))) is None


def test_guardian_that_does_not_answer_is_listed_with_the_remedy() -> None:
    silent = {"pid": 77, "user": "root", "answers": False}
    plug = "does not answer; pull its roaster's plug if it heats"
    assert _line(silent) == f"process 77 of root: {plug}; then end it with `kill -9 77`"
    full = {"pid": None, "user": "an unknown user", "answers": False}
    assert _line(full) == f"process (unknown) of an unknown user: {plug}"
