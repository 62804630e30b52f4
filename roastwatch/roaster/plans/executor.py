"""The one interpreter of a plan, for the service, `drive` and `simulate`.

Pure, without clock or wire. A front calls `turn` a few times a second with the time since the
plan's start (from a clock that never jumps), carries out its actions and sends each answer back:

    await carry_out(executor.turn(Moment(elapsed_s, bean_c, setpoint)), hands)

Three rules hold for every step:

- After the beans have left, by whatever step or event, no heat is requested.
- A step that waits for sound may lower heat, never raise it. Its heat remains the limit for the
  profile until a step by time, temperature or another event sets heat.
- If a person or an interlock changes the heat, the profile is no longer followed until a step that
  does not wait for sound sets heat (a refused one does not count), or until `hand_back`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from roastwatch.printing.times import clock
from roastwatch.roaster.plans.actions import (
    Charge,
    Dropped,
    Moment,
    Say,
    Set,
    Took,
    Turn,
    given,
    passing,
)
from roastwatch.roaster.plans.fold import Fold
from roastwatch.roaster.plans.pid import TAKEN_OVER, Follower, PidOptions, SetpointProfile
from roastwatch.roaster.plans.plan import Plan, Step
from roastwatch.roaster.plans.resumed import Resumed
from roastwatch.roaster.plans.run import Ask, PlanRun
from roastwatch.vocabulary import Actuator, CommandResult, EventKind, Level, Origin, Outcome

DRY_END_C = 150.0
LATE_S = 5.0
"""A plan that is first followed this late has missed steps, and reports it."""
AGAIN_S = 10.0
"""How long a setting is retried if another command was in flight or the guardian was absent."""
LESS_PERCENT, LESS_S = 12.0, 5.0
"""A readback may be below its setpoint by one step of the coarsest machine (1 of 9), or briefly."""
_SAME_PERCENT = 0.5


@dataclass(frozen=True, slots=True)
class _Owed:
    """A setting that is retried."""

    since_s: float
    wish: Set
    ceiling: float | None
    before: float | None
    """The heater's setpoint at the first request, percent."""
    result: CommandResult


class PlanExecutor:
    """One plan during one roast."""

    def __init__(
        self,
        plan: Plan,
        profile: SetpointProfile | None = None,
        *,
        actuators: Collection[Actuator] | None = None,
        pid: PidOptions | None = None,
        hears: bool = True,
        dry_end_c: float = DRY_END_C,
        resumed: bool = False,
    ) -> None:
        """Start the plan at its beginning.

        Args:
            plan: the plan.
            profile: the profile that the PID follows, if the plan follows one.
            actuators: what the machine can set; None: all. Other settings are skipped.
            pid: gains instead of the plan's own.
            hears: whether first crack is reported.
            dry_end_c: bean temperature that ends drying, °C.
            resumed: whether an earlier run of the service began the roast.
        """
        self.plan = plan
        self.unheated: str | None = None
        """Why the machine got less heat than planned; None: it did not."""
        self._run = PlanRun(plan)
        self._follower = Follower(profile, pid or plan.pid) if profile and plan.follow else None
        self._actuators = frozenset(Actuator if actuators is None else actuators)
        self._hears = hears
        self._dry_end_c = dry_end_c
        self._elapsed_s = 0.0
        self._happened: dict[EventKind, float] = {}
        self._dropped = False
        self._drop_open = False
        """Whether a drop is in progress and the door's result is pending."""
        self._ceiling: float | None = None
        """Limit on the profile's heat, set by a step that waits for sound, percent."""
        self._heat: float | None = None
        """The heat that the plan set last, percent; None: it no longer applies."""
        self._owed: dict[Actuator, _Owed] = {}
        self._setpoint: float | None = None
        self._less_since_s: float | None = None
        self._begun = False
        self._resumed = Resumed() if resumed else None
        self._said: set[str] = set()

    # --- events and state ----------------------------------------------------------------------

    @property
    def dropped(self) -> bool:
        """Whether the beans have left or are leaving; from then on nothing heats."""
        return self._dropped

    @property
    def begun(self) -> bool:
        """Whether it has had a turn."""
        return self._begun

    @property
    def happened(self) -> Mapping[EventKind, float]:
        """When each event happened, plan seconds."""
        return self._happened

    def since_charge_s(self, elapsed_s: float) -> float | None:
        """Seconds on the profile's clock; None before the plan's own charge."""
        if self._run.waits_for_charge():
            return None
        return elapsed_s - self._happened.get(EventKind.CHARGE, 0.0)

    def event(
        self, kind: EventKind, at_s: float, level: Level | None = None, *, revoked: bool = False
    ) -> None:
        """Record an event of the roast at `at_s` plan seconds.

        First crack counts if it has at least the plan's level; None: it is certain.
        """
        if revoked:
            if kind is not EventKind.DROP:
                self._happened.pop(kind, None)
            return
        if kind is EventKind.CHARGE and any(step.charge for step in self.plan.steps):
            return  # the plan itself sets the charge
        if kind is EventKind.DROP and self._run.waits_for_charge():
            return  # the drum is still empty
        doubtful = level is not None and level.rank < self.plan.first_crack_level.rank
        if kind is EventKind.FIRST_CRACK and doubtful:
            return
        self._happened.setdefault(kind, at_s)
        if kind is EventKind.DROP:
            self._beans_left(self._happened[kind])

    def hand_back(self) -> None:
        """Let the profile control heat again, from its present value."""
        self._heat = None
        self._forget_owed_heat()
        if self._follower is not None:
            self._follower.begin()

    def unarmed(self) -> None:
        """The machine is not armed: drop heat that is waiting to be set."""
        self._forget_owed_heat()

    def ended(self, elapsed_s: float) -> bool:
        """Whether the plan has ended."""
        return self._run.ended(elapsed_s) and not self._owed and not self._drop_open

    # --- one turn -----------------------------------------------------------------------------

    def turn(self, now: Moment) -> Turn:
        """Yield the actions for now, in order; each must be answered by `send`."""
        elapsed_s = self._elapsed_s = now.elapsed_s
        if not self._begun:
            self._begun = True
            yield from self._begin(elapsed_s)
        heat = now.setpoint_percent if now.setpoint_percent is not None else now.reported_percent
        self._setpoint = heat
        yield from self._watch_owed_heat()
        yield from self._watch_heat(heat, now)
        if self._drop_open and Actuator.DOOR not in self._owed:
            yield from self._finish_drop(opened=True)
        due = self._run.due(elapsed_s, now.bean_temp_c, self._happened)
        self._derive(elapsed_s, now.bean_temp_c)
        for ask in due:
            yield Took(ask.index, ask.step)
        if any(ask.step.charge for ask in due):
            yield from self._charge(elapsed_s)
        wanted = self._fold(due, heat or 0.0)
        yield from wanted.said
        if wanted.drops:
            self._drop_open = True
            self._happened.setdefault(EventKind.DROP, elapsed_s)
            self._beans_left(elapsed_s)
        sets = wanted.ordered()
        heating, resumed = wanted.sets.get(Actuator.HEATER), self._resumed
        past = resumed and resumed.left_out(heating, due, now, self._happened, heat or 0.0)
        if past:
            yield past
            heating = None
            sets = [wish for wish in sets if wish.actuator is not Actuator.HEATER]
        if wanted.ceiling is not None and (heating is None or heating.origin is Origin.SOUND):
            self._ceiling = wanted.ceiling
        yield from self._set_all(sets, wanted.ceiling)
        if wanted.drops and Actuator.DOOR not in self._owed:
            yield from self._finish_drop(opened=Actuator.DOOR in self._actuators)
        if heating is None or heating.origin is Origin.SOUND:  # a step by sound delays nothing
            after = self._heat if heating is not None and self._heat is not None else heat
            yield from self._follow(now.bean_temp_c, after or 0.0)

    def _begin(self, elapsed_s: float) -> Turn:
        if elapsed_s > LATE_S:
            yield Say(
                f"The plan starts late, at {clock(elapsed_s)}: each "
                "actuator gets its last value of the steps that are past."
            )
        asked = {a for step in self.plan.steps for a, percent in step.settings() if percent > 0}
        if self._follower is not None:
            asked.add(Actuator.HEATER)
        for actuator in sorted(asked - self._actuators):
            yield Say(f"This machine can't set {actuator}: the plan's steps skip it.")
        if not self._hears and self._run.leave_out(lambda step: step.hears):
            yield Say("Nothing listens for first crack here: steps that wait for it are skipped.")

    def _watch_heat(self, heat: float | None, now: Moment) -> Turn:
        """Detect heat that was changed from outside, and a machine that heats less than set."""
        if heat is None:
            return
        if self._heat is not None and abs(heat - self._heat) > _SAME_PERCENT and not self._dropped:
            if heat < self._heat:
                self._lacks(f"heat was set to {heat:g} % from outside, not {self._heat:g} %")
            self._heat = None
        if self._follower is not None and self._follower.watch(heat) and not self._dropped:
            yield Say(TAKEN_OVER, refused=True)
        reported = now.reported_percent
        less = reported is not None and (
            reported < heat - LESS_PERCENT or (reported <= 0.0 and heat > _SAME_PERCENT)
        )
        if not less:
            self._less_since_s = None
        elif self._less_since_s is None:
            self._less_since_s = self._elapsed_s
        elif self._elapsed_s - self._less_since_s >= LESS_S:
            text = f"The machine reports heat {reported:g} % but is set to {heat:g} %"
            self._lacks(f"{text[:1].lower()}{text[1:]}")
            if "less" not in self._said:
                self._said.add("less")
                yield Say(f"{text}: check its limits and its heating element.", refused=True)

    def _watch_owed_heat(self) -> Turn:
        """Drop heat that is waiting if heat was changed meanwhile, or if it is too late."""
        owed, heat = self._owed.get(Actuator.HEATER), self._setpoint
        if owed is None or owed.wish.percent <= 0:
            return
        late = self._elapsed_s - owed.since_s > AGAIN_S
        changed = False
        if heat is not None and owed.before is not None:
            # Without an answer, it may have been set nevertheless.
            expected = (owed.before, owed.wish.percent)
            changed = all(abs(heat - percent) > _SAME_PERCENT for percent in expected)
        if late:
            yield from self._report(owed.wish, owed.result)
        elif changed:
            text = f"heater {owed.wish.percent:g} % is skipped: heat was changed from outside."
            yield Say(text, refused=True)
        if late or changed:
            self._forget_owed_heat()

    def _forget_owed_heat(self) -> None:
        owed = self._owed.get(Actuator.HEATER)
        if owed is not None and owed.wish.percent > 0:
            del self._owed[Actuator.HEATER]
            self._lacks(f"heat {owed.wish.percent:g} % was not set: {owed.result.reason}")

    def _derive(self, elapsed_s: float, bean_c: float | None) -> None:
        """Derive turning point and dry end from the bean temperature if not reported."""
        turned_s = self._run.turned_s
        if turned_s is None or self._dropped or self._run.waits_for_charge():
            return
        self._happened.setdefault(EventKind.TURNING_POINT, turned_s)
        if bean_c is not None and bean_c >= self._dry_end_c:
            self._happened.setdefault(EventKind.DRY_END, elapsed_s)

    def _charge(self, elapsed_s: float) -> Turn:
        refused = yield Charge()
        if refused:
            yield Say(str(refused), refused=True)
            return
        self._happened[EventKind.CHARGE] = elapsed_s
        self._run.charged()

    def _fold(self, due: list[Ask], heat: float) -> Fold:
        owed = self._owed.get(Actuator.HEATER)
        fold = Fold(
            self._actuators, heat, owed.wish if owed else None, self._ceiling, self._dropped
        )
        for ask in due:
            step = ask.step
            # A door that is open before the plan's own charge drops nothing.
            leaves = step.drop or (step.opens and not self._run.waits_for_charge())
            fold.take(ask, leaves=leaves)
        return fold

    # --- setting ------------------------------------------------------------------------------

    def _set_all(self, sets: list[Set], ceiling: float | None) -> Turn:
        for wish in sets:
            self._owed.pop(wish.actuator, None)
        for owed in list(self._owed.values()):
            yield from self._set(owed.wish, owed.ceiling)
        for wish in sets:
            yield from self._set(wish, ceiling)

    def _set(self, wish: Set, ceiling: float | None) -> Turn:
        result = yield wish
        assert isinstance(result, CommandResult)
        owed = self._owed.pop(wish.actuator, None) or _Owed(
            self._elapsed_s, wish, ceiling, self._setpoint, result
        )
        if passing(result) and self._elapsed_s - owed.since_s < AGAIN_S:
            self._owed[wish.actuator] = owed
            return
        yield from self._report(wish, result)
        if wish.actuator is Actuator.HEATER:
            self._heat_set(wish, result, ceiling)
        if wish.actuator is Actuator.DOOR and wish.percent > 0 and not given(result):
            self._drop_open = False  # the beans are still in the drum

    def _heat_set(self, wish: Set, result: CommandResult, ceiling: float | None) -> None:
        if not given(result):
            if wish.percent > 0:
                self._lacks(f"heat {wish.percent:g} % was {result.outcome}: {result.reason}")
            return
        applied = wish.percent if result.applied is None else result.applied
        self._heat = applied
        if wish.origin is Origin.SOUND:
            if self._follower is not None and not self._follower.taken_over:
                self._follower.lowered(applied)
            return
        self._ceiling = ceiling
        if self._follower is not None:
            self._follower.begin(applied)

    def _follow(self, bean_c: float | None, heat: float) -> Turn:
        """Request the heat that follows the profile, until the beans leave."""
        since_s = self.since_charge_s(self._elapsed_s)
        if self._follower is None or self._dropped or since_s is None:
            return
        if Actuator.HEATER not in self._actuators or Actuator.HEATER in self._owed:
            return
        percent = self._follower.next(since_s, bean_c, heat, self._ceiling)
        if percent is None:
            return
        wish = Set(Actuator.HEATER, percent, Origin.PLAN)
        result = yield wish
        assert isinstance(result, CommandResult)
        if given(result):
            self._heat = percent if result.applied is None else result.applied
            self._follower.applied(self._heat)
        elif not passing(result):
            self._lacks(f"heat {percent:g} % was {result.outcome}: {result.reason}")
        if not passing(result) and result.reason not in self._said:
            yield from self._report(wish, result)
            self._said.add(result.reason)

    def _finish_drop(self, *, opened: bool) -> Turn:
        if not self._drop_open:
            return
        self._drop_open = False
        if not opened:
            yield Say("The door of this machine can't be opened by roastwatch: drop the beans now.")
        yield Dropped()

    def _beans_left(self, at_s: float) -> None:
        """Request no heat from now on, and skip steps that were due before the drop."""
        self._dropped = True
        owed = self._owed.get(Actuator.HEATER)
        if owed is not None and owed.wish.percent > 0:
            del self._owed[Actuator.HEATER]

        def outdated(step: Step) -> bool:
            if step.at_s is not None:
                return step.at_s <= at_s and not step.opens
            if step.at_bean_temp_c is not None:
                return True
            return step.at_event != "drop" and step.at_event not in self._happened

        self._run.leave_out(outdated)

    def _report(self, wish: Set, result: CommandResult) -> Turn:
        if result.outcome is Outcome.APPLIED:
            return
        at = "" if result.applied is None else f" at {result.applied:g} %"
        text = f"{wish.actuator} {wish.percent:g} % {result.outcome}{at}: {result.reason}"
        yield Say(text, refused=result.outcome is not Outcome.LIMITED)

    def _lacks(self, why: str) -> None:
        self.unheated = self.unheated or why
