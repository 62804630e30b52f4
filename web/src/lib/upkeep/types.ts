/** What the routes of set-up and health answer. */

export interface Counter {
  name: string;
  value: number;
  help: string;
}

export interface Component {
  /** Empty: it serves all stations. */
  station: string;
  name: string;
  state: string;
  problem: string | null;
  counters: Counter[];
}

export interface Model {
  station: string;
  name: string | null;
  model_id: string;
  description: string;
  lowest_rate_hz: number;
  hop_s: number;
  look_ahead_s: number;
  pop_threshold: number;
}

export interface Diagnostics {
  version: string;
  python: string;
  system: string;
  started_at: string;
  settings: string | null;
  components: Component[];
  models: Model[];
}

export interface SettingsProblem {
  /** Path of keys, such as `sinks[0].port`; empty: unknown. */
  path: string;
  message: string;
}

export interface SettingsShown {
  file: string;
  values: { [key: string]: unknown };
  problems: SettingsProblem[];
  restart_needed: boolean;
}
