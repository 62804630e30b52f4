"""Combines steps that are due at once: the last value of each actuator, in a safe order."""

from collections.abc import Collection
from dataclasses import dataclass, field

from roastwatch.roaster.plans.actions import Say, Set
from roastwatch.roaster.plans.run import Ask
from roastwatch.vocabulary import Actuator

_ORDER = (Actuator.DRUM, Actuator.FAN, Actuator.COOLING, Actuator.DOOR, Actuator.HEATER)


@dataclass(slots=True)
class Fold:
    """Collects steps in the order in which they were due."""

    actuators: Collection[Actuator]
    """The actuators that the machine can set; others are ignored."""
    heat: float
    """The heater's present setpoint, percent."""
    owed: Set | None
    """Heat that is waiting to be set."""
    standing: float | None
    """The limit on heat left by an earlier step that waits for sound."""
    gone: bool
    """Whether the beans have left."""
    sets: dict[Actuator, Set] = field(default_factory=dict)
    ceiling: float | None = None
    """The limit on heat after these steps, if one of them sets it."""
    drops: bool = False
    said: list[Say] = field(default_factory=list)
    _lifts: bool = False
    """Whether a step that does not wait for sound set heat, which ends an earlier limit."""

    def take(self, ask: Ask, *, leaves: bool) -> None:
        """Add one step. `leaves`: whether the beans leave with it."""
        step = ask.step
        settings = step.settings()
        if leaves:
            self.drops = self.gone = True
            if not step.drop:
                settings.insert(0, (Actuator.HEATER, 0.0))
        for actuator, percent in settings:
            if actuator not in self.actuators:
                continue
            wish: Set | None = Set(actuator, percent, ask.origin)
            if actuator is Actuator.HEATER and not leaves:
                wish = self._heating(Set(actuator, percent, ask.origin), sound=step.hears)
            if wish is not None:
                self.sets[actuator] = wish

    def ordered(self) -> list[Set]:
        """Heat 0 and closing the door first; opening the door and heat last."""

        def rank(wish: Set) -> int:
            if wish.percent == 0 and wish.actuator is Actuator.HEATER:
                return 0 if self.drops else 2
            if wish.percent == 0 and wish.actuator is Actuator.DOOR:
                return 1
            return 3 + _ORDER.index(wish.actuator)

        return sorted(self.sets.values(), key=rank)

    def _heating(self, wish: Set, *, sound: bool) -> Set | None:
        """The heat that a step may set; None: none."""
        if self.gone:
            if wish.percent == 0:
                return wish
            self._leave_out(wish, "the beans have left")
            return None
        if not sound:
            self.ceiling, self._lifts = None, True
            return wish
        before = self.sets.get(Actuator.HEATER) or self.owed
        now = self.heat if before is None else before.percent
        standing = (self.ceiling, None if self._lifts else self.standing)
        self.ceiling = min([wish.percent, *(c for c in standing if c is not None)])
        if wish.percent > now:
            self._leave_out(wish, "sound never raises heat")
        if wish.percent >= now and wish.percent > 0:
            return None
        # If a timed step raises heat in the same turn, this one only reduces that.
        origin = before.origin if before and before.percent > self.heat else wish.origin
        return Set(wish.actuator, wish.percent, origin)

    def _leave_out(self, wish: Set, why: str) -> None:
        self.said.append(Say(f"{wish.actuator} {wish.percent:g} % is skipped: {why}."))
