"""A plan that continues in a roast that an earlier run of the service began."""

from collections.abc import Mapping

from roastwatch.roaster.plans.actions import Moment, Say, Set
from roastwatch.roaster.plans.run import Ask
from roastwatch.vocabulary import EventKind


class Resumed:
    """Prevents steps from before the restart from raising heat that was lowered since.

    After a restart it is unknown what sound, a temperature or a person had lowered. So until a
    step comes that was not due before, heat may only be lowered.
    """

    def __init__(self) -> None:
        self._at: tuple[float, float | None] | None = None
        """When the plan continued, plan seconds, and the bean temperature then, °C."""
        self._over = False

    def left_out(
        self,
        wish: Set | None,
        due: list[Ask],
        now: Moment,
        happened_s: Mapping[EventKind, float],
        heat: float,
    ) -> Say | None:
        """Why the heat that these steps set must be skipped; None: it may be set."""
        if self._at is None:
            self._at = (now.elapsed_s, now.bean_temp_c)
        setting = [ask for ask in due if ask.step.heater_percent is not None]
        self._over = self._over or any(self._is_new(ask, happened_s) for ask in setting)
        if self._over or wish is None or wish.percent <= heat:
            return None
        return Say(
            f"heater {wish.percent:g} % is skipped: it is from before the restart and may have "
            "been lowered since. Set heat yourself; the plan's next step sets it again.",
            refused=True,
        )

    def _is_new(self, ask: Ask, happened_s: Mapping[EventKind, float]) -> bool:
        assert self._at is not None
        step, (at_s, bean_c) = ask.step, self._at
        if step.at_bean_temp_c is not None:
            return bean_c is not None and bean_c < step.at_bean_temp_c
        if step.at_s is not None:
            return step.at_s > at_s
        happened = happened_s.get(EventKind(step.at_event)) if step.at_event else None
        return happened is not None and happened + step.after_s > at_s
