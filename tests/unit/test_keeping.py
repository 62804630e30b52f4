"""The whole service with a roast log: what is told is kept, and a cut roast goes on."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roastwatch import settings
from roastwatch.roast.log import RoastLog
from roastwatch.roast.log_schema import LogError
from roastwatch.roast.log_store import Store
from roastwatch.service import Outlet, Service
from roastwatch.supervise import Part
from roastwatch.vocabulary import (
    EventKind,
    Instruction,
    InstructionKind,
    Level,
    Origin,
    Phase,
    RoastEvent,
)
from tests.unit.test_service import Notebook


def service(path: Path) -> tuple[Service, Notebook]:
    demo = {"type": "demo", "seed": 3, "speed": 0, "first_crack_at_s": 40, "fooling_per_h": 0}
    station = {"name": "kitchen", "source": demo, "roast": {"begins": "person"}}
    made = Service(settings.parse({"stations": [station]}), log_path=path)
    notebook = Notebook()
    made.outlets = [Outlet("notebook", notebook, Part("notebook"))]
    return made, notebook


def asked(kind: InstructionKind) -> Instruction:
    return Instruction("kitchen", kind, Origin.PERSON, datetime.now(UTC), by="Ada")


async def test_what_is_told_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    made, notebook = service(path)
    made.instruct(asked(InstructionKind.CHARGE))
    await made.run()
    with Store(path) as store:
        (line,) = store.list_json()
        record = store.record("last")
    told = {event.event_id for event in notebook.events}
    assert {event.event_id for event in record.events} == told
    crack = record.event(EventKind.FIRST_CRACK)
    assert crack is not None
    assert crack.level in (Level.FIRST_CRACK, Level.CERTAIN)
    charge, *_, last = notebook.events
    since_s = (last.happened_at - charge.happened_at).total_seconds()
    assert json.loads(line)["metrics"]["first_crack_s"] == pytest.approx(since_s, abs=0.01)
    assert len(record.pops) > 3
    assert len(record.scores) > 20


async def test_a_cut_roast_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "roasts.db"
    began = datetime.now(UTC) - timedelta(minutes=8)
    async with RoastLog.open(path) as log:
        await log.start_roast("r1", "kitchen", began)
        charge = RoastEvent("r1-charge-1", "kitchen", "r1", EventKind.CHARGE, began, began,
                            Origin.PERSON)  # fmt: skip
        await log.commit(charge, 0.0)
    made, notebook = service(path)
    await made.run()
    assert {event.roast_id for event in notebook.events} == {"r1"}
    assert EventKind.FIRST_CRACK in {event.kind for event in notebook.events}
    assert made.latest.value is not None
    shown = made.latest.value["kitchen"]
    assert shown.phase in (Phase.FIRST_CRACK, Phase.DEVELOPMENT)
    assert shown.elapsed_s is not None
    assert shown.elapsed_s > 480
    with Store(path) as store:
        record = store.record("r1")
    assert record.event(EventKind.CHARGE) is not None
    ((from_s, to_s),) = record.gaps
    assert (from_s, round(to_s, -1)) == (0.0, 480.0)


async def test_a_log_that_will_not_open_stops_the_start(tmp_path: Path) -> None:
    made, _ = service(tmp_path)
    with pytest.raises(LogError, match="is a folder"):
        await made.run()
