import type { enSetup } from './en_setup';

export const deSetup: Record<keyof typeof enSetup, string> = {
  'setup.title': 'roastwatch einrichten',
  'setup.progress': 'Schritt {step} von {count}',
  'setup.back': 'Zurück',
  'setup.next': 'Weiter',
  'setup.skip': 'Schritt überspringen',
  'setup.viewer': 'Ein Zuschauer kann roastwatch nicht einrichten: melde dich als Bediener an.',
  'setup.try': 'Verbindung prüfen',
  'setup.trying': 'Wird geprüft …',

  'setup.microphone': 'Mikrofon',
  'setup.microphone_about':
    'Wähle das Mikrofon beim Röster, 20 bis 50 cm von den Bohnen und nicht im Luftstrom.',
  'setup.looking': 'Suche Mikrofone …',
  'setup.none': 'Kein Mikrofon gefunden. Stecke eines ein und suche erneut.',
  'setup.search': 'Erneut suchen',
  'setup.usual': 'Standard',
  'setup.in_network': 'Netzwerk',
  'setup.demo': 'Kein Mikrofon: eine künstliche Röstung, um alles auszuprobieren',
  'setup.listen': 'Zuhören',
  'setup.listen_again': 'Erneut zuhören',
  'setup.opening': 'Das Mikrofon wird geöffnet …',
  'setup.clap': 'Klatsche jetzt dreimal, etwa im Abstand einer Sekunde.',
  'setup.claps': '{count} von 3 Klatschern gehört',
  'setup.claps_heard': 'Alle drei Klatscher wurden gehört: Das Mikrofon funktioniert.',
  'setup.claps_missed':
    'Nur {count} von 3 Klatschern wurden gehört. Prüfe, ob dies das Mikrofon in deiner Nähe ist, und klatsche lauter.',
  'setup.listened': 'Das Zuhören ist beendet.',

  'setup.home_assistant': 'Home Assistant',
  'setup.home_assistant_about': 'Wie kommen die Werte deiner Röstungen zu Home Assistant?',
  'setup.way': 'Weg',
  'setup.way.later': 'Nicht jetzt',
  'setup.way.mqtt': 'MQTT-Broker',
  'setup.way.integration': 'Integration',
  'setup.later_about': 'Du kannst es später unter Einstellungen → Dienst verbinden.',
  'setup.mqtt_about':
    'Mit der Adresse des Brokers erscheinen die Geräte von selbst in Home Assistant (MQTT-Discovery).',
  'setup.host': 'Adresse des Brokers',
  'setup.port': 'Port',
  'setup.username': 'Benutzername (falls nötig)',
  'setup.password': 'Passwort',
  'setup.tls': 'Verschlüsselt (TLS, meist Port 8883)',
  'setup.host_missing': 'Gib die Adresse des Brokers an, oder wähle „Nicht jetzt“.',
  'setup.port_wrong': 'Der Port ist eine Zahl von 1 bis 65535.',
  'setup.integration_about':
    'Ein Broker ist nicht nötig. Die Seite ist dann in deinem Netzwerk erreichbar, und man meldet sich mit einem Passwort an. Es wird beim Start einmal im Terminal gezeigt; ohne Terminal steht es in einer Datei neben dem Röstprotokoll.',
  'setup.integration_do':
    'Nach dem Start: Installiere die Integration roastwatch in Home Assistant, öffne Einstellungen → Geräte & Dienste, und füge sie mit dem Passwort oder einem Kopplungscode hinzu.',

  'setup.phone': 'Telefon',
  'setup.phone_about':
    'Erhalte den First Crack als Nachricht: Installiere die App ntfy und abonniere das Thema unten. Nachrichten gehen über ntfy.sh im Internet; wer das Thema kennt, liest sie.',
  'setup.phone_use': 'Nachrichten an ein Telefon senden',
  'setup.topic': 'Thema',
  'setup.topic_wrong': 'Ein Thema hat nur Buchstaben, Ziffern, _ und -.',
  'setup.phone_try': 'Testnachricht senden',

  'setup.roaster': 'Röster',
  'setup.roaster_about':
    'roastwatch erkennt den First Crack ohne Verbindung zum Röster. Um ihn zu lesen oder zu steuern, verbinde ihn später unter Einstellungen → Dienst. Ohne deine Grenzen und deine Freigabe heizt nichts.',

  'setup.summary': 'Zusammenfassung',
  'setup.summary_about': 'Diese Einstellungen werden gespeichert. Alle lassen sich später ändern.',
  'setup.no_source': 'Das Standardmikrofon (nicht geprüft)',
  'setup.not_chosen': 'Nicht jetzt',
  'setup.save': 'Speichern und starten',
  'setup.saving': 'Wird gespeichert …',
  'setup.starting': 'Gespeichert. roastwatch startet …',
  'setup.slow':
    'Es dauert länger als üblich. Sieh im Terminal oder Protokoll von roastwatch nach, und lade dann diese Seite neu.',
};
