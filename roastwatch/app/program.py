"""A person's plan, run by the service from the charge, by time, temperature and detected cracks."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from pathlib import Path

from roastwatch.errors import BadInputError
from roastwatch.records import formats
from roastwatch.roast.roast import Roast
from roastwatch.roaster.plans.actions import (
    Action,
    Answer,
    Charge,
    Dropped,
    Moment,
    Say,
    Set,
    Took,
    carry_out,
)
from roastwatch.roaster.plans.executor import DRY_END_C, PlanExecutor
from roastwatch.roaster.plans.pid import SetpointProfile
from roastwatch.roaster.plans.plan import Plan, Step, read_plan
from roastwatch.vocabulary import (
    Actuator,
    Command,
    CommandResult,
    EventKind,
    Reading,
    RoastEvent,
)

_RECORDED = (".alog", ".csv")
PROFILE_SUFFIXES = (".yaml", ".yml", *_RECORDED)
"""Files that can be a profile."""

Ask = Callable[[Command], Awaitable[CommandResult]]


async def _unchecked() -> str | None:
    """Used where no guardian has to allow the charge, or to be notified of the drop."""
    return None


class StationPlan:
    """One plan for every roast of a station. It restarts at each charge.

    Times are the station's: they are compared with each other only, so its clock must not jump.
    """

    def __init__(
        self,
        station: str,
        plan: Plan,
        profile: SetpointProfile | None,
        *,
        dry_end_c: float = DRY_END_C,
    ) -> None:
        self.plan = plan
        self.profile = profile
        self.refusals: list[str] = []
        """Steps that were refused, to be reported; the caller empties it."""
        self.notes: list[str] = []
        """Remarks for people; the caller empties it."""
        self.left = False
        """Whether the plan has dropped the beans; the caller clears it."""
        self._station = station
        self._dry_end_c = dry_end_c
        self._roast_id: str | None = None
        self._began_at: datetime | None = None
        self._executor: PlanExecutor | None = None
        self._happened: dict[EventKind, RoastEvent] = {}

    @classmethod
    def read(cls, station: str, path: Path, dry_end_c: float = DRY_END_C) -> "StationPlan":
        """From a plan file, or from a recorded roast that is only a profile to compare with.

        Raises:
            BadInputError: the plan or its background can't be used.
        """
        if path.suffix.lower() in _RECORDED:
            plan = Plan(name=path.stem, steps=(Step(at_s=0.0),), background=path)
        else:
            plan = read_plan(path)
        return cls(station, plan, profile_of(plan), dry_end_c=dry_end_c)

    def event(self, event: RoastEvent) -> None:
        """An event of the roast; a first crack counts from the plan's level on."""
        if event.kind is EventKind.CHARGE:
            self._happened.clear()  # of the previous roast
        if event.revoked:
            self._happened.pop(event.kind, None)
        elif event.kind is not EventKind.FIRST_CRACK or event.level is not None:
            before = self._happened.get(event.kind)
            if before is None or before.event_id == event.event_id:
                self._happened[event.kind] = event
        if self._executor is not None:
            self._report(self._executor, event)

    def deviation_c(self, roast: Roast, now: datetime, reading: Reading | None) -> float | None:
        """How far the bean temperature is above the profile, °C."""
        elapsed_s = roast.elapsed_s(now) if roast.active else None
        if self.profile is None or reading is None or elapsed_s is None:
            return None
        target = self.profile.at(elapsed_s)
        return (
            None if target is None or reading.bean_temp_c is None else reading.bean_temp_c - target
        )

    def hand_back(self) -> None:
        """A person arms again: the plan regains what a person or an interlock had taken over."""
        if self._executor is not None:
            self._executor.hand_back()

    def stop(self) -> None:
        """A person stopped the roast: the rest of the plan is cancelled."""
        self._executor = None

    async def turn(
        self,
        roast: Roast,
        now: datetime,
        reading: Reading | None,
        ask: Ask,
        heater_percent: float | None = None,
        *,
        armed: bool = True,
        resumed: bool = False,
        actuators: Collection[Actuator] | None = None,
        echoes: Collection[Actuator] = frozenset(),
        charge: Callable[[], Awaitable[str | None]] = _unchecked,
        dropped: Callable[[], Awaitable[str | None]] = _unchecked,
    ) -> None:
        """Take the steps that are due. Call it a few times a second.

        `heater_percent` is the heater's setpoint. `resumed`: an earlier run of the service began
        this roast, so the time since its charge is known from the computer's clock alone.
        Unarmed, the plan waits; after the drop it continues to its end anyway, because nothing
        heats any more. If several steps are due at once (armed late, or the service restarted),
        each actuator is set to its last value only, so that heat is not raised for a moment to a
        value that the plan has lowered since.
        """
        self._begin(roast, actuators)
        executor, began_at = self._executor, self._began_at
        if executor is None or began_at is None:
            return
        if roast.roast_id == self._roast_id and roast.dropped_at is not None:
            executor.event(EventKind.DROP, self._plan_s(roast.dropped_at))
        other = roast.roast_id != self._roast_id
        over = other and (roast.active or not executor.dropped)
        if not armed:
            executor.unarmed()
        if over or not (armed or (executor.dropped and executor.begun)):
            self._executor = None if over else executor
            return
        elapsed_s = self._plan_s(now)
        heats = reading is not None and Actuator.HEATER in echoes
        moment = Moment(
            elapsed_s,
            reading.bean_temp_c if reading else None,
            heater_percent,
            reading.heater_percent if reading and (heats or heater_percent is None) else None,
        )

        if resumed and not executor.begun:
            self.notes.append(
                "roastwatch was restarted during the roast: the plan continues at the time since "
                "the charge, by the computer's clock. Check the time."
            )

        async def do(action: Action) -> Answer:
            match action:
                case Set(actuator, percent, origin):
                    return await ask(Command.new(self._station, actuator, percent, origin))
                case Charge():
                    return await charge()
                case Dropped():
                    self.left = True
                    return await dropped()
                case Took(_, step) if step.note:
                    self.notes.append(step.note)
                case Say(text, refused):
                    (self.refusals if refused else self.notes).append(text)
                case _:
                    pass
            return None

        await carry_out(executor.turn(moment), do)
        if executor.ended(elapsed_s) and executor.dropped:
            self._executor = None

    def _begin(self, roast: Roast, actuators: Collection[Actuator] | None) -> None:
        """A new roast starts the plan again."""
        new = roast.active and roast.roast_id != self._roast_id
        if not new or not roast.start_known or roast.charged_at is None:
            return
        self._roast_id, self._began_at = roast.roast_id, roast.charged_at
        self._executor = PlanExecutor(
            self.plan,
            self.profile,
            actuators=actuators,
            dry_end_c=self._dry_end_c,
            resumed=bool(roast.earlier),
        )
        for event in (*roast.earlier, *self._happened.values()):
            if event.happened_at >= roast.charged_at:
                self._report(self._executor, event)

    def _report(self, executor: PlanExecutor, event: RoastEvent) -> None:
        if event.kind is EventKind.FIRST_CRACK and event.level is None:
            return
        at_s = self._plan_s(event.happened_at)
        if event.kind is not EventKind.DROP:  # the roast itself says when it was dropped
            executor.event(event.kind, at_s, event.level, revoked=event.revoked)

    def _plan_s(self, at: datetime) -> float:
        """Seconds since the plan's start; never negative."""
        assert self._began_at is not None
        return max(0.0, (at - self._began_at).total_seconds())


def profile_of(plan: Plan) -> SetpointProfile | None:
    """The profile of a plan: its own target, or the bean curve of its background.

    Raises:
        BadInputError: the background can't be read, or has no bean temperature.
    """
    if plan.target:
        return SetpointProfile.of(plan.target)
    if plan.background is None:
        return None
    record = formats.read_file(plan.background)
    charge_s = next((e.at_s for e in record.events if e.kind is EventKind.CHARGE), record.at_s[0])
    drop_s = next((e.at_s for e in record.events if e.kind is EventKind.DROP), record.at_s[-1])
    beans = record.columns.get("bean_temp_c")
    if beans is None:
        raise BadInputError(f"{plan.background} has no bean temperature to compare with.")
    return SetpointProfile.of(
        [
            (at_s - charge_s, bean)
            for at_s, bean in zip(record.at_s, beans, strict=True)
            if charge_s <= at_s <= drop_s and bean == bean
        ]
    )
