/** Requests of the first-run wizard. Addresses are relative, like all of the page. */

import { request } from '../api';
import type { Node } from '../upkeep/schema';
import type { Finding, Heard, Microphones } from './types';

const LOOKS_MS = 30_000;
const TRIES_MS = 60_000;

export const setupApi = {
  microphones: () => request<Microphones>('setup/microphones', undefined, 'GET', LOOKS_MS),
  listen: (source: Node) => request<Heard>('setup/listen', { source }),
  heard: (language: string) => request<Heard>(`setup/listen?language=${language}`),
  trySink: async (sink: Node, language: string) => {
    const path = `setup/try?language=${language}`;
    return (await request<{ findings: Finding[] }>(path, { sink }, 'POST', TRIES_MS)).findings;
  },
};
