"""Which tests run in which pass of `python3 dev test`, and which of them together.

Each entry is the beginning of a test's id, and an argument of pytest. Standard library only: `dev`
imports it.
"""

ALONE = (
    "tests/container",
    "tests/home_assistant/test_latency.py",
    "tests/process/test_http_listener.py",
    "tests/sound_card",
    "tests/wire/test_guardian_verify.py",
    "tests/wire/test_keep_alive.py",
    # a spare is replaced within 0.7 s
    "tests/wire/test_guardian_supervised.py::test_spare_that_dies_is_replaced_at_once",
)
"""Milliseconds or megabytes count there, on a machine at rest."""

HOME_ASSISTANT = "tests/home_assistant"
SECOND_HOME_ASSISTANT = (
    "tests/home_assistant/test_roaster.py",
    "tests/home_assistant/test_service.py",
    "tests/home_assistant/test_without_broker.py",
)
"""The tests of one process share a Home Assistant; these share a second one."""

ONE_BY_ONE = tuple(
    f"tests/wire/test_{name}.py"
    for name in (
        *("drive_end", "whole_roasts", "guardian_process", "guardian_found", "hottop_control"),
        *("guardian_supervised", "guardian_successors", "emergency_stop", "stop_understood"),
        "stop_all",
    )
)
"""Long tests that share nothing, so that each may run in any process."""

WAITING = (HOME_ASSISTANT, *ONE_BY_ONE, "tests/wire")
"""Real programs run there and seconds count: beside others that wait, not beside calculations.
The longest come first."""

LONGEST = (
    "tests/process/test_plan_fronts.py",
    "tests/unit/test_keeping.py",
    "tests/unit/test_service.py",
    "tests/process/test_training.py",
    "tests/unit/test_learn_exit.py",
    "tests/process/test_terminal.py",
    "tests/unit/test_evaluate_conditions.py",
    "tests/unit/test_evaluate.py",
    "tests/unit/test_roaster_life.py",
    "tests/unit/test_rest_hostile.py",
    "tests/windowed",
)
"""Files that take long begin first, so that no processor waits for one of them at the end."""

CALCULATIONS = tuple(
    f"tests/unit/test_{name}.py"
    for name in (
        *("detector", "driver_lives", "evaluate", "evaluate_conditions", "executor_life", "learn"),
        *("learn_exit", "log_scale", "onset", "onset_end", "pops", "roaster_life", "sound_probe"),
    )
)
"""NumPy and state machines, the same on each Python: long, so tested on one."""


def order(test: str) -> int:
    """Where a test comes in its pass: the longest first."""
    return next((n for n, one in enumerate(LONGEST) if test.startswith(one)), len(LONGEST))


def unit(test: str) -> str:
    """What runs in one process, as pytest-xdist's schedulers ask: tests of one unit share it."""
    if test.startswith(HOME_ASSISTANT):
        return "home 2" if test.startswith(SECOND_HOME_ASSISTANT) else "home 1"
    return test if test.startswith(ONE_BY_ONE) else test.partition("::")[0]
