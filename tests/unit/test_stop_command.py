"""`roastwatch roaster stop` for several guardians."""

from roastwatch.cli.roaster.stop import problems_of
from roastwatch.errors import LostError


def test_any_error_counts_as_a_failed_stop() -> None:
    stops = [None, LostError("It does not answer."), KeyError("pid"), TimeoutError()]
    assert problems_of(stops) == ["It does not answer.", "'pid'", "TimeoutError()"]
