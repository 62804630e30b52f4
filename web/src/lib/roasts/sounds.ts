/** Where in a roast there is sound, and which part of it is shown. Pure. */

import type { Piece } from './types';

export const WINDOW_S = 20;
const CLIP_S = 1.5;
/** A tap this near to a pop means the pop. */
const NEAR_S = 0.6;

export interface Window {
  fromS: number;
  toS: number;
}

/** A window around a time, inside the sound that is there; else at the nearest sound. */
export function windowAround(pieces: readonly Piece[], atS: number, lengthS = WINDOW_S): Window {
  const away = (one: Piece) => Math.max(one.from_s - atS, atS - one.to_s, 0);
  const [holding] = [...pieces].sort((a, b) => away(a) - away(b));
  const from = atS - lengthS / 2;
  if (holding === undefined) return { fromS: from, toS: from + lengthS };
  const latest = Math.max(holding.from_s, holding.to_s - lengthS);
  const fromS = Math.min(Math.max(from, holding.from_s), latest);
  return { fromS, toS: Math.min(fromS + lengthS, Math.max(holding.to_s, fromS + 1)) };
}

/** The sound to play for a pop. */
export function clipAround(atS: number): Window {
  return { fromS: atS - CLIP_S, toS: atS + CLIP_S };
}

/** The pop that a tap means; null if none is near. */
export function popNear(
  pops: readonly (readonly [number, number])[],
  atS: number,
  nearS = NEAR_S,
): number | null {
  let best: number | null = null;
  for (const [at] of pops) {
    const distance = Math.abs(at - atS);
    if (distance <= nearS && (best === null || distance < Math.abs(best - atS))) best = at;
  }
  return best;
}

/** The next pop after a time (step 1), or the one before it (step -1). */
export function popBeside(
  pops: readonly (readonly [number, number])[],
  atS: number,
  step: 1 | -1,
): number | null {
  const times = pops.map(([at]) => at);
  return (
    (step === 1 ? times.find((at) => at > atS + 0.01) : times.findLast((at) => at < atS - 0.01)) ??
    null
  );
}
