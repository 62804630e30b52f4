"""What a part shows is true: what is well again, or works anew, shows no old problem."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from roastwatch.app.outlet import Outlet
from roastwatch.channel import Events, Latest
from roastwatch.sinks.console import ConsoleOptions, ConsoleSink
from roastwatch.sinks.rules import RulesOptions, RulesSink
from roastwatch.sinks.sink import SinkContext
from roastwatch.supervise import ComponentHealth
from roastwatch.vocabulary import ComponentState, RoastEvent, Snapshot
from tests.support.until import until
from tests.unit.test_phone import Person, Push, crack
from tests.unit.test_service import Broken, short_roast


async def run_until(work: Coroutine[Any, Any, None], true: Callable[[], object]) -> None:
    """Run until something is true."""
    task = asyncio.create_task(work)
    try:
        await until(lambda: true() or task.done())
        assert true()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_rule_that_succeeds_clears_its_problem() -> None:
    part = ComponentHealth("rules")
    async with Push([503]).serving() as push:
        rule = {"on": "first_crack", "webhook": f"http://127.0.0.1:{push.port}/roast"}
        options = RulesOptions.model_validate({"rules": [rule]})
        sink = RulesSink(options, SinkContext("roastwatch", ["kitchen"], "en", Person(), part))
        queue: Events[RoastEvent] = Events()
        queue.put(crack())
        work = sink.run(queue, Latest[dict[str, Snapshot]]({}))
        await run_until(work, lambda: part.counters.get("rules_done"))
    assert part.counters["rules_retried"] == 1
    assert (part.state, part.problem) == (ComponentState.RUNNING, None)


async def test_a_rule_that_succeeds_keeps_other_problems() -> None:
    part = ComponentHealth("rules")
    async with Push([404]).serving() as push:
        rule = {"on": "first_crack", "webhook": f"http://127.0.0.1:{push.port}/roast"}
        other = {"on": "first_crack", "fan_percent": 80}
        options = RulesOptions.model_validate({"rules": [rule, other]})
        sink = RulesSink(options, SinkContext("roastwatch", ["kitchen"], "en", Person(), part))
        queue: Events[RoastEvent] = Events()
        queue.put(crack())
        work = sink.run(queue, Latest[dict[str, Snapshot]]({}))
        await run_until(work, lambda: part.counters.keys() >= {"rules_refused", "rules_done"})
    assert part.state is ComponentState.DEGRADED
    assert (part.problem or "").startswith("Rule 1: ")


async def test_a_recovered_console_shows_no_problem() -> None:
    part = ComponentHealth("console")
    part.trouble(ComponentState.FAILED, "ValueError: once")
    sink = ConsoleSink(
        ConsoleOptions(), SinkContext("roastwatch", ["kitchen"], "en", Person(), part)
    )
    work = sink.run(Events(), Latest[dict[str, Snapshot]]({}))
    await run_until(work, lambda: part.state is ComponentState.RUNNING)
    assert part.problem is None


async def test_a_sink_that_caught_up_is_no_longer_too_slow() -> None:
    outlet = Outlet("slow", Broken(), ComponentHealth("slow"))
    for _ in range(outlet.events.size + 1):
        outlet.put(crack())
    outlet.look()
    assert outlet.part.problem == "Events were lost: too slow."
    taken = aiter(outlet.events)
    for _ in range(outlet.events.size):
        await anext(taken)
    outlet.look()
    assert (outlet.part.state, outlet.part.problem) == (ComponentState.RUNNING, None)


async def test_a_sink_that_cannot_be_remade_is_shown_and_retried() -> None:
    service = short_roast()
    made: list[str] = []

    def make() -> Broken:
        made.append("again")
        raise OSError("address in use")

    outlet = Outlet("rest", Broken(), ComponentHealth("rest"), make)
    await run_until(service._guarded(outlet), lambda: len(made) == 2)
    assert outlet.part.state is ComponentState.FAILED
    assert "address in use" in (outlet.part.problem or "")
