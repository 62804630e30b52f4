"""A thermal model of a drum roaster: drum, beans with water, environment, and lagging probes.

Lumped heat balances (J, W, °C, s), the usual form for drum roasters: Schwartzberg, "Modeling bean
heating during batch roasting of coffee beans" (2002), with one node each for drum and beans,
water that evaporates from the beans, and heat that they release around first crack. They are
fitted to logged roasts (`python -m roastwatch.roaster.simulation.fit`).
"""

from dataclasses import dataclass, replace
from math import exp

from roastwatch.vocabulary import Reading

AMBIENT_C = 22.0
BEAN_HEAT_J_PER_KG_C = 1650.0
WATER_HEAT_J_PER_KG_C = 4186.0
EVAPORATION_J_PER_KG = 2_400_000.0
LONGEST_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class ThermalParameters:
    """The parameters of one roaster."""

    power_w: float = 553.4
    """Power into the drum at heat 100 %."""
    drum_j_per_c: float = 691.4
    loss_w_per_c: float = 0.8392
    """Heat loss from the drum to the room, fan off."""
    fan_loss_w_per_c: float = 0.2165
    """Additional loss at fan 100 %."""
    to_beans_w_per_c_kg: float = 34.4
    """Heat transfer from drum and air to the beans, per kg."""
    fan_to_beans: float = 1.8158
    """Relative increase of that transfer at fan 100 %."""
    evaporation_per_s: float = 0.0001624
    """Share of the water that evaporates per second at 150 °C."""
    evaporation_rise_c: float = 13.7
    """Temperature rise over which that share grows e-fold, °C."""
    moisture: float = 0.11
    """Water in green beans, kg per kg."""
    exotherm_j_per_kg: float = 3_383.6
    """Heat released around first crack."""
    first_crack_c: float = 176.0
    """Bean probe temperature at which first crack begins."""
    bean_probe_lag_s: float = 82.2
    environment_probe_lag_s: float = 10.0
    bean_probe_sees_drum: float = 0.0341
    """Share of the drum's temperature in what the bean probe reads."""
    empty_probe_share: float = 0.8632
    """Share of the drum's excess over the room that the bean probe of an empty drum reads."""


@dataclass(frozen=True, slots=True)
class Heat:
    """The state at one time. Temperatures in °C, water in kg per kg of green beans."""

    drum_c: float
    bean_c: float
    moisture: float
    bean_probe_c: float
    environment_probe_c: float
    mass_kg: float
    """Beans in the drum; 0 = empty."""
    exotherm_left: float = 1.0
    tray_c: float = AMBIENT_C
    tray_kg: float = 0.0

    @classmethod
    def empty(cls, drum_c: float, parameters: ThermalParameters) -> "Heat":
        """An empty drum that has settled at a temperature."""
        seen = AMBIENT_C + parameters.empty_probe_share * (drum_c - AMBIENT_C)
        return cls(drum_c, AMBIENT_C, 0.0, seen, drum_c, 0.0)

    def charged(self, mass_kg: float, parameters: ThermalParameters) -> "Heat":
        """The same drum after a charge of green beans at room temperature."""
        return replace(
            self,
            mass_kg=mass_kg,
            bean_c=AMBIENT_C,
            moisture=parameters.moisture,
            exotherm_left=1.0,
        )


def advance(
    heat: Heat,
    parameters: ThermalParameters,
    seconds: float,
    *,
    heater: float,
    fan: float,
    drum: float = 1.0,
    cooling: float = 0.0,
    door_open: bool = False,
) -> Heat:
    """The state `seconds` later. Actuators from 0 to 1."""
    left = seconds
    while left > 1e-9:
        step_s = min(LONGEST_STEP_S, left)
        heat = _step(heat, parameters, step_s, heater, fan, drum, cooling, door_open)
        left -= step_s
    return heat


def _step(
    heat: Heat,
    p: ThermalParameters,
    dt: float,
    heater: float,
    fan: float,
    drum: float,
    cooling: float,
    door_open: bool,
) -> Heat:
    mass, tray_kg, tray_c = heat.mass_kg, heat.tray_kg, heat.tray_c
    if door_open and mass > 0:  # a turning drum empties within seconds, a still one slowly
        gone = mass * min(1.0, dt / 2.5) * (1.0 if drum > 0 else 0.1)
        tray_c = (tray_kg * tray_c + gone * heat.bean_c) / (tray_kg + gone)
        mass, tray_kg = mass - gone, tray_kg + gone
        if mass < 0.002:
            mass, tray_kg = 0.0, tray_kg + mass
    loss = (p.loss_w_per_c + p.fan_loss_w_per_c * fan) * (heat.drum_c - AMBIENT_C)
    bean_c, moisture, exotherm_left = heat.bean_c, heat.moisture, heat.exotherm_left
    to_beans = 0.0
    if mass > 0:
        stirred = 1.0 if drum > 0 else 0.5
        to_beans = (
            p.to_beans_w_per_c_kg
            * mass
            * (1 + p.fan_to_beans * fan)
            * stirred
            * (heat.drum_c - bean_c)
        )
        share = p.evaporation_per_s * exp(min((bean_c - 150.0) / p.evaporation_rise_c, 4.0))
        leaves = moisture * min(1.0, share * dt) if bean_c > 40 else 0.0
        near = exp(-(((bean_c - p.first_crack_c - 4.0) / 9.0) ** 2))
        released = exotherm_left * min(1.0, near * dt / 40.0)
        capacity = mass * (BEAN_HEAT_J_PER_KG_C + moisture * WATER_HEAT_J_PER_KG_C)
        gained = to_beans * dt - leaves * mass * EVAPORATION_J_PER_KG
        gained += released * mass * p.exotherm_j_per_kg
        bean_c += gained / capacity
        moisture -= leaves
        exotherm_left -= released
    drum_c = heat.drum_c + (heater * p.power_w - loss - to_beans) * dt / p.drum_j_per_c
    seen = (
        (1 - p.bean_probe_sees_drum) * bean_c + p.bean_probe_sees_drum * drum_c
        if mass > 0
        else AMBIENT_C + p.empty_probe_share * (drum_c - AMBIENT_C)
    )
    if tray_kg > 0:
        tray_c += (AMBIENT_C - tray_c) * dt * (1 / 60 if cooling > 0 else 1 / 600)
    return Heat(
        drum_c=drum_c,
        bean_c=bean_c,
        moisture=moisture,
        bean_probe_c=heat.bean_probe_c + (seen - heat.bean_probe_c) * _lag(dt, p.bean_probe_lag_s),
        environment_probe_c=heat.environment_probe_c
        + (drum_c - heat.environment_probe_c) * _lag(dt, p.environment_probe_lag_s),
        mass_kg=mass,
        exotherm_left=exotherm_left,
        tray_c=tray_c,
        tray_kg=tray_kg,
    )


def _lag(dt: float, lag_s: float) -> float:
    return 1.0 - exp(-dt / lag_s)


class TimedRoast:
    """A modelled roast whose bean probe reaches first crack at a given second.

    The model's time is stretched for that, so that it agrees with sound that cracks then.
    """

    heater, fan = 0.65, 0.4
    after_crack = 0.45
    """Heat after first crack, as is usual."""

    def __init__(self, first_crack_at_s: float, mass_kg: float = 0.25) -> None:
        self._parameters = ThermalParameters()
        self._start = Heat.empty(180.0, self._parameters).charged(mass_kg, self._parameters)
        natural_s, heat = 0.0, self._start
        while heat.bean_probe_c < self._parameters.first_crack_c or natural_s < 60:
            heat = advance(heat, self._parameters, 1.0, heater=self.heater, fan=self.fan)
            natural_s += 1.0
        self._natural_s = natural_s
        self._pace = natural_s / first_crack_at_s
        self._heat, self._at_s = self._start, 0.0

    def reading(self, elapsed_s: float, station: str, taken_at_s: float) -> Reading:
        """The reading `elapsed_s` seconds after the charge."""
        wanted_s = max(0.0, elapsed_s) * self._pace
        if wanted_s < self._at_s:
            self._heat, self._at_s = self._start, 0.0
        while self._at_s < wanted_s:
            step_s = min(1.0, wanted_s - self._at_s)
            self._heat = advance(
                self._heat, self._parameters, step_s, heater=self._heater(), fan=self.fan
            )
            self._at_s += step_s
        return Reading(
            station=station,
            taken_at_s=taken_at_s,
            bean_temp_c=round(self._heat.bean_probe_c, 1),
            environment_temp_c=round(self._heat.environment_probe_c, 1),
            heater_percent=100 * self._heater(),
            fan_percent=100 * self.fan,
            drum_percent=100.0,
        )

    def _heater(self) -> float:
        return self.heater if self._at_s < self._natural_s else self.after_crack
