"""The roast log's tables as SQL, and the migrations between their versions."""

APPLICATION_ID = 0x526F6173  # "Roas"

_FIRST = """
CREATE TABLE roasts (
  roast_no INTEGER PRIMARY KEY,
  roast_id TEXT NOT NULL UNIQUE,
  station TEXT NOT NULL DEFAULT '',
  title TEXT NOT NULL DEFAULT '',
  started_at TEXT,
  recording_started_at TEXT,
  ended_at TEXT,
  open INTEGER NOT NULL DEFAULT 0 CHECK (open IN (0, 1)),
  heard_of_s REAL,
  source_file TEXT NOT NULL DEFAULT '',
  source_format TEXT NOT NULL DEFAULT '',
  fahrenheit INTEGER NOT NULL DEFAULT 0,
  fingerprint TEXT,
  also_saved_as TEXT NOT NULL DEFAULT '[]',
  gaps TEXT NOT NULL DEFAULT '[]',
  properties TEXT NOT NULL DEFAULT '{}',
  summary TEXT,
  foreign_data BLOB
);
CREATE INDEX roasts_started ON roasts (started_at);
CREATE INDEX roasts_fingerprint ON roasts (fingerprint);
CREATE INDEX roasts_open ON roasts (station) WHERE open = 1;
CREATE TABLE readings (
  roast_no INTEGER NOT NULL REFERENCES roasts ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  at_s REAL NOT NULL,
  bean_temp_c REAL, environment_temp_c REAL, heater_percent REAL, fan_percent REAL,
  drum_percent REAL, cooling_percent REAL, door_open REAL, crack_count REAL,
  PRIMARY KEY (roast_no, seq)
) WITHOUT ROWID;
CREATE TABLE pops (
  roast_no INTEGER NOT NULL REFERENCES roasts ON DELETE CASCADE,
  at_s REAL NOT NULL, probability REAL NOT NULL
);
CREATE INDEX pops_roast ON pops (roast_no);
CREATE TABLE scores (
  roast_no INTEGER NOT NULL REFERENCES roasts ON DELETE CASCADE,
  at_s REAL NOT NULL, probability REAL, decision REAL
);
CREATE INDEX scores_roast ON scores (roast_no);
CREATE TABLE events (
  event_id TEXT PRIMARY KEY,
  roast_no INTEGER REFERENCES roasts ON DELETE CASCADE,
  station TEXT NOT NULL DEFAULT '',
  kind TEXT NOT NULL,
  level TEXT,
  at_s REAL,
  happened_at TEXT, decided_at TEXT,
  happened_sample INTEGER, decided_sample INTEGER,
  origin TEXT NOT NULL,
  confidence REAL,
  message TEXT NOT NULL DEFAULT '',
  bean_temp_c REAL, environment_temp_c REAL,
  revoked INTEGER NOT NULL DEFAULT 0,
  unlogged INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX events_roast ON events (roast_no);
CREATE TABLE event_levels (
  event_id TEXT NOT NULL REFERENCES events ON DELETE CASCADE,
  level TEXT NOT NULL,
  happened_at TEXT, decided_at TEXT, confidence REAL,
  PRIMARY KEY (event_id, level)
);
CREATE TABLE evidence (
  roast_no INTEGER NOT NULL REFERENCES roasts ON DELETE CASCADE,
  kind TEXT NOT NULL, at_s REAL, happened_at TEXT,
  log_likelihood_ratio REAL NOT NULL, note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX evidence_roast ON evidence (roast_no);
CREATE TABLE commands (
  command_id TEXT PRIMARY KEY,
  roast_no INTEGER REFERENCES roasts ON DELETE CASCADE,
  station TEXT NOT NULL, logged_at TEXT NOT NULL, at_s REAL,
  actuator TEXT NOT NULL, target REAL NOT NULL, origin TEXT NOT NULL,
  outcome TEXT NOT NULL, applied REAL, interlock TEXT, reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX commands_roast ON commands (roast_no);
CREATE TABLE controls (
  roast_no INTEGER NOT NULL REFERENCES roasts ON DELETE CASCADE,
  at_s REAL NOT NULL, what TEXT NOT NULL, value REAL, text TEXT NOT NULL DEFAULT ''
);
CREATE INDEX controls_roast ON controls (roast_no);
CREATE TABLE extras (
  roast_no INTEGER NOT NULL REFERENCES roasts ON DELETE CASCADE,
  position INTEGER NOT NULL, name TEXT NOT NULL, at_s BLOB NOT NULL, curve BLOB NOT NULL,
  PRIMARY KEY (roast_no, position)
);
CREATE TABLE labels (
  event_id TEXT NOT NULL REFERENCES events ON DELETE CASCADE,
  label TEXT NOT NULL, said_by TEXT NOT NULL DEFAULT '', said_at TEXT NOT NULL,
  PRIMARY KEY (event_id, said_by)
);
CREATE TABLE clips (
  clip_no INTEGER PRIMARY KEY,
  roast_no INTEGER REFERENCES roasts ON DELETE CASCADE,
  path TEXT NOT NULL, from_s REAL, duration_s REAL, note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX clips_roast ON clips (roast_no);
CREATE TABLE outbox (
  alert_id TEXT PRIMARY KEY,
  event_id TEXT, target TEXT NOT NULL DEFAULT '', payload TEXT NOT NULL,
  created_at TEXT NOT NULL, due_at TEXT NOT NULL, expires_at TEXT,
  attempts INTEGER NOT NULL DEFAULT 0, problem TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_due ON outbox (due_at);
CREATE TABLE meta (name TEXT PRIMARY KEY, content TEXT NOT NULL);
"""

# Edits are kept apart from a file's data (`edits`; NULL = from before they were), so that a later
# save of the file can replace its data and leave the edits.
_SECOND = """
ALTER TABLE roasts ADD COLUMN edits TEXT;
ALTER TABLE roasts ADD COLUMN file_digest TEXT;
ALTER TABLE roasts ADD COLUMN older_digests TEXT NOT NULL DEFAULT '[]';
ALTER TABLE roasts ADD COLUMN saved_at TEXT;
ALTER TABLE roasts ADD COLUMN warnings TEXT NOT NULL DEFAULT '[]';
ALTER TABLE extras ADD COLUMN temperature INTEGER NOT NULL DEFAULT 0;
"""

# What people add on the pages of recorded roasts. `changes` has what each edit replaced (as JSON),
# so that it can be revoked; `moments` are sounds that a person labelled in a review, by their time.
_THIRD = """
CREATE TABLE lots (
  lot_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  origin TEXT NOT NULL DEFAULT '', process TEXT NOT NULL DEFAULT '',
  supplier TEXT NOT NULL DEFAULT '',
  bought_on TEXT, bought_g REAL, corrected_g REAL NOT NULL DEFAULT 0,
  notes TEXT NOT NULL DEFAULT '',
  finished INTEGER NOT NULL DEFAULT 0
);
ALTER TABLE roasts ADD COLUMN lot_id TEXT REFERENCES lots ON DELETE SET NULL;
ALTER TABLE roasts ADD COLUMN small_curve TEXT;
CREATE INDEX roasts_lot ON roasts (lot_id) WHERE lot_id IS NOT NULL;
CREATE TABLE tastings (
  tasting_id TEXT PRIMARY KEY,
  roast_no INTEGER NOT NULL REFERENCES roasts ON DELETE CASCADE,
  tasted_on TEXT, score REAL,
  brew_method TEXT NOT NULL DEFAULT '',
  attributes TEXT NOT NULL DEFAULT '{}', defects TEXT NOT NULL DEFAULT '[]',
  notes TEXT NOT NULL DEFAULT '',
  said_by TEXT NOT NULL DEFAULT '', changed_at TEXT
);
CREATE INDEX tastings_roast ON tastings (roast_no);
CREATE TABLE changes (
  change_no INTEGER PRIMARY KEY,
  roast_no INTEGER NOT NULL REFERENCES roasts ON DELETE CASCADE,
  what TEXT NOT NULL,
  shown_before TEXT, shown_after TEXT, before TEXT NOT NULL,
  said_by TEXT NOT NULL DEFAULT '', said_at TEXT NOT NULL, revoked_at TEXT
);
CREATE INDEX changes_roast ON changes (roast_no);
CREATE TABLE moments (
  roast_no INTEGER NOT NULL REFERENCES roasts ON DELETE CASCADE,
  at_s REAL NOT NULL, label TEXT NOT NULL,
  said_by TEXT NOT NULL DEFAULT '', said_at TEXT NOT NULL,
  PRIMARY KEY (roast_no, at_s)
);
"""

# Each entry brings a log from version N to N + 1. Never edit a released entry.
MIGRATIONS: tuple[str, ...] = (_FIRST, _SECOND, _THIRD)
VERSION = len(MIGRATIONS)
TABLES = (
    "meta",
    "lots",
    "roasts",
    "readings",
    "pops",
    "scores",
    "events",
    "event_levels",
    "evidence",
    "commands",
    "controls",
    "extras",
    "labels",
    "clips",
    "outbox",
    "tastings",
    "changes",
    "moments",
)
