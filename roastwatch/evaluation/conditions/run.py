"""All conditions that were asked for, of one model."""

from collections.abc import Callable, Sequence
from pathlib import Path

from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.errors import BadInputError
from roastwatch.evaluation.conditions import sources
from roastwatch.evaluation.conditions.kitchen import evaluate_kitchen
from roastwatch.evaluation.conditions.radio import evaluate_radio
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
        synthesised: how many synthesised roasts the radio plays over, besides recorded ones.
        onset: how pops become a decision.
        progress: called with what is being done.

    Raises:
        BadInputError: nothing to evaluate on, or a recording that the model was trained on.
    """
    found = sources.find(folder, choice)
    sources.refuse_trained_on(found.recordings, model.spec.trained_on)
    rows: list[Row] = []
    for name in names:
        if name == "radio":
            more = evaluate_radio(
                model, found, draws=draws, synthesised=synthesised, onset=onset, progress=progress
            )
        elif name == "kitchen":
            more = evaluate_kitchen(model, found, draws=draws, onset=onset, progress=progress)
        else:
            more = evaluate_timelines(model, found, draws=draws, onset=onset, progress=progress)
        if not more:
            raise BadInputError(
                f"{folder} holds nothing for the condition '{name}': name recordings of kind "
                "music, talk, kitchen or timeline in its manifest.csv."
            )
        rows += more
    return rows
