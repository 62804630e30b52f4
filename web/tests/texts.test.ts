import { describe, expect, it } from 'vitest';
import { de } from '../src/lib/i18n/de';
import { en } from '../src/lib/i18n/en';

const slots = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((one) => one[1]).sort();
const keys = Object.keys(en) as (keyof typeof en)[];
/** Words of the server: their keys are put together. */
const WORDS =
  /^(phase|crack|hearing|advice|reason|action|event|mark|origin|control|sort|label|method|attribute|defect|format|property|learn_state|part|part_state|counter|stage|plugin)\./;

const sources = import.meta.glob<string>('../src/**/*.{ts,svelte}', {
  query: '?raw',
  import: 'default',
  eager: true,
});

describe('the texts', () => {
  it('are the same keys in every language', () => {
    expect(Object.keys(de).sort()).toEqual([...keys].sort());
  });

  it('are filled with the same values in every language', () => {
    for (const key of keys) expect([key, slots(de[key])]).toEqual([key, slots(en[key])]);
  });

  it('are never empty, and translated', () => {
    for (const key of keys) {
      expect(de[key].trim(), key).not.toBe('');
    }
    const same = keys.filter((key) => en[key] === de[key] && en[key].length > 20);
    expect(same).toEqual([]);
  });

  it('are all used', () => {
    const all = Object.entries(sources)
      .filter(([path]) => !path.includes('/i18n/'))
      .map(([, text]) => text)
      .join(' ');
    const unused = keys.filter((key) => !WORDS.test(key) && !all.includes(`'${key}'`));
    expect(unused.filter((key) => !all.includes(`\`${key.replace(/\.[^.]+$/, '')}.`))).toEqual([]);
  });
});
