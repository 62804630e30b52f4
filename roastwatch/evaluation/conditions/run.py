"""All conditions that were asked for, of one model."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.errors import BadInputError
from roastwatch.evaluation.conditions import sources
from roastwatch.evaluation.conditions.kitchen import evaluate_kitchen
from roastwatch.evaluation.conditions.radio import LEVELS_DB, evaluate_radio
from roastwatch.evaluation.conditions.results import Row
from roastwatch.evaluation.conditions.timelines import evaluate_timelines


def evaluate_conditions(
    model: CrackModel,
    names: Sequence[str],
    folder: Path,
    choice: sources.Choice,
    *,
    draws: int,
    synthesised: int,
    levels_db: Sequence[float] = LEVELS_DB,
    onset: OnsetOptions,
    progress: Callable[[str], None],
) -> list[Row]:
    """The rows of each condition. The same seeds give the same sound for every model.

    Args:
        model: any detector.
        names: of `results.CONDITIONS`.
        folder: recordings, see `sources.find`.
        choice: which parts of them.
        draws: seeded playlists, orders and versions.
        synthesised: synthesised roasters, besides the recorded ones; at most four different
            noises under kitchens and timelines.
        levels_db: of the radio over the roaster's own noise.
        onset: how pops become a decision.
        progress: called with what is being done.

    Raises:
        BadInputError: nothing to evaluate on, or a recording that the model was trained on.
    """
    found = sources.find(folder, choice)
    sources.refuse_trained_on(found.recordings, model.spec.trained_on)
    rows: list[Row] = []
    for name in names:
        evaluate: Callable[..., list[Row]]
        match name:
            case "radio":
                evaluate = partial(evaluate_radio, levels_db=levels_db)
            case "kitchen":
                evaluate = evaluate_kitchen
            case _:
                evaluate = evaluate_timelines
        more = evaluate(
            model, found, draws=draws, synthesised=synthesised, onset=onset, progress=progress
        )
        if not more:
            raise BadInputError(
                f"{folder} holds nothing for the condition '{name}': name recordings of kind "
                "music, talk, kitchen or timeline in its manifest.csv."
            )
        rows += more
    return rows
