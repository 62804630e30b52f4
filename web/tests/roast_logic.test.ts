import { describe, expect, it } from 'vitest';
import { isMovable, rowsOf } from '../src/lib/roasts/handles';
import {
  EVERYTHING,
  MOST_COMPARED,
  narrowing,
  parametersOf,
  toggled,
} from '../src/lib/roasts/listing';
import { bodyOfLot, fieldsOfLot, ordered, shareLeft } from '../src/lib/roasts/lots';
import { numberIn } from '../src/lib/roasts/names';
import {
  current,
  EMPTY,
  filled,
  labelled,
  labelOfKey,
  skipped,
  undone,
} from '../src/lib/roasts/queue';
import { addresses, query } from '../src/lib/roasts/requests';
import { clipAround, popBeside, popNear, windowAround } from '../src/lib/roasts/sounds';
import { bodyOf, fieldsOf } from '../src/lib/roasts/tasting';
import { secondsOf, timeText } from '../src/lib/roasts/time_text';
import { madeLot, madeMoment } from './made_roast';

describe('a time as a person types it', () => {
  it('is read in each usual form', () => {
    const forms = ['8:05', '8:05.5', '8:05,5', '485', '-0:20', '−0:20', ' 0:07 ', '72:00'];
    expect(forms.map(secondsOf)).toEqual([485, 485.5, 485.5, 485, -20, -20, 7, 4320]);
  });

  it('is refused if it is none', () => {
    for (const text of ['', '8:', '8:75', '8:5:2', 'eight', '1e3', '8.5:00']) {
      expect(secondsOf(text), text).toBeNull();
    }
  });

  it('comes back as it was written', () => {
    for (const seconds of [0, 7, 59.9, 60, 398.1, -20, -0.4, 4320.5]) {
      expect(secondsOf(timeText(seconds))).toBeCloseTo(seconds, 6);
    }
    expect(timeText(59.97)).toBe('1:00');
  });
});

describe('the list', () => {
  it('asks only for what was chosen', () => {
    const asked = parametersOf({ ...EVERYTHING, search: ' guji ', sound: true }, 2);
    expect(query(asked)).toBe('?search=guji&sound=true&sort=-started_at&limit=20&offset=40');
    expect(query(parametersOf(EVERYTHING, 0))).toBe('?sort=-started_at&limit=20');
  });

  it('counts what narrows it', () => {
    expect(narrowing({ ...EVERYTHING, search: 'x', sort: 'bean' })).toBe(0);
    expect(narrowing({ ...EVERYTHING, bean: 'Guji', sound: true })).toBe(2);
  });

  it('compares a few, the newest choices', () => {
    expect(toggled(['a', 'b'], 'a')).toEqual(['b']);
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].reduce<string[]>(toggled, []);
    expect(many).toEqual(['b', 'c', 'd', 'e', 'f', 'g']);
    expect(many).toHaveLength(MOST_COMPARED);
  });

  it('makes addresses that any roast id survives', () => {
    expect(addresses.sound('a/b ?', 1, 2.5)).toBe(
      'api/v1/roasts/a%2Fb%20%3F/sound?from=1.000&to=2.500',
    );
    expect(addresses.export('a', 'alog', false)).toBe('api/v1/roasts/a/export?format=alog');
  });
});

describe('handles of events', () => {
  it('never cover one another and stay inside', () => {
    const handles = [
      { centre: 10, width: 40 },
      { centre: 30, width: 40 },
      { centre: 100, width: 40 },
      { centre: 199, width: 40 },
    ];
    const placed = rowsOf(handles, 200);
    expect(placed.map((one) => one.row)).toEqual([0, 1, 0, 0]);
    expect(placed[0]?.left).toBe(0);
    expect(placed[3]?.left).toBe(160);
  });

  it('are for kinds that a person can move', () => {
    expect(isMovable('first_crack')).toBe(true);
    expect(isMovable('turning_point')).toBe(false);
  });
});

describe('the sound that is shown', () => {
  const pieces = [
    { from_s: 2, to_s: 600, event_id: null },
    { from_s: 700, to_s: 705, event_id: 'e' },
  ];

  it('lies inside what was recorded', () => {
    expect(windowAround(pieces, 300)).toEqual({ fromS: 290, toS: 310 });
    expect(windowAround(pieces, 5)).toEqual({ fromS: 2, toS: 22 });
    expect(windowAround(pieces, 599)).toEqual({ fromS: 580, toS: 600 });
    expect(windowAround(pieces, 703)).toEqual({ fromS: 700, toS: 705 });
    expect(windowAround(pieces, 640)).toEqual({ fromS: 580, toS: 600 });
    expect(windowAround(pieces, 690)).toEqual({ fromS: 700, toS: 705 });
  });

  it('is played around the pop that a tap means', () => {
    const pops = [
      [100, 0.9],
      [100.5, 0.4],
      [110, 0.8],
    ] as const;
    expect(popNear(pops, 100.3)).toBe(100.5);
    expect(popNear(pops, 105)).toBeNull();
    expect(popBeside(pops, 100, 1)).toBe(100.5);
    expect(popBeside(pops, 100, -1)).toBeNull();
    expect(clipAround(100)).toEqual({ fromS: 98.5, toS: 101.5 });
  });
});

describe('the review queue', () => {
  const three = filled(EMPTY, ['a', 'b', 'c'].map(madeMoment));

  it('shows the next moment after each label, and takes the last one back', () => {
    const once = labelled(three, 'a', 'crack');
    expect(current(once)?.moment_id).toBe('b');
    const twice = labelled(once, 'b', 'not_a_crack');
    expect(current(twice)?.moment_id).toBe('c');
    expect(current(undone(twice))?.moment_id).toBe('b');
    expect(undone(EMPTY)).toEqual(EMPTY);
  });

  it('puts a moment off, in a circle', () => {
    const last = skipped(three, -1);
    expect(current(last)?.moment_id).toBe('c');
    expect(current(skipped(last, 1))?.moment_id).toBe('a');
    expect(current(labelled(last, 'c', 'unsure'))?.moment_id).toBe('a');
    expect(skipped(EMPTY, 1)).toEqual(EMPTY);
  });

  it('adds no moment twice, nor one that has a label', () => {
    const more = filled(labelled(three, 'a', 'crack'), ['a', 'b', 'd'].map(madeMoment));
    expect(more.moments.map((one) => one.moment_id)).toEqual(['b', 'c', 'd']);
  });

  it('is labelled by the keys c, n and u', () => {
    expect(['c', 'N', 'u', 'x'].map(labelOfKey)).toEqual(['crack', 'not_a_crack', 'unsure', null]);
  });
});

describe('a tasting', () => {
  it('is sent as it was rated: what was not touched is left out', () => {
    const fields = fieldsOf(null, '2026-03-01');
    fields.score = '86,5';
    fields.attributes['acidity'] = 7;
    fields.defects = ['baked'];
    expect(bodyOf(fields)).toEqual({
      tasted_on: '2026-03-01',
      score: 86.5,
      brew_method: '',
      attributes: { acidity: 7 },
      defects: ['baked'],
      notes: '',
    });
  });

  it('is refused with a score that is none', () => {
    for (const score of ['101', '-1', 'good']) {
      expect(bodyOf({ ...fieldsOf(null, ''), score })).toBeNull();
    }
    expect(bodyOf(fieldsOf(null, ''))?.score).toBeNull();
  });
});

describe('a lot of beans', () => {
  it('is the same after a form that changes nothing', () => {
    const lot = madeLot({ corrected_g: -10, bought_on: '2026-01-02', finished: true });
    expect(lot).toMatchObject(bodyOfLot(fieldsOfLot(lot)) ?? {});
  });

  it('is refused without a name, or with a weight that is none', () => {
    expect(bodyOfLot(fieldsOfLot(null))).toBeNull();
    expect(bodyOfLot({ ...fieldsOfLot(madeLot()), bought: 'much' })).toBeNull();
    expect(bodyOfLot({ ...fieldsOfLot(madeLot()), bought: '-5' })).toBeNull();
  });

  it('shows what is left only if that is known', () => {
    expect(shareLeft(madeLot({ left_g: 250 }))).toBe(0.25);
    expect(shareLeft(madeLot({ left_g: -20 }))).toBe(0);
    expect(shareLeft(madeLot({ left_g: null }))).toBeNull();
    const names = ordered([madeLot({ name: 'B', finished: true }), madeLot({ name: 'C' })]);
    expect(names.map((one) => one.name)).toEqual(['C', 'B']);
  });

  it('takes a comma as a point', () => {
    expect([numberIn('1,5'), numberIn(' '), numberIn('x')]).toEqual([1.5, null, null]);
  });
});
