/** Tastings as a form has them. Pure. */

import { numberIn } from './names';
import type { Tasting, TastingBody } from './types';

/** What is usually rated, from 0 to 10; the server keeps any other name as well. */
export const ATTRIBUTES = [
  'acidity',
  'sweetness',
  'body',
  'bitterness',
  'aroma',
  'aftertaste',
  'balance',
] as const;
export const DEFECTS = [
  'baked',
  'underdeveloped',
  'scorched',
  'tipped',
  'quaker',
  'smoky',
  'grassy',
  'musty',
] as const;
export const METHODS = ['cupping', 'espresso', 'filter', 'french_press', 'aeropress'] as const;

export interface TastingFields {
  day: string;
  score: string;
  method: string;
  attributes: Record<string, number | null>;
  defects: string[];
  notes: string;
}

export function fieldsOf(tasting: Tasting | null, today: string): TastingFields {
  return {
    day: tasting === null ? today : (tasting.tasted_on ?? ''),
    score: tasting?.score?.toString() ?? '',
    method: tasting?.brew_method ?? '',
    attributes: {
      ...Object.fromEntries(ATTRIBUTES.map((name) => [name, null])),
      ...tasting?.attributes,
    },
    defects: [...(tasting?.defects ?? [])],
    notes: tasting?.notes ?? '',
  };
}

/** What is sent; null if the score is not a number from 0 to 100. */
export function bodyOf(fields: TastingFields): TastingBody | null {
  const score = numberIn(fields.score);
  if (fields.score.trim() !== '' && (score === null || score < 0 || score > 100)) return null;
  const rated = Object.entries(fields.attributes).filter(
    (one): one is [string, number] => one[1] !== null,
  );
  return {
    tasted_on: fields.day || null,
    score,
    brew_method: fields.method.trim(),
    attributes: Object.fromEntries(rated),
    defects: fields.defects,
    notes: fields.notes,
  };
}

/** A local day, as a field of dates wants it. */
export function dayOf(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
