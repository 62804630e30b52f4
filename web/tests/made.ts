/** Stations and events for tests. */

import type { RoastEvent, Station } from '../src/lib/live/messages';

export function station(more: Partial<Station> = {}): Station {
  const at = '2026-01-01T10:00:00Z';
  const usual = { title: 'Kitchen', number: 5, at, level: null };
  return { ...usual, state: {}, events: [], pops: [], actions: {}, ...more };
}

export function event(more: Partial<RoastEvent> = {}): RoastEvent {
  const at = '2026-01-01T10:00:00Z';
  return {
    event_id: 'e',
    event_type: 'first_crack',
    station: 'kitchen',
    roast_id: 'r',
    kind: 'first_crack',
    happened_at: at,
    decided_at: at,
    origin: 'sound',
    level: 'first_crack',
    confidence: 0.9,
    message: '',
    bean_temp_c: null,
    revoked: false,
    urgency: 'information',
    ...more,
  };
}
