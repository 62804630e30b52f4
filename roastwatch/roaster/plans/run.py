"""Which steps of a plan are due. Pure, without a clock; `executor` carries them out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from roastwatch.roaster.plans.plan import Plan, Step
from roastwatch.vocabulary import EventKind, Origin


@dataclass(frozen=True, slots=True)
class Ask:
    """A step that is due."""

    step: Step
    index: int
    origin: Origin


class PlanRun:
    """A plan being followed. `due` returns each step once, when its condition holds."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._taken: set[int] = set()
        self._lowest: tuple[float, float] | None = None
        """When the beans were coldest since the charge, plan seconds, and how cold, °C."""
        self._past_turning_point = False

    def due(
        self,
        elapsed_s: float,
        bean_temp_c: float | None,
        happened_s: Mapping[EventKind, float],
    ) -> list[Ask]:
        """Steps whose condition holds, in the order in which they were due.

        `happened_s`: when events happened, plan seconds.
        """
        self._follow_turn(elapsed_s, bean_temp_c)
        found: list[tuple[float, int]] = []
        for index, step in enumerate(self.plan.steps):
            due_s = self._due_s(step, elapsed_s, bean_temp_c, happened_s)
            if index not in self._taken and due_s is not None and elapsed_s >= due_s:
                found.append((due_s, index))
        self._taken.update(index for _, index in found)
        steps = self.plan.steps
        return [
            Ask(steps[index], index, Origin.SOUND if steps[index].hears else Origin.PLAN)
            for _, index in sorted(found)
        ]

    @property
    def turned_s(self) -> float | None:
        """When the beans were coldest, plan seconds, once they have turned."""
        return self._lowest[0] if self._lowest and self._past_turning_point else None

    def charged(self) -> None:
        """Note the charge: the turning point is still to come."""
        self._lowest, self._past_turning_point = None, False

    def waits_for_charge(self) -> bool:
        """Whether a step that charges is still to come."""
        return any(s.charge and i not in self._taken for i, s in enumerate(self.plan.steps))

    def leave_out(self, outdated: Callable[[Step], bool]) -> list[int]:
        """Skip these steps permanently and return their indexes."""
        found = [
            index
            for index, step in enumerate(self.plan.steps)
            if index not in self._taken and outdated(step)
        ]
        self._taken.update(found)
        return found

    def ended(self, elapsed_s: float) -> bool:
        """Whether no more steps are to come."""
        end_s = self.plan.end_s
        if end_s is not None:
            return elapsed_s >= end_s and (
                self.plan.ends_at_s is not None or len(self._taken) == len(self.plan.steps)
            )
        return len(self._taken) == len(self.plan.steps)

    def _due_s(
        self,
        step: Step,
        elapsed_s: float,
        bean_temp_c: float | None,
        happened_s: Mapping[EventKind, float],
    ) -> float | None:
        """When the step is due, plan seconds; None: unknown yet."""
        if step.at_s is not None:
            return step.at_s
        if step.at_bean_temp_c is not None:
            reached = bean_temp_c is not None and bean_temp_c >= step.at_bean_temp_c
            return elapsed_s if reached and self._past_turning_point else None
        at = happened_s.get(EventKind(step.at_event)) if step.at_event else None
        return None if at is None else at + step.after_s

    def _follow_turn(self, elapsed_s: float, bean_temp_c: float | None) -> None:
        if bean_temp_c is None or self._past_turning_point:
            return
        if self._lowest is None or bean_temp_c < self._lowest[1]:
            self._lowest = (elapsed_s, bean_temp_c)
        if bean_temp_c >= self._lowest[1] + 2.0:
            self._past_turning_point = True
