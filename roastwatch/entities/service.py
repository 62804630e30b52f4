"""Rows of the service itself: its problems, and whether there is a newer version."""

from roastwatch.entities import values
from roastwatch.entities.entity import Entity, Needs, Pace, Platform
from roastwatch.entities.rows import BINARY, DIAGNOSTIC, SENSOR

LATE_MODEL_S = 2.0
"""A model that judges sound older than this is late."""

SERVICE: tuple[Entity, ...] = (
    Entity("microphone_problem", BINARY, ("Microphone", "Mikrofon"),
           ("The microphone is lost, silent or clipping, or its sound is processed.",
            "Das Mikrofon fehlt, ist stumm, übersteuert oder sein Ton wird bearbeitet."),
           values.microphone_problem,
           device_class="problem", category=DIAGNOSTIC, pace=Pace(0.0, 5.0, 180.0)),
    Entity("roaster_problem", BINARY, ("Roaster", "Röster"),
           ("The roaster is lost, in emergency stop, or raises an alarm (also if it is only read).",
            "Der Röster fehlt, ist im Not-Aus oder meldet Alarm (auch wenn er nur gelesen wird)."),
           values.roaster_problem,
           values.has_roaster, device_class="problem", category=DIAGNOSTIC),
    Entity("model_late", BINARY, ("Model late", "Modell zu langsam"),
           ("The model analyses sound more slowly than it arrives.",
            "Das Modell wertet den Ton langsamer aus, als er eintrifft."),
           lambda s: s.lag_s is not None and s.lag_s > LATE_MODEL_S,
           device_class="problem", category=DIAGNOSTIC, hidden=True, pace=Pace(0.0, 5.0)),
    Entity("problem", BINARY, ("Problem", "Problem"),
           ("Something is wrong; see the status.", "Etwas stimmt nicht; siehe Status."),
           lambda s: bool(values.problems(s)), device_class="problem", category=DIAGNOSTIC,
           pace=Pace(0.0, 5.0, 30.0)),
    Entity("status", SENSOR, ("Status", "Status"),
           ("What is wrong, in one sentence.", "Was nicht stimmt, in einem Satz."),
           lambda s: next(iter(values.problems(s)), "all well"), category=DIAGNOSTIC,
           icon="mdi:clipboard-pulse-outline", sentence=True, pace=Pace(0.0, 5.0, 30.0)),
    Entity("lag", SENSOR, ("Lag", "Verzögerung"),
           ("How far the analysis is behind the microphone.",
            "Wie weit die Auswertung hinter dem Mikrofon zurückliegt."),
           lambda s: s.lag_s, unit="s", device_class="duration", category=DIAGNOSTIC, precision=1,
           needs=Needs.SOUND, hidden=True, pace=Pace(0.5, 15.0)),
    Entity("update", Platform.UPDATE, ("Update", "Aktualisierung"),
           ("Whether a newer version of roastwatch is available.",
            "Ob eine neuere Version von roastwatch verfügbar ist."),
           device_class="firmware", category=DIAGNOSTIC),
)  # fmt: skip
