/** The events of a recorded roast that count. Pure. */

import type { LoggedEvent, Roast } from './types';

/** For each kind the one that holds, in order of time. */
export function holding(roast: Roast): LoggedEvent[] {
  const found = new Map<string, LoggedEvent>();
  for (const event of roast.events) {
    if (event.revoked || event.level === 'possible') continue;
    found.set(event.kind, event);
  }
  return [...found.values()].sort((a, b) => a.at_s - b.at_s);
}

const SHOWN = [
  'charge',
  'turning_point',
  'dry_end',
  'first_crack',
  'first_crack_end',
  'second_crack',
  'drop',
  'cool_end',
];

/** Those that a chart marks. */
export function marked(roast: Roast): LoggedEvent[] {
  return holding(roast).filter((event) => SHOWN.includes(event.kind));
}

/** The part of a roast that a chart shows: all of it, with a little room around. */
export function spanOf(roast: Roast): { fromS: number; toS: number } {
  const beans = roast.curves.find((curve) => curve.name === 'bean_temp_c') ?? roast.curves[0];
  const times = roast.events.map((event) => event.at_s);
  const first = Math.min(beans?.at_s[0] ?? 0, ...times, 0);
  const last = Math.max(beans?.at_s.at(-1) ?? 600, ...times);
  return { fromS: Math.max(first, -120), toS: Math.max(last + 10, 60) };
}
