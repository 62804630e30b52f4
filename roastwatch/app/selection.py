"""What a person may select at a station between roasts: the detector and the profile."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from roastwatch import plugins
from roastwatch.app.program import PROFILE_SUFFIXES
from roastwatch.app.roaster_session import RoasterSession
from roastwatch.app.station import Station
from roastwatch.errors import BadInputError, RoastwatchError
from roastwatch.files.atomic import write_whole
from roastwatch.settings.model import Chosen, StationSettings
from roastwatch.vocabulary import InstructionKind

NO_PROFILE = "no profile"
_MID_ROAST = "The {} can't be changed during a roast: end the roast first."
_LOOK_EVERY_S = 30.0
_log = logging.getLogger(__name__)


def detectors(settings: StationSettings) -> dict[str, Chosen]:
    """The models that a person may select, that of the settings first."""
    offered = {settings.model.type: settings.model}
    for chosen in settings.detectors:
        offered.setdefault(chosen.type, chosen)
    return offered


def plan_folders(stations: Iterable[StationSettings], usual: Path | None) -> Sequence[Path]:
    """The folders of plans, each once; `usual`: where the settings name none."""
    found = (station.profiles or usual for station in stations)
    return list(dict.fromkeys(folder for folder in found if folder is not None))


class SelectionStore:
    """Selections, kept over a restart until the settings change."""

    def __init__(self, path: Path | None) -> None:
        """`path` is a small JSON file; None: nothing is kept."""
        self._path = path
        self._kept: dict[str, Any] = {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError):
                found = json.loads(path.read_text(encoding="utf-8"))
                self._kept = found if isinstance(found, dict) else {}

    def get(self, station: str, what: str, instead_of: str) -> str | None:
        """What a person selected; None if the settings have changed since."""
        kept = self._kept.get(f"{station}/{what}")
        if isinstance(kept, dict) and kept.get("instead_of") == instead_of:
            return str(kept.get("chosen"))
        return None

    def keep(self, station: str, what: str, chosen: str, instead_of: str) -> None:
        """Save a selection; a crash leaves the old file or the new one."""
        self._kept[f"{station}/{what}"] = {"chosen": chosen, "instead_of": instead_of}
        if self._path is None:
            return
        try:
            write_whole(self._path, json.dumps(self._kept, indent=1))
        except OSError as error:
            _log.warning("The selection is not kept over a restart: %s", error)


class Selection:
    """One station's selections: shown in its snapshot, made by instructions."""

    def __init__(
        self,
        station: Station,
        driven: RoasterSession | None,
        choices: SelectionStore,
        plans: Path | None = None,
    ) -> None:
        """`plans`: the folder of plans where the settings name none."""
        self.refusal = ""
        self._folder = station.settings.profiles or plans
        self._station = station
        self._driven = driven
        self._choices = choices
        self._detectors = detectors(station.settings)
        self._profiles: dict[str, Path] = {}
        plan = station.settings.plan
        self._set_profile = plan.stem if plan is not None else NO_PROFILE
        self._profile = self._set_profile
        self._looked_s = 0.0

    async def begin(self) -> None:
        """Restore what was selected before a restart, also during a roast."""
        self.look()
        for what, now in (("detector", self.detector), ("profile", self._profile)):
            before = self._choices.get(self._station.name, what, self._set(what))
            if before is not None and before != now:
                kind = InstructionKind(what)
                try:
                    self.refusal = await self._choose(kind, before)
                except Exception as error:  # noqa: BLE001
                    # A selection must not prevent every start of the service.
                    self.refusal = f"The {kind} {before!r} can't be used: {error}"
                    _log.exception("%s: %s", self._station.name, self.refusal)

    @property
    def detector(self) -> str:
        """The name of the model that listens."""
        return self._station.detector.name

    def tick(self) -> None:
        """Every 30 s: plans may be added or removed while the service runs."""
        if time.monotonic() - self._looked_s > _LOOK_EVERY_S:
            self.look()

    def look(self) -> None:
        """Update the list of profiles."""
        self._looked_s = time.monotonic()
        settings = self._station.settings
        found: dict[str, Path] = {}
        if self._driven is not None:
            paths = [] if settings.plan is None else [settings.plan]
            if self._folder is not None:
                with contextlib.suppress(OSError):
                    paths += sorted(self._folder.iterdir())
            for path in paths:
                if path.suffix.lower() in PROFILE_SUFFIXES and path not in found.values():
                    found.setdefault(path.name if path.stem in found else path.stem, path)
        self._profiles = found

    def offered(self) -> Mapping[str, Path]:
        """The profiles that can be selected now, by name."""
        self.look()
        return self._profiles

    def shown(self) -> dict[str, Any]:
        """What is selected, and what could be, as fields of a `Snapshot`."""
        profiles = (NO_PROFILE, *self._profiles) if self._profiles else ()
        return {
            "detector": self.detector,
            "model": self._station.detector.card,
            "detectors": tuple(self._detectors),
            "profile": self._profile if profiles else None,
            "profiles": profiles,
            "refusal": self.refusal or self._station.detector.problem,
        }

    async def choose(self, kind: InstructionKind, value: object) -> None:
        """Select the detector or profile of a name, or set `refusal` to the reason why not."""
        self.look()
        if self._roasting():
            self.refusal = _MID_ROAST.format(kind)
        else:
            self.refusal = await self._choose(kind, str(value))
        if self.refusal:
            _log.warning("%s: %s", self._station.name, self.refusal)
        else:
            self._choices.keep(self._station.name, kind.value, str(value), self._set(kind.value))

    async def _choose(self, kind: InstructionKind, name: str) -> str:
        known = list(self._detectors)
        if kind is InstructionKind.PROFILE:
            known = [NO_PROFILE, *self._profiles] if self._profiles else []
        if name not in known:
            there = ", ".join(known) or "none, because there is no roaster or no plan"
            return f"There is no {kind} {name!r}. Available: {there}."
        try:
            if kind is InstructionKind.DETECTOR:
                await self._listen_with(name)
            else:
                await self._compare_with(name)
        except RoastwatchError as error:
            return str(error)
        return ""

    async def _listen_with(self, name: str) -> None:
        chosen = self._detectors[name]
        model = await asyncio.to_thread(lambda: plugins.load("models", name)(chosen.options))
        if self._roasting():  # it began while the model was loaded
            raise BadInputError(_MID_ROAST.format(InstructionKind.DETECTOR))
        self._station.select_model(model, name)

    async def _compare_with(self, name: str) -> None:
        assert self._driven is not None
        program = None
        if name != NO_PROFILE:
            path = self._profiles[name]
            program = await asyncio.to_thread(self._driven.read_program, path)
        self._driven.program = program
        self._profile = name

    def _roasting(self) -> bool:
        return self._station.roast.active

    def _set(self, what: str) -> str:
        """The value of the settings."""
        return self._station.settings.model.type if what == "detector" else self._set_profile
