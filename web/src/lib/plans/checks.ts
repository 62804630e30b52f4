/** What is wrong with a plan, said at once. The server checks again, by the plans' own models. */

import type { Key, Values } from '../i18n/index.svelte';
import type { Unit } from '../preferences.svelte';
import { numberIn } from '../roasts/names';
import { secondsOf } from '../roasts/time_text';
import { ACTUATORS, celsiusOf, type Draft, type DraftStep, stepOf } from './draft';
import type { Step } from './types';

export interface Problem {
  /** As the server names it, such as `steps[0].heater_percent` or `target[2]`. */
  field: string;
  key: Key;
  values?: Values;
}

const LONGEST_S = 7200;
const HOTTEST_C = 260;

export function problemsOf(draft: Draft, unit: Unit): Problem[] {
  const found: Problem[] = [];
  if (draft.name.trim() === '') found.push({ field: 'name', key: 'plan.wrong.name' });
  if (draft.steps.length === 0) found.push({ field: 'steps', key: 'plan.wrong.no_steps' });
  draft.points.forEach((point, index) => {
    const [atS, celsius] = [secondsOf(point.time), celsiusOf(point.temperature, unit)];
    const before = secondsOf(draft.points[index - 1]?.time ?? '');
    if (atS === null || atS < 0 || atS > LONGEST_S) {
      found.push({ field: `target[${index}][0]`, key: 'plan.wrong.time' });
    } else if (before !== null && atS <= before) {
      found.push({ field: `target[${index}][0]`, key: 'plan.wrong.order' });
    }
    if (celsius === null || celsius < 0 || celsius > HOTTEST_C) {
      found.push({ field: `target[${index}][1]`, key: 'plan.wrong.temperature' });
    }
  });
  if (draft.follow && draft.points.length === 0 && draft.background === '') {
    found.push({ field: 'follow', key: 'plan.wrong.follow' });
  }
  const steps = draft.steps.map((step) => stepOf(step, unit));
  draft.steps.forEach((step, index) => {
    found.push(...ofStep(step, `steps[${index}]`, unit), ...heating(steps, index));
  });
  return found;
}

function ofStep(step: DraftStep, field: string, unit: Unit): Problem[] {
  const found: Problem[] = [];
  const within = (value: number | null, most: number) =>
    value !== null && value >= 0 && value <= most;
  if (step.when === 'time' && !within(secondsOf(step.time), LONGEST_S)) {
    found.push({ field: `${field}.at_s`, key: 'plan.wrong.time' });
  }
  if (step.when === 'temperature' && !within(celsiusOf(step.temperature, unit), HOTTEST_C)) {
    found.push({ field: `${field}.at_bean_temp_c`, key: 'plan.wrong.temperature' });
  }
  if (step.when === 'event') {
    if (step.after.trim() !== '' && !within(secondsOf(step.after), LONGEST_S)) {
      found.push({ field: `${field}.after_s`, key: 'plan.wrong.time' });
    }
    if (step.charge) found.push({ field, key: 'plan.wrong.charge' });
  }
  for (const name of ACTUATORS) {
    const text = step.percent[name];
    if (text.trim() !== '' && !within(numberIn(text), 100)) {
      found.push({ field: `${field}.${name}_percent`, key: 'plan.wrong.percent' });
    }
  }
  return found;
}

const isNumber = (value: number | null | undefined): value is number => typeof value === 'number';
const opens = (step: Step) => step.drop === true || (step.door_percent ?? 0) > 0;

/** Heat while the beans leave, or after it: as `Plan` in roastwatch/roaster/plans/plan.py. */
function heating(steps: Step[], index: number): Problem[] {
  const step = steps[index];
  const field = `steps[${index}]`;
  if (step === undefined || !step.heater_percent) return [];
  if (opens(step)) return [{ field, key: 'plan.wrong.heat_at_drop' }];
  const isAfter = step.at_event === 'drop' || drops(steps).some((drop) => comesAfter(step, drop));
  return isAfter ? [{ field, key: 'plan.wrong.heat_after_drop' }] : [];
}

/** A door that is open before the charge drops nothing. */
function drops(steps: Step[]): Step[] {
  const charges = steps.filter((step) => step.charge === true).map((step) => step.at_s);
  return steps.filter(
    (step) =>
      step.drop === true ||
      (opens(step) &&
        !charges.some((at) => !isNumber(at) || !isNumber(step.at_s) || at > step.at_s)),
  );
}

function comesAfter(step: Step, drop: Step): boolean {
  if (isNumber(step.at_s) && isNumber(drop.at_s)) return step.at_s > drop.at_s;
  if (isNumber(step.at_bean_temp_c) && isNumber(drop.at_bean_temp_c)) {
    return step.at_bean_temp_c >= drop.at_bean_temp_c;
  }
  const same = typeof step.at_event === 'string' && step.at_event === drop.at_event;
  return same && (step.after_s ?? 0) >= (drop.after_s ?? 0);
}
