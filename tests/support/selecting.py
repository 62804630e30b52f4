"""A service with a demonstration station whose detector and profile are selected."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roastwatch.app.service import Service
from roastwatch.settings import model as settings
from roastwatch.vocabulary import Instruction, InstructionKind, Origin, Snapshot
from tests.support.until import until


def made(folder: Path, **station: Any) -> Service:
    demo = {"type": "demo", "seed": 3, "speed": 4, "fooling_per_h": 0}
    kitchen = {"name": "kitchen", "source": demo, "model": "transients"} | station
    raw = {"stations": [kitchen], "data_dir": str(folder)}
    return Service(settings.parse(raw), log_path=folder / "roasts.sqlite")


@contextlib.asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    task = asyncio.create_task(service.run())
    try:
        await snapshot_where(service, lambda shown: shown.level is not None)
        yield service
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def snapshot_where(service: Service, condition: Callable[[Snapshot], object]) -> Snapshot:
    def found() -> Snapshot | None:
        shown = (service.latest.value or {}).get("kitchen")
        return shown if shown is not None and condition(shown) else None

    snapshot = await until(found)
    assert isinstance(snapshot, Snapshot)
    return snapshot


def ask(service: Service, kind: InstructionKind, value: str | None = None) -> None:
    now = datetime.now(UTC)
    service.instruct(Instruction("kitchen", kind, Origin.PERSON, now, value))
