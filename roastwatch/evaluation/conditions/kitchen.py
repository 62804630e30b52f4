"""A kitchen: everyday sounds alone, and under roasters' noise."""

from collections.abc import Callable

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.evaluation.conditions import sounds
from roastwatch.evaluation.conditions.results import Row, of_alarms
from roastwatch.evaluation.conditions.sources import Sources, part_of
from roastwatch.evaluation.noise import BEDS, RATE_HZ, count_alarms, load_sounds, synthesised_bed


def evaluate_kitchen(
    model: CrackModel,
    sources: Sources,
    *,
    draws: int,
    synthesised: int,
    onset: OnsetOptions,
    progress: Callable[[str], None],
) -> list[Row]:
    """Alarms an hour in `draws` seeded orders: bare, and over synthesised and recorded roasters.

    Each order has one of the roasters' noises, the first order the first of them.

    Raises:
        BadInputError: no kitchen sounds that this choice allows.
    """
    kitchen = sources.of("kitchen")
    if not kitchen:
        return []
    loaded = load_sounds(kitchen)
    roasts = list(sources.of_any("roast"))
    recorded = [
        sounds.recorded_bed(roast.noise, roast.rate_hz)
        for roast in sounds.real_roasts(roasts)
        if roast.rate_hz == RATE_HZ
    ]
    made = [synthesised_bed(index) for index in range(min(synthesised, len(BEDS)))]
    rows = []
    for over, beds, used in (
        ("bare", [], []),
        ("synthesised", made, []),
        ("recorded", recorded, roasts),
    ):
        if over != "bare" and not beds:
            continue
        name = f"kitchen, {over}"
        found = count_alarms(model, loaded, draws, onset, progress, name=name, beds=beds)
        rows.append(of_alarms("kitchen", "kitchen", over, part_of([*kitchen, *used]), found))
    return rows
