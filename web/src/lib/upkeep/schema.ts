/** JSON schemas of settings, as forms need them. */

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  items?: Schema;
  anyOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  $ref?: string;
  $defs?: Record<string, Schema>;
  'x-title-de'?: string;
  'x-description-de'?: string;
  'x-unit'?: string;
  'x-plugin'?: PluginGroup;
  'x-missing'?: string;
}

export type PluginGroup = 'sources' | 'models' | 'drivers' | 'sinks';

export interface Schemas {
  settings: Schema;
  station: Schema;
  plugins: Record<PluginGroup, Record<string, Schema>>;
  defaults: Record<string, string>;
}

/** A mapping of a settings file. */
export type Node = { [key: string]: unknown };

export type Kind =
  | 'flag'
  | 'choice'
  | 'number'
  | 'text'
  | 'secret'
  | 'lines'
  | 'choices'
  | 'group'
  | 'groups'
  | 'pairs'
  | 'plugin'
  | 'plugins';

/** What stands for a secret that is set. */
export const MASK = '••••••••';

/** A schema without references, and what it is without null. */
export function resolved(schema: Schema, root: Schema): Schema {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return { ...resolved(root.$defs?.[name] ?? {}, root), ...without(schema, '$ref') };
  }
  const parts = (schema.anyOf ?? schema.allOf)?.filter((one) => one.type !== 'null');
  if (parts === undefined || parts.length === 0) return schema;
  const whole = parts.map((one) => resolved(one, root));
  // Of several types the one that holds most: text holds numbers, too.
  const best = whole.find((one) => one.type === 'string' && one.enum === undefined) ?? whole[0];
  return { ...best, ...without(without(schema, 'anyOf'), 'allOf') };
}

function without(schema: Schema, key: keyof Schema): Schema {
  const { [key]: _gone, ...rest } = schema;
  return rest;
}

/** How a property is edited; its schema is resolved. */
export function kindOf(schema: Schema, root: Schema): Kind {
  const many = schema.type === 'array';
  if (schema['x-plugin'] !== undefined) return many ? 'plugins' : 'plugin';
  if (many) {
    const items = resolved(schema.items ?? {}, root);
    if (items.properties !== undefined) return 'groups';
    return items.enum !== undefined ? 'choices' : 'lines';
  }
  if (schema.properties !== undefined) return 'group';
  if (schema.type === 'object') return 'pairs';
  if (schema.enum !== undefined) return 'choice';
  if (schema.type === 'boolean') return 'flag';
  if (schema.type === 'number' || schema.type === 'integer') return 'number';
  return schema.format === 'password' ? 'secret' : 'text';
}

/** What is wrong with a number, as a key of the texts and its values; null: nothing. */
export function numberProblem(
  value: number,
  schema: Schema,
): { key: 'form.whole' | 'form.least' | 'form.most'; limit: number } | null {
  if (schema.type === 'integer' && !Number.isInteger(value)) return { key: 'form.whole', limit: 0 };
  const least = schema.minimum ?? schema.exclusiveMinimum;
  const most = schema.maximum ?? schema.exclusiveMaximum;
  const below =
    schema.exclusiveMinimum === undefined
      ? value < (least ?? value)
      : value <= (least ?? value - 1);
  const above =
    schema.exclusiveMaximum === undefined ? value > (most ?? value) : value >= (most ?? value + 1);
  if (least !== undefined && below) return { key: 'form.least', limit: least };
  if (most !== undefined && above) return { key: 'form.most', limit: most };
  return null;
}

/** A number as a person writes it, with a point or a comma; null: it is none. */
export function numberFrom(text: string): number | null {
  const value = Number(text.trim().replace(',', '.'));
  return text.trim() === '' || !Number.isFinite(value) ? null : value;
}

/** `key: value` lines of a mapping, and back; a value is a number, true, false or text. */
export function linesOf(node: Node): string {
  return Object.entries(node)
    .map(([key, value]) => `${key}: ${String(value)}`)
    .join('\n');
}

export function pairsFrom(text: string): Node {
  const found: Node = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf(':');
    if (at < 1) continue;
    const value = line.slice(at + 1).trim();
    found[line.slice(0, at).trim()] =
      value === 'true' ? true : value === 'false' ? false : (numberFrom(value) ?? value);
  }
  return found;
}

/** The type of a plugin in a settings file: `demo` or `{type: demo}`; empty: none. */
export function typeOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const type = value !== null && typeof value === 'object' ? (value as Node)['type'] : undefined;
  return typeof type === 'string' ? type : '';
}

/** Keys that most people set; the others are behind “more options”. */
const COMMON = new Set(
  `name title source model roaster roast recording sinks language time_zone temperature_unit
   host port username password tls url token sign_in people companion urls device begins sensitivity
   roasts clips path format wait channel expected_first_crack_s beans_g seed on scene service
   webhook rules bean_temp over profile type`.split(/\s+/),
);

/** The properties of a form: those that are set or common, and the others. */
export function parted(schema: Schema, node: Node): { first: string[]; more: string[] } {
  const keys = Object.keys(schema.properties ?? {}).filter((key) => key !== 'type');
  const isFirst = (key: string) => key in node || COMMON.has(key);
  return { first: keys.filter(isFirst), more: keys.filter((key) => !isFirst(key)) };
}
