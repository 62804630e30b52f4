"""Rows of the machine. Its entities appear for what it offers."""

from roastwatch.entities import values
from roastwatch.entities.entity import Entity, Needs, Platform
from roastwatch.entities.rows import CONFIG, DIAGNOSTIC, MEASURED, SENSOR, button
from roastwatch.vocabulary import Actuator, InstructionKind


def _actuator(actuator: Actuator, de: str, icon: str) -> tuple[Entity, Entity]:
    """A number where it can be set, a sensor where it can only be read."""
    en, field = actuator.value.capitalize(), f"{actuator.value}_percent"
    number = Entity(
        actuator.value,
        Platform.NUMBER,
        (en, de),
        (f"{en} in percent; the interlocks may limit or refuse it.",
         f"{de} in Prozent; die Verriegelungen können begrenzen oder ablehnen."),
        values.read(field),
        values.can_set(actuator),
        unit="%",
        icon=f"mdi:{icon}",
        precision=0,
        needs=Needs.ROASTER,
        actuator=actuator,
    )  # fmt: skip
    sensor = Entity(
        f"{actuator.value}_reading",
        SENSOR,
        (en, de),
        (f"{en} as the roaster reports it.", f"{de} laut Röster."),
        values.read(field),
        values.only_reads(field, actuator),
        unit="%",
        state_class=MEASURED,
        icon=f"mdi:{icon}",
        precision=0,
        needs=Needs.ROASTER,
    )
    return number, sensor


ROASTER: tuple[Entity, ...] = (
    Entity("bean_temperature", SENSOR, ("Bean temperature", "Bohnentemperatur"),
           ("What the bean probe reads.", "Was der Bohnenfühler misst."),
           values.read("bean_temp_c"), values.has_probe("bean_temp_c"), unit="°C", precision=1,
           device_class="temperature", state_class=MEASURED, needs=Needs.ROASTER),
    Entity("environment_temperature", SENSOR, ("Environment temperature", "Lufttemperatur"),
           ("What the air probe reads.", "Was der Luftfühler misst."),
           values.read("environment_temp_c"), values.has_probe("environment_temp_c"), unit="°C",
           precision=1, device_class="temperature", state_class=MEASURED, needs=Needs.ROASTER),
    Entity("rate_of_rise", SENSOR, ("Rate of rise", "Anstiegsrate"),
           ("How fast the beans get hotter.", "Wie schnell die Bohnen heißer werden."),
           lambda s: s.rate_of_rise_c_per_min, values.has_probe("bean_temp_c"), unit="°C/min",
           state_class=MEASURED, precision=1, icon="mdi:trending-up", needs=Needs.ROASTER),
    Entity("deviation", SENSOR, ("Deviation from the profile", "Abweichung vom Profil"),
           ("How far the beans are above the profile.",
            "Wie weit die Bohnen über dem Profil liegen."),
           lambda s: s.deviation_c, values.has_profile, unit="°C", state_class=MEASURED,
           precision=1, icon="mdi:arrow-expand-vertical", needs=Needs.ROASTER),
    Entity("profile", Platform.SELECT, ("Profile", "Profil"),
           ("The plan or the recorded roast that the next roast is compared with or follows.",
            "Der Plan oder die Aufzeichnung, womit die nächste Röstung verglichen wird."),
           lambda s: s.profile, lambda s: bool(s.profiles), category=CONFIG,
           icon="mdi:chart-timeline-variant", asks=(InstructionKind.PROFILE,),
           options_of=lambda s: s.profiles, minimum=1),
    *_actuator(Actuator.HEATER, "Heizung", "radiator"),
    *_actuator(Actuator.FAN, "Lüfter", "fan"),
    *_actuator(Actuator.DRUM, "Trommel", "rotate-right"),
    Entity("cooling", Platform.SWITCH, ("Cooling", "Kühlung"),
           ("The cooling fan and stirrer.", "Kühlgebläse und Rührer."),
           values.cooling, values.can_set(Actuator.COOLING), icon="mdi:snowflake",
           needs=Needs.ROASTER, actuator=Actuator.COOLING),
    Entity("door", Platform.VALVE, ("Drop door", "Auswurfklappe"),
           ("Open drops the beans.", "Offen fallen die Bohnen heraus."),
           lambda s: s.reading.door_open if s.reading else None, values.can_set(Actuator.DOOR),
           icon="mdi:gate-open", needs=Needs.ROASTER, actuator=Actuator.DOOR),
    Entity("arm", Platform.SWITCH, ("Armed", "Scharf"),
           ("Whether heat may be raised from afar, for a while.",
            "Ob die Hitze für eine Weile aus der Ferne erhöht werden darf."),
           lambda s: s.roaster.armed if s.roaster else None, values.can_set(*Actuator),
           icon="mdi:shield-lock-open-outline", needs=Needs.ROASTER,
           asks=(InstructionKind.ARM, InstructionKind.DISARM)),
    button("present", ("I am here", "Ich bin da"),
            ("Somebody is with the roaster.", "Jemand ist beim Röster."),
            InstructionKind.PRESENT, "account-check", values.can_set(*Actuator)),
    # Never behind arming, never unavailable: it is sent whatever the roaster says.
    button("emergency_stop", ("Emergency stop", "Not-Aus"),
            ("Heat off, drum and cooling on, at once.",
             "Heizung aus, Trommel und Kühlung an, sofort."),
            InstructionKind.EMERGENCY_STOP, "alert-octagon", values.can_set(*Actuator)),
    Entity("last_refusal", SENSOR, ("Last refusal", "Letzte Ablehnung"),
           ("Why the last command or choice was refused.",
            "Warum der letzte Befehl oder die letzte Wahl abgelehnt wurde."),
           values.refusal, values.can_be_refused,
           category=DIAGNOSTIC, icon="mdi:shield-alert-outline"),
)  # fmt: skip
