"""Rows of the roaster. They appear for what the machine offers."""

from roastwatch.entities import values
from roastwatch.entities.entity import Entity, Needs, Pace, Platform
from roastwatch.entities.rows import CONFIG, DIAGNOSTIC, MEASURED, SENSOR, button
from roastwatch.vocabulary import Actuator, InstructionKind

_SETTING = Pace(1.0, 5.0, 30.0)


def _actuator(actuator: Actuator, de: str, icon: str) -> tuple[Entity, Entity]:
    """A number where it can be set, a sensor where it can only be read."""
    en, field = actuator.value.capitalize(), f"{actuator.value}_percent"
    number = Entity(
        actuator.value,
        Platform.NUMBER,
        (en, de),
        (f"Sets the {actuator.value}, in percent. Interlocks may limit or refuse the value.",
         f"{de} in Prozent. Verriegelungen können den Wert begrenzen oder ablehnen."),
        values.read(field),
        values.can_set(actuator),
        unit="%",
        category=CONFIG,
        icon=f"mdi:{icon}",
        precision=0,
        needs=Needs.ROASTER,
        actuator=actuator,
        pace=_SETTING,
    )  # fmt: skip
    sensor = Entity(
        f"{actuator.value}_reading",
        SENSOR,
        (en, de),
        (f"The {actuator.value} as reported by the roaster.", f"{de} laut Röster."),
        values.read(field),
        values.only_reads(field, actuator),
        unit="%",
        icon=f"mdi:{icon}",
        precision=0,
        needs=Needs.ROASTER,
        pace=_SETTING,
    )
    return number, sensor


ROASTER: tuple[Entity, ...] = (
    Entity("bean_temperature", SENSOR, ("Bean temperature", "Bohnentemperatur"),
           ("The reading of the bean probe.", "Messwert des Bohnenfühlers."),
           values.read("bean_temp_c"), values.has_probe("bean_temp_c"), unit="°C", precision=1,
           device_class="temperature", state_class=MEASURED, needs=Needs.ROASTER,
           pace=Pace(0.3, 5.0)),
    Entity("environment_temperature", SENSOR, ("Environment temperature", "Lufttemperatur"),
           ("The reading of the air probe.", "Messwert des Luftfühlers."),
           values.read("environment_temp_c"), values.has_probe("environment_temp_c"), unit="°C",
           precision=1, device_class="temperature", state_class=MEASURED, needs=Needs.ROASTER,
           pace=Pace(0.5, 10.0, 600.0)),
    Entity("rate_of_rise", SENSOR, ("Rate of rise", "Anstiegsrate"),
           ("How fast the bean temperature rises.", "Wie schnell die Bohnentemperatur steigt."),
           lambda s: s.rate_of_rise_c_per_min, values.has_probe("bean_temp_c"), unit="°C/min",
           precision=1, icon="mdi:trending-up", needs=Needs.ROASTER, pace=Pace(0.5, 10.0, 600.0)),
    Entity("deviation", SENSOR, ("Deviation from the profile", "Abweichung vom Profil"),
           ("How far the bean temperature is above the profile; negative below it.",
            "Wie weit die Bohnentemperatur über dem Profil liegt; darunter negativ."),
           lambda s: s.deviation_c, values.has_profile, unit="°C", precision=1,
           device_class="temperature_delta", icon="mdi:arrow-expand-vertical",
           needs=Needs.ROASTER, pace=Pace(0.5, 10.0, 600.0)),
    Entity("profile", Platform.SELECT, ("Profile", "Profil"),
           ("The plan or recorded roast that the next roast follows or is compared with.",
            "Der Plan oder die Aufzeichnung, der die nächste Röstung folgt oder mit der sie "
            "verglichen wird."),
           lambda s: s.profile, lambda s: bool(s.profiles), category=CONFIG,
           icon="mdi:chart-timeline-variant", asks=(InstructionKind.PROFILE,),
           options_of=lambda s: s.profiles, minimum=1),
    *_actuator(Actuator.HEATER, "Heizung", "radiator"),
    *_actuator(Actuator.FAN, "Lüfter", "fan"),
    *_actuator(Actuator.DRUM, "Trommel", "rotate-right"),
    Entity("cooling", Platform.SWITCH, ("Cooling", "Kühlung"),
           ("Turns the cooling fan and the stirrer on.", "Schaltet Kühlgebläse und Rührwerk ein."),
           values.cooling, values.can_set(Actuator.COOLING), category=CONFIG,
           icon="mdi:snowflake", needs=Needs.ROASTER, actuator=Actuator.COOLING),
    Entity("door", Platform.VALVE, ("Drop door", "Auswurfklappe"),
           ("Opening it drops the beans.", "Beim Öffnen fallen die Bohnen heraus."),
           lambda s: s.reading.door_open if s.reading else None, values.can_set(Actuator.DOOR),
           category=CONFIG, icon="mdi:gate-open", needs=Needs.ROASTER, actuator=Actuator.DOOR),
    Entity("arm", Platform.SWITCH, ("Armed", "Scharfgeschaltet"),
           ("Allows heat to be raised by remote control, for a limited time. Turning it on waits "
            "for *Confirm arming*.",
            "Erlaubt für begrenzte Zeit, die Heizung ferngesteuert hochzustellen. Das Einschalten "
            "wartet auf *Scharfschalten bestätigen*."),
           lambda s: s.roaster.armed if s.roaster else None, values.can_set(*Actuator),
           category=CONFIG, icon="mdi:shield-lock-open-outline", needs=Needs.ROASTER,
           asks=(InstructionKind.ARM, InstructionKind.DISARM)),
    # The second step: an area, a group or a voice can't take it, for there is no button before.
    button("confirm_arming", ("Confirm arming", "Scharfschalten bestätigen"),
            ("Arms the roaster if *Armed* was turned on less than 30 s ago.",
             "Schaltet den Röster scharf, wenn *Scharfgeschaltet* vor weniger als 30 s "
             "eingeschaltet wurde."),
            InstructionKind.ARM, "shield-check", values.can_set(*Actuator), CONFIG, Needs.ARMING),
    button("present", ("I am here", "Ich bin da"),
            ("Confirms that somebody is with the roaster.",
             "Bestätigt, dass jemand beim Röster ist."),
            InstructionKind.PRESENT, "account-check", values.can_set(*Actuator), CONFIG),
    # Needs no arming and is never unavailable: it is sent whatever the roaster reports.
    button("emergency_stop", ("Emergency stop", "Not-Aus"),
            ("Turns heat off, and drum and cooling on, at once.",
             "Schaltet sofort die Heizung aus sowie Trommel und Kühlung ein."),
            InstructionKind.EMERGENCY_STOP, "alert-octagon", values.can_set(*Actuator)),
    Entity("last_refusal", SENSOR, ("Last refusal", "Letzte Ablehnung"),
           ("Why the last command or selection was refused.",
            "Warum der letzte Befehl oder die letzte Auswahl abgelehnt wurde."),
           values.refusal, values.can_be_refused,
           category=DIAGNOSTIC, icon="mdi:shield-alert-outline", sentence=True),
)  # fmt: skip
