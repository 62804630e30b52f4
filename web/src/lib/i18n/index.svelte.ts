/** `t('key', {values})`: a text in the person's language. Every text of the page is in en.ts. */

import { preferences } from '../preferences.svelte';
import { de } from './de';
import { en } from './en';
import type { Language } from './languages';

export type Key = keyof typeof en;
export type Values = Record<string, string | number>;

const texts: Record<Language, Record<Key, string>> = { en, de };

export function t(key: Key, values: Values = {}): string {
  return filled(texts[preferences.language][key], values);
}

/** The text of a word that the server sent, such as a phase; if it is new, `usual` or the word. */
export function word(group: string, name: string, values: Values = {}, usual = ''): string {
  const key = `${group}.${name}`;
  return key in en ? t(key as Key, values) : usual || name.replaceAll('_', ' ');
}

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
