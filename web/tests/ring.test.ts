import { describe, expect, it } from 'vitest';
import { Ring } from '../src/lib/chart/ring';
import { clock, fixed, numberOf, temperature, UNKNOWN } from '../src/lib/format';

describe('a ring', () => {
  it('keeps the newest rows in fixed memory', () => {
    const ring = new Ring(2, 3);
    for (const at of [1, 2, 3, 4]) ring.push([at, at * 10]);
    expect(ring.rows()).toEqual([
      [2, 3, 4],
      [20, 30, 40],
    ]);
  });

  it('keeps what is unknown as null', () => {
    const ring = new Ring(2, 3);
    ring.push([1, null]);
    expect(ring.rows()).toEqual([[1], [null]]);
  });

  it('begins anew with a new roast, and replaces a row of the same time', () => {
    const ring = new Ring(2, 3);
    for (const at of [100, 101, 101]) ring.push([at, at]);
    expect(ring.length).toBe(2);
    ring.push([1, 7]);
    expect(ring.rows()).toEqual([[1], [7]]);
  });
});

describe('values as text', () => {
  it('never turn unknown into zero', () => {
    expect(clock(null)).toBe(UNKNOWN);
    expect(fixed(null, 1, 'en')).toBe(UNKNOWN);
    expect(numberOf(undefined)).toBeNull();
    expect(numberOf('7')).toBeNull();
  });

  it('are minutes and seconds, degrees of the person, numbers of the language', () => {
    expect(clock(485)).toBe('8:05');
    expect(clock(-65)).toBe('−1:05');
    expect(temperature(100, 'f')).toBe(212);
    expect(fixed(9.75, 1, 'de')).toBe('9,8');
  });
});
