"""The program's sentences for people, in German. A hole `{}` is filled as it was in English."""

SENTENCES: dict[str, str] = {
    # Arming, and who may heat
    "The roaster is not armed: arm it first.": (
        "Der Röster ist nicht scharfgeschaltet: zuerst scharfschalten."
    ),
    "Press Confirm arming within 30 s to arm the roaster.": (
        "Zum Scharfschalten innerhalb von 30 s „Scharfschalten bestätigen“ drücken."
    ),
    "Nothing was armed: turn on Armed first, then confirm within 30 s.": (
        "Nichts scharfgeschaltet: zuerst „Scharfgeschaltet“ einschalten, dann innerhalb von 30 "
        "s bestätigen."
    ),
    "Not armed: {}": "Nicht scharfgeschaltet: {}",
    "Armed for {} minutes.": "Für {} Minuten scharfgeschaltet.",
    "Disarmed.": "Nicht mehr scharfgeschaltet.",
    "Arming has ended: heat is off. Arm again to go on.": (
        "Das Scharfschalten ist abgelaufen: Die Heizung ist aus. Zum Fortfahren erneut "
        "scharfschalten."
    ),
    "The limits have changed: arm again.": "Die Grenzwerte wurden geändert: erneut scharfschalten.",
    "No roastwatch controls this roaster now: start the service, or leave `roastwatch roaster "
    "arm` running in another terminal.": (
        "Kein roastwatch steuert diesen Röster: den Dienst starten."
    ),
    "The roaster is run from its own panel, so {} can't take control: arm it first.": (
        "Der Röster wird an seinem Bedienfeld gefahren: zuerst scharfschalten."
    ),
    "Another roastwatch controls this roaster: stop it first, or use its dashboard.": (
        "Ein anderes roastwatch steuert diesen Röster: zuerst beenden, oder dessen Dashboard "
        "benutzen."
    ),
    "This station has no roaster to drive.": "Diese Station hat keinen Röster zum Steuern.",
    "The roaster's guardian is being started.": "Der Wächter des Rösters wird gestartet.",
    "busy: another command is being carried out; try again.": (
        "Ein anderer Befehl wird gerade ausgeführt: noch einmal versuchen."
    ),
    "The command was older than {} s.": "Der Befehl war älter als {} s.",
    "The command was older than {} s when it arrived.": (
        "Der Befehl war beim Eintreffen älter als {} s."
    ),
    "A newer command came before this one could be carried out.": "Ein neuerer Befehl kam zuvor.",
    "The log can't be written: heat may not go up.": (
        "Das Protokoll lässt sich nicht schreiben: Die Heizung darf nicht erhöht werden."
    ),
    "{} may not raise heat: only people and their plans may (setting {}).": "Nur Menschen und "
    "ihre Pläne dürfen die Heizung erhöhen (Einstellung {1}).",
    "{} alone may not drop the beans: press drop yourself (setting {}).": "Nur ein Mensch darf "
    "die Bohnen auswerfen: selbst drücken (Einstellung {1}).",
    "The roast has lasted {} minutes; {} is the limit.": "Die Röstung dauert {} Minuten; die "
    "Grenze ist {}.",
    "Heating has lasted {} minutes; {} is the limit.": "Die Heizung ist {} Minuten an; die Grenze "
    "ist {}.",
    # Somebody is there
    "Nobody has confirmed being there for {} minutes: heat is off.": (
        "Seit {} Minuten hat niemand die Anwesenheit bestätigt: Die Heizung ist aus."
    ),
    "Nobody has confirmed being there for {} minutes: do that first.": (
        "Seit {} Minuten hat niemand die Anwesenheit bestätigt: zuerst bestätigen."
    ),
    "Is somebody at the roaster? Heat goes off in {} s unless somebody answers.": (
        "Ist jemand am Röster? Die Heizung geht in {} s aus, wenn niemand antwortet."
    ),
    # Emergency stop
    "Emergency stop.": "Not-Aus.",
    "Emergency stop by {}.": "Not-Aus durch {}.",
    "The emergency stop was delivered, heat is 0: arm again when all is well.": (
        "Der Not-Aus ist angekommen, die Heizung ist 0: erneut scharfschalten, wenn alles in "
        "Ordnung ist."
    ),
    "The emergency stop is on its way to the roaster.": "Der Not-Aus ist auf dem Weg zum Röster.",
    "The emergency stop has now been delivered: heat is 0. Look at the roaster.": (
        "Der Not-Aus ist jetzt angekommen: Die Heizung ist 0. Nach dem Röster sehen."
    ),
    "The emergency stop was not delivered: pull the roaster's plug. {} roastwatch keeps trying.": (
        "Der Not-Aus ist nicht angekommen: Stecker des Rösters ziehen. {} roastwatch versucht "
        "es weiter."
    ),
    "An emergency stop holds: arm again when all is well.": (
        "Ein Not-Aus besteht: erneut scharfschalten, wenn alles in Ordnung ist."
    ),
    "Heat 0 is not written yet.": "Heizung 0 ist noch nicht geschrieben.",
    "Heat 0 was written, but the roaster has not reported it yet.": (
        "Heizung 0 ist geschrieben, vom Röster aber noch nicht gemeldet."
    ),
    "Heat 0 was written, but the roaster reports {} %.": (
        "Heizung 0 ist geschrieben, aber der Röster meldet {} %."
    ),
    "The roaster refuses heat 0.": "Der Röster lehnt Heizung 0 ab.",
    "The roast was stopped, but heat may be on: {}": (
        "Die Röstung wurde abgebrochen, aber die Heizung kann an sein: {}"
    ),
    "{} Cooling stays on while hot.": "{} Die Kühlung bleibt an, solange er heiß ist.",
    # Temperatures
    "The beans are at {}; {} is the limit.": "Die Bohnen haben {}; die Grenze ist {}.",
    "The roaster's air is at {}; {} is the limit.": "Die Luft im Röster hat {}; die Grenze ist {}.",
    "The beans rise by {}; {} is the limit.": "Die Bohnen steigen um {}; die Grenze ist {}.",
    "The roaster's air rises by {}; {} is the limit.": (
        "Die Luft im Röster steigt um {}; die Grenze ist {}."
    ),
    "This machine has no temperature probe: heat stays off.": (
        "Diese Maschine hat keinen Temperaturfühler: Die Heizung bleibt aus."
    ),
    "There is no temperature reading yet.": "Es gibt noch keinen Temperaturmesswert.",
    "The last temperature reading is {} s old; {} s is the limit.": (
        "Der letzte Temperaturmesswert ist {} s alt; die Grenze ist {} s."
    ),
    "Heat has been on for {} s and no probe has risen: check the probe and the heater.": (
        "Die Heizung ist seit {} s an, und kein Fühler ist gestiegen: Fühler und Heizung prüfen."
    ),
    "Heat is on and no probe has moved at all for {} s: switch the thermometer off and on, and "
    "check its wires.": (
        "Die Heizung ist an, und seit {} s hat sich kein Fühler bewegt: Thermometer aus- und "
        "einschalten, Leitungen prüfen."
    ),
    "The roaster rises by {} at {} with heat off: {}": (
        "Der Röster steigt bei {1} um {0}, obwohl die Heizung aus ist: {2}"
    ),
    "The roaster got {} hotter, to {}, with heat off: {}": (
        "Der Röster wurde bei ausgeschalteter Heizung um {} heißer, auf {}: {}"
    ),
    "pull the plug.": "Stecker ziehen.",
    "The machine reports {} % heat, but {} % is set: if it goes on, pull the plug.": (
        "Die Maschine meldet {} % Heizung, gesetzt sind {} %: wenn das anhält, Stecker ziehen."
    ),
    "The {} shows {}, which is impossible: check its plug.": (
        "{} zeigt unmögliche {}: Stecker prüfen."
    ),
    "The {} gives no value: check its plug.": "{} liefert keinen Wert: Stecker prüfen.",
    "bean probe": "Bohnenfühler",
    "environment probe": "Luftfühler",
    "The machine is hotter than its probe can measure.": (
        "Die Maschine ist heißer, als ihr Fühler messen kann."
    ),
    "A probe jumped faster than beans can: its reading is ignored for now.": (
        "Ein Fühler sprang schneller, als Bohnen es können: Sein Wert wird vorerst ignoriert."
    ),
    "The beans have not risen for {} s in hotter air, with heat on: check whether the bean "
    "probe is in the beans.": (
        "Die Bohnen sind seit {} s in heißerer Luft nicht gestiegen: prüfen, ob der Fühler in "
        "den Bohnen steckt."
    ),
    "The environment probe has given no value for {} s: check its plug.": (
        "Der Luftfühler liefert seit {} s keinen Wert: Stecker prüfen."
    ),
    # Fan, drum, cooling, door
    "The fan must be at least {} % while heat is on.": (
        "Der Lüfter muss bei eingeschalteter Heizung mindestens {} % haben."
    ),
    "The fan is on, but reports {} %: heat is off.": (
        "Der Lüfter ist an, meldet aber {} %: Die Heizung ist aus."
    ),
    "The drum must turn while {}.": "Die Trommel muss drehen, solange {}.",
    "The fan must blow while {}.": "Der Lüfter muss laufen, solange {}.",
    "heat is on": "geheizt wird",
    "the beans are hot": "die Bohnen heiß sind",
    "the beans leave it": "die Bohnen herausfallen",
    "beans are in": "Bohnen darin sind",
    "The drum must turn until a reading shows that the beans are cool.": (
        "Die Trommel muss drehen, bis ein Messwert zeigt, dass die Bohnen kühl sind."
    ),
    "The fan must blow until a reading shows that the beans are cool.": (
        "Der Lüfter muss laufen, bis ein Messwert zeigt, dass die Bohnen kühl sind."
    ),
    "roastwatch stopped answering: heat is off until a person arms again.": (
        "roastwatch antwortet nicht mehr: Die Heizung ist aus, bis jemand erneut scharfschaltet."
    ),
    "The fan is at {} %, not {} % as set: heat is off.": (
        "Der Lüfter hat {} %, nicht {} % wie gesetzt: Die Heizung ist aus."
    ),
    "The machine reports no heat, but {} % is set: it may have restarted. Heat is not set "
    "again until it reports some.": (
        "Die Maschine meldet keine Heizung, gesetzt sind {} %: Vielleicht wurde sie neu "
        "gestartet. Bis sie welche meldet, wird nicht wieder geheizt."
    ),
    "The machine reports no heat, but {} % is set: it was restarted, or its heater went out. "
    "Heat stays off until a person arms again.": (
        "Die Maschine meldet keine Heizung, gesetzt sind {} %: Sie wurde neu gestartet, oder "
        "die Heizung fiel aus. Sie bleibt aus, bis jemand erneut scharfschaltet."
    ),
    "The drum is at {} %, not {} % as set: heat is off.": (
        "Die Trommel hat {} %, nicht {} % wie gesetzt: Die Heizung ist aus."
    ),
    "Cooling keeps the air on until the beans are cool.": (
        "Die Kühlung lässt die Luft an, bis die Bohnen kühl sind."
    ),
    "Cooling was on to make the machine safe: it ends as heat goes on.": (
        "Die Kühlung sicherte die Maschine: Sie endet mit dem Heizen."
    ),
    "This machine's limit is {} % heat.": "Die Grenze dieser Maschine ist {} % Heizung.",
    "The door is open: close it first.": "Die Klappe ist offen: zuerst schließen.",
    "The door is open and the beans would fall through. Close the door first.": (
        "Die Klappe ist offen, die Bohnen würden durchfallen. Zuerst die Klappe schließen."
    ),
    "The door is open: the beans would fall through. Close it before you charge.": (
        "Die Klappe ist offen, die Bohnen würden durchfallen. Vor dem Einfüllen schließen."
    ),
    "The beans may be burning, or their temperature is unknown: only a person may open the "
    "door now.": (
        "Die Bohnen brennen vielleicht, oder ihre Temperatur ist unbekannt: Nur ein Mensch "
        "darf die Klappe jetzt öffnen."
    ),
    "The beans are at {} and not burning yet: they are dropped.": (
        "Die Bohnen haben {} und brennen noch nicht: Sie werden ausgeworfen."
    ),
    "The door has opened, and roastwatch did not open it: the beans may have dropped. If "
    "nobody opened it, the roaster no longer receives commands: check its cable.": (
        "Die Klappe ging auf, ohne dass roastwatch sie öffnete: Die Bohnen sind vielleicht "
        "draußen. Wenn niemand sie öffnete, empfängt der Röster keine Befehle mehr: Kabel "
        "prüfen."
    ),
    # The connection
    "The roaster is not connected.": "Der Röster ist nicht verbunden.",
    "The roaster is disconnected: {}": "Die Verbindung zum Röster ist unterbrochen: {}",
    "The roaster does not answer: check its cable and power.": (
        "Der Röster antwortet nicht: Kabel und Stromversorgung prüfen."
    ),
    "The roaster does not answer: heat is not set again until it does.": (
        "Der Röster antwortet nicht: Bis dahin wird nicht wieder geheizt."
    ),
    "The roaster has not yet reported that its heat is 0.": (
        "Der Röster hat noch nicht gemeldet, dass seine Heizung 0 ist."
    ),
    "The roaster restarted: heat stays off until a person arms again.": (
        "Der Röster wurde neu gestartet: Die Heizung bleibt aus, bis jemand erneut scharfschaltet."
    ),
    "This computer slept for {} s and did not watch the roaster: heat is off. Keep it awake "
    "during a roast; arm again to go on.": (
        "Dieser Computer schlief {} s und überwachte den Röster nicht: Die Heizung ist aus. "
        "Während einer Röstung wach halten; zum Fortfahren erneut scharfschalten."
    ),
    "The guardian of the roaster died: another is being started. Heat may be on until it "
    "reports.": (
        "Der Wächter des Rösters ist abgestürzt: Ein neuer wird gestartet. Bis er sich meldet, "
        "kann die Heizung an sein."
    ),
    "The last guardian ended: heat is off until a person arms again.": (
        "Der letzte Wächter endete: Die Heizung ist aus, bis jemand erneut scharfschaltet."
    ),
    "Another guardian holds the roaster: heat 0 was written. Arm again to go on.": (
        "Ein neuer Wächter hält den Röster: Heizung 0 ist geschrieben. Zum Fortfahren erneut "
        "scharfschalten."
    ),
    "The guardian of the roaster is not running.": "Der Wächter des Rösters läuft nicht.",
    "The guardian of the roaster does not answer.": "Der Wächter des Rösters antwortet nicht.",
    # Selections and plans
    "The detector can't be changed during a roast: end the roast first.": (
        "Der Detektor lässt sich während einer Röstung nicht ändern: zuerst die Röstung beenden."
    ),
    "The profile can't be changed during a roast: end the roast first.": (
        "Das Profil lässt sich während einer Röstung nicht ändern: zuerst die Röstung beenden."
    ),
    "This machine can't set {}: the plan's steps skip it.": (
        "Diese Maschine kann {} nicht einstellen: Der Plan überspringt diese Schritte."
    ),
    "The door of this machine can't be opened by roastwatch: drop the beans now.": (
        "roastwatch kann die Klappe dieser Maschine nicht öffnen: die Bohnen jetzt auswerfen."
    ),
    "{} {} % refused at {} %: {}": "{} {} % bei {} % abgelehnt: {}",
    "{} {} % is skipped: {}.": "{} {} % entfällt: {}.",
    "sound never raises heat": "Ein Geräusch erhöht nie die Heizung",
    "the beans have left": "Die Bohnen sind schon draußen",
    "heat was changed from outside": "Die Heizung wurde von außen geändert",
    "{} {} % limited at {} %: {}": "{} {} % auf {} % begrenzt: {}",
    "{} {} % refused: {}": "{} {} % abgelehnt: {}",
    "Heat was changed from outside: the profile is no longer followed until the plan's next step "
    "that sets heat.": (
        "Die Heizung wurde von außen geändert: Dem Profil wird erst ab dem nächsten Schritt mit "
        "Heizung wieder gefolgt."
    ),
    "heater": "Heizung",
    "fan": "Lüfter",
    "drum": "Trommel",
    "The plan starts late, at {}: each actuator gets its last value of the steps that are past.": (
        "Der Plan beginnt verspätet, bei {}: Jeder Aktor bekommt den letzten Wert der vergangenen "
        "Schritte."
    ),
    # Sound
    "The microphone was lost: check its plug and its cable.": (
        "Das Mikrofon ist verloren: Stecker und Kabel prüfen."
    ),
    "The microphone '{}' stopped sending sound: check that it is plugged in; roastwatch keeps "
    "trying.": (
        "Das Mikrofon „{}“ sendet keinen Ton mehr: prüfen, ob es eingesteckt ist; roastwatch "
        "versucht es weiter."
    ),
    "The microphone is silent: it is muted, unplugged or dead; check its switch, its gain and "
    "the selected device.": (
        "Das Mikrofon ist stumm: ausgeschaltet, nicht eingesteckt oder defekt; Schalter, Pegel "
        "und gewähltes Gerät prüfen."
    ),
    "The sound is clipped: turn down the gain of the microphone, or move it away.": (
        "Der Ton ist übersteuert: Mikrofon leiser stellen oder weiter weg."
    ),
    "The sound drops to silence between noises: noise suppression or a gate is active and can "
    "erase pops; turn it off in the settings of the microphone or the system.": (
        "Zwischen Geräuschen ist es still: Eine Rauschunterdrückung ist aktiv und kann Knacken "
        "löschen; in den Einstellungen abschalten."
    ),
    "The noise dips after every loud sound: automatic gain control is active and can hide "
    "pops; turn it off in the settings of the microphone or the system.": (
        "Nach lauten Geräuschen wird es leiser: Eine Pegelautomatik ist aktiv und kann Knacken "
        "verdecken; in den Einstellungen abschalten."
    ),
    "There is no sound above {} kHz, where pops stand out: a telephone or Bluetooth codec "
    "removes it; use a wired microphone or a better codec.": (
        "Über {} kHz, wo Knacken auffällt, fehlt der Ton: Ein Telefon- oder Bluetooth-Codec "
        "entfernt ihn; ein Mikrofon mit Kabel benutzen."
    ),
    "Music or voices are about as loud as the roaster above 3 kHz, where cracks are heard: "
    "turn them down, or listen yourself.": (
        "Musik oder Stimmen sind über 3 kHz, wo man den Crack hört, etwa so laut wie der "
        "Röster: leiser stellen oder selbst hinhören."
    ),
    "Music or voices drown the roaster above 3 kHz, where cracks are heard: turn them down, or "
    "listen yourself.": (
        "Musik oder Stimmen übertönen den Röster über 3 kHz, wo man den Crack hört: leiser "
        "stellen oder selbst hinhören."
    ),
    "Other sounds as clear as cracks come all the time: stop what clicks, rattles or crackles "
    "nearby, or listen yourself.": (
        "Ständig kommen Geräusche so deutlich wie Cracks: abstellen, was klickt, rasselt oder "
        "knistert, oder selbst hinhören."
    ),
    "First crack may not be heard. {}": "Der First Crack ist vielleicht nicht zu hören. {}",
    "The beans have reached {}, where first crack {} begins. It may not be heard: listen "
    "yourself.": (
        "Die Bohnen haben {} erreicht, wo der First Crack {} beginnt. Er ist vielleicht nicht "
        "zu hören: selbst hinhören."
    ),
    "usually": "gewöhnlich",
    "often": "oft",
    "No first crack detected {} minutes after charge.": (
        "{} Minuten nach dem Einfüllen ist kein First Crack erkannt."
    ),
    "The beans are hotter than at any first crack so far, but no crack was detected.": (
        "Die Bohnen sind heißer als bei jedem bisherigen First Crack, aber keiner wurde erkannt."
    ),
    "The model falls behind the microphone.": "Das Modell kommt dem Mikrofon nicht hinterher.",
    # The first-run wizard
    "The microphone '{}' can't be opened ({}): check that it is plugged in and that no other "
    "program uses it.": (
        "Das Mikrofon „{}“ lässt sich nicht öffnen ({}): Ist es eingesteckt, und nutzt es kein "
        "anderes Programm?"
    ),
    "No sound came within 5 s: check that the microphone is on.": (
        "Innerhalb von 5 s kam kein Ton: Ist das Mikrofon eingeschaltet?"
    ),
    "The sound ends at 8 kHz, as that of voice satellites: fewer pops are detected, and some "
    "seconds later; use 32 kHz or more if the microphone can.": (
        "Der Ton endet bei 8 kHz, wie bei Sprachsatelliten: Weniger Knackser werden erkannt, und "
        "einige Sekunden später; besser sind 32 kHz oder mehr, wenn das Mikrofon es kann."
    ),
    "The sound has no bass: a high-pass filter, as in the firmware of some ESP32 microphones, "
    "removes it; pops are above it and are still detected.": (
        "Dem Ton fehlt der Bass: Ein Hochpassfilter entfernt ihn, wie in manchen "
        "ESP32-Mikrofonen; Knackser liegen darüber und werden trotzdem erkannt."
    ),
    "The MQTT broker at {} can't be reached ({}): is it running, and are host, port and tls of "
    "the mqtt sink right?": (
        "Der MQTT-Broker {} ist nicht erreichbar ({}): Läuft er, und stimmen Adresse, Port und "
        "Verschlüsselung?"
    ),
    "The MQTT broker at {} refuses the user name or password: check username and password_file of "
    "the mqtt sink.": ("Der MQTT-Broker {} lehnt Benutzername oder Passwort ab: beide prüfen."),
    "The test message was sent: it should be on the phone now.": (
        "Die Testnachricht wurde gesendet: Sie sollte jetzt auf dem Telefon sein."
    ),
    "The service did not accept the message: check its address and your internet access.": (
        "Der Dienst hat die Nachricht nicht angenommen: Adresse und Internetzugang prüfen."
    ),
    # States
    "none": "keine",
    "all well": "alles in Ordnung",
}
