"""The rules that guard the heater: pure functions of a situation, each with its source.

docs/development/interlock-sources.md collects what the sources state. Each rule yields bounds on
actuators. `decide` applies them to a command, `demands` to the present state; `WINS` says which of
two contradicting bounds holds. Nothing here has a clock, a wire or a memory.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from roastwatch.roaster.guardian.interlocks import machine, people, temperature
from roastwatch.roaster.guardian.situation import Bound, Effect, Setpoints, Situation
from roastwatch.vocabulary import Actuator, Outcome

Interlock = Callable[[Situation], Iterable[Bound]]

INTERLOCKS: Mapping[str, Interlock] = {
    rule.__name__: rule
    for rule in (
        people.emergency_stop,
        machine.link_up,
        people.service_alive,
        temperature.bean_temperature,
        temperature.environment_temperature,
        temperature.over_range,
        temperature.rise_without_heat,
        temperature.heater_contradicts,
        machine.not_restarted,
        temperature.heat_missing,
        temperature.stale_reading,
        temperature.implausible_reading,
        temperature.rate_of_rise,
        temperature.heat_without_rise,
        temperature.frozen_reading,
        temperature.probe_follows,
        machine.zero_echoed,
        machine.independent_cutoff,
        machine.drum_turns,
        machine.cooling_for_safety,
        machine.minimum_fan,
        machine.door_shut,
        machine.door_and_fire,
        machine.eject_before_fire,
        machine.heater_ceiling,
        people.maximum_time,
        people.armed,
        people.attendance,
        people.people_raise_heat,
        people.people_drop,
        people.log_works,
    )
}
"""All of them; where several bind, the first is named."""

WINS: Mapping[Actuator, Literal["at_least", "at_most"]] = {
    Actuator.HEATER: "at_most",
    Actuator.DRUM: "at_least",
    Actuator.FAN: "at_least",
    Actuator.COOLING: "at_least",
    Actuator.DOOR: "at_most",
}
"""Which bound wins where one interlock demands more of an actuator than another permits.

Less heat, because heat is the danger. More drum, fan and cooling, because hot beans that stand
still burn, and too much air only wastes heat. The door stays shut: a person can still eject late,
but air on burning beans can't be taken back.
"""

# What is raised first and lowered last: nothing may heat a drum that does not turn yet.
_ORDER = (Actuator.DRUM, Actuator.FAN, Actuator.COOLING, Actuator.DOOR, Actuator.HEATER)


@dataclass(frozen=True, slots=True)
class Move:
    """An actuator that an interlock moves, and why."""

    actuator: Actuator
    percent: float
    interlock: str
    reason: str
    effect: Effect = Effect.LIMIT


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command may do: `writes` in order, the last of them its own."""

    outcome: Outcome
    applied: float | None
    writes: tuple[tuple[Actuator, float], ...] = ()
    moves: tuple[Move, ...] = ()
    """What interlocks moved as well."""
    interlock: str | None = None
    reason: str = ""


def bounds(
    situation: Situation, rules: Mapping[str, Interlock] = INTERLOCKS
) -> list[tuple[str, Bound]]:
    """Every bound that holds now, with the name of its interlock."""
    return [(name, bound) for name, rule in rules.items() for bound in rule(situation)]


def clamp(
    actuator: Actuator, wanted: float | None, found: list[tuple[str, Bound]]
) -> tuple[float | None, str | None, Bound | None]:
    """A value within its bounds, and the interlock that moved it.

    Bounds that contradict each other are settled by `WINS`. Several of one kind never contradict:
    the strictest holds.
    """
    value, name, by = wanted, None, None
    for pick in ("at_least", "at_most")[:: 1 if WINS[actuator] == "at_most" else -1]:
        for interlock, bound in found:
            limit = getattr(bound, pick)
            if bound.actuator is not actuator or limit is None:
                continue
            if pick == "at_least" and (value is None or value < limit):
                value = limit if bound.to is None else bound.to
                name, by = interlock, bound
            if pick == "at_most" and (value is None or value > limit):
                value, name, by = limit, interlock, bound
    return value, name, by


def demands(situation: Situation, rules: Mapping[str, Interlock] = INTERLOCKS) -> list[Move]:
    """What must be moved now, in the order of writing: heat down first, then the rest."""
    found = bounds(situation, rules)
    moves: list[Move] = []
    setpoints = situation.setpoints
    # Heat first: the others depend on whether it is on.
    for actuator in reversed(_ORDER):
        if not situation.has(actuator):
            continue
        value, name, by = clamp(actuator, setpoints.of(actuator), found)
        if by is not None and name is not None and value is not None:
            moves.append(Move(actuator, value, name, by.reason, by.effect))
        if actuator is Actuator.HEATER and moves:
            after = setpoints.but(actuator, moves[-1].percent)
            found = bounds(replace(situation, setpoints=after, wanted=after), rules)
    return moves


def decide(
    situation: Situation,
    actuator: Actuator,
    target: float,
    rules: Mapping[str, Interlock] = INTERLOCKS,
) -> Decision:
    """Judge a command: what is written for it, or why not. `situation.wanted` is made here."""
    setpoints = situation.setpoints
    now = setpoints.of(actuator)

    def bounds_for(percent: float | None) -> list[tuple[str, Bound]]:
        wanted = setpoints.but(actuator, percent)
        if actuator is Actuator.DOOR and percent:
            wanted = wanted.but(Actuator.HEATER, 0.0)  # a drop ends heating
        return bounds(replace(situation, wanted=wanted, asked=actuator), rules)

    value, name, by = clamp(actuator, target, bounds_for(target))
    moved = by is not None and value != target
    reason = by.reason if moved and by else ""
    interlock = name if moved else None
    if value is None:
        value = target
    raised_for_nothing = (
        target > (now or 0.0) >= value if target > value else target < (now or 0.0) <= value
    )
    # Heat 0 instead of less heat would hide whether the machine restarted. So a bound that ends
    # arming refuses the command, and `demands` lowers heat.
    ends_arming = actuator is Actuator.HEATER and by is not None and by.effect is not Effect.LIMIT
    if moved and (raised_for_nothing or value == now or ends_arming):
        return Decision(Outcome.REFUSED, now, (), (), interlock, reason)
    found = bounds_for(value)
    writes: list[tuple[Actuator, float]] = []
    moves: list[Move] = []
    wanted: Setpoints = setpoints.but(actuator, value)
    if actuator is Actuator.DOOR and value and (setpoints.heater is None or setpoints.heater > 0):
        writes.append((Actuator.HEATER, 0.0))
    for other in _ORDER:
        if other in (actuator, Actuator.HEATER) or not situation.has(other):
            continue
        needed, by_name, by_bound = clamp(other, wanted.of(other), found)
        if by_bound is not None and by_name is not None and needed is not None:
            writes.append((other, needed))
            moves.append(Move(other, needed, by_name, by_bound.reason))
    writes.append((actuator, value))
    outcome = Outcome.LIMITED if moved else Outcome.APPLIED
    return Decision(outcome, value, tuple(writes), tuple(moves), interlock, reason)
