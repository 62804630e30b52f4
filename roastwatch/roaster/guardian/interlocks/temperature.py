"""Interlocks on what the probes say."""

from collections.abc import Iterator

from roastwatch.roaster.guardian.situation import Bound, Effect, Situation
from roastwatch.vocabulary import Actuator

HEATER = Actuator.HEATER
TOO_HOT_AFTER_S = 15.0
"""Beyond its limit a machine must stop rising this soon after heat went off."""
HOTTER_C = 10.0
"""Stored heat makes a machine hotter by less than this once heat is off and has spread."""
RISES = 3.0
"""A slower rise may be noise, °C/min."""
NO_HEAT_PERCENT = 0.5


def bean_temperature(now: Situation) -> Iterator[Bound]:
    """Beans too hot: heat off, drum and cooling on.

    Source: beans ignite at about 257–263 °C, chaff earlier; Artisan cuts a Hottop at 220 °C and
    Skywalker firmware at 230 °C. `implausible_reading` handles
    a spike: it cuts heat at once too, but latches nothing.
    """
    bean = now.reading.bean_temp_c if now.reading and not now.implausible else None
    if bean is not None and bean >= now.limits.bean_temp_max_c:
        yield Bound(
            HEATER,
            f"The beans are at {bean:.0f} °C; {now.limits.bean_temp_max_c:.0f} °C is the limit.",
            at_most=0,
            effect=Effect.MAKE_SAFE,
        )


def environment_temperature(now: Situation) -> Iterator[Bound]:
    """Air or drum too hot: heat off, drum and cooling on.

    Source: SkyCommand firmware stops at 300 °C; chaff burns before beans.
    """
    air = now.reading.environment_temp_c if now.reading and not now.implausible else None
    if air is not None and air >= now.limits.environment_temp_max_c:
        yield Bound(
            HEATER,
            f"The roaster's air is at {air:.0f} °C; "
            f"{now.limits.environment_temp_max_c:.0f} °C is the limit.",
            at_most=0,
            effect=Effect.MAKE_SAFE,
        )


def rate_of_rise(now: Situation) -> Iterator[Bound]:
    """Temperatures rise faster than this machine can heat: heat off until they don't.

    Source: our inference. The logged roasts rise by at most 60 °C/min after the turning point, air
    beside a heater far faster; beyond the limits a probe sits on the element, or the drum is empty.
    """
    for name, rate, limit in (
        ("beans rise", now.bean_rate_c_per_min, now.limits.bean_rate_max_c_per_min),
        (
            "roaster's air rises",
            now.environment_rate_c_per_min,
            now.limits.environment_rate_max_c_per_min,
        ),
    ):
        if rate is not None and rate > limit:
            yield Bound(
                HEATER, f"The {name} by {rate:.0f} °C/min; {limit:.0f} is the limit.", at_most=0
            )


def stale_reading(now: Situation) -> Iterator[Bound]:
    """No heat without a fresh reading.

    Source: the first rule of every thermal cut-out; Artisan issue #1714 and Kaleido #2137 are
    roasts whose link died silently.
    """
    no_probe = not (now.capabilities.reads_bean_temp or now.capabilities.reads_environment_temp)
    if no_probe:
        yield Bound(HEATER, "This machine has no temperature probe: heat stays off.", at_most=0)
    elif now.reading_age_s is None:
        yield Bound(HEATER, "There is no temperature reading yet.", at_most=0)
    elif not 0 <= now.reading_age_s <= now.limits.stale_after_s:
        yield Bound(
            HEATER,
            f"The last temperature reading is {abs(now.reading_age_s):.1f} s old; "
            f"{now.limits.stale_after_s:.1f} s is the limit.",
            at_most=0,
        )


def implausible_reading(now: Situation) -> Iterator[Bound]:
    """A reading that can't be true is no reading: heat off until three agree again.

    Source: MCP rejects Hottop values outside 1–320 °C, pyhottop outside 50–500 °F;
    the logged roasts hold spikes such as 349 °C between two readings of 188 °C.
    """
    if now.implausible:
        yield Bound(HEATER, now.implausible, at_most=0)


def heat_without_rise(now: Situation) -> Iterator[Bound]:
    """Heat is on for minutes and no probe rises: heat off, disarmed.

    The probe is loose or the element is dead.

    Source: IEC 60730-style plausibility of a control loop; a thermocouple that slipped out of the
    beans reads the room while the drum overheats. Our inference for the times.
    """
    if now.heat_without_rise_s >= now.limits.no_rise_s:
        yield Bound(
            HEATER,
            f"Heat has been on for {now.heat_without_rise_s:.0f} s and no probe has risen: "
            "check the probe and the heater.",
            at_most=0,
            effect=Effect.DISARM,
        )


def frozen_reading(now: Situation) -> Iterator[Bound]:
    """Hot, heated, and no probe changes at all: the answers are not measurements.

    Source: our inference (a module behind a bus whose converter hangs answers on time for ever).
    In 43 logged roasts the longest run of equal readings above 150 °C is 2 s; two of a Hottop with
    whole degrees stand still only when cold.
    """
    if now.unmoved_s >= now.limits.frozen_s:
        yield Bound(
            HEATER,
            f"Heat is on and no probe has moved at all for {now.unmoved_s:.0f} s: "
            "switch the thermometer off and on, and check its wires.",
            at_most=0,
            effect=Effect.DISARM,
        )


def probe_follows(now: Situation) -> Iterator[Bound]:
    """A probe does not follow the heat, so it measures nothing: heat off, disarmed.

    Source: our inference. A bean probe that stands still alone hides the beans from every limit:
    they ignite at full heat while the air stays within its own. The thresholds, and the logged
    roasts that they were set against, are in `roaster/guardian/probes.py`.
    """
    if now.probe_fault is not None:
        yield Bound(HEATER, now.probe_fault, at_most=0, effect=Effect.DISARM)


def over_range(now: Situation) -> Iterator[Bound]:
    """A probe rose steadily beyond what it can measure: too hot, not broken.

    Source: our inference. A simulated FreshRoast whose readings were refused as impossible rose to
    361 °C unwatched.
    """
    if now.over_range is not None:
        yield Bound(HEATER, now.over_range, at_most=0, effect=Effect.MAKE_SAFE)


def rise_without_heat(now: Situation) -> Iterator[Bound]:
    """The machine gets hotter with heat off: a stuck relay, or fire. Reported even if disarmed.

    Either fast at a high temperature, or slowly beyond what the hottest probe showed when heat had
    been off for a minute (15 s beyond a limit): stored heat spreads, but makes nothing hotter.

    Source: freshroastsr700 #35 and #37 (heating went on after it was stopped), fires reported in
    roast.world t/2466 (docs/development/interlock-sources.md).
    """
    if now.heat_off_s is None or now.hottest_c is None or not now.has(HEATER):
        return
    plug = "pull the plug if the heater glows; if it burns, keep the door shut."
    after_s = TOO_HOT_AFTER_S if now.too_hot else now.limits.runaway_after_s
    rate = 0.0
    if now.reading is not None and not now.implausible:
        bean_c, air_c = now.reading.bean_temp_c, now.reading.environment_temp_c
        if (bean_c or 0.0) >= now.limits.runaway_above_c:
            rate = now.bean_rate_c_per_min or 0.0
        if (air_c or 0.0) >= now.limits.runaway_above_c:
            rate = max(rate, now.environment_rate_c_per_min or 0.0)
    if now.heat_off_s >= after_s and rate > now.limits.runaway_rate_c_per_min:
        yield Bound(
            HEATER,
            f"The roaster rises by {rate:.0f} °C/min at {now.hottest_c:.0f} °C with heat off: "
            f"{plug}",
            at_most=0,
            effect=Effect.MAKE_SAFE,
        )
        return
    rises = max(now.bean_rate_c_per_min or 0.0, now.environment_rate_c_per_min or 0.0) >= RISES
    hotter = now.risen_without_heat_c >= HOTTER_C and now.hottest_c >= now.limits.hot_above_c
    if hotter and rises:
        yield Bound(
            HEATER,
            f"The roaster got {now.risen_without_heat_c:.0f} °C hotter, to {now.hottest_c:.0f} °C, "
            f"with heat off: {plug}",
            at_most=0,
            effect=Effect.MAKE_SAFE,
        )


def heat_missing(now: Situation) -> Iterator[Bound]:
    """The machine reports no heat where heat is set: it restarted, or its burner went out.

    Source: Kaleido's burner that dropped to 0 during roasts (Artisan #2137); a board that resets
    answers on time, with all outputs at 0 (docs/development/interlock-sources.md). One
    reading without heat may be wrong: it ends nothing, but nothing is heated over it, or a plan
    that sets heat every few seconds would heat a restarted machine and hide that it restarted.
    """
    if now.heat_gone and now.asked is HEATER and now.heat_wanted:
        yield Bound(
            HEATER,
            f"The machine reports no heat, but {now.setpoints.heater or 0:.0f} % is set: it may "
            "have restarted. Heat is not set again until it reports some.",
            at_most=0,
            effect=Effect.MAKE_SAFE,
        )
    readback = now.reading.heater_percent if now.reading else None
    if now.heat_short_s > 0 and readback is not None and readback <= NO_HEAT_PERCENT:
        yield Bound(
            HEATER,
            f"The machine reports no heat, but {now.setpoints.heater or 0:.0f} % is set: it was "
            "restarted, or its heater went out. Heat stays off until a person arms again.",
            at_most=0,
            effect=Effect.MAKE_SAFE,
        )


def heater_contradicts(now: Situation) -> Iterator[Bound]:
    """The machine reports more heat than is set: heat off, disarmed, and written again.

    Source: freshroastsr700 #35 (heat 0 ignored); Hottop's last settings that persist (Artisan
    #1791).
    """
    for_s = now.contradicted_s.get(HEATER, 0.0)
    readback = now.reading.heater_percent if now.reading else None
    if for_s >= 3.0 and readback is not None and readback > (now.setpoints.heater or 0.0):
        yield Bound(
            HEATER,
            f"The machine reports {readback:.0f} % heat, but {now.setpoints.heater or 0:.0f} % is "
            "set: if it goes on, pull the plug.",
            at_most=0,
            effect=Effect.DISARM,
        )
