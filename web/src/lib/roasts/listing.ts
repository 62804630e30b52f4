/** Which roasts the list shows, and which are chosen to be compared. */

import type { Parameters } from './requests';

export const PER_PAGE = 20;
export const MOST_COMPARED = 6;
export const SORTS = [
  '-started_at',
  'started_at',
  'title',
  'bean',
  '-score',
  'duration',
  'first_crack',
  'development',
  'weight_loss',
] as const;

export interface Filters {
  search: string;
  bean: string;
  station: string;
  lot: string;
  since: string;
  until: string;
  sound: boolean;
  sort: (typeof SORTS)[number];
}

export const EVERYTHING: Filters = {
  search: '',
  bean: '',
  station: '',
  lot: '',
  since: '',
  until: '',
  sound: false,
  sort: '-started_at',
};

/** The parameters of a page of the list, from 0 on. */
export function parametersOf(filters: Filters, page: number): Parameters {
  return {
    ...filters,
    search: filters.search.trim(),
    sound: filters.sound || undefined,
    limit: PER_PAGE,
    offset: page === 0 ? undefined : page * PER_PAGE,
  };
}

/** How many filters narrow the list, besides search and order. */
export function narrowing(filters: Filters): number {
  const { bean, station, lot, since, until, sound } = filters;
  return [bean, station, lot, since, until, sound].filter(Boolean).length;
}

/** Choose or unchoose a roast; at most a few are compared, the oldest choice goes. */
export function toggled(chosen: readonly string[], roastId: string): string[] {
  if (chosen.includes(roastId)) return chosen.filter((one) => one !== roastId);
  return [...chosen, roastId].slice(-MOST_COMPARED);
}
