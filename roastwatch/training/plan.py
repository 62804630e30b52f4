"""The plan of a training run: one YAML file, checked like the settings."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import Field, ValidationError

from roastwatch.errors import BadInputError
from roastwatch.files.untrusted import read_text
from roastwatch.files.yaml_file import parse_yaml
from roastwatch.options import Options, explained
from roastwatch.synth.clips import Recipe
from roastwatch.synth.distractors import MAKERS
from roastwatch.training.bank import BankPlan

Programme = Literal["music", "drums", "strings", "talk"]
Plan = TypeVar("Plan", bound=Options)


class BankSettings(Options):
    """Synthesised clips."""

    clips: int = Field(description="How many clips.", ge=1)
    length_s: float = Field(8.0, description="Length of a clip in seconds.", ge=2, le=60)
    seed: int = Field(description="Seed of the clips.", ge=0)
    cracks: float = Field(0.5, description="Share of clips with cracks.", ge=0, le=1)
    real: float = Field(
        0.4, description="Share of distractors taken from recordings, if given.", ge=0, le=1
    )
    fire: float = Field(
        0.0, description="Share of cracks cut from recordings of fire, if given.", ge=0, le=1
    )
    bare: float = Field(
        0.3, description="Share of clips without cracks that have no roaster.", ge=0, le=1
    )
    rooms: float = Field(0.8, description="Share of clips in a reverberant room.", ge=0, le=1)
    lossy: float = Field(
        1.0,
        description="How often codecs, gain control and clipping apply (0: never).",
        ge=0,
        le=1,
    )
    music: float = Field(
        0.0, description="Share of clips in which a radio plays music or talk.", ge=0, le=1
    )
    music_whole: float = Field(
        0.7, description="Of those, share in which it plays all the time.", ge=0, le=1
    )
    music_real: float = Field(
        0.5, description="Of those, share taken from recordings, if given.", ge=0, le=1
    )
    music_db: tuple[float, float] = Field(
        (-20.0, 10.0), description="Lowest and highest level of it over the roaster, in dB."
    )
    music_weights: dict[Programme, float] = Field(
        {"music": 0.4, "drums": 0.25, "strings": 0.15, "talk": 0.2},
        description="How often each programme is synthesised.",
    )
    without: tuple[str, ...] = Field((), description="Distractors to leave out (ablation).")

    def plan(self, recordings: tuple[tuple[str, str], ...]) -> BankPlan:
        """The plan of the bank with these settings."""
        unknown = sorted(set(self.without) - set(MAKERS))
        if unknown:
            raise BadInputError(
                f"bank.without: there is no distractor '{unknown[0]}': use {', '.join(MAKERS)}."
            )
        recipe = Recipe(
            cracks=self.cracks,
            bare=self.bare,
            rooms=self.rooms,
            lossy=self.lossy,
            real=self.real,
            fire=self.fire,
            kinds=tuple(kind for kind in MAKERS if kind not in self.without),
            music=self.music,
            music_whole=self.music_whole,
            music_db=self.music_db,
            music_real=self.music_real,
            music_weights=tuple(self.music_weights.items()),
        )
        return BankPlan(self.clips, self.length_s, self.seed, recipe, recordings)


class NetworkSettings(Options):
    """The net's size."""

    channels: int = Field(48, description="Channels of each block.", ge=4, le=512)
    band_channels: int = Field(
        16, description="Channels of the first layer, shared by all bands.", ge=1, le=512
    )
    dilations: tuple[int, ...] = Field(
        (1, 2, 5, 12, 30), description="Rows (10 ms) between a convolution's taps, per block."
    )
    look_ahead_rows: int = Field(
        26, description="Delay of a row's score, in rows of 10 ms.", ge=0, le=100
    )

    @property
    def size(self) -> tuple[int, int, tuple[int, ...]]:
        """Arguments of `PopNet`."""
        return self.channels, self.band_channels, self.dilations


class LearningSettings(Options):
    """Options of training."""

    epochs: int = Field(24, description="Most passes over the bank.", ge=1)
    batch_clips: int = Field(48, description="Clips per step, of all processes together.", ge=1)
    learning_rate: float = Field(0.004, description="Peak of the schedule.", gt=0)
    warm_up: float = Field(
        0.05, description="Share of the steps in which the learning rate rises.", ge=0, lt=1
    )
    weight_decay: float = Field(0.01, description="Weight decay of AdamW.", ge=0)
    crack_weight: float = Field(
        5.0, description="Weight of a row with a crack (class balance).", gt=0
    )
    fire_weight: float = Field(
        0.1, description="Weight of fire as not a crack: it is almost the same sound.", ge=0
    )
    fooling_weight: float = Field(
        1.0, description="Weight of a row without a crack in a clip with distractors.", ge=0
    )
    radio_weight: float = Field(
        0.3, description="Weight of judging how loud a radio is (0: not learnt).", ge=0
    )
    teacher_weight: float = Field(
        1.0,
        description="Weight of judging like the net to start from, where no radio plays.",
        ge=0,
    )
    only_new: bool = Field(
        False, description="Freeze the net to start from: only its new blocks and the radio learn."
    )
    focus: float = Field(1.0, description="Exponent that favours hard rows (focal loss).", ge=0)
    patience_epochs: int = Field(
        8, description="Epochs without improvement after which training stops.", ge=1
    )
    keep_checkpoints: int = Field(2, description="Number of checkpoints to keep.", ge=1)


class TrainingPlan(Options):
    """A whole training run."""

    name: str = Field(description="Name of the model.", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    seed: int = Field(0, description="Seed of weights, batches and augmentation.", ge=0)
    bank: BankSettings = Field(description="Training clips.")
    validation: BankSettings = Field(description="Clips to choose the best epoch on.")
    network: NetworkSettings = Field(NetworkSettings(), description="The net.")
    training: LearningSettings = Field(LearningSettings(), description="Training.")
    started_from: str = Field("", description="SHA-256 of the net to start from; set by --from.")


def read_plan(path: Path) -> TrainingPlan:
    """A plan of the pop net from a YAML file.

    Raises:
        BadInputError: one sentence that names the key and what is wrong with it.
    """
    return parse_plan(TrainingPlan, read_yaml(path), path)


def read_yaml(path: Path) -> Any:
    """A YAML file's content.

    Raises:
        BadInputError: one sentence that names the key and what is wrong with it.
    """
    try:
        return parse_yaml(read_text(path))
    except OSError as error:
        raise BadInputError(f"{path} can't be read ({error.strerror}).") from error
    except yaml.YAMLError as error:
        raise BadInputError(f"{path} is not YAML: {getattr(error, 'problem', error)}.") from error


def changed(raw: Any, changes: Sequence[str]) -> Any:
    """What was read from a file, with other values for some keys: each change is KEY=VALUE.

    Raises:
        BadInputError: a change is not of that form, or its key leads into a value.
    """
    fresh = copy.deepcopy(raw)
    for change in changes:
        name, equals, value = change.partition("=")
        *path, last = name.split(".")
        place = fresh
        for key in path:
            place = place.setdefault(key, {}) if isinstance(place, dict) else None
        if not equals or not isinstance(place, dict):
            raise BadInputError(f"--set {change}: write KEY=VALUE, such as bank.rooms=0.")
        place[last] = yaml.safe_load(value)
    return fresh


def parse_plan(kind: type[Plan], raw: Any, path: Path) -> Plan:
    """What was read from a file, as a plan of this kind.

    Raises:
        BadInputError: one sentence that names the key and what is wrong with it.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise BadInputError(f"{path}: {explained(error, kind, kind='key')}") from error
