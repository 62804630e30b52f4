"""A person's plan run by the service: from the charge, by time, temperature and what is heard."""

import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from roastwatch.errors import BadInputError
from roastwatch.roast import formats
from roastwatch.roast.roast import Roast
from roastwatch.roaster.pid import TAKEN_OVER, Follower, Profile
from roastwatch.roaster.plan import Plan, PlanRun, Step, read_plan
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    EventKind,
    Origin,
    Outcome,
    Reading,
    RoastEvent,
)

_RECORDED = (".alog", ".csv")
PROFILE_SUFFIXES = (".yaml", ".yml", *_RECORDED)
"""Files that can be a profile."""

Ask = Callable[[Command], Awaitable[CommandResult]]


class Program:
    """One plan for every roast of a station. Each roast begins it anew at its charge."""

    def __init__(self, station: str, plan: Plan, profile: Profile | None) -> None:
        self.plan = plan
        self.profile = profile
        self.refusals: list[str] = []
        """What the interlocks refused or limited, to be told; the caller empties it."""
        self._station = station
        self._roast_id: str | None = None
        self._run = PlanRun(plan)
        self._follower: Follower | None = None
        self._happened: dict[EventKind, datetime] = {}

    @classmethod
    def read(cls, station: str, path: Path) -> "Program":
        """From a plan file, or from a recorded roast that is only compared with.

        Raises:
            BadInputError: the plan or its background can't be used.
        """
        if path.suffix.lower() in _RECORDED:
            plan = Plan(name=path.stem, steps=(Step(at_s=0.0),), background=path)
        else:
            plan = read_plan(path)
        return cls(station, plan, profile_of(plan))

    def event(self, event: RoastEvent) -> None:
        """Something happened in the roast; a first crack counts from the plan's level on."""
        if event.revoked:
            self._happened.pop(event.kind, None)
            return
        if event.kind is EventKind.FIRST_CRACK and (
            event.level is None or event.level.rank < self.plan.first_crack_level.rank
        ):
            return
        self._happened.setdefault(event.kind, event.happened_at)

    def deviation_c(self, roast: Roast, now: datetime, reading: Reading | None) -> float | None:
        """How far the beans are above the profile, °C."""
        elapsed_s = roast.elapsed_s(now) if roast.active else None
        if self.profile is None or reading is None or elapsed_s is None:
            return None
        target = self.profile.at(elapsed_s)
        return (
            None if target is None or reading.bean_temp_c is None else reading.bean_temp_c - target
        )

    async def turn(
        self,
        roast: Roast,
        now: datetime,
        reading: Reading | None,
        ask: Ask,
        heater_percent: float | None = None,
    ) -> None:
        """Take the steps that are due. Call it a few times a second.

        `heater_percent` is what the heater was last told. Where several steps are due at once (the
        roaster was armed late, or the service started again), each actuator is asked for its last
        value only: heat that the plan has long lowered is not raised for a moment.
        """
        elapsed_s = roast.elapsed_s(now)
        if not roast.active or not roast.start_known or elapsed_s is None:
            return
        charged_at = roast.charged_at
        if roast.roast_id != self._roast_id:
            self._roast_id, self._run = roast.roast_id, PlanRun(self.plan)
            self._happened = {k: at for k, at in self._happened.items() if at == charged_at}
            follows = self.profile is not None and self.plan.follow
            self._follower = (
                Follower(self.profile, self.plan.pid) if follows and self.profile else None
            )
        happened_s = {
            kind: (at - charged_at).total_seconds()
            for kind, at in self._happened.items()
            if charged_at is not None and at >= charged_at
        }
        bean = reading.bean_temp_c if reading else None
        last: dict[Actuator, tuple[float, Origin]] = {}
        for due in self._run.due(elapsed_s, bean, happened_s):
            for actuator, percent in due.step.settings():
                last.pop(actuator, None)  # the last one counts, and in its own step's order
                last[actuator] = (percent, due.origin)
        for actuator, (percent, origin) in last.items():
            await self._ask(ask, actuator, percent, origin)
            if self._follower is not None and actuator is Actuator.HEATER:
                self._follower.begin()
        if self._follower is None or reading is None or Actuator.HEATER in last:
            return
        followed = not self._follower.taken_over
        wanted = self._follower.next(elapsed_s, bean, heater_percent or 0.0)
        if followed and self._follower.taken_over:
            self.refusals.append(TAKEN_OVER)
        if wanted is not None:
            result = await self._ask(ask, Actuator.HEATER, wanted, Origin.PLAN)
            self._follower.applied(result.applied)

    async def _ask(
        self, ask: Ask, actuator: Actuator, percent: float, origin: Origin
    ) -> CommandResult:
        command = Command(
            uuid.uuid4().hex[:12], self._station, actuator, percent, origin, time.monotonic()
        )
        result = await ask(command)
        if result.outcome is not Outcome.APPLIED:
            self.refusals.append(
                f"The plan's {actuator} {percent:g} % was {result.outcome}: {result.reason}"
            )
        return result


def profile_of(plan: Plan) -> Profile | None:
    """What the plan compares with: its own target, or the bean curve of its background.

    Raises:
        BadInputError: the background can't be read, or has no bean temperature.
    """
    if plan.target:
        return Profile.of(plan.target)
    if plan.background is None:
        return None
    record = formats.read_file(plan.background)
    charge_s = next((e.at_s for e in record.events if e.kind is EventKind.CHARGE), record.at_s[0])
    drop_s = next((e.at_s for e in record.events if e.kind is EventKind.DROP), record.at_s[-1])
    beans = record.columns.get("bean_temp_c")
    if beans is None:
        raise BadInputError(f"{plan.background} has no bean temperature to compare with.")
    return Profile.of(
        [
            (at_s - charge_s, bean)
            for at_s, bean in zip(record.at_s, beans, strict=True)
            if charge_s <= at_s <= drop_s and bean == bean
        ]
    )
