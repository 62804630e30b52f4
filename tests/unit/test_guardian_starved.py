"""A guardian that got no processor for a while hears what waits before it judges its service."""

import asyncio
from pathlib import Path
from typing import Any

from roastwatch.roaster import messages
from roastwatch.roaster.drivers.simulated import SimulatedRoaster
from roastwatch.roaster.guardian.limits import Limits
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.server import GuardianServer
from tests.support.until import until


async def disarmed_after(folder: Path, said_all_the_while: bool) -> bool:
    """Whether arming has ended after the guardian's loop stood for 0.9 s, by a clock of its own."""
    now_s = 1000.0

    def clock() -> float:
        return now_s

    driver = SimulatedRoaster(SimulatedRoaster.Options(drum_c=30, noise_c=0.0), "r", clock)
    guard = SafetyState(driver.capabilities, Limits())
    path = folder / "g.sock"
    server = GuardianServer(
        path, "r", lambda: driver, guard, machine=("x", {}), stay=True, clock=clock
    )
    running = asyncio.create_task(server.run())
    writer = None
    try:
        await until(path.exists)
        _, writer = await asyncio.open_unix_connection(str(path))
        seq = 0

        def say(do: str, at_s: float, **more: Any) -> None:
            nonlocal seq
            seq += 1
            writer.write(messages.encode({"seq": seq, "at_s": at_s, "do": do, **more}))

        def passed() -> None:
            nonlocal now_s
            now_s += 0.05
            say("renew", now_s)

        def alive() -> bool:
            passed()
            return guard.machine.history.newest is not None

        say("hello", now_s, role="control")
        await until(alive, 10.0, 0.05)
        say("arm", now_s, for_s=60)

        def armed() -> bool:
            passed()
            return guard.armed_until_s is not None

        await until(armed, 10.0, 0.05)
        began_s, now_s = now_s, now_s + 0.9  # the loop stood, and its turn is due at once
        server._guardian.wake()
        if said_all_the_while:
            for tenth in range(1, 10):
                say("renew", began_s + 0.1 * tenth)
        for _ in range(20):
            passed()
            await asyncio.sleep(0.01)
        return guard.armed_until_s is None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if writer is not None:
            writer.close()


async def test_words_that_waited_are_heard_first(tmp_path: Path) -> None:
    assert not await disarmed_after(tmp_path, said_all_the_while=True)


async def test_silence_meanwhile_is_a_silence(tmp_path: Path) -> None:
    assert await disarmed_after(tmp_path, said_all_the_while=False)
