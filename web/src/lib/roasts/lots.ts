/** Lots of green beans as a form and a list have them. Pure. */

import { numberIn } from './names';
import type { Lot, LotBody } from './types';

export interface LotFields {
  name: string;
  origin: string;
  process: string;
  supplier: string;
  day: string;
  bought: string;
  corrected: string;
  notes: string;
  finished: boolean;
}

export function fieldsOfLot(lot: Lot | null): LotFields {
  return {
    name: lot?.name ?? '',
    origin: lot?.origin ?? '',
    process: lot?.process ?? '',
    supplier: lot?.supplier ?? '',
    day: lot?.bought_on ?? '',
    bought: lot?.bought_g?.toString() ?? '',
    corrected: lot?.corrected_g ? String(lot.corrected_g) : '',
    notes: lot?.notes ?? '',
    finished: lot?.finished ?? false,
  };
}

/** What is sent; null if the name is missing or a weight is not a number. */
export function bodyOfLot(fields: LotFields): LotBody | null {
  const [bought, corrected] = [numberIn(fields.bought), numberIn(fields.corrected)];
  const wrong = (text: string, value: number | null) => text.trim() !== '' && value === null;
  if (fields.name.trim() === '' || wrong(fields.bought, bought)) return null;
  if (wrong(fields.corrected, corrected) || (bought ?? 0) < 0) return null;
  return {
    name: fields.name.trim(),
    origin: fields.origin.trim(),
    process: fields.process.trim(),
    supplier: fields.supplier.trim(),
    bought_on: fields.day || null,
    bought_g: bought,
    corrected_g: corrected ?? 0,
    notes: fields.notes,
    finished: fields.finished,
  };
}

/** What is left, as a share of what came; null if that is unknown. */
export function shareLeft(lot: Lot): number | null {
  if (lot.left_g === null || lot.bought_g === null || lot.bought_g <= 0) return null;
  return Math.max(0, Math.min(1, lot.left_g / lot.bought_g));
}

/** Those in use first, each group by name. */
export function ordered(lots: readonly Lot[]): Lot[] {
  return [...lots].sort(
    (a, b) => Number(a.finished) - Number(b.finished) || a.name.localeCompare(b.name),
  );
}
