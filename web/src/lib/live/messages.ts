/** The messages of `api/v1/live`, as roastwatch/web/live.schema.json describes them. */

export type Value = string | number | boolean | null;

export interface Pop {
  at: string;
  probability: number;
}

export interface RoastEvent {
  event_id: string;
  event_type: string;
  station: string;
  roast_id: string | null;
  kind: string;
  happened_at: string;
  decided_at: string;
  origin: string;
  level: 'possible' | 'first_crack' | 'certain' | null;
  confidence: number | null;
  message: string;
  bean_temp_c: number | null;
  revoked: boolean;
  urgency: 'information' | 'needs_you' | 'danger';
}

/** Whether something may be done now; the reason says why not, or what to know before it is done. */
export interface Action {
  enabled: boolean;
  /** In English. */
  reason: string | null;
  /** The same in every language, such as `not_armed`. */
  code: string | null;
}

/** The level of the last quarter of a second. */
export interface Level {
  at: string;
  rms_dbfs: number;
  peak_dbfs: number;
  advice: { code: string; text: string } | null;
}

export interface Station {
  title: string;
  /** Of its latest change. */
  number: number;
  /** UTC by the station's own clock, which is in the past in a replay. */
  at: string | null;
  /** Entity key → value; null is unknown, and an absent key means that it has no such thing. */
  state: Record<string, Value>;
  events: RoastEvent[];
  pops: Pop[];
  actions: Record<string, Action>;
  level: Level | null;
}

export type Stations = Record<string, Station>;

export interface SnapshotMessage {
  type: 'snapshot';
  at: string;
  version: string;
  stations: Stations;
}

interface Change {
  station: string;
  number: number;
}

export interface StateMessage extends Change {
  type: 'state';
  at: string;
  changes: Record<string, Value>;
  gone: string[];
  actions?: Record<string, Action>;
}

export interface EventMessage extends Change {
  type: 'event';
  event: RoastEvent;
}

export interface PopsMessage extends Change {
  type: 'pops';
  pops: Pop[];
}

/** Without a number, because only the newest counts. */
export type LevelMessage = Level & { type: 'level'; station: string };

export type ChangeMessage = StateMessage | EventMessage | PopsMessage;

export type Message =
  | SnapshotMessage
  | ChangeMessage
  | LevelMessage
  | { type: 'beat'; at: string }
  | { type: 'error'; error: string };
