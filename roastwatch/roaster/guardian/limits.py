"""The limits that the interlocks apply to a machine; their values are in `config/roasters/`."""

from pydantic import ConfigDict, Field, model_validator

from roastwatch.options import Options


class Limits(Options):
    """Values of the interlocks. The defaults suit an unknown small home roaster.

    Each interlock names its sources (`roastwatch/roaster/guardian/interlocks/`). Every value has a
    range: outside it, or as no number, a limit would switch its interlock off.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    bean_temp_max_c: float = Field(
        230.0, ge=100, le=245, description="Bean temperature at which heat goes off, °C."
    )
    environment_temp_max_c: float = Field(
        300.0, ge=100, le=400, description="Environment temperature at which heat goes off, °C."
    )
    bean_rate_max_c_per_min: float = Field(
        240.0, ge=60, le=2400, description="Bean rate of rise above which heat goes off, °C/min."
    )
    environment_rate_max_c_per_min: float = Field(
        900.0,
        ge=60,
        le=9000,
        description="Environment rate of rise above which heat goes off, °C/min.",
    )
    plausible_min_c: float = Field(
        -30.0, ge=-50, le=10, description="A probe below this is broken, °C."
    )
    plausible_max_c: float = Field(
        400.0,
        ge=250,
        le=700,
        description="A probe that jumps above this is broken, one that rises above it too hot, °C.",
    )
    jump_max_c_per_s: float = Field(
        40.0, ge=5, le=200, description="A probe that jumps faster than this is broken, °C/s."
    )
    stale_after_s: float = Field(
        2.5, ge=1, le=30, description="Heat goes off when the newest reading is older, seconds."
    )
    heater_max_percent: float = Field(
        100.0, ge=5, le=100, description="Heat is never set above this, percent."
    )
    fan_min_for_heat_percent: float = Field(
        20.0, ge=5, le=100, description="Least fan while heat is on, percent."
    )
    drum_min_percent: float = Field(
        30.0, ge=10, le=100, description="Least drum while heat is on or beans are hot, percent."
    )
    hot_above_c: float = Field(
        80.0, ge=40, le=180, description="Above this the machine counts as hot, °C."
    )
    burning_above_c: float = Field(
        230.0,
        ge=150,
        le=255,
        description="Above this beans may be burning: nothing but a person opens the door, °C.",
    )
    eject_on_overheat: bool = Field(
        False,
        description="Open the door by itself when beans are too hot and can't be burning yet.",
    )
    automatic_drop: bool = Field(
        False, description="Let rules that follow sound open the door without asking a person."
    )
    automatic_raise: bool = Field(
        False, description="Let rules (not only people and their plans) raise heat."
    )
    agent_drop: bool = Field(False, description="Let agents (over MCP or HTTP) drop the beans.")
    agent_raise: bool = Field(False, description="Let agents (over MCP or HTTP) raise heat.")
    arm_max_s: float = Field(
        2400.0, ge=1, le=7200, description="Arming ends after this at the latest, seconds."
    )
    attendance_s: float = Field(
        600.0,
        ge=1,
        le=1800,
        description="Heat may go up only if a person was there within this time, seconds.",
    )
    attendance_grace_s: float = Field(
        120.0,
        ge=1,
        le=600,
        description="Time to answer the question whether somebody is there, seconds.",
    )
    roast_max_s: float = Field(
        1500.0, ge=1, le=3600, description="Longest roast from charge, seconds."
    )
    heating_max_s: float = Field(
        3600.0, ge=1, le=7200, description="Longest time with heat from arming, seconds."
    )
    no_rise_s: float = Field(
        240.0,
        ge=30,
        le=900,
        description="Heat that raises no probe by 2 °C for this long is a fault, seconds.",
    )
    no_rise_below_c: float = Field(
        150.0,
        ge=60,
        le=200,
        description="The rule of no_rise_s holds below this temperature, °C.",
    )
    frozen_s: float = Field(
        120.0,
        ge=30,
        le=600,
        description="Heat while no probe moves at all, above no_rise_below_c, is a fault, seconds.",
    )
    probe_still_s: float = Field(
        75.0,
        ge=50,
        le=300,
        description="A bean probe that stands still in hotter air, with heat on, for this long is "
        "a fault, seconds.",
    )
    runaway_rate_c_per_min: float = Field(
        15.0,
        ge=5,
        le=60,
        description="A hot machine that rises so fast without heat is a fault, °C/min.",
    )
    runaway_above_c: float = Field(
        200.0, ge=80, le=240, description="The rule of runaway_rate_c_per_min holds above this, °C."
    )
    runaway_after_s: float = Field(
        60.0,
        ge=15,
        le=300,
        description="Heat must have been off for this long for that rule, seconds.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Limits":
        if self.hot_above_c >= self.bean_temp_max_c:
            raise ValueError("hot_above_c must be below bean_temp_max_c")
        if self.plausible_max_c <= max(self.bean_temp_max_c, self.environment_temp_max_c):
            raise ValueError("plausible_max_c must be above both temperature limits")
        if self.no_rise_below_c >= self.bean_temp_max_c:
            raise ValueError("no_rise_below_c must be below bean_temp_max_c")
        if self.runaway_above_c >= self.environment_temp_max_c:
            raise ValueError("runaway_above_c must be below environment_temp_max_c")
        if self.eject_on_overheat and self.bean_temp_max_c >= self.burning_above_c:
            raise ValueError(
                "with eject_on_overheat, bean_temp_max_c must be below burning_above_c: else the "
                "beans may be burning when the door opens"
            )
        return self
