/** A plan as its editor has it: every value as the text in its field. Pure. */

import type { Unit } from '../preferences.svelte';
import { numberIn } from '../roasts/names';
import { secondsOf, timeText } from '../roasts/time_text';
import type { Plan, Point, Step } from './types';

export const TRIGGERS = [
  'charge',
  'turning_point',
  'dry_end',
  'first_crack',
  'first_crack_end',
  'second_crack',
  'drop',
] as const;
export const ACTUATORS = ['heater', 'fan', 'drum', 'cooling'] as const;
export type Actuator = (typeof ACTUATORS)[number];
export type When = 'time' | 'temperature' | 'event';

export interface DraftPoint {
  id: number;
  time: string;
  temperature: string;
}

export interface DraftStep {
  id: number;
  when: When;
  time: string;
  temperature: string;
  event: string;
  after: string;
  percent: Record<Actuator, string>;
  /** Percent; empty: it stays. */
  door: string;
  drop: boolean;
  charge: boolean;
  note: string;
}

export interface Draft {
  name: string;
  points: DraftPoint[];
  steps: DraftStep[];
  follow: boolean;
  background: string;
  /** What the editor does not show. */
  rest: Record<string, unknown>;
}

let next = 1;

export function newPoint(atS: number, celsius: number, unit: Unit): DraftPoint {
  next += 1;
  return { id: next, time: timeText(atS), temperature: temperatureText(celsius, unit) };
}

export function newStep(): DraftStep {
  next += 1;
  return {
    id: next,
    when: 'time',
    time: '',
    temperature: '',
    event: 'first_crack',
    after: '',
    percent: { heater: '', fan: '', drum: '', cooling: '' },
    door: '',
    drop: false,
    charge: false,
    note: '',
  };
}

/** What a new plan begins with: a gentle roast to change. */
export function newDraft(unit: Unit): Draft {
  const begin = { ...newStep(), time: '0:00' };
  begin.percent = { heater: '70', fan: '30', drum: '100', cooling: '' };
  const crack = { ...newStep(), when: 'event' as const, after: '0:15' };
  crack.percent = { heater: '45', fan: '50', drum: '', cooling: '' };
  const drop = { ...newStep(), time: '10:30', drop: true };
  const cool = { ...newStep(), time: '10:35' };
  cool.percent = { heater: '', fan: '', drum: '', cooling: '100' };
  const curve: Point[] = [
    [120, 120],
    [300, 152],
    [480, 175],
    [630, 188],
  ];
  return {
    name: '',
    points: curve.map(([atS, celsius]) => newPoint(atS, celsius, unit)),
    steps: [begin, crack, drop, cool],
    follow: false,
    background: '',
    rest: {},
  };
}

export function draftOf(plan: Plan, unit: Unit): Draft {
  const { name, steps, target, follow, background, ...rest } = plan;
  return {
    name,
    points: target.map(([atS, celsius]) => newPoint(atS, celsius, unit)),
    steps: steps.map((step) => draftStep(step, unit)),
    follow,
    background: background ?? '',
    rest,
  };
}

/** What is sent. Call it only where `problemsOf` finds nothing. */
export function planOf(draft: Draft, unit: Unit): Plan {
  return {
    ...draft.rest,
    name: draft.name.trim(),
    steps: draft.steps.map((step) => stepOf(step, unit)),
    target: targetOf(draft, unit),
    follow: draft.follow,
    background: draft.background === '' ? null : draft.background,
  };
}

/** The points that can be read, by time. */
export function targetOf(draft: Draft, unit: Unit): Point[] {
  const found: Point[] = [];
  for (const point of draft.points) {
    const [atS, celsius] = [secondsOf(point.time), celsiusOf(point.temperature, unit)];
    if (atS !== null && celsius !== null) found.push([atS, celsius]);
  }
  return found.sort(([one], [other]) => one - other);
}

export function temperatureText(celsius: number, unit: Unit): string {
  return String(Math.round((unit === 'f' ? celsius * 1.8 + 32 : celsius) * 10) / 10);
}

/** °C of a text in the unit of the page; null if it is not a number. */
export function celsiusOf(text: string, unit: Unit): number | null {
  const value = numberIn(text);
  if (value === null) return null;
  return unit === 'f' ? Math.round(((value - 32) / 1.8) * 100) / 100 : value;
}

export function stepOf(step: DraftStep, unit: Unit): Step {
  const found: Step = {};
  if (step.when === 'time') found.at_s = secondsOf(step.time);
  if (step.when === 'temperature') found.at_bean_temp_c = celsiusOf(step.temperature, unit);
  if (step.when === 'event') {
    found.at_event = step.event;
    found.after_s = secondsOf(step.after) ?? 0;
  }
  for (const name of ACTUATORS) {
    const value = numberIn(step.percent[name]);
    if (value !== null) found[`${name}_percent`] = value;
  }
  const door = numberIn(step.door);
  if (door !== null) found.door_percent = door;
  if (step.drop) found.drop = true;
  if (step.charge) found.charge = true;
  if (step.note.trim() !== '') found.note = step.note.trim();
  return found;
}

function draftStep(step: Step, unit: Unit): DraftStep {
  const text = (value: number | null | undefined) => value?.toString() ?? '';
  const found = newStep();
  found.when =
    step.at_bean_temp_c != null ? 'temperature' : step.at_event != null ? 'event' : 'time';
  found.time = step.at_s == null ? '' : timeText(step.at_s);
  found.temperature = step.at_bean_temp_c == null ? '' : temperatureText(step.at_bean_temp_c, unit);
  found.event = step.at_event ?? 'first_crack';
  found.after = step.after_s ? timeText(step.after_s) : '';
  for (const name of ACTUATORS) found.percent[name] = text(step[`${name}_percent`]);
  found.door = text(step.door_percent);
  return {
    ...found,
    drop: step.drop === true,
    charge: step.charge === true,
    note: step.note ?? '',
  };
}
