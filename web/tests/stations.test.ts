import { describe, expect, it } from 'vitest';
import { columnsOf } from '../src/lib/live/columns';
import { applied, chargedAt, latestEvents } from '../src/lib/live/stations';
import { actionOf, countdown, primaryActions, questionOf } from '../src/lib/situation';
import { event, station } from './made';

const state = (number: number, changes = {}, gone: string[] = []) =>
  ({
    type: 'state',
    station: 'kitchen',
    number,
    at: '2026-01-01T10:00:01Z',
    changes,
    gone,
  }) as const;

describe('numbered changes', () => {
  it('are applied in order, to a copy', () => {
    const before = { kitchen: station({ state: { phase: 'idle', arm: false } }) };
    const after = applied(before, state(6, { phase: 'drying' }, ['arm']));
    expect(after?.['kitchen']?.state).toEqual({ phase: 'drying' });
    expect(before.kitchen.state).toEqual({ phase: 'idle', arm: false });
  });

  it('ask for a snapshot where one is missing, or the station is unknown', () => {
    expect(applied({ kitchen: station() }, state(7))).toBeNull();
    expect(applied({}, state(6))).toBeNull();
  });

  it('that the snapshot holds already change nothing', () => {
    const stations = { kitchen: station() };
    expect(applied(stations, state(5, { phase: 'drying' }))).toBe(stations);
  });

  it('replace the actions as a whole, and keep them if there are none', () => {
    const armed = { arm: { enabled: true, reason: null, code: null } };
    const stations = { kitchen: station({ actions: armed }) };
    expect(applied(stations, state(6))?.['kitchen']?.actions).toEqual(armed);
    expect(applied(stations, { ...state(6), actions: {} })?.['kitchen']?.actions).toEqual({});
  });
});

it('an event that grows is one event, at its date', () => {
  const first = event({ event_id: 'a', level: 'possible', happened_at: '2026-01-01T10:00:09Z' });
  const grown = event({ event_id: 'a', level: 'certain', happened_at: '2026-01-01T10:00:05Z' });
  const other = event({ event_id: 'b', happened_at: '2026-01-01T10:00:07Z' });
  expect(latestEvents([first, other, grown])).toEqual([grown, other]);
});

it('the charge is dated by the station’s own clock', () => {
  const at = '2026-01-01T10:01:00Z';
  expect(chargedAt(station({ at, state: { elapsed: 60 } }))).toBe(
    Date.parse('2026-01-01T10:00:00Z'),
  );
  expect(chargedAt(station({ at, state: { elapsed: null } }))).toBeNull();
});

describe('the spectrogram', () => {
  const frame = (kind: number, bands: number, levels: number[]) => {
    const bytes = new DataView(new ArrayBuffer(16 + levels.length));
    bytes.setUint8(0, kind);
    bytes.setUint8(1, bands);
    bytes.setUint16(2, 1, true);
    bytes.setFloat64(4, 1_700_000_000.5, true);
    bytes.setFloat32(12, 0.1, true);
    for (const [index, level] of levels.entries()) bytes.setUint8(16 + index, level);
    return bytes.buffer;
  };

  it('is read as the contract says', () => {
    const columns = columnsOf(frame(1, 2, [1, 2, 3, 4]));
    expect(columns).toMatchObject({ station: 1, bands: 2, fromS: 1_700_000_000.5 });
    expect(columns?.columnS).toBeCloseTo(0.1);
    expect([...(columns?.levels ?? [])]).toEqual([1, 2, 3, 4]);
  });

  it('is ignored if it is of another kind, or broken', () => {
    expect(columnsOf(frame(2, 2, [1, 2]))).toBeNull();
    expect(columnsOf(frame(1, 2, [1, 2, 3]))).toBeNull();
    expect(columnsOf(new ArrayBuffer(3))).toBeNull();
  });
});

describe('the situation', () => {
  it('has the two actions that fit', () => {
    expect(primaryActions(station({ state: { phase: 'idle' } }))).toEqual(['charge', 'under_way']);
    expect(primaryActions(station({ state: { phase: null } }))).toEqual(['charge', 'under_way']);
    expect(primaryActions(station({ state: { phase: 'maillard' } }))).toEqual([
      'first_crack_now',
      'drop',
    ]);
    const possible = { phase: 'maillard', first_crack_level: 'possible' };
    expect(primaryActions(station({ state: possible }))).toEqual([
      'first_crack_now',
      'not_a_crack',
    ]);
    const decided = { phase: 'development', first_crack: true, first_crack_level: 'certain' };
    expect(primaryActions(station({ state: decided }))).toEqual(['drop', 'not_a_crack']);
  });

  it('asks whether a roast runs, for five minutes', () => {
    const prompt = event({ roast_id: null, level: 'possible', decided_at: '2026-01-01T10:00:00Z' });
    const asks = (at: string) =>
      questionOf(station({ at, state: { phase: 'idle' }, events: [prompt] }));
    expect(asks('2026-01-01T10:04:59Z')).toBe('roast');
    expect(asks('2026-01-01T10:05:01Z')).toBeNull();
  });

  it('allows what the server does not mention, and says why it forbids', () => {
    const forbidden = { enabled: false, reason: 'Arm it.', code: 'not_armed' };
    const made = station({ actions: { heater: forbidden } });
    expect(actionOf(made, 'heater')).toEqual(forbidden);
    expect(actionOf(made, 'fan').enabled).toBe(true);
  });

  it('counts down by the station’s own clock', () => {
    const at = '2026-01-01T10:00:00Z';
    expect(countdown(station({ at, state: { drop: '2026-01-01T09:59:50Z' } }), 'drop')).toBe(-10);
    expect(countdown(station({ at, state: { drop: null } }), 'drop')).toBeNull();
  });
});
