"""The driver `replay`: the temperatures and settings of a recorded roast, in its own time."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from pydantic import Field

from roastwatch.errors import BadInputError, LostError
from roastwatch.options import Options
from roastwatch.records import formats
from roastwatch.records.record import RoastRecord
from roastwatch.roaster.driver import Capabilities
from roastwatch.vocabulary import Actuator, EventKind, Reading

DOOR_OPEN_S = 10.0
"""How long after the recorded drop the door is reported open."""
_PERCENTS = ("heater_percent", "fan_percent", "drum_percent", "cooling_percent")


class ReplayOptions(Options):
    """The recording, and how fast it is replayed."""

    port: Path = Field(description="Recording, in any format that `roastwatch roasts` imports.")
    speed: float = Field(1.0, gt=0, le=1000, description="Speed as a multiple of real time.")
    from_s: float = Field(0.0, ge=0, description="Start at this second of the recording.")


class ReplayRoaster:
    """A recorded roast as a roaster. It has no actuators, so nothing can be set."""

    Options = ReplayOptions
    is_the_machine = True

    def __init__(
        self,
        options: ReplayOptions,
        station: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._station = station
        self._clock = clock
        self._record: RoastRecord | None = None
        self._began_s = 0.0
        self.restarts = 0
        self.doubts: dict[str, str] = {}

    @property
    def capabilities(self) -> Capabilities:
        """It only reads."""
        columns: tuple[str, ...] = ("bean_temp_c", "environment_temp_c")
        if self._record is not None:
            columns = tuple(self._record.columns)
        return Capabilities(
            machine=f"Replay of {self._options.port.name}",
            actuators=frozenset(),
            reads_bean_temp="bean_temp_c" in columns,
            reads_environment_temp="environment_temp_c" in columns,
            read_period_s=1.0 / min(self._options.speed, 10.0),
            keep_alive_s=None,
            when_host_is_gone="off",
            make_safe_writes="nothing: it is a recording",
        )

    async def __aenter__(self) -> Self:
        """Read the recording. Opened again, the replay continues.

        Raises:
            BadInputError: the file can't be read, or is not a recorded roast.
        """
        if self._record is None:
            self._record = await asyncio.to_thread(formats.read_file, self._options.port)
            self._began_s = self._clock()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    async def read(self) -> Reading:
        """The recorded values at this time; after the end, the last ones."""
        await asyncio.sleep(0)
        record = self._record
        if record is None:
            raise LostError("The recording is not open.")
        now = self._clock()
        clock = np.asarray(record.at_s)
        at_s = clock[0] + self._options.from_s + (now - self._began_s) * self._options.speed
        index = int(np.clip(np.searchsorted(clock, at_s, side="right") - 1, 0, len(clock) - 1))
        drop_s = next((e.at_s for e in record.events if e.kind is EventKind.DROP), None)
        counted = self._value(record, "crack_count", index)
        return Reading(
            station=self._station,
            taken_at_s=now,
            bean_temp_c=self._value(record, "bean_temp_c", index),
            environment_temp_c=self._value(record, "environment_temp_c", index),
            door_open=None if drop_s is None else bool(drop_s <= at_s < drop_s + DOOR_OPEN_S),
            crack_count=None if counted is None else int(counted),
            over_range=False,
            **{name: self._value(record, name, index) for name in _PERCENTS},
        )

    async def write(self, actuator: Actuator, percent: float) -> None:
        """Refuse: there is nothing to set."""
        raise BadInputError(f"A replay can't set {actuator}: it is a recording.")

    async def make_safe(self) -> None:
        """Nothing to make safe."""
        await asyncio.sleep(0)

    @staticmethod
    def _value(record: RoastRecord, name: str, index: int) -> float | None:
        column = record.columns.get(name)
        if column is None:
            return None
        value = float(column[index])
        return value if np.isfinite(value) else None
