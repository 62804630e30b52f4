import { beforeEach, describe, expect, it } from 'vitest';
import { Connection, type Socket } from '../src/lib/live/connection';
import { station } from './made';

/** The other end of a socket, and a clock that a test turns. */
class Line implements Socket {
  binaryType: BinaryType = 'blob';
  readyState = 1;
  onopen = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  sent: string[] = [];
  closed = false;

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.closed = true;
    this.readyState = 3;
  }

  says(message: object | ArrayBuffer): void {
    const data = message instanceof ArrayBuffer ? message : JSON.stringify(message);
    this.onmessage?.({ data } as MessageEvent);
  }

  breaks(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code } as CloseEvent);
  }
}

let lines: Line[];
let nowMs: number;
let random: number;
let timers: { at: number; what: () => void }[];
let seen: string[];
let connection: Connection;

const line = () => lines.at(-1) as Line;
const snapshot = (number = 5) => ({
  type: 'snapshot',
  at: '',
  version: '1',
  stations: { kitchen: station({ number }) },
});
const change = (number: number) => ({
  type: 'state',
  station: 'kitchen',
  number,
  at: '2026-01-01T10:00:00Z',
  changes: { elapsed: number },
  gone: [],
});

function turn(ms: number): void {
  const until = nowMs + ms;
  for (;;) {
    const due = timers.filter((one) => one.at <= until).sort((a, b) => a.at - b.at)[0];
    if (due === undefined) break;
    timers = timers.filter((one) => one !== due);
    nowMs = due.at;
    due.what();
  }
  nowMs = until;
}

beforeEach(() => {
  lines = [];
  nowMs = 0;
  random = 1;
  timers = [];
  seen = [];
  connection = new Connection(
    {
      open: () => {
        lines.push(new Line());
        return line();
      },
      now: () => nowMs,
      random: () => random,
      after: (ms, what) => {
        const timer = { at: nowMs + ms, what };
        timers.push(timer);
        return () => {
          timers = timers.filter((one) => one !== timer);
        };
      },
    },
    {
      stations: (stations) => seen.push(`elapsed ${String(stations['kitchen']?.state['elapsed'])}`),
      event: (event) => seen.push(event.kind),
      columns: () => seen.push('columns'),
      level: (name) => seen.push(`level of ${name}`),
      alive: () => {},
      connected: (connected) => seen.push(connected ? 'connected' : 'lost'),
      refused: () => seen.push('refused'),
    },
  );
  connection.start();
});

describe('the connection', () => {
  it('takes a snapshot and then each change once', () => {
    line().says(snapshot());
    line().says(change(5));
    line().says(change(6));
    expect(seen).toEqual(['connected', 'elapsed undefined', 'elapsed 6']);
  });

  it('asks once for a snapshot if a number is missing, and skips changes until then', () => {
    line().says(snapshot());
    for (const number of [7, 8]) line().says(change(number));
    expect(line().sent).toEqual(['{"type":"snapshot"}']);
    line().says(snapshot(8));
    line().says(change(9));
    expect(seen.at(-1)).toBe('elapsed 9');
  });

  it('reconnects after a random wait that grows to ten seconds', () => {
    const waits: number[] = [];
    for (let failure = 0; failure < 7; failure += 1) {
      const [number, from] = [lines.length, nowMs];
      line().breaks();
      while (lines.length === number) turn(10);
      waits.push(nowMs - from);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it('spreads its reconnects at random', () => {
    random = 0.1;
    line().breaks();
    turn(50);
    expect(lines.length).toBe(2);
  });

  it('is dead if nothing comes for 20 s', () => {
    line().says(snapshot());
    turn(19_000);
    line().says({ type: 'beat', at: '' });
    turn(19_000);
    expect(line().closed).toBe(false);
    turn(2000);
    expect(lines[0]?.closed).toBe(true);
    expect(seen.at(-1)).not.toBe('connected');
  });

  it('reopens at once when the tab wakes after a sleep', () => {
    line().says(snapshot());
    nowMs += 600_000; // asleep: no timer ran
    connection.wake();
    expect(lines.length).toBe(2);
    expect(lines[0]?.closed).toBe(true);
  });

  it('is left alone when the tab wakes and all is well', () => {
    line().says(snapshot());
    connection.wake();
    expect(lines.length).toBe(1);
  });

  it('asks for the spectrogram again after a reconnect, and only while it is wanted', () => {
    line().says(snapshot());
    connection.subscribe(true);
    line().says(new ArrayBuffer(16));
    expect(seen.at(-1)).toBe('columns');
    line().breaks();
    turn(500);
    line().says(snapshot());
    expect(line().sent).toEqual(['{"type":"subscribe","spectrogram":true}']);
  });

  it('looks whether sign-in is needed when the server ends it', () => {
    line().says(snapshot());
    line().breaks(1008);
    expect(seen).toContain('refused');
  });

  it('stays closed once stopped', () => {
    connection.stop();
    turn(60_000);
    expect(lines.length).toBe(1);
    expect(lines[0]?.closed).toBe(true);
  });
});
