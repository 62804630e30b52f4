/** What the state of a station means for what a person should see first. Pure. */

import type { Action, RoastEvent, Station } from './live/messages';

export type Question = 'crack' | 'roast' | null;

const PROMPT_MS = 300_000;
const RESTING = [null, undefined, 'idle', 'dropped', 'cooling'];

/** What roastwatch asks: whether this is first crack, or whether a roast is running. */
export function questionOf(station: Station): Question {
  const prompt = station.events.findLast((event) => event.kind === 'first_crack');
  if (station.state['first_crack_level'] === 'possible') return 'crack';
  return station.state['phase'] === 'idle' && isPrompt(prompt, station.at) ? 'roast' : null;
}

function isPrompt(event: RoastEvent | undefined, at: string | null): boolean {
  if (event === undefined || event.roast_id !== null || event.revoked || at === null) return false;
  return Date.parse(at) - Date.parse(event.decided_at) < PROMPT_MS;
}

/** The two actions that lie under the thumb. */
export function primaryActions(station: Station): readonly string[] {
  const question = questionOf(station);
  if (question === 'roast') return ['under_way', 'not_a_crack'];
  if (question === 'crack') return ['first_crack_now', 'not_a_crack'];
  if (RESTING.includes(station.state['phase'] as string | null | undefined)) {
    return ['charge', 'under_way'];
  }
  return station.state['first_crack'] === true
    ? ['drop', 'not_a_crack']
    : ['first_crack_now', 'drop'];
}

/** All other actions that the station takes. */
export function furtherActions(station: Station): readonly string[] {
  const first = primaryActions(station);
  const listens = station.state['listening'] === false ? 'listen_on' : 'listen_off';
  const all = ['charge', 'under_way', 'first_crack_now', 'not_a_crack', 'drop', 'stop'];
  const more = hasRoaster(station) ? ['acknowledge', 'present'] : ['acknowledge'];
  return [...all, ...more, listens].filter((name) => !first.includes(name));
}

/** Whether there is a roaster that can be controlled, so that it can be stopped. */
export function hasRoaster(station: Station): boolean {
  return 'emergency_stop' in station.actions || 'arm' in station.state;
}

/** Whether something may be done now. What the server does not mention may be tried. */
export function actionOf(station: Station, name: string): Action {
  return station.actions[name] ?? { enabled: true, reason: null, code: null };
}

/** Seconds until something that is expected, by the station's clock; below zero if it is overdue. */
export function countdown(station: Station, key: string): number | null {
  const expected = station.state[key];
  if (typeof expected !== 'string' || station.at === null) return null;
  return (Date.parse(expected) - Date.parse(station.at)) / 1000;
}
