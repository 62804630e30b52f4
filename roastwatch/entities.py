"""One row for each thing that is shown anywhere: MQTT, the web and metrics are made from it.

Device classes, state classes, categories and icons are Home Assistant's, because they are the
most widely understood; nothing else here knows of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from roastwatch.vocabulary import (
    Actuator,
    EventKind,
    InstructionKind,
    Level,
    PartState,
    Phase,
    Reading,
    RoastEvent,
    Snapshot,
)

Value: TypeAlias = str | float | bool | datetime | None

LATE_MODEL_S = 2.0
"""A model that judges sound older than this is late."""


class Platform(StrEnum):
    """What sort of thing a row is."""

    SENSOR = "sensor"
    BINARY_SENSOR = "binary_sensor"
    EVENT = "event"
    SWITCH = "switch"
    NUMBER = "number"
    BUTTON = "button"
    VALVE = "valve"
    TEXT = "text"
    IMAGE = "image"
    UPDATE = "update"


class Needs(StrEnum):
    """The part of a station without which a row has nothing to show."""

    SOUND = "sound"
    ROASTER = "roaster"

    def available(self, snapshot: Snapshot) -> bool:
        """Whether that part is there now."""
        if self is Needs.SOUND:
            return snapshot.level is not None
        return snapshot.roaster is None or snapshot.roaster.connected


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing shown. `value_of` gives None for unknown, percent as 0 to 100."""

    key: str
    platform: Platform
    name: tuple[str, str]
    """English, German."""
    help: tuple[str, str]
    """One sentence, English and German."""
    value_of: Callable[[Snapshot], Value] | None = None
    offered: Callable[[Snapshot], bool | None] = lambda _snapshot: True
    """Whether the station has it; None: can't be told from this snapshot."""
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    category: str | None = None
    icon: str | None = None
    precision: int | None = None
    options: tuple[str, ...] = ()
    minimum: float = 0.0
    maximum: float = 100.0
    step: float = 1.0
    needs: Needs | None = None
    hidden: bool = False
    """Switched off until a person wants it."""
    asks: tuple[InstructionKind, ...] = ()
    """What pressing or setting it asks: one instruction, or those for on and off."""
    actuator: Actuator | None = None
    """What of the roaster setting it commands, in percent (on and open: 100)."""

    def title(self, language: str) -> str:
        """Its name in a language; English where there is none."""
        return self.name[1 if language == "de" else 0]

    def value(self, snapshot: Snapshot) -> Value:
        """The value now, rounded to the precision that is worth showing."""
        found = self.value_of(snapshot) if self.value_of else None
        if isinstance(found, float) and self.precision is not None:
            return round(found, self.precision)
        return found


EVENT_TYPES = (
    "charge",
    "turning_point",
    "dry_end",
    "possible_crack",
    "first_crack",
    "first_crack_certain",
    "not_a_crack",
    "first_crack_end",
    "second_crack",
    "drop",
    "cool_end",
    "no_crack_yet",
    "sound_lost",
    "roaster_lost",
    "interlock",
    "fault",
)


def event_type(event: RoastEvent) -> str:
    """The name under which an event is told."""
    if event.kind is EventKind.FIRST_CRACK:
        if event.revoked:
            return "not_a_crack"
        if event.level is Level.POSSIBLE:
            return "possible_crack"
        if event.level is Level.CERTAIN:
            return "first_crack_certain"
    return event.kind.value


def problems(snapshot: Snapshot) -> list[str]:
    """What is wrong at a station, one sentence each."""
    found = [
        part.problem or f"{part.name} is {part.state.value}."
        for part in snapshot.parts
        if part.problem or part.state in (PartState.FAILED, PartState.RETRYING)
    ]
    if snapshot.level is not None and snapshot.level.problem:
        found.insert(0, snapshot.level.problem)
    if snapshot.roaster is not None and snapshot.roaster.emergency:
        found.insert(0, "The emergency stop was pressed: arm again when all is well.")
    return list(dict.fromkeys(found))


def _first_crack(snapshot: Snapshot) -> RoastEvent | None:
    crack = snapshot.first_crack
    return None if crack is None or crack.revoked else crack


def _is_first_crack(snapshot: Snapshot) -> bool:
    crack = _first_crack(snapshot)
    return crack is not None and (crack.level is None or crack.level.rank >= 1)


def _crack_level(snapshot: Snapshot) -> str:
    crack = _first_crack(snapshot)
    return "none" if crack is None else (crack.level or Level.FIRST_CRACK).value


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def _read(field: str) -> Callable[[Snapshot], Value]:
    return lambda snapshot: getattr(snapshot.reading, field, None)


def _has_probe(field: str) -> Callable[[Snapshot], bool | None]:
    """A probe is there once it gave a value; while it gives none nothing can be said."""

    def offered(snapshot: Snapshot) -> bool | None:
        reading: Reading | None = snapshot.reading
        if reading is not None and getattr(reading, field) is not None:
            return True
        return False if snapshot.roaster is None and reading is None else None

    return offered


def _has_roaster(snapshot: Snapshot) -> bool:
    return snapshot.roaster is not None


def _can_set(*actuators: Actuator) -> Callable[[Snapshot], bool | None]:
    def offered(snapshot: Snapshot) -> bool | None:
        if snapshot.roaster is None:
            return False
        if any(actuator in snapshot.roaster.actuators for actuator in actuators):
            return True
        return False if snapshot.roaster.connected else None

    return offered


def _only_reads(field: str, actuator: Actuator) -> Callable[[Snapshot], bool | None]:
    probe, settable = _has_probe(field), _can_set(actuator)
    return lambda snapshot: False if settable(snapshot) else probe(snapshot)


def _predicted(kind: EventKind) -> Callable[[Snapshot], Value]:
    def value_of(snapshot: Snapshot) -> Value:
        for predicted, at_s, _half_width_s in snapshot.predicted:
            if predicted is kind and snapshot.elapsed_s is not None:
                in_s = timedelta(seconds=round(at_s - snapshot.elapsed_s))
                return (snapshot.at + in_s).replace(microsecond=0)
        return None

    return value_of


def _is_predicted(kind: EventKind) -> Callable[[Snapshot], bool | None]:
    return lambda snapshot: any(kind is item[0] for item in snapshot.predicted) or None


def _cooling(snapshot: Snapshot) -> bool | None:
    percent = snapshot.reading.cooling_percent if snapshot.reading else None
    return None if percent is None else percent > 0


_S, _B = Platform.SENSOR, Platform.BINARY_SENSOR
_MEASURED, _DIAGNOSTIC, _CONFIG = "measurement", "diagnostic", "config"


def _button(
    key: str,
    name: tuple[str, str],
    help_: tuple[str, str],
    asks: InstructionKind,
    icon: str,
    offered: Callable[[Snapshot], bool | None] = lambda _snapshot: True,
) -> Entity:
    return Entity(
        key, Platform.BUTTON, name, help_, asks=(asks,), icon=f"mdi:{icon}", offered=offered
    )


def _actuator(actuator: Actuator, de: str, icon: str) -> tuple[Entity, Entity]:
    """A number where it can be set, a sensor where it can only be read."""
    en, field = actuator.value.capitalize(), f"{actuator.value}_percent"
    number = Entity(
        actuator.value,
        Platform.NUMBER,
        (en, de),
        (f"{en} in percent; the interlocks may limit or refuse it.",
         f"{de} in Prozent; die Verriegelungen können begrenzen oder ablehnen."),
        _read(field),
        _can_set(actuator),
        unit="%",
        icon=f"mdi:{icon}",
        precision=0,
        needs=Needs.ROASTER,
        actuator=actuator,
    )  # fmt: skip
    sensor = Entity(
        f"{actuator.value}_reading",
        _S,
        (en, de),
        (f"{en} as the roaster reports it.", f"{de} laut Röster."),
        _read(field),
        _only_reads(field, actuator),
        unit="%",
        state_class=_MEASURED,
        icon=f"mdi:{icon}",
        precision=0,
        needs=Needs.ROASTER,
    )
    return number, sensor


ENTITIES: tuple[Entity, ...] = (
    # What a roast is
    Entity("event", Platform.EVENT, ("Roast event", "Röstereignis"),
           ("All that happens in a roast, as it happens.",
            "Alles, was in einer Röstung geschieht, sobald es geschieht."),
           options=EVENT_TYPES, icon="mdi:popcorn"),
    Entity("phase", _S, ("Phase", "Phase"),
           ("Where the roast is.", "Wo die Röstung steht."),
           lambda s: s.phase.value, device_class="enum",
           options=tuple(phase.value for phase in Phase), icon="mdi:coffee-maker"),
    Entity("first_crack", _B, ("First crack", "First Crack"),
           ("On from first crack until the next roast.",
            "An vom First Crack bis zur nächsten Röstung."),
           _is_first_crack, icon="mdi:popcorn"),
    Entity("first_crack_level", _S, ("First crack certainty", "Gewissheit des First Crack"),
           ("How sure first crack is.", "Wie sicher der First Crack ist."),
           _crack_level, device_class="enum",
           options=("none", *(level.value for level in Level)), icon="mdi:help-rhombus-outline"),
    Entity("first_crack_at", _S, ("First crack at", "First Crack um"),
           ("When first crack began, dated back.", "Wann der First Crack begann, rückdatiert."),
           lambda s: crack.happened_at if (crack := _first_crack(s)) else None,
           device_class="timestamp", icon="mdi:clock-star-four-points-outline"),
    Entity("elapsed", _S, ("Roast time", "Röstzeit"),
           ("Time since charge.", "Zeit seit dem Einfüllen."),
           lambda s: s.elapsed_s, unit="s", device_class="duration", state_class=_MEASURED,
           precision=0, icon="mdi:timer-outline"),
    Entity("development_time", _S, ("Development time", "Entwicklungszeit"),
           ("Time since first crack began.", "Zeit seit Beginn des First Crack."),
           lambda s: s.development_s, unit="s", device_class="duration", state_class=_MEASURED,
           precision=0, icon="mdi:timer-star-outline"),
    Entity("development_ratio", _S, ("Development ratio", "Entwicklungsanteil"),
           ("Development time as a share of roast time.",
            "Anteil der Entwicklungszeit an der Röstzeit."),
           lambda s: s.development_ratio_percent, unit="%", state_class=_MEASURED, precision=1,
           icon="mdi:percent-outline"),
    Entity("expected_first_crack", _S, ("First crack expected at", "First Crack erwartet um"),
           ("When first crack is expected.", "Wann der First Crack erwartet wird."),
           _predicted(EventKind.FIRST_CRACK), _is_predicted(EventKind.FIRST_CRACK),
           device_class="timestamp", icon="mdi:crystal-ball"),
    Entity("expected_drop", _S, ("Drop expected at", "Auswurf erwartet um"),
           ("When the drop is expected.", "Wann der Auswurf erwartet wird."),
           _predicted(EventKind.DROP), _is_predicted(EventKind.DROP),
           device_class="timestamp", icon="mdi:crystal-ball"),
    Entity("image", Platform.IMAGE, ("Roast so far", "Röstung bisher"),
           ("The roast so far as a picture.", "Die bisherige Röstung als Bild."),
           icon="mdi:chart-bell-curve"),
    # What is heard
    Entity("pops_per_minute", _S, ("Pops per minute", "Knackse pro Minute"),
           ("Pops heard in the last minute.", "Knackse in der letzten Minute."),
           lambda s: s.pops_per_minute, unit="pops/min", state_class=_MEASURED, precision=0,
           icon="mdi:popcorn", needs=Needs.SOUND),
    Entity("probability", _S, ("Crack probability", "Wahrscheinlichkeit eines Cracks"),
           ("How probable it is that the sound of now is a crack.",
            "Wie wahrscheinlich das Geräusch von eben ein Crack ist."),
           lambda s: _percent(s.probability), unit="%", state_class=_MEASURED, precision=0,
           icon="mdi:sine-wave", needs=Needs.SOUND),
    Entity("decision", _S, ("Decision", "Entscheidung"),
           ("Progress towards deciding that it is first crack.",
            "Fortschritt der Entscheidung, dass es der First Crack ist."),
           lambda s: _percent(s.decision), unit="%", state_class=_MEASURED, precision=0,
           icon="mdi:progress-check", needs=Needs.SOUND),
    Entity("listening", Platform.SWITCH, ("Listening", "Zuhören"),
           ("Whether it listens at all.", "Ob überhaupt zugehört wird."),
           lambda s: s.listening, icon="mdi:ear-hearing",
           asks=(InstructionKind.LISTEN_ON, InstructionKind.LISTEN_OFF)),
    Entity("deciding", _B, ("Deciding", "Entscheidet"),
           ("Whether a crack heard now would be decided upon.",
            "Ob über einen Crack, der jetzt zu hören wäre, entschieden würde."),
           lambda s: s.armed, category=_DIAGNOSTIC, icon="mdi:target"),
    Entity("sensitivity", Platform.NUMBER, ("Sensitivity", "Empfindlichkeit"),
           ("Higher decides sooner and errs more often.",
            "Höher entscheidet früher und irrt öfter."),
           lambda s: _percent(s.sensitivity), unit="%", category=_CONFIG, icon="mdi:tune",
           precision=0, asks=(InstructionKind.SENSITIVITY,)),
    Entity("level", _S, ("Microphone level", "Mikrofonpegel"),
           ("Level of the last second, full scale is 0.",
            "Pegel der letzten Sekunde, Vollaussteuerung ist 0."),
           lambda s: s.level.rms_dbfs if s.level else None, unit="dBFS", state_class=_MEASURED,
           category=_DIAGNOSTIC, precision=0, icon="mdi:microphone", needs=Needs.SOUND),
    Entity("level_peak", _S, ("Microphone peak", "Mikrofonspitze"),
           ("Peak of the last second, full scale is 0.",
            "Spitze der letzten Sekunde, Vollaussteuerung ist 0."),
           lambda s: s.level.peak_dbfs if s.level else None, unit="dBFS", state_class=_MEASURED,
           category=_DIAGNOSTIC, precision=0, icon="mdi:microphone", needs=Needs.SOUND,
           hidden=True),
    # What a person can do
    _button("start", ("Start roast", "Röstung beginnen"),
            ("The beans are in: the roast begins now.", "Die Bohnen sind drin: es geht los."),
            InstructionKind.START, "play"),
    _button("first_crack_now", ("First crack now", "Jetzt First Crack"),
            ("First crack begins now, says a person.", "Jetzt beginnt der First Crack."),
            InstructionKind.FIRST_CRACK_NOW, "popcorn"),
    _button("not_a_crack", ("Not a crack", "Kein Crack"),
            ("That was no first crack.", "Das war kein First Crack."),
            InstructionKind.NOT_A_CRACK, "close-octagon-outline"),
    _button("drop", ("Drop", "Auswerfen"),
            ("The roast ends and the beans are dropped.",
             "Die Röstung endet, die Bohnen werden ausgeworfen."),
            InstructionKind.DROP, "tray-arrow-down"),
    _button("stop", ("Stop roast", "Röstung abbrechen"),
            ("End the roast.", "Die Röstung beenden."), InstructionKind.STOP, "stop"),
    _button("acknowledge", ("Acknowledge", "Bestätigen"),
            ("Seen: alerts need not be repeated.", "Gesehen: nicht weiter wiederholen."),
            InstructionKind.ACKNOWLEDGE, "check"),
    Entity("note", Platform.TEXT, ("Note", "Notiz"),
           ("A note in the roast's log.", "Eine Notiz im Röstprotokoll."),
           icon="mdi:note-text-outline", asks=(InstructionKind.NOTE,), minimum=1, maximum=255),
    # The roaster
    Entity("bean_temperature", _S, ("Bean temperature", "Bohnentemperatur"),
           ("What the bean probe reads.", "Was der Bohnenfühler misst."),
           _read("bean_temp_c"), _has_probe("bean_temp_c"), unit="°C", precision=1,
           device_class="temperature", state_class=_MEASURED, needs=Needs.ROASTER),
    Entity("environment_temperature", _S, ("Environment temperature", "Lufttemperatur"),
           ("What the air probe reads.", "Was der Luftfühler misst."),
           _read("environment_temp_c"), _has_probe("environment_temp_c"), unit="°C", precision=1,
           device_class="temperature", state_class=_MEASURED, needs=Needs.ROASTER),
    Entity("rate_of_rise", _S, ("Rate of rise", "Anstiegsrate"),
           ("How fast the beans get hotter.", "Wie schnell die Bohnen heißer werden."),
           lambda s: s.rate_of_rise_c_per_min, _has_probe("bean_temp_c"), unit="°C/min",
           state_class=_MEASURED, precision=1, icon="mdi:trending-up", needs=Needs.ROASTER),
    *_actuator(Actuator.HEATER, "Heizung", "radiator"),
    *_actuator(Actuator.FAN, "Lüfter", "fan"),
    *_actuator(Actuator.DRUM, "Trommel", "rotate-right"),
    Entity("cooling", Platform.SWITCH, ("Cooling", "Kühlung"),
           ("The cooling fan and stirrer.", "Kühlgebläse und Rührer."),
           _cooling, _can_set(Actuator.COOLING), icon="mdi:snowflake", needs=Needs.ROASTER,
           actuator=Actuator.COOLING),
    Entity("door", Platform.VALVE, ("Drop door", "Auswurfklappe"),
           ("Open drops the beans.", "Offen fallen die Bohnen heraus."),
           lambda s: s.reading.door_open if s.reading else None, _can_set(Actuator.DOOR),
           icon="mdi:gate-open", needs=Needs.ROASTER, actuator=Actuator.DOOR),
    Entity("arm", Platform.SWITCH, ("Armed", "Scharf"),
           ("Whether heat may be raised from afar, for a while.",
            "Ob die Hitze für eine Weile aus der Ferne erhöht werden darf."),
           lambda s: s.roaster.armed if s.roaster else None, _can_set(*Actuator),
           icon="mdi:shield-lock-open-outline", needs=Needs.ROASTER,
           asks=(InstructionKind.ARM, InstructionKind.DISARM)),
    _button("present", ("I am here", "Ich bin da"),
            ("Somebody is with the roaster.", "Jemand ist beim Röster."),
            InstructionKind.PRESENT, "account-check", _can_set(*Actuator)),
    # Never behind arming, never unavailable: it is sent whatever the roaster says.
    _button("emergency_stop", ("Emergency stop", "Not-Aus"),
            ("Heat off, drum and cooling on, at once.",
             "Heizung aus, Trommel und Kühlung an, sofort."),
            InstructionKind.EMERGENCY_STOP, "alert-octagon", _can_set(*Actuator)),
    Entity("last_refusal", _S, ("Last refusal", "Letzte Ablehnung"),
           ("Why the last command was refused.", "Warum der letzte Befehl abgelehnt wurde."),
           lambda s: s.roaster.last_refusal or "none" if s.roaster else None, _can_set(*Actuator),
           category=_DIAGNOSTIC, icon="mdi:shield-alert-outline"),
    # How the service is
    Entity("microphone_problem", _B, ("Microphone", "Mikrofon"),
           ("The microphone is lost, silent, clipping or altered.",
            "Das Mikrofon fehlt, schweigt, übersteuert oder wird verändert."),
           lambda s: s.level is None or s.level.problem is not None,
           device_class="problem", category=_DIAGNOSTIC),
    Entity("roaster_problem", _B, ("Roaster", "Röster"),
           ("The roaster is lost or in emergency stop.",
            "Der Röster fehlt oder ist im Not-Aus."),
           lambda s: s.roaster is not None and (not s.roaster.connected or s.roaster.emergency),
           _has_roaster, device_class="problem", category=_DIAGNOSTIC),
    Entity("model_late", _B, ("Model late", "Modell zu langsam"),
           ("Judging falls behind the microphone.",
            "Das Urteil bleibt hinter dem Mikrofon zurück."),
           lambda s: s.lag_s is not None and s.lag_s > LATE_MODEL_S,
           device_class="problem", category=_DIAGNOSTIC),
    Entity("problem", _B, ("Problem", "Problem"),
           ("Something is wrong; the status says what.", "Etwas stimmt nicht; siehe Zustand."),
           lambda s: bool(problems(s)), device_class="problem", category=_DIAGNOSTIC),
    Entity("status", _S, ("Status", "Zustand"),
           ("What is wrong, in a sentence.", "Was nicht stimmt, in einem Satz."),
           lambda s: next(iter(problems(s)), "all well"), category=_DIAGNOSTIC,
           icon="mdi:clipboard-pulse-outline"),
    Entity("lag", _S, ("Lag", "Rückstand"),
           ("How far judging is behind the microphone.",
            "Wie weit das Urteil hinter dem Mikrofon ist."),
           lambda s: s.lag_s, unit="s", device_class="duration", state_class=_MEASURED,
           category=_DIAGNOSTIC, precision=1, needs=Needs.SOUND, hidden=True),
    Entity("update", Platform.UPDATE, ("Update", "Aktualisierung"),
           ("Whether a newer roastwatch is out.", "Ob es ein neueres roastwatch gibt."),
           device_class="firmware", category=_DIAGNOSTIC),
)  # fmt: skip
"""In the order in which people want to see them."""

BY_KEY = {entity.key: entity for entity in ENTITIES}
