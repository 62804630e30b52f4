"""No slip in the arguments of a stop and no broken folder keeps it from heat 0."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.fakes.line import PtyLine
from tests.fakes.tc4 import FakeTc4
from tests.support.guarded import Guarded, end, guarded, heating, left
from tests.support.until import until

STARTED_S = 60.0


def hot_tc4() -> FakeTc4:
    fake = FakeTc4()
    fake.thermal.bean_c = fake.thermal.air_c = 120.0
    return fake


@contextlib.asynccontextmanager
async def stopping(place: Guarded, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`roaster stop` with these words."""
    process = await place.service("roaster", "stop", *words)
    try:
        yield process
    finally:
        await end(process)


@pytest.mark.parametrize(
    ("words", "slip"),
    [
        ("--type tc5", "tc5"),
        ("--type tc4 --option nope=1", "nope"),
        ("--type tc4 --option fan", "KEY=VALUE"),
        ("--type tc4 --limits /nonexistent.yaml", "/nonexistent.yaml"),
        ("--settings /nonexistent.yaml", "/nonexistent.yaml"),
        ("--tpye tc4 --station", "--tpye"),
    ],
)
async def test_stop_with_a_slip_is_carried_out_and_the_slip_reported(
    tmp_path: Path, words: str, slip: str
) -> None:
    fake = hot_tc4()
    async with (
        guarded() as place,
        PtyLine(fake, tmp_path) as line,
        heating(place, "tc4", line.port),
    ):
        assert fake.ot1 == 60
        async with stopping(place, "--port", str(line.port), *words.split()) as stop:
            await until(lambda: fake.ot1 == 0, STARTED_S)
            out = await left(stop)
            assert "Stopped tc4" in out
            assert slip in out.partition("Not understood")[2]


@pytest.mark.parametrize("spell", [lambda p: f" {p} ", os.path.relpath, lambda p: f"{p}/"])
async def test_port_is_found_with_spaces_and_as_a_relative_path(
    tmp_path: Path, spell: Callable[[str], str]
) -> None:
    fake = hot_tc4()
    async with (
        guarded() as place,
        PtyLine(fake, tmp_path) as line,
        heating(place, "tc4", line.port),
    ):
        assert fake.ot1 == 60
        async with stopping(place, "--port", spell(str(line.port))):
            await until(lambda: fake.ot1 == 0, STARTED_S)


def a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file"


def open_to_all(folder: Path) -> Path:
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    return folder / "open"


@pytest.mark.parametrize(
    "make",
    [a_file, open_to_all, lambda _: Path("/proc/nope/x"), lambda folder: folder / ("x" * 120)],
)
async def test_stop_needs_no_runtime_folder(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        fake.ot1 = 60  # nobody guards it
        bad = make(tmp_path)
        place.environment["ROASTWATCH_RUNTIME_DIR"] = str(bad)
        place.folder, mine = bad, place.folder  # so that its guardian is found, and ended
        try:
            async with stopping(place, "--type", "tc4", "--port", str(line.port)) as stop:
                await until(lambda: fake.ot1 == 0, STARTED_S)
                out = await left(stop)
                assert "ROASTWATCH_RUNTIME_DIR" in out
                assert "Stopped tc4" in out
        finally:
            place.kill_all()
            place.folder = mine


async def test_drive_needs_no_runtime_folder(tmp_path: Path) -> None:
    fake = hot_tc4()
    async with guarded() as place, PtyLine(fake, tmp_path) as line:
        place.environment["ROASTWATCH_RUNTIME_DIR"] = f"{place.folder}/{'x' * 120}"
        service = await place.drive("tc4", line.port)
        try:
            await until(lambda: fake.ot1 == 60, STARTED_S)
            async with stopping(place, "--port", str(line.port)):
                await until(lambda: fake.ot1 == 0, STARTED_S)
        finally:
            await end(service)
