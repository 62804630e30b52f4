/** What a roast is called, and when it was. Pure. */

import { UNKNOWN } from '../format';

export function nameOf(roast: { title: string; bean?: string }, untitled: string): string {
  return roast.title || roast.bean || untitled;
}

export function dateText(at: string | null, language: string): string {
  if (at === null) return UNKNOWN;
  return new Date(at).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' });
}

/** The same, short enough for a legend. */
export function dayText(at: string | null, language: string): string {
  if (at === null) return UNKNOWN;
  return new Date(at).toLocaleDateString(language, { dateStyle: 'short' });
}

/** A number that a person typed, with a point or a comma; null if it is empty or none. */
export function numberIn(text: string): number | null {
  const plain = text.trim().replace(',', '.');
  const value = Number(plain);
  return plain === '' || !Number.isFinite(value) ? null : value;
}
