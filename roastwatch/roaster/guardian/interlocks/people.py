"""Interlocks on who is there, who asks, and for how long."""

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
    """The service must renew its lease: a hung or dead one heats nothing.

    Source: Hottop's own rule of 1 s and Skywalker's of 10 s, made ours.
    """
    if now.lease is not LeaseState.HELD:
        yield Bound(
            HEATER,
            "roastwatch fell silent: heat is off until a person arms again."
            if now.lease is LeaseState.ENDED
            else "Nobody controls this roaster now: start the service, or leave "
            "`roastwatch roaster arm` running in another terminal.",
            at_most=0,
            effect=Effect.MAKE_SAFE,
        )


def emergency_stop(now: Situation) -> Iterator[Bound]:
    """Latched: heat 0, drum and cooling on, until a person arms again. Never behind arming.

    Source: ISO 13850: a stop that latches and needs a deliberate reset; the drum is kept turning
    because stopped drums with hot beans have burnt.
    """
    if now.emergency is None:
        return
    yield Bound(HEATER, now.emergency, at_most=0, effect=Effect.MAKE_SAFE)
    if now.has(COOLING) and now.hot is not False:
        yield Bound(COOLING, f"{now.emergency} Cooling stays on while hot.", at_least=100)


def armed(now: Situation) -> Iterator[Bound]:
    """Heat needs arming by a person, and arming ends by itself.

    Source: Artisan's "super user" mode for this reason; "never leave unattended" stands seven times
    in the Hottop manual.
    """
    if not now.armed:
        yield Bound(
            HEATER, now.unarmed_reason or "The roaster is not armed: arm it first.", at_most=0
        )


def attendance(now: Situation) -> Iterator[Bound]:
    """Heat goes up only if a person was there of late, and off when nobody answers.

    Source: Behmor shuts down unless START is pressed late in the roast; the Hottop manual.
    """
    limit, grace = now.limits.attendance_s, now.limits.attendance_grace_s
    minutes = now.unattended_s / 60
    if now.unattended_s > limit + grace:
        yield Bound(
            HEATER,
            f"Nobody has been there for {minutes:.0f} minutes and nobody answered: heat is off.",
            at_most=0,
        )
    elif now.unattended_s > limit:
        yield Bound(
            HEATER,
            f"Nobody has been there for {minutes:.0f} minutes: say that you are there first.",
            at_most=now.told.heater or 0.0,
        )


def people_raise_heat(now: Situation) -> Iterator[Bound]:
    """Rules may lower heat; raising it is for people and the plans that they started.

    Source: issue and design of roastwatch: a false crack must never heat.
    """
    automatic = now.origin not in (None, Origin.PERSON, Origin.PLAN)
    if now.asked is HEATER and automatic and not now.limits.automatic_raise:
        yield Bound(
            HEATER,
            f"Heat may not be raised by {now.origin}: only people and their plans may "
            "(setting automatic_raise).",
            at_most=now.told.heater or 0.0,
        )


def people_drop(now: Situation) -> Iterator[Bound]:
    """A drop is asked of a person, never done by sound alone.

    Source: Artisan #1862: an automatic drop ejected early three times.
    """
    automatic = now.origin not in (None, Origin.PERSON, Origin.PLAN, Origin.INTERLOCK)
    if now.asked is DOOR and automatic and not now.limits.automatic_drop:
        yield Bound(
            DOOR,
            f"The beans are not dropped by {now.origin} alone: press drop yourself "
            "(setting automatic_drop).",
            at_most=0,
        )


def maximum_time(now: Situation) -> Iterator[Bound]:
    """A roast that lasts too long is forgotten, or does not work: heat off, disarmed.

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
    """While the log fails heat may not go up: what isn't recorded can't be understood later.

    Source: the design's table of failures (log or disk fails: raising heat is refused).
    """
    if not now.log_works:
        yield Bound(
            HEATER,
            "The log can't be written: heat may not go up.",
            at_most=now.told.heater or 0.0,
        )
