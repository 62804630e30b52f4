"""Texts on dashboards, in English and German. A name of an entity here is shorter than its own."""

WORDS = {
    "phone": ("Roast", "Röstung"),
    "wall": ("Roast wall", "Röstung (Wand)"),
    "roast": ("Roast", "Röstung"),
    "roaster": ("Roaster", "Röster"),
    "sound": ("Sound", "Ton"),
    "temperature": ("Temperature", "Temperatur"),
    "what_happened": ("What happened", "Was geschah"),
    "trouble": ("Something is wrong", "Etwas stimmt nicht"),
    "refused": ("Notice", "Hinweis"),
    "hard_to_hear": ("First crack is hard to hear", "Der First Crack ist schwer zu hören"),
    "close_door": (
        "Close the door before the next roast.",
        "Vor der nächsten Röstung die Klappe schließen.",
    ),
    "offline": (
        "roastwatch is not running, or can't reach the broker.",
        "roastwatch läuft nicht oder erreicht den Broker nicht.",
    ),
    "after_first_crack": ("after first crack", "nach First Crack"),
    "arm_sure": (
        "Allow remote control of heat? Confirm it once more after this.",
        "Heizen aus der Ferne erlauben? Danach noch einmal bestätigen.",
    ),
    "door_sure": ("Move the drop door?", "Die Auswurfklappe bewegen?"),
    "stop_sure": ("End the roast without a drop?", "Die Röstung ohne Auswurf beenden?"),
    # Entities
    "start": ("Start", "Start"),
    "under_way": ("Already under way", "Läuft bereits"),
    "first_crack_now": ("First crack now", "First Crack jetzt"),
    "not_a_crack": ("Not a crack", "Kein Crack"),
    "drop": ("Drop", "Auswerfen"),
    "stop": ("Stop", "Abbrechen"),
    "acknowledge": ("Seen", "Gesehen"),
    "bean_temperature": ("Beans", "Bohnen"),
    "environment_temperature": ("Air", "Luft"),
    "rate_of_rise": ("Rate of rise", "Anstiegsrate"),
    "pops_per_minute": ("Pops per minute", "Knacken pro Minute"),
    "expected_first_crack": ("First crack expected", "First Crack erwartet"),
    "expected_drop": ("Drop expected", "Auswurf erwartet"),
    "listening": ("Listening", "Zuhören"),
}
