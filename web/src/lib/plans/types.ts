/** Plans, as roastwatch/web/plans/schemas.py describes them. Times in seconds, °C, percent. */

export interface Step {
  at_s?: number | null;
  at_bean_temp_c?: number | null;
  at_event?: string | null;
  after_s?: number;
  heater_percent?: number | null;
  fan_percent?: number | null;
  drum_percent?: number | null;
  cooling_percent?: number | null;
  door_percent?: number | null;
  drop?: boolean;
  charge?: boolean;
  note?: string;
}

export type Point = [number, number];

export interface Plan {
  name: string;
  steps: Step[];
  target: Point[];
  follow: boolean;
  background: string | null;
  /** What the editor does not show is sent back as it came. */
  [other: string]: unknown;
}

export interface PlanRow {
  plan_id: string;
  file: string;
  name: string;
  revision: string;
  changed_at: string;
  editable: boolean;
  problem: string | null;
  steps: number;
  follow: boolean;
  end_s: number | null;
  curve: Point[];
  /** Station → the name to select it by. */
  choices: Record<string, string>;
}

export interface StoredPlan extends PlanRow {
  plan: Plan | null;
}

export interface Plans {
  plans: PlanRow[];
  recorded: string[];
  can_add: boolean;
}

export interface Rehearsal {
  at_s: number[];
  bean_temp_c: (number | null)[];
  environment_temp_c: (number | null)[];
  heater_percent: (number | null)[];
  fan_percent: (number | null)[];
  profile: Point[];
  steps: { at_s: number; index: number }[];
  events: { at_s: number; kind: string }[];
  notes: { at_s: number; kind: 'plan' | 'interlock'; text: string }[];
  charge_s: number | null;
  hottest_c: number;
  deviation_rms_c: number | null;
  ended_by: string | null;
  unheated: string | null;
}

export interface Batch {
  beans_g: number;
  drum_c: number;
}
