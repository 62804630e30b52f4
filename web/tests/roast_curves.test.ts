import { describe, expect, it } from 'vitest';
import { eventAt, joined, rateOfRise, smallPath, valueAt } from '../src/lib/roasts/curves';
import { holding, marked, spanOf } from '../src/lib/roasts/events';
import { madeEvent, madeRoast } from './made_roast';

describe('the rate of rise', () => {
  it('is the slope of the beans in degrees a minute, from the turning point to the drop', () => {
    const at_s = Array.from({ length: 601 }, (_, index) => index);
    const roast = madeRoast({
      events: [madeEvent('charge', 0), madeEvent('turning_point', 60), madeEvent('drop', 500)],
      curves: [
        {
          name: 'bean_temp_c',
          unit: '°C',
          extra: false,
          at_s,
          values: at_s.map((s) => 90 + s / 6),
        },
      ],
    });
    const rate = rateOfRise(roast);
    expect(rate.atS[0]).toBe(80);
    expect(rate.atS.at(-1)).toBe(500);
    for (const value of rate.values) expect(value).toBeCloseTo(10, 6);
  });

  it('is unknown where too little is known, and empty without beans', () => {
    const curve = { name: 'bean_temp_c', unit: '°C', extra: false, at_s: [100], values: [150] };
    expect(rateOfRise(madeRoast({ curves: [curve] })).values).toEqual([null]);
    expect(rateOfRise(madeRoast({}))).toEqual({ atS: [], values: [] });
  });
});

describe('lines of several roasts', () => {
  it('are joined on all their times, without inventing points', () => {
    const [times, first, second] = joined([
      { atS: [0, 10, 20], values: [1, null, 3] },
      { atS: [5, 10], values: [7, 8] },
    ]);
    expect(times).toEqual([0, 5, 10, 20]);
    expect(first).toEqual([1, undefined, null, 3]);
    expect(second).toEqual([undefined, 7, 8, undefined]);
  });

  it('are read between two points, but not across a gap', () => {
    const line = { atS: [0, 10, 60], values: [100, 120, 200] };
    expect(valueAt(line, 5)).toBe(110);
    expect(valueAt(line, 10)).toBe(120);
    expect(valueAt(line, 30)).toBeNull();
    expect(valueAt(line, -1)).toBeNull();
    expect(valueAt(line, 61)).toBeNull();
  });
});

describe('a small curve', () => {
  it('lies on the scales that all small curves share, and inside its box', () => {
    const box = { width: 100, height: 40, fromS: 0, toS: 100, lowC: 50, highC: 250 };
    expect(
      smallPath(
        [
          [0, 50],
          [50, 150],
          [100, 999],
        ],
        box,
      ),
    ).toBe('M0.0 40.0L50.0 20.0L100.0 0.0');
    expect(smallPath([], box)).toBe('');
  });
});

describe('the events of a roast', () => {
  const roast = madeRoast({
    events: [
      madeEvent('charge', 0),
      madeEvent('first_crack', 400, { level: 'possible' }),
      madeEvent('first_crack', 390, { level: 'first_crack', revoked: true }),
      madeEvent('first_crack', 398, { level: 'certain' }),
      madeEvent('hearing', 10),
      madeEvent('drop', 520),
    ],
  });

  it('hold if they are neither withdrawn nor only possible, one of each kind', () => {
    expect(holding(roast).map((one) => [one.kind, one.at_s])).toEqual([
      ['charge', 0],
      ['hearing', 10],
      ['first_crack', 398],
      ['drop', 520],
    ]);
    expect(marked(roast).map((one) => one.kind)).toEqual(['charge', 'first_crack', 'drop']);
    expect(eventAt(roast, 'second_crack')).toBeNull();
  });

  it('are all inside the chart', () => {
    const { fromS, toS } = spanOf(roast);
    expect(fromS).toBeLessThanOrEqual(0);
    expect(toS).toBeGreaterThan(520);
  });
});
