"""Statistics of the detector from people's labels."""

from datetime import timedelta
from pathlib import Path

from roastwatch.roastlog.log import RoastLog
from roastwatch.roastlog.statistics import statistics
from roastwatch.roastlog.store import Store
from roastwatch.vocabulary import EventKind, Level, Origin, RoastEvent
from tests.unit.test_roast_log import START, written


async def roast(log: RoastLog, name: str, *events: tuple[Origin, Level, bool], label: str) -> None:
    """One live roast whose first crack grew through these levels, and a person's label."""
    await log.start_roast(name, "roaster", START)
    happened_at = START + timedelta(seconds=480)
    for origin, level, revoked in events:
        made = RoastEvent(
            f"{name}-crack", "roaster", name, EventKind.FIRST_CRACK, happened_at,
            happened_at + timedelta(seconds=14), origin, level, revoked=revoked,
        )  # fmt: skip
        if not await log.commit(made):
            await written(log)
    if label:
        log.record_label(f"{name}-crack", label, "Ada")
    await log.end_roast(name, START + timedelta(seconds=600))


async def test_statistics_count_found_missed_and_false_detections(tmp_path: Path) -> None:
    sound, person = Origin.SOUND, Origin.PERSON
    async with RoastLog.open(tmp_path / "roasts.db") as log:
        heard = (sound, Level.FIRST_CRACK, False)
        await roast(log, "confirmed", heard, label="crack")
        await roast(log, "marked too", heard, (person, Level.CERTAIN, False), label="")
        await roast(log, "taken back", heard, (person, Level.FIRST_CRACK, True), label="")
        await roast(log, "denied", heard, label="not_a_crack")
        await roast(log, "missed", (person, Level.CERTAIN, False), label="")
        await roast(log, "nobody said", heard, label="")
    with Store(tmp_path / "roasts.db") as store:
        ear = statistics(store)["detector"]
    assert (ear["roasts"], ear["found"], ear["false"], ear["missed"]) == (5, 2, 2, 1)
    assert ear["median_delay_s"] == 14.0
