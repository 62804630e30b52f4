import { describe, expect, it } from 'vitest';
import {
  kindOf,
  linesOf,
  numberFrom,
  numberProblem,
  pairsFrom,
  parted,
  resolved,
  type Schema,
  typeOf,
} from '../src/lib/upkeep/schema';

const root: Schema = {
  $defs: {
    Unit: { enum: ['C', 'F'], type: 'string' },
    Person: { type: 'object', properties: { name: { type: 'string' } } },
  },
};
const kind = (schema: Schema) => kindOf(resolved(schema, root), root);

describe('how a setting is edited', () => {
  it('follows references and leaves null out', () => {
    const schema = { anyOf: [{ $ref: '#/$defs/Unit' }, { type: 'null' }], title: 'Unit' };
    expect(resolved(schema, root)).toMatchObject({ enum: ['C', 'F'], title: 'Unit' });
    expect(kind(schema)).toBe('choice');
  });

  it('depends on its type', () => {
    expect(kind({ type: 'boolean' })).toBe('flag');
    expect(kind({ anyOf: [{ type: 'integer' }, { type: 'null' }] })).toBe('number');
    expect(kind({ anyOf: [{ type: 'integer' }, { type: 'string' }] })).toBe('text');
    expect(kind({ type: 'string', format: 'password' })).toBe('secret');
    expect(kind({ type: 'array', items: { type: 'string' } })).toBe('lines');
    expect(kind({ type: 'array', items: { $ref: '#/$defs/Unit' } })).toBe('choices');
    expect(kind({ type: 'array', items: { $ref: '#/$defs/Person' } })).toBe('groups');
    expect(kind({ $ref: '#/$defs/Person' })).toBe('group');
    expect(kind({ type: 'object', additionalProperties: true })).toBe('pairs');
    expect(kind({ $ref: '#/$defs/Person', 'x-plugin': 'drivers' })).toBe('plugin');
  });
});

describe('numbers', () => {
  it('are read with a point or a comma', () => {
    expect([numberFrom('1,5'), numberFrom(' 2 '), numberFrom(''), numberFrom('x')]).toEqual([
      1.5,
      2,
      null,
      null,
    ]);
  });

  it('are held within their range', () => {
    expect(numberProblem(1.5, { type: 'integer' })?.key).toBe('form.whole');
    expect(numberProblem(0, { type: 'integer', minimum: 1 })).toEqual({
      key: 'form.least',
      limit: 1,
    });
    expect(numberProblem(0, { type: 'number', exclusiveMinimum: 0 })?.key).toBe('form.least');
    expect(numberProblem(9, { type: 'number', maximum: 8 })?.key).toBe('form.most');
    expect(numberProblem(8, { type: 'number', minimum: 1, maximum: 8 })).toBeNull();
  });
});

describe('mappings', () => {
  it('are lines and come back', () => {
    const limits = { bean_temp_max_c: 230, agent_drop: false, name: 'a: b' };
    expect(pairsFrom(linesOf(limits))).toEqual(limits);
  });

  it('name a plugin by itself or by its type', () => {
    expect([typeOf('demo'), typeOf({ type: 'mqtt' }), typeOf(undefined)]).toEqual([
      'demo',
      'mqtt',
      '',
    ]);
  });

  it('show what is set or common first', () => {
    const schema = { properties: { type: {}, host: {}, ring_s: {}, block_s: {} } };
    expect(parted(schema, { block_s: 1 })).toEqual({
      first: ['host', 'block_s'],
      more: ['ring_s'],
    });
  });
});
