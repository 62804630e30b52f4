/** Numbered changes applied to what is known of each station. Pure: nothing is changed in place. */

import type { ChangeMessage, RoastEvent, Station, Stations } from './messages';

const EVENTS_KEPT = 100;
const POPS_KEPT = 500;

/** The stations after a change; null if a number is missing, so that a new snapshot is needed. */
export function applied(stations: Stations, message: ChangeMessage): Stations | null {
  const station = stations[message.station];
  if (station === undefined || message.number > station.number + 1) return null;
  if (message.number <= station.number) return stations; // part of the snapshot already
  return { ...stations, [message.station]: changed(station, message) };
}

function changed(station: Station, message: ChangeMessage): Station {
  const next = { ...station, number: message.number };
  switch (message.type) {
    case 'state': {
      next.at = message.at;
      next.state = { ...station.state, ...message.changes };
      for (const key of message.gone) delete next.state[key];
      if (message.actions !== undefined) next.actions = message.actions;
      return next;
    }
    case 'event':
      next.events = [...station.events, message.event].slice(-EVENTS_KEPT);
      return next;
    case 'pops':
      next.pops = [...station.pops, ...message.pops].slice(-POPS_KEPT);
      return next;
    default:
      return next; // a type of a later version
  }
}

/** The latest state of each event, by when it happened; an event that grows has one `event_id`. */
export function latestEvents(events: readonly RoastEvent[]): RoastEvent[] {
  const latest = new Map(events.map((event) => [event.event_id, event]));
  return [...latest.values()].sort((a, b) => a.happened_at.localeCompare(b.happened_at));
}

/** UTC milliseconds of the charge, by the station's clock; null outside a roast. */
export function chargedAt(station: Station): number | null {
  const elapsed = station.state['elapsed'];
  return station.at !== null && typeof elapsed === 'number'
    ? Date.parse(station.at) - elapsed * 1000
    : null;
}
