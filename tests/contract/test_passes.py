"""The list of what runs in which pass of `python3 dev test`."""

from pathlib import Path

import pytest

from tests.support import passes

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "place",
    [
        *(*passes.ALONE, *passes.WAITING, *passes.SECOND_HOME_ASSISTANT),
        *(*passes.LONGEST, *passes.CALCULATIONS),
    ],
)
def test_each_place_exists(place: str) -> None:
    file, _, name = place.partition("::")
    assert (ROOT / file).exists()
    assert not name or f"def {name}(" in (ROOT / file).read_text()


def test_tests_of_one_home_assistant_share_a_process() -> None:
    assert passes.unit("tests/home_assistant/test_device.py::test_a") == "home 1"
    assert passes.unit("tests/home_assistant/test_service.py::test_b[1]") == "home 2"


def test_tests_that_share_nothing_run_one_by_one_and_others_by_file() -> None:
    alone = f"{passes.ONE_BY_ONE[-1]}::test_a[x]"
    assert passes.unit(alone) == alone
    assert passes.unit("tests/unit/test_plan.py::test_a[x]") == "tests/unit/test_plan.py"
