/** What the routes of recorded roasts give and take, as `api/v1/openapi.json` describes it.
 * Times in `_s` count from the roast's zero: its charge, else the start of the recording. */

export interface RoastRow {
  roast_id: string;
  title: string;
  bean: string;
  station: string;
  roaster: string;
  started_at: string | null;
  in_progress: boolean;
  duration_s: number | null;
  dry_end_s: number | null;
  first_crack_s: number | null;
  first_crack_c: number | null;
  drop_s: number | null;
  drop_c: number | null;
  development_s: number | null;
  development_ratio_percent: number | null;
  green_weight_g: number | null;
  roasted_weight_g: number | null;
  weight_loss_percent: number | null;
  score: number | null;
  tastings: number;
  lot_id: string | null;
  has_sound: boolean;
  source_format: string;
  curve: [number, number][];
}

export interface RoastPage {
  roasts: RoastRow[];
  total: number;
  offset: number;
  limit: number;
  beans: string[];
  stations: string[];
}

export interface LoggedEvent {
  event_id: string;
  kind: string;
  level: string | null;
  at_s: number;
  happened_at: string | null;
  decided_s: number | null;
  origin: string;
  confidence: number | null;
  bean_temp_c: number | null;
  message: string;
  revoked: boolean;
  edited: boolean;
  label: string | null;
}

export interface LoggedCurve {
  name: string;
  unit: string;
  extra: boolean;
  at_s: number[];
  values: (number | null)[];
}

export interface Piece {
  from_s: number;
  to_s: number;
  event_id: string | null;
}

export interface TastingBody {
  tasted_on: string | null;
  score: number | null;
  brew_method: string;
  attributes: Record<string, number>;
  defects: string[];
  notes: string;
}

export interface Tasting extends TastingBody {
  tasting_id: string;
  by: string;
  changed_at: string | null;
}

export interface LotBody {
  name: string;
  origin: string;
  process: string;
  supplier: string;
  bought_on: string | null;
  bought_g: number | null;
  corrected_g: number;
  notes: string;
  finished: boolean;
}

export interface Lot extends LotBody {
  lot_id: string;
  roasts: number;
  unweighed: number;
  used_g: number;
  left_g: number | null;
  weight_loss_percent: number | null;
}

export interface Change {
  change_id: string;
  /** `title`, `lot_id`, a property or `event:<kind>`. */
  what: string;
  before: string | number | null;
  after: string | number | null;
  by: string;
  at: string | null;
  revoked_at: string | null;
  revocable: boolean;
}

export type Label = 'crack' | 'not_a_crack' | 'unsure';

export interface Labelled {
  moment_id: string;
  roast_id: string;
  kind: 'pop' | 'decision';
  at_s: number;
  label: Label | null;
}

export interface Roast {
  summary: RoastRow;
  zero: 'charge' | 'start';
  zero_at: string | null;
  properties: Record<string, string | number | null>;
  metrics: Record<string, number | null>;
  events: LoggedEvent[];
  witnesses: Record<string, number>;
  curves: LoggedCurve[];
  pops: [number, number][];
  gaps: [number, number][];
  warnings: string[];
  source_file: string;
  sound: Piece[];
  tastings: Tasting[];
  lot: Lot | null;
  labels: Labelled[];
  changes: Change[];
}

export interface RoastChange {
  title?: string;
  properties?: Record<string, string | number | null>;
  lot_id?: string | null;
  /** The new second of each kind; null removes it. */
  events?: Record<string, number | null>;
}

export interface ImportedRoast {
  outcome: string;
  roast_id: string;
  said: string;
  warnings: string[];
}

export interface Moment {
  moment_id: string;
  kind: 'pop' | 'decision';
  roast_id: string;
  title: string;
  station: string;
  started_at: string | null;
  at_s: number;
  at: string | null;
  probability: number | null;
  level: string | null;
  event_id: string | null;
  from_s: number;
  to_s: number;
}

export interface Review {
  moments: Moment[];
  labelled: Record<Label, number>;
}

interface Figures {
  cost_s: number | null;
  wrong: number | null;
  delay_s: number | null;
}

export interface LearnOutcome {
  recordings: number;
  better: boolean;
  fine_tuned: boolean;
  labelled_moments: number;
  before: Figures;
  after: Figures;
  rows: {
    recording: string;
    delay_s_before: number | null;
    wrong_before: boolean;
    delay_s_after: number | null;
    wrong_after: boolean;
  }[];
}

export interface Learning {
  state: 'idle' | 'running' | 'paused' | 'done' | 'stopped' | 'failed';
  station: string | null;
  started_at: string | null;
  ended_at: string | null;
  progress: string;
  problem: string | null;
  outcome: LearnOutcome | null;
  written: boolean;
  calibrations: {
    station: string;
    model_id: string;
    sensitivity: number;
    pop_threshold: number;
    fine_tuned: boolean;
    written_at: string;
  }[];
}
