/** The plane of a plan's chart: seconds and °C on pixels. Pure. */

import type { Point } from './types';

export interface Plane {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  fromS: number;
  toS: number;
  hottestC: number;
}

const STEP_S = 60;
const SHORTEST_S = 720;

export function planeOf(width: number, height: number, lastS: number): Plane {
  const toS = Math.max(SHORTEST_S, Math.ceil((lastS + 30) / STEP_S) * STEP_S);
  return {
    width,
    height,
    left: 36,
    right: 14,
    top: 20,
    bottom: 24,
    fromS: 0,
    toS,
    hottestC: 260,
  };
}

export function xOf(plane: Plane, atS: number): number {
  const wide = plane.width - plane.left - plane.right;
  return plane.left + (wide * (atS - plane.fromS)) / (plane.toS - plane.fromS);
}

export function yOf(plane: Plane, celsius: number): number {
  const high = plane.height - plane.top - plane.bottom;
  return plane.top + high * (1 - celsius / plane.hottestC);
}

/** Percent, in the lowest quarter. */
export function percentY(plane: Plane, percent: number): number {
  return yOf(plane, (percent / 100) * (plane.hottestC / 4));
}

/** Seconds and °C of a place, within the plane, rounded to what a finger can mean. */
export function placeOf(plane: Plane, x: number, y: number): Point {
  const wide = plane.width - plane.left - plane.right;
  const high = plane.height - plane.top - plane.bottom;
  const atS = plane.fromS + ((x - plane.left) / wide) * (plane.toS - plane.fromS);
  const celsius = plane.hottestC * (1 - (y - plane.top) / high);
  return [
    Math.min(plane.toS, Math.max(plane.fromS, Math.round(atS / 5) * 5)),
    Math.min(plane.hottestC, Math.max(0, Math.round(celsius * 2) / 2)),
  ];
}

/** A line through what is known; a gap where it is not. */
export function pathOf(
  plane: Plane,
  atS: readonly number[],
  values: readonly (number | null)[],
  y: (plane: Plane, value: number) => number = yOf,
): string {
  let path = '';
  let pen = 'M';
  values.forEach((value, index) => {
    const at = atS[index];
    if (value === null || at === undefined || at > plane.toS) {
      pen = 'M';
      return;
    }
    path += `${pen}${xOf(plane, at).toFixed(1)},${y(plane, value).toFixed(1)}`;
    pen = 'L';
  });
  return path;
}

/** Round minutes for the axis, at most about one in 60 pixels. */
export function minutesOf(plane: Plane): number[] {
  const room = Math.max(1, (plane.width - plane.left - plane.right) / 60);
  const every = [60, 120, 180, 300, 600].find((step) => plane.toS / step <= room) ?? 1200;
  return Array.from({ length: Math.floor(plane.toS / every) + 1 }, (_, index) => index * every);
}
