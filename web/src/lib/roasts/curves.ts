/** Curves of recorded roasts, for charts. Pure. */

import type { LoggedCurve, Roast } from './types';

export interface Line {
  atS: number[];
  values: (number | null)[];
}

const NEAR_S = 20;
const LONGEST_GAP_S = 15;

export function curveNamed(roast: Roast, name: string): LoggedCurve | undefined {
  return roast.curves.find((curve) => curve.name === name && !curve.extra);
}

/** The second of an event that holds; null if there is none. */
export function eventAt(roast: Roast, kind: string): number | null {
  return roast.events.find((event) => event.kind === kind && !event.revoked)?.at_s ?? null;
}

/** The bean temperature's rate of rise in °C a minute, from the charge to the drop. */
export function rateOfRise(roast: Roast): Line {
  const beans = curveNamed(roast, 'bean_temp_c');
  const line: Line = { atS: [], values: [] };
  if (beans === undefined) return line;
  const from = (eventAt(roast, 'turning_point') ?? eventAt(roast, 'charge') ?? 0) + NEAR_S;
  const to = eventAt(roast, 'drop') ?? Number.POSITIVE_INFINITY;
  for (const at of beans.at_s) {
    if (at < from || at > to) continue;
    line.atS.push(at);
    line.values.push(slope(beans, at - NEAR_S, Math.min(to, at + NEAR_S)));
  }
  return line;
}

/** The least-squares slope of a curve between two times, per minute; null if little is known. */
function slope(curve: LoggedCurve, fromS: number, toS: number): number | null {
  let [count, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (let i = firstFrom(curve.at_s, fromS); i < curve.at_s.length; i += 1) {
    const at = (curve.at_s[i] ?? 0) - fromS;
    const value = curve.values[i];
    if (at > toS - fromS) break;
    if (value === null || value === undefined) continue;
    count += 1;
    x += at;
    y += value;
    xx += at * at;
    xy += at * value;
  }
  const spread = count * xx - x * x;
  return count < 3 || spread === 0 ? null : (60 * (count * xy - x * y)) / spread;
}

function firstFrom(sorted: readonly number[], wanted: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The value of a curve at a time, between its two neighbours; null where it is unknown. */
export function valueAt(line: Line, atS: number): number | null {
  const after = firstFrom(line.atS, atS);
  const [a, b] = [line.atS[after - 1], line.atS[after]];
  const [low, high] = [line.values[after - 1], line.values[after]];
  if (b === atS) return high ?? null;
  if (a === undefined || b === undefined || b - a > LONGEST_GAP_S) return null;
  if (low === undefined || low === null || high === undefined || high === null) return null;
  return low + ((high - low) * (atS - a)) / (b - a);
}

/** Lines on the union of their times, as uPlot wants them; undefined where a line has no point. */
export function joined(lines: readonly Line[]): (number | null | undefined)[][] {
  const times = [...new Set(lines.flatMap((line) => line.atS))].sort((a, b) => a - b);
  const places = new Map(times.map((at, index) => [at, index]));
  return [
    times,
    ...lines.map((line) => {
      const row = new Array<number | null | undefined>(times.length).fill(undefined);
      line.atS.forEach((at, index) => {
        row[places.get(at) ?? 0] = line.values[index] ?? null;
      });
      return row;
    }),
  ];
}

/** The path of a small curve, in a box of `width` by `height`, on scales that all small curves share. */
export function smallPath(curve: readonly (readonly [number, number])[], box: SmallBox): string {
  return curve
    .map(([at, value], index) => {
      const x = ((at - box.fromS) / (box.toS - box.fromS)) * box.width;
      const y = (1 - (value - box.lowC) / (box.highC - box.lowC)) * box.height;
      const clamped = Math.max(0, Math.min(box.height, y));
      return `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${clamped.toFixed(1)}`;
    })
    .join('');
}

export interface SmallBox {
  width: number;
  height: number;
  fromS: number;
  toS: number;
  lowC: number;
  highC: number;
}
