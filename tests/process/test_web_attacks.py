"""The API under attack: all of it is refused, and an emergency stop is answered meanwhile."""

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roastwatch.web import accounts
from tests.process.test_http_listener import flood, stop_takes_s
from tests.support.attacks import FOREIGN, GIGABYTE, KINDS, TRAVERSAL, get, sign_in
from tests.support.http import send, serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("verify") is None:
        monkeypatch.setattr(accounts, "_N", 2**10)
        monkeypatch.setattr(accounts, "_P", 1)


@pytest.mark.parametrize("kind", FOREIGN)
async def test_what_another_site_sends_is_refused(kind: str) -> None:
    async with serving() as api:
        assert (await send(api.port, FOREIGN[kind])).status in (403, 415)
        assert api.person.asked == []


@pytest.mark.parametrize("path", TRAVERSAL)
async def test_no_path_leads_to_a_file(path: str) -> None:
    async with serving() as api:
        answer = await send(api.port, get(path))
        assert answer.status in (400, 403, 404), answer
        assert b"root:" not in answer.body


async def test_a_gigabyte_is_refused_unread() -> None:
    async with serving() as api:
        head = FOREIGN["cross-site POST"].partition(b"Origin")[0]
        more = "Content-Type: application/json\r\nAuthorization: Bearer beans\r\n"
        length = f"{more}Content-Length: {GIGABYTE}"
        answer = await send(api.port, head + length.encode() + b"\r\n\r\n" + b"x" * 200_000)
        assert answer.status in (0, 413)
        assert api.person.asked == []


async def test_guesses_are_slowed_down(tmp_path: Path) -> None:
    async with serving(folder=tmp_path, sign_in=True, token="beans") as api:
        found = [(await send(api.port, sign_in(f"guess {n}"))).status for n in range(8)]
        assert found[:5] == [403] * 5
        assert set(found[5:]) == {429}


@contextlib.asynccontextmanager
async def attack(port: int, kind: str, told: dict[str, dict[str, int]]) -> AsyncIterator[None]:
    """One kind of attack from another process; what it was answered is told at its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.attacks", str(port), kind),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert await process.stdout.readline() == b"open\n"
    try:
        yield
    finally:
        out, _ = await asyncio.wait_for(process.communicate(b""), 60)
        told[kind] = json.loads(out.splitlines()[-1])


@pytest.mark.verify
@pytest.mark.alone
async def test_an_emergency_stop_passes_every_attack_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """1,000 silent sockets, gigabytes, guesses, foreign pages and paths, all together."""
    told: dict[str, dict[str, int]] = {}
    async with contextlib.AsyncExitStack() as stack:
        idle_s: list[float] = []
        api = await stack.enter_async_context(serving(folder=tmp_path, sign_in=True, token="beans"))
        for _ in range(20):  # what this machine needs anyway
            idle_s.append(await stop_takes_s(api))
            await asyncio.sleep(0.1)
        await stack.enter_async_context(flood(api.port, 1000, "silent"))
        for kind in KINDS:
            await stack.enter_async_context(attack(api.port, kind, told))
        began_s, took_s = time.monotonic(), []
        while time.monotonic() - began_s < 20:
            took_s.append(await stop_takes_s(api))
            await asyncio.sleep(0.1)
        stops = {asked.kind.value for asked in api.person.asked}
    took_s.sort()
    with capsys.disabled():
        print(
            f"\n{len(took_s)} emergency stops: median {1e3 * statistics.median(took_s):.0f} ms, "
            f"longest {1e3 * took_s[-1]:.0f} ms (without attacks {1e3 * max(idle_s):.0f} ms); "
            f"answers to the attacks: {told}"
        )
    assert stops == {"emergency_stop"}
    assert took_s[-1] < 0.2
    assert all(
        status in ("400", "403", "404", "413", "415", "429", "503", "cut", "round")
        for answers in told.values()
        for status in answers
    )
