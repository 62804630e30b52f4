/** Requests about set-up and health. Addresses are relative, like all of the page. */

import { request, send } from '../api';
import type { Diagnostics } from './types';

/** The checks of a support bundle connect to everything that the settings name. */
const BUNDLE_MS = 190_000;

export const upkeepApi = {
  diagnostics: (language: string) => request<Diagnostics>(`diagnostics?language=${language}`),
  log: () => request<{ lines: string[] }>('log'),
  support: async (sound: boolean) => (await send('support', { sound }, 'POST', BUNDLE_MS)).blob(),
};

/** Let the browser save a file. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
