"""`evaluate` with worker processes."""

from functools import partial

import pytest

from roastwatch.cli import model_choice
from roastwatch.evaluation.sound import judge_sound


@pytest.mark.verify
def test_worker_processes_give_the_same_result_as_one() -> None:
    load = partial(model_choice.load, "pops")
    alone = judge_sound(load(), 2)
    shared = judge_sound(load(), 2, load=load, workers=2)
    assert shared.as_json() == alone.as_json()
