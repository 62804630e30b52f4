"""Rows of the service itself: what is wrong with it, and whether there is a newer one."""

from roastwatch.entities import values
from roastwatch.entities.entity import Entity, Needs, Platform
from roastwatch.entities.rows import BINARY, DIAGNOSTIC, MEASURED, SENSOR

LATE_MODEL_S = 2.0
"""A model that judges sound older than this is late."""

SERVICE: tuple[Entity, ...] = (
    Entity("microphone_problem", BINARY, ("Microphone", "Mikrofon"),
           ("The microphone is lost, silent, clipping or altered.",
            "Das Mikrofon fehlt, schweigt, übersteuert oder wird verändert."),
           values.microphone_problem,
           device_class="problem", category=DIAGNOSTIC),
    Entity("roaster_problem", BINARY, ("Roaster", "Röster"),
           ("The roaster is lost or in emergency stop.",
            "Der Röster fehlt oder ist im Not-Aus."),
           values.roaster_problem,
           values.has_roaster, device_class="problem", category=DIAGNOSTIC),
    Entity("model_late", BINARY, ("Model late", "Modell zu langsam"),
           ("Judging falls behind the microphone.",
            "Das Urteil bleibt hinter dem Mikrofon zurück."),
           lambda s: s.lag_s is not None and s.lag_s > LATE_MODEL_S,
           device_class="problem", category=DIAGNOSTIC),
    Entity("problem", BINARY, ("Problem", "Problem"),
           ("Something is wrong; the status says what.", "Etwas stimmt nicht; siehe Zustand."),
           lambda s: bool(values.problems(s)), device_class="problem", category=DIAGNOSTIC),
    Entity("status", SENSOR, ("Status", "Zustand"),
           ("What is wrong, in a sentence.", "Was nicht stimmt, in einem Satz."),
           lambda s: next(iter(values.problems(s)), "all well"), category=DIAGNOSTIC,
           icon="mdi:clipboard-pulse-outline"),
    Entity("lag", SENSOR, ("Lag", "Rückstand"),
           ("How far judging is behind the microphone.",
            "Wie weit das Urteil hinter dem Mikrofon ist."),
           lambda s: s.lag_s, unit="s", device_class="duration", state_class=MEASURED,
           category=DIAGNOSTIC, precision=1, needs=Needs.SOUND, hidden=True),
    Entity("update", Platform.UPDATE, ("Update", "Aktualisierung"),
           ("Whether a newer roastwatch is out.", "Ob es ein neueres roastwatch gibt."),
           device_class="firmware", category=DIAGNOSTIC),
)  # fmt: skip
