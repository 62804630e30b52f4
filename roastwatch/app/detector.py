"""The model that a station listens with, and how it is changed between roasts."""

import logging
from collections.abc import Callable
from pathlib import Path

from roastwatch import plugins
from roastwatch.detection import calibration
from roastwatch.detection.decision.onset import OnsetOptions
from roastwatch.detection.model import CrackModel
from roastwatch.pipeline import Pipeline
from roastwatch.settings.model import StationSettings
from roastwatch.vocabulary import ModelCard

_log = logging.getLogger(__name__)


class Detector:
    """A model with the decision that was learned for it. Sound may refuse a new one."""

    def __init__(
        self,
        settings: StationSettings,
        recordings: Path | None,
        changed: Callable[[str], None] = lambda _model_id: None,
    ) -> None:
        """`changed` is called with the id of each model that listens after the first.

        Raises:
            SettingsError: the calibration can't be read.
        """
        self._settings = settings
        self._recordings = recordings
        self._changed = changed
        self.name = settings.model.type
        self.problem = ""
        """Why the selected detector is not the one that listens; empty: it is."""
        self.model: CrackModel
        factory = plugins.load("models", settings.model.type)
        self._onset, self.model = self._calibrated(factory(settings.model.options))
        self._pending = False
        """Another model waits for the next sound."""
        self._before: tuple[OnsetOptions, CrackModel, str] | None = None
        """What listened before a selection that has not been applied yet."""

    @property
    def card(self) -> ModelCard:
        """What a person may want to know of the model."""
        spec = self.model.spec
        return ModelCard(
            spec.model_id,
            spec.description,
            spec.lowest_rate_hz,
            spec.hop_s,
            spec.look_ahead_s,
            spec.pop_threshold,
        )

    def select(self, model: CrackModel, name: str) -> None:
        """Listen with another model from the next sound on.

        If it can't be opened for that sound, the one before it goes on and `problem` says why.

        Raises:
            SettingsError: the calibration can't be read.
        """
        before = (self._onset, self.model, self.name)
        self._onset, self.model = self._calibrated(model)
        self._before = self._before or before
        self.name, self.problem, self._pending = name, "", True
        self._changed(model.spec.model_id)

    def open(self, make: Callable[[CrackModel, OnsetOptions], Pipeline]) -> Pipeline:
        """The pipeline for the first sound; made with the former model if the selected one fails.

        Raises:
            RoastwatchError: no model can judge this sound.
        """
        try:
            pipeline = make(self.model, self._onset)
        except Exception as error:
            if self._before is None:
                raise
            self._go_back(error)
            pipeline = make(self.model, self._onset)
        self._before, self._pending = None, False
        return pipeline

    def change(self, pipeline: Pipeline) -> None:
        """Between two blocks: give the pipeline a model that was selected meanwhile."""
        if not self._pending:
            return
        self._pending = False
        try:
            pipeline.use(self.model, self._onset)
        except Exception as error:  # noqa: BLE001 - shown; a selection must not end the listening
            self._go_back(error)
        self._before = None

    def _go_back(self, error: Exception) -> None:
        assert self._before is not None
        self.problem = f"The detector {self.name} can't be used here: {error}"
        _log.warning("%s: %s", self._settings.name, self.problem, exc_info=error)
        self._onset, self.model, self.name = self._before
        self._changed(self.model.spec.model_id)

    def _calibrated(self, model: CrackModel) -> tuple[OnsetOptions, CrackModel]:
        """Decision and model as set, or as learned from this station's own roasts."""
        path = self._settings.calibration
        if path is None and self._recordings is not None:
            path = calibration.path_for(self._recordings, self._settings.name)
        if path is None:
            return self._settings.onset, model
        return calibration.applied(self._settings.onset, model, path)
