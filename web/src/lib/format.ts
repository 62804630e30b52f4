/** Values as text. Unknown is never zero: it is a dash. */

import type { Value } from './live/messages';
import type { Unit } from './preferences.svelte';

export const UNKNOWN = '–';

export function numberOf(value: Value | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Seconds as `8:05`; below zero with a minus. */
export function clock(seconds: number | null): string {
  if (seconds === null) return UNKNOWN;
  const whole = Math.abs(Math.round(seconds));
  const sign = seconds < 0 && whole > 0 ? '−' : '';
  return `${sign}${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export function temperature(celsius: number, unit: Unit): number {
  return unit === 'f' ? celsius * 1.8 + 32 : celsius;
}

/** A difference of temperatures, such as a rate of rise. */
export function difference(celsius: number, unit: Unit): number {
  return unit === 'f' ? celsius * 1.8 : celsius;
}

export function fixed(value: number | null, digits: number, language: string): string {
  if (value === null) return UNKNOWN;
  return value.toLocaleString(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** A share as `14.5 %`. */
export function percent(value: number | null, digits: number, language: string): string {
  return value === null ? UNKNOWN : `${fixed(value, digits, language)} %`;
}

/** The time of day of a UTC time, in the person's zone. */
export function timeOfDay(at: string, language: string): string {
  return new Date(at).toLocaleTimeString(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}
