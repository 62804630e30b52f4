import { expect, test } from 'vitest';
import { problemsOf } from '../src/lib/plans/checks';
import { draftOf, newDraft, newStep, planOf } from '../src/lib/plans/draft';
import { pathOf, placeOf, planeOf, xOf, yOf } from '../src/lib/plans/plane';
import type { Plan, Step } from '../src/lib/plans/types';

const plan: Plan = {
  name: 'Mine',
  steps: [
    { at_s: 0, heater_percent: 60, drum_percent: 100 },
    { at_bean_temp_c: 160.5, fan_percent: 50 },
    { at_event: 'first_crack', after_s: 75, heater_percent: 40, note: 'sweet' },
    { at_s: 600, drop: true },
  ],
  target: [
    [120, 115.5],
    [600, 190],
  ],
  follow: true,
  background: null,
  pid: { gain_percent_per_c: 3 },
};

function fields(steps: Step[], more: Partial<Plan> = {}): string[] {
  const draft = draftOf({ ...plan, steps, ...more }, 'c');
  return problemsOf(draft, 'c').map((one) => `${one.field} ${one.key}`);
}

test.each(['c', 'f'] as const)('a plan in °%s is sent as it came', (unit) => {
  const draft = draftOf(plan, unit);
  expect(problemsOf(draft, unit)).toEqual([]);
  const sent = planOf(draft, unit);
  expect(sent).toEqual({ ...plan, steps: sent.steps, target: sent.target });
  expect(sent.steps[1]?.at_bean_temp_c).toBeCloseTo(160.5, 1);
  expect(sent.steps.filter((_, index) => index !== 1)).toEqual([
    plan.steps[0],
    plan.steps[2],
    plan.steps[3],
  ]);
  expect(sent.target[0]?.[1]).toBeCloseTo(115.5, 1);
});

test('a new plan lacks nothing but its name', () => {
  const draft = newDraft('f');
  expect(problemsOf(draft, 'f').map((one) => one.field)).toEqual(['name']);
});

test('heat that comes with the drop or after it is refused, as the server does', () => {
  const drop: Step = { at_s: 600, drop: true };
  const late = 'plan.wrong.heat_after_drop';
  expect(fields([{ at_s: 600, drop: true, heater_percent: 5 }])).toEqual([
    'steps[0] plan.wrong.heat_at_drop',
  ]);
  expect(fields([drop, { at_s: 601, heater_percent: 5 }])).toEqual([`steps[1] ${late}`]);
  expect(fields([drop, { at_s: 600, heater_percent: 5 }])).toEqual([]);
  expect(fields([drop, { at_event: 'drop', heater_percent: 5 }])).toEqual([`steps[1] ${late}`]);
  expect(fields([drop, { at_s: 601, heater_percent: 0 }])).toEqual([]);
  const open: Step = { at_s: 0, door_percent: 100 };
  const heat: Step = { at_s: 30, heater_percent: 50 };
  expect(fields([open, heat])).toEqual([`steps[1] ${late}`]);
  expect(fields([open, { at_s: 10, charge: true, door_percent: 0 }, heat])).toEqual([]);
});

test('what can not be read is named with its field', () => {
  const draft = draftOf(plan, 'c');
  draft.name = ' ';
  draft.steps = [{ ...newStep(), time: '1h' }];
  for (const step of draft.steps) step.percent.fan = '101';
  draft.points = draft.points.toReversed();
  expect(problemsOf(draft, 'c').map((one) => one.field)).toEqual([
    'name',
    'target[1][0]',
    'steps[0].at_s',
    'steps[0].fan_percent',
  ]);
  expect(fields(plan.steps, { target: [] })).toEqual(['follow plan.wrong.follow']);
});

test('a place on the chart and its time and temperature belong together', () => {
  const plane = planeOf(700, 400, 660);
  expect(plane.toS).toBe(720);
  expect(placeOf(plane, xOf(plane, 305), yOf(plane, 150.5))).toEqual([305, 150.5]);
  expect(placeOf(plane, -99, 9999)).toEqual([0, 0]);
  expect(pathOf(plane, [0, 60, 120, 180], [100, null, 120, 130]).match(/[ML]/g)).toEqual([
    'M',
    'M',
    'L',
  ]);
});
