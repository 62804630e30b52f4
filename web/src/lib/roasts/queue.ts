/** The review queue: one moment after the other, each labelled or put off. Pure. */

import type { Label, Moment } from './types';

export interface Queue {
  moments: readonly Moment[];
  /** Index of the moment that is shown. */
  at: number;
  done: readonly { moment: Moment; label: Label }[];
}

export const EMPTY: Queue = { moments: [], at: 0, done: [] };

export function current(queue: Queue): Moment | null {
  return queue.moments[queue.at] ?? null;
}

/** The queue with new moments; those that are known already are not added. */
export function filled(queue: Queue, moments: readonly Moment[]): Queue {
  const known = new Set([
    ...queue.moments.map((one) => one.moment_id),
    ...queue.done.map((one) => one.moment.moment_id),
  ]);
  const fresh = moments.filter((one) => !known.has(one.moment_id));
  return { ...queue, moments: [...queue.moments, ...fresh] };
}

/** The current moment is labelled: the next one is shown. */
export function labelled(queue: Queue, momentId: string, label: Label): Queue {
  const moment = queue.moments.find((one) => one.moment_id === momentId);
  if (moment === undefined) return queue;
  const moments = queue.moments.filter((one) => one !== moment);
  return {
    moments,
    at: queue.at >= moments.length ? 0 : queue.at,
    done: [...queue.done, { moment, label }],
  };
}

/** The latest label is taken back: its moment is shown again. */
export function undone(queue: Queue): Queue {
  const last = queue.done.at(-1);
  if (last === undefined) return queue;
  const moments = [...queue.moments];
  moments.splice(queue.at, 0, last.moment);
  return { ...queue, moments, done: queue.done.slice(0, -1) };
}

/** Show the next moment without a label (step 1), or the one before. */
export function skipped(queue: Queue, step: 1 | -1): Queue {
  const count = queue.moments.length;
  return count === 0 ? queue : { ...queue, at: (queue.at + step + count) % count };
}

/** The label of a key; null if it is none. */
export function labelOfKey(key: string): Label | null {
  const labels: Record<string, Label> = { c: 'crack', n: 'not_a_crack', u: 'unsure' };
  return labels[key.toLowerCase()] ?? null;
}
