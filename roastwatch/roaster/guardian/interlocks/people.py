"""Interlocks on attendance, on who sends a command, and on time."""

from collections.abc import Iterator

from roastwatch.roaster.guardian.situation import Bound, Effect, Situation
from roastwatch.roaster.guardian.states import LeaseState
from roastwatch.vocabulary import Actuator, Origin

HEATER, DRUM, COOLING, DOOR = (
    Actuator.HEATER,
    Actuator.DRUM,
    Actuator.COOLING,
    Actuator.DOOR,
)


def service_alive(now: Situation) -> Iterator[Bound]:
    """No heat unless the service renews its lease: it may hang or die.

    Source: the Hottop's own rule of 1 s and the Skywalker's of 10 s.
    """
    if now.lease is not LeaseState.HELD:
        yield Bound(
            HEATER,
            "roastwatch stopped answering: heat is off until a person arms again."
            if now.lease is LeaseState.ENDED
            else "No roastwatch controls this roaster now: start the service, or leave "
            "`roastwatch roaster arm` running in another terminal.",
            at_most=0,
            effect=Effect.MAKE_SAFE,
        )


def emergency_stop(now: Situation) -> Iterator[Bound]:
    """Heat 0, drum and cooling on, latched until a person arms again. A stop needs no arming.

    Source: ISO 13850: a stop that latches and needs a deliberate reset; the drum is kept turning
    because hot beans in a stopped drum have caught fire.
    """
    if now.emergency is None:
        return
    yield Bound(HEATER, now.emergency, at_most=0, effect=Effect.MAKE_SAFE)
    if now.has(COOLING) and now.hot is not False:
        yield Bound(COOLING, f"{now.emergency} Cooling stays on while hot.", at_least=100)


def armed(now: Situation) -> Iterator[Bound]:
    """Heat needs arming by a person, which ends by itself.

    Source: Artisan's "super user" mode for this reason; the Hottop manual says "never leave
    unattended" seven times.
    """
    if not now.armed:
        yield Bound(
            HEATER, now.unarmed_reason or "The roaster is not armed: arm it first.", at_most=0
        )


def attendance(now: Situation) -> Iterator[Bound]:
    """Heat goes up only if a person was there recently, and off when nobody answers.

    Source: Behmor shuts down unless START is pressed late in the roast; the Hottop manual.
    """
    limit, grace = now.limits.attendance_s, now.limits.attendance_grace_s
    minutes = now.unattended_s / 60
    if now.unattended_s > limit + grace:
        yield Bound(
            HEATER,
            f"Nobody has confirmed being there for {minutes:.0f} minutes: heat is off.",
            at_most=0,
        )
    elif now.unattended_s > limit:
        yield Bound(
            HEATER,
            f"Nobody has confirmed being there for {minutes:.0f} minutes: do that first.",
            at_most=now.setpoints.heater or 0.0,
        )


def people_raise_heat(now: Situation) -> Iterator[Bound]:
    """Rules and agents may lower heat; only people, and the plans that they started, may raise it.

    Source: issue and design of roastwatch: a false crack must never heat.
    """
    leave = _leave(now.origin, "raise")
    if now.asked is HEATER and leave and not getattr(now.limits, leave):
        yield Bound(
            HEATER,
            f"{now.origin} may not raise heat: only people and their plans may (setting {leave}).",
            at_most=now.setpoints.heater or 0.0,
        )


def people_drop(now: Situation) -> Iterator[Bound]:
    """A person drops the beans; sound or an agent alone never does.

    Source: Artisan #1862: an automatic drop ejected early three times.
    """
    leave = _leave(now.origin, "drop")
    if now.asked is DOOR and leave and not getattr(now.limits, leave):
        yield Bound(
            DOOR,
            f"{now.origin} alone may not drop the beans: press drop yourself (setting {leave}).",
            at_most=0,
        )


def _leave(origin: Origin | None, act: str) -> str:
    """The setting by which an origin may `raise` heat or `drop`; empty: it needs none."""
    if origin is Origin.AGENT:
        return f"agent_{act}"
    needs_none = [None, Origin.PERSON, Origin.PLAN]
    if act == "drop":
        needs_none.append(Origin.INTERLOCK)
    return "" if origin in needs_none else f"automatic_{act}"


def maximum_time(now: Situation) -> Iterator[Bound]:
    """A roast that lasts too long was forgotten or went wrong: heat off, disarmed.

    Source: home roasters end by their own timer (Hottop's manual, SR700's 9.9 minutes).
    """
    for name, lasted, limit in (
        ("The roast", now.roast_s, now.limits.roast_max_s),
        ("Heating", now.heating_s, now.limits.heating_max_s),
    ):
        if lasted is not None and lasted > limit:
            yield Bound(
                HEATER,
                f"{name} has lasted {lasted / 60:.0f} minutes; {limit / 60:.0f} is the limit.",
                at_most=0,
                effect=Effect.DISARM,
            )


def log_works(now: Situation) -> Iterator[Bound]:
    """Heat may not go up while the log fails: what isn't recorded can't be understood later.

    Source: the design's table of failures (log or disk fails: raising heat is refused).
    """
    if not now.log_works:
        yield Bound(
            HEATER,
            "The log can't be written: heat may not go up.",
            at_most=now.setpoints.heater or 0.0,
        )
