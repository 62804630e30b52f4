/** Recorded roasts for tests. */

import type { LoggedEvent, Lot, Moment, Roast } from '../src/lib/roasts/types';

export function madeEvent(
  kind: string,
  at_s: number,
  more: Partial<LoggedEvent> = {},
): LoggedEvent {
  return {
    event_id: `${kind}-${at_s}`,
    kind,
    level: null,
    at_s,
    happened_at: null,
    decided_s: null,
    origin: 'person',
    confidence: null,
    bean_temp_c: null,
    message: '',
    revoked: false,
    edited: false,
    label: null,
    ...more,
  };
}

export function madeRoast(more: Partial<Roast>): Roast {
  return {
    summary: {} as Roast['summary'],
    zero: 'charge',
    zero_at: null,
    properties: {},
    metrics: {},
    events: [],
    witnesses: {},
    curves: [],
    pops: [],
    gaps: [],
    warnings: [],
    source_file: '',
    sound: [],
    tastings: [],
    lot: null,
    labels: [],
    changes: [],
    ...more,
  };
}

export function madeMoment(moment_id: string): Moment {
  return {
    moment_id,
    kind: 'pop',
    roast_id: 'r',
    title: '',
    station: 'kitchen',
    started_at: null,
    at_s: 1,
    at: null,
    probability: 0.5,
    level: null,
    event_id: null,
    from_s: 0,
    to_s: 2,
  };
}

export function madeLot(more: Partial<Lot> = {}): Lot {
  return {
    lot_id: 'l',
    name: 'Guji',
    origin: '',
    process: '',
    supplier: '',
    bought_on: null,
    bought_g: 1000,
    corrected_g: 0,
    notes: '',
    finished: false,
    roasts: 0,
    unweighed: 0,
    used_g: 0,
    left_g: 1000,
    weight_loss_percent: null,
    ...more,
  };
}
