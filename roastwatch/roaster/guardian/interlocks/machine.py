"""Interlocks on the machine and its link."""

from collections.abc import Iterator

from roastwatch.roaster.guardian.situation import Bound, Effect, Situation
from roastwatch.vocabulary import Actuator, Origin

HEATER, FAN, DRUM, COOLING, DOOR = (
    Actuator.HEATER,
    Actuator.FAN,
    Actuator.DRUM,
    Actuator.COOLING,
    Actuator.DOOR,
)
LEAST_AIR_PERCENT = 20.0
"""A fluid bed's fan is never set lower, whatever its limits say."""


def link_up(now: Situation) -> Iterator[Bound]:
    """No heat without a link; setpoints from before a lost link are never restored.

    Source: Skywalker V2 asserts a high burner on connecting; Hottop keeps its last settings
    (Artisan #1791, #1418).
    """
    if not now.link.is_open:
        yield Bound(HEATER, "The roaster is not connected.", at_most=0, effect=Effect.MAKE_SAFE)


def not_restarted(now: Situation) -> Iterator[Bound]:
    """A machine that greeted again, or lost its setpoints, has restarted: nothing is restored.

    Source: our inference: a person who switched it off and on takes it for off. Its driver sees the
    restart on the wire.
    """
    if now.restarted is not None:
        yield Bound(HEATER, now.restarted, at_most=0, effect=Effect.MAKE_SAFE)


def zero_echoed(now: Situation) -> Iterator[Bound]:
    """After connecting, heat stays off until the machine itself has reported heat 0.

    Source: Skywalker V2's connecting burner: "send OT1,0 first and verify by echo".
    """
    if now.link.is_open and not now.zero_confirmed:
        yield Bound(HEATER, "The roaster has not yet reported that its heat is 0.", at_most=0)


def independent_cutoff(now: Situation) -> Iterator[Bound]:
    """A machine that goes on heating without its host needs a cut-off that isn't software.

    Source: aArtisanQ_PID has no watchdog, so its outputs hold for ever.
    """
    if now.capabilities.needs_cutoff and not now.cutoff_confirmed:
        yield Bound(HEATER, now.capabilities.cutoff_reason, at_most=0)


def drum_turns(now: Situation) -> Iterator[Bound]:
    """The drum turns while heat is on and while beans are hot, through drop and emergency stop.

    The fan of a fluid bed is its drum: it also blows while there are beans in it, and cooling
    that keeps the air on is not switched off while hot.

    Source: fires after a stopped drum (Skywalker README; roast.world t/2466); MCP #163: a drum
    stopped at drop keeps half of the beans.
    """
    drum = now.drum
    if not now.has(drum):
        return
    fluid = drum is FAN
    low, to = now.limits.drum_min_percent, None if fluid else 100.0
    if fluid:
        low = max(now.limits.fan_min_for_heat_percent, LEAST_AIR_PERCENT)
    moves = "The fan must blow" if fluid else "The drum must turn"
    has_probe = now.capabilities.reads_bean_temp or now.capabilities.reads_environment_temp
    why = "heat is on" if now.heat_wanted else "the beans are hot"
    if now.door_wanted_open and now.wanted.door:
        why = "the beans leave it"
    beans_in = fluid and now.roast_s is not None
    setpoint = now.setpoints.of(drum) or 0.0
    if now.heat_wanted or now.hot or now.wanted.door or beans_in:
        why = "beans are in" if beans_in and not (now.heat_wanted or now.hot) else why
        yield Bound(drum, f"{moves} while {why}.", at_least=low, to=to)
    elif now.hot is None and has_probe and (now.asked is drum or setpoint >= low):
        yield Bound(
            drum,
            f"{moves} until a reading shows that the beans are cool.",
            at_least=low,
            to=to,
        )
    if fluid and now.hot is not False and not now.heat_wanted and now.setpoints.cooling:
        yield Bound(COOLING, "Cooling keeps the air on until the beans are cool.", at_least=100)
    readback = getattr(now.reading, f"{drum.value}_percent") if now.reading else None
    if now.contradicted_s.get(drum, 0.0) >= 3.0 and readback is not None and readback < low:
        yield Bound(
            HEATER,
            f"The {drum.value} is at {readback:.0f} %, not {setpoint:.0f} % as set: heat is off.",
            at_most=0,
            effect=Effect.DISARM,
        )


def cooling_for_safety(now: Situation) -> Iterator[Bound]:
    """Cooling that `make_safe` switched on ends when heat goes on again; chosen cooling stays.

    Unknown cooling ends too (a new link to a machine that doesn't report it): it may be on since
    `make_safe` on an earlier link.

    Source: our inference: heat that a fan blows away hides how much is on, and on a Hottop the
    cooling tray's fan shares the fans' supply (RoastLogger's note).
    """
    has_readback = COOLING in now.capabilities.echoes
    unknown = now.setpoints.cooling is None and not has_readback
    if (now.cools_for_safety or unknown) and now.heat_wanted and now.has(COOLING):
        yield Bound(
            COOLING, "Cooling was on to make the machine safe: it ends as heat goes on.", at_most=0
        )


def minimum_fan(now: Situation) -> Iterator[Bound]:
    """No heat without the least fan: it carries off smoke and chaff, and cools the element.

    Source: aArtisanQ_PID's HTR_CUTOFF_FAN_VAL; RoastLogger's advice of 25–30 %.
    """
    low = now.limits.fan_min_for_heat_percent
    if not now.has(FAN) or low <= 0:
        return
    if now.heat_wanted:
        yield Bound(FAN, f"The fan must be at least {low:.0f} % while heat is on.", at_least=low)
    readback = now.reading.fan_percent if now.reading else None
    if now.contradicted_s.get(FAN, 0.0) >= 3.0 and readback is not None and readback < low:
        yield Bound(
            HEATER,
            f"The fan is on, but reports {readback:.0f} %: heat is off.",
            at_most=0,
            effect=Effect.DISARM,
        )


def door_shut(now: Situation) -> Iterator[Bound]:
    """No heat while the door is open; at drop heat goes off with it.

    Source: Artisan #512: a door left open, beans fall through at charge.
    """
    reported_open = now.reading is not None and now.reading.door_open
    if now.door_wanted_open or (reported_open and now.asked is not DOOR):
        yield Bound(HEATER, "The door is open: close it first.", at_most=0)


def door_and_fire(now: Situation) -> Iterator[Bound]:
    """Only a person opens the door on beans that may be burning: air feeds the fire.

    Source: Scott Rao, scottrao.com/blog/fire; it contradicts the automatic eject of Artisan and
    Hottop, which is right only before ignition.
    """
    if now.asked is not DOOR or not now.wanted.door or now.origin is Origin.PERSON:
        return
    # Late in a roast the air is hotter than the beans: a bean probe decides where there is one, and
    # the air only beyond its own limit.
    bean = now.reading.bean_temp_c if now.reading else None
    air_limit = now.limits.burning_above_c if bean is None else now.limits.environment_temp_max_c
    too_hot = now.hottest_c is None or now.hottest_c >= max(air_limit, now.limits.burning_above_c)
    if too_hot or (bean is not None and bean >= now.limits.burning_above_c):
        yield Bound(
            DOOR,
            "The beans may be burning, or their temperature is unknown: only a person may open the "
            "door now.",
            at_most=0,
        )


def eject_before_fire(now: Situation) -> Iterator[Bound]:
    """Drop beans that are too hot but can't burn yet, where a person chose that.

    Source: Artisan and Hottop eject at 212–220 °C; right below ignition only.
    Off by default: an unattended drop leaves beans at 230 °C unwatched.
    """
    bean = now.reading.bean_temp_c if now.reading else None
    if not (now.limits.eject_on_overheat and now.has(DOOR)) or bean is None or now.implausible:
        return
    if now.reading_age_s is None or now.reading_age_s > now.limits.stale_after_s:
        return
    if now.limits.bean_temp_max_c <= bean < now.limits.burning_above_c:
        yield Bound(
            DOOR,
            f"The beans are at {bean:.0f} °C and not burning yet: they are dropped.",
            at_least=100,
        )


def heater_ceiling(now: Situation) -> Iterator[Bound]:
    """The most heat that this machine's limits allow.

    Source: the person's own setting (a mains circuit, a small batch).
    """
    high = now.limits.heater_max_percent
    if high < 100:
        yield Bound(HEATER, f"This machine's limit is {high:.0f} % heat.", at_most=high)
