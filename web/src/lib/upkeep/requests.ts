/** Requests about set-up and health. Addresses are relative, like all of the page. */

import { type Refused, request, send } from '../api';
import type { Node, Schemas } from './schema';
import type { Diagnostics, SettingsProblem, SettingsShown } from './types';

/** The checks of a support bundle connect to everything that the settings name. */
const BUNDLE_MS = 190_000;

/** Settings are read and checked by a process of their own. */
const SETTINGS_MS = 100_000;

interface Tagged {
  found: SettingsShown;
  tag: string;
}

export const upkeepApi = {
  schemas: () => request<Schemas>('settings/schema', undefined, 'GET', SETTINGS_MS),
  settings: async () => tagged(await send('settings', undefined, 'GET', SETTINGS_MS)),
  save: async (values: Node, tag: string) =>
    tagged(await send('settings', { values }, 'PUT', SETTINGS_MS, { 'If-Match': tag })),
  restart: () => request<object>('restart', {}),
  diagnostics: (language: string) => request<Diagnostics>(`diagnostics?language=${language}`),
  log: () => request<{ lines: string[] }>('log'),
  support: async (sound: boolean) => (await send('support', { sound }, 'POST', BUNDLE_MS)).blob(),
};

async function tagged(answer: Response): Promise<Tagged> {
  return { found: await answer.json(), tag: answer.headers.get('ETag') ?? '' };
}

/** Let the browser save a file. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What is wrong with settings that were not saved. */
export function problemsOf(refused: Refused): SettingsProblem[] {
  const said = refused.said as { problems?: SettingsProblem[] } | null;
  return said?.problems ?? [];
}
