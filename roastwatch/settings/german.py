"""German texts of settings: titles by key, descriptions by their English text."""

TITLES: dict[str, str] = {
    "agent_token": "Token für Agenten",
    "allowed_hosts": "Weitere Namen",
    "baud": "Baudrate",
    "bean_temp": "Bohnentemperatur",
    "beans_g": "Bohnen",
    "begins": "Beginn",
    "ca_file": "Zertifizierungsstelle",
    "calibration": "Kalibrierung",
    "channel": "Kanal",
    "channels": "Kanäle",
    "clip_s": "Länge eines Ausschnitts",
    "clips": "Ausschnitte",
    "companion": "Companion-Apps",
    "cooling_s": "Kühlen",
    "critical": "Kritisch",
    "curve": "Kurve",
    "data_dir": "Datenordner",
    "detect_charge": "Füllen erkennen",
    "detect_drop": "Auswurf erkennen",
    "detectors": "Weitere Modelle",
    "device": "Gerät",
    "discovery_prefix": "Präfix für Home Assistant",
    "drum_c": "Trommel",
    "dry_end_c": "Ende des Trocknens",
    "environment_temp": "Lufttemperatur",
    "events": "Ereignisse",
    "expected_first_crack_s": "Erster Crack erwartet nach",
    "first_crack_from": "Ab Stufe",
    "host": "Adresse",
    "independent_cutoff": "Unabhängige Abschaltung",
    "instance": "Instanz",
    "keep_clips": "Ausschnitte behalten",
    "keep_days": "Tage behalten",
    "keep_free_mb": "Frei lassen",
    "keep_mb": "Höchstens",
    "keep_roasts": "Röstungen behalten",
    "language": "Sprache",
    "lost_after_s": "Verloren nach",
    "model": "Modell",
    "more_ports": "Weitere Ports",
    "name": "Name",
    "no_crack_after_s": "Kein Crack nach",
    "onset": "Entscheidung",
    "page": "Seite",
    "password": "Passwort",
    "path": "Datei",
    "people": "Personen",
    "plan": "Plan",
    "pop_threshold": "Schwelle eines Knackens",
    "port": "Port",
    "profiles": "Ordner mit Profilen",
    "progress": "Laufende Meldung",
    "protocol": "Protokoll",
    "quiet_hours": "Ruhezeit",
    "recording": "Aufnahme",
    "reference": "Zweites Mikrofon",
    "reference_channel": "Kanal des zweiten Mikrofons",
    "repeat": "Wiederholen",
    "roast": "Röstung",
    "roaster": "Röster",
    "roaster_limits": "Grenzwerte des Rösters",
    "roasts": "Röstungen",
    "sample_rate_hz": "Abtastrate",
    "second_crack": "Zweiter Crack",
    "sensitivity": "Empfindlichkeit",
    "sign_in": "Anmeldung",
    "sinks": "Verbindungen",
    "source": "Tonquelle",
    "speed": "Geschwindigkeit",
    "states": "Zustände",
    "stations": "Stationen",
    "temperature_unit": "Temperatureinheit",
    "time_zone": "Zeitzone",
    "title": "Anzeigename",
    "tls": "Verschlüsselt (TLS)",
    "token": "Token",
    "url": "Adresse",
    "urls": "Andere Dienste",
    "user": "Benutzer",
    "username": "Benutzer",
    "verify_tls": "Zertifikat prüfen",
    "viewer_token": "Token zum Lesen",
    "wait": "Warten",
    "wished_development_percent": "Gewünschte Entwicklung",
    "wished_development_s": "Gewünschte Entwicklung",
    "words": "In Worten",
}

DESCRIPTIONS: dict[str, str] = {
    "Name of this instance; unique on its MQTT broker.": (
        "Name dieser Instanz; auf ihrem MQTT-Broker einmalig."
    ),
    "Language of entity names and alerts: en or de.": (
        "Sprache der Namen und Meldungen: en oder de."
    ),
    "Time zone of times for people (quiet hours, pictures, log lines), such as Europe/Berlin; "
    "null: that of this computer.": (
        "Zeitzone für Menschen (Ruhezeit, Bilder, Protokoll), etwa Europe/Berlin; leer: die dieses "
        "Computers."
    ),
    "Unit of temperatures in alerts, pictures and sentences: C or F.": (
        "Einheit von Temperaturen in Meldungen, Bildern und Sätzen: C oder F."
    ),
    "Folder of the roast log and recordings; null: the user's data folder.": (
        "Ordner für Röstprotokoll und Aufnahmen; leer: der Datenordner des Benutzers."
    ),
    "Serves the page and the HTTP API to this machine alone, on port 8099 or the next free one. A "
    "`rest` sink replaces it, with options of its own.": (
        "Zeigt diese Seite nur auf diesem Computer, auf Port 8099 oder dem nächsten freien. Die "
        "Verbindung „Seite und HTTP-API“ ersetzt das mit eigenen Optionen."
    ),
    "Name in MQTT topics and ids: a-z, 0-9, _ and -.": (
        "Name in MQTT-Themen und Kennungen: a-z, 0-9, _ und -."
    ),
    "Display name; empty: derived from `name`.": "Angezeigter Name; leer: aus `name`.",
    "Source of the sound.": "Woher der Ton kommt.",
    "Source of a reference microphone away from the roaster: what is louder there is not a crack. "
    "For another channel of the same source, set its `reference_channel` instead; null: none.": (
        "Ein zweites Mikrofon, weg vom Röster: Was dort lauter ist, ist kein Crack. Für einen "
        "anderen Kanal derselben Quelle deren `reference_channel` setzen."
    ),
    "Model that detects pops.": "Modell, das Knacken erkennt.",
    "How first crack is decided from pops.": "Wie aus Knacken der erste Crack wird.",
    "0 is slowest and makes the fewest errors, 1 is quickest (0 to 1).": (
        "0 ist am langsamsten und irrt am wenigsten, 1 am schnellsten (0 bis 1)."
    ),
    "Report second crack too: untested on real sound.": (
        "Auch den zweiten Crack melden: an echtem Ton ungeprüft."
    ),
    "When a roast starts and ends.": "Wann eine Röstung beginnt und endet.",
    "What starts a roast: person (a button, a command), sound (its first sample), or charge (its "
    "first sample, which is also when the beans go in).": (
        "Was eine Röstung beginnt: person (ein Knopf, ein Befehl), sound (der erste Ton) oder "
        "charge (der erste Ton, zugleich das Füllen)."
    ),
    "Seconds from charge to first crack; null: from earlier roasts, else 390-900.": (
        "Sekunden vom Füllen bis zum ersten Crack; leer: aus früheren Röstungen, sonst 390 bis 900."
    ),
    "Seconds from charge after which a missing first crack is reported.": (
        "Sekunden nach dem Füllen, nach denen ein fehlender erster Crack gemeldet wird."
    ),
    "How the bean temperature curve is evaluated.": "Wie die Bohnentemperatur ausgewertet wird.",
    "Roaster to read and control; null: listen only.": (
        "Röster zum Ablesen und Steuern; keiner: nur zuhören."
    ),
    "Confirms that the roaster has an independent thermal cut-off. Required before roastwatch "
    "heats a machine that keeps heating if this computer fails.": (
        "Bestätigt, dass der Röster eine unabhängige Übertemperatur-Abschaltung hat. Nötig, bevor "
        "roastwatch eine Maschine heizt, die bei einem Ausfall dieses Computers weiterheizt."
    ),
    "Plan that an armed roaster follows from each charge, and whose profile the roast is compared "
    "with; null: none.": (
        "Plan, dem ein scharfgeschalteter Röster ab dem Füllen folgt und mit dessen Profil "
        "verglichen wird; leer: keiner."
    ),
    "Limits that override those of the machine (see config/roasters).": (
        "Grenzwerte anstelle derer der Maschine (siehe config/roasters)."
    ),
    "Which sound is recorded; by default none.": "Was aufgenommen wird; ohne Angabe nichts.",
    "Record whole roasts as FLAC (about 100 MB per hour).": (
        "Ganze Röstungen als FLAC aufnehmen (etwa 100 MB je Stunde)."
    ),
    "Record clips around detections, for `roastwatch learn`.": (
        "Ausschnitte um Erkennungen aufnehmen, zum Lernen."
    ),
    "Number of recorded roasts to keep; null: all.": "So viele Röstungen behalten; leer: alle.",
    "Megabytes of disk space to leave free for the roast log.": (
        "Megabyte, die für das Röstprotokoll frei bleiben."
    ),
    "Channel to use, from 1; empty: the strongest above 3 kHz.": (
        "Kanal, ab 1; leer: der stärkste über 3 kHz."
    ),
    "Name (or a unique part of it) or index from `roastwatch devices`; empty: the default of the "
    "system.": (
        "Name (oder ein eindeutiger Teil) oder Nummer aus `roastwatch devices`; leer: das "
        "Standardgerät."
    ),
    "If the device is missing at startup, wait for it; false: exit with an error.": (
        "Fehlt das Gerät beim Start, darauf warten; sonst mit einem Fehler enden."
    ),
    "Seconds without sound after which the device is considered lost.": (
        "Sekunden ohne Ton, nach denen das Gerät als verloren gilt."
    ),
    "Name or address of the MQTT broker.": "Name oder Adresse des MQTT-Brokers.",
    "Its port; 8883 is usual with TLS.": "Sein Port; 8883 ist mit TLS üblich.",
    "User name at the broker.": "Benutzername am Broker.",
    "Password at the broker.": "Passwort am Broker.",
    "Password at the broker; better `password_file: PATH`.": (
        "Passwort am Broker; besser `password_file: PFAD` in der Datei."
    ),
    "Whether the connection is encrypted.": "Ob die Verbindung verschlüsselt ist.",
    "Address of Home Assistant; inside an app (add-on) it is set automatically.": (
        "Adresse von Home Assistant; in einer App (Add-on) wird sie selbst gesetzt."
    ),
    "Long-lived access token (or token_file); inside an app none is needed.": (
        "Langlebiges Zugangs-Token (oder token_file); in einer App unnötig."
    ),
    "Whether its certificate must be valid.": "Ob das Zertifikat gültig sein muss.",
    "One entry for each person.": "Ein Eintrag je Person.",
    "Whose phone it is.": "Wessen Telefon es ist.",
    "Home Assistant companion apps, such as notify.mobile_app_pixel.": (
        "Companion-Apps von Home Assistant, etwa notify.mobile_app_pixel."
    ),
    "Other services as apprise URLs, such as ntfy://ntfy.sh/my-roasts.": (
        "Andere Dienste als Apprise-Adressen, etwa ntfy://ntfy.sh/my-roasts."
    ),
    "Local time with critical events only, such as 22:00-07:00.": (
        "Ortszeit, in der nur kritische Ereignisse melden, etwa 22:00-07:00."
    ),
    "Needed for companion apps only.": "Nur für Companion-Apps nötig.",
    "Address to serve on; 0.0.0.0: every network.": (
        "Adresse, auf der die Seite erscheint; 0.0.0.0: in jedem Netz."
    ),
    "TCP port to serve on.": "TCP-Port der Seite.",
    "Bearer token of machines that may do all; this or sign_in is required beyond this machine.": (
        "Token für Programme, die alles dürfen; dieses oder die Anmeldung ist nötig, wenn sie "
        "im Netz erscheint."
    ),
    "Lets people sign in with a password; one for operators and one for viewers are created at the "
    "first start and shown once, in the terminal or else in a file beside the roast log.": (
        "Menschen melden sich mit einem Passwort an. Eines zum Bedienen und eines zum Zusehen "
        "entstehen beim ersten Start und werden einmal gezeigt: im Terminal, sonst in einer Datei "
        "neben dem Röstprotokoll."
    ),
}
