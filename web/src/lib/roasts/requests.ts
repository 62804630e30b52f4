/** Requests about recorded roasts. Addresses are relative, like all of the page. */

import { request, send } from '../api';
import type {
  ImportedRoast,
  Label,
  Labelled,
  Learning,
  Lot,
  LotBody,
  Review,
  Roast,
  RoastChange,
  RoastPage,
  Tasting,
  TastingBody,
} from './types';

/** The log may be busy; a file takes a while to read. */
const CHANGED_MS = 30_000;
const IMPORTED_MS = 180_000;

export type Parameters = Record<string, string | number | boolean | undefined>;

/** `?a=1&b=2`; what is undefined or empty is left out. */
export function query(given: Parameters): string {
  const kept = Object.entries(given).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

const of = (roastId: string) => `roasts/${encodeURIComponent(roastId)}`;
const seconds = (fromS: number, toS: number) =>
  query({ from: fromS.toFixed(3), to: toS.toFixed(3) });

/** Addresses for links, pictures and sound. */
export const addresses = {
  sound: (roastId: string, fromS: number, toS: number) =>
    `api/v1/${of(roastId)}/sound${seconds(fromS, toS)}`,
  export: (roastId: string, format: string, fahrenheit: boolean) =>
    `api/v1/${of(roastId)}/export${query({ format, fahrenheit: fahrenheit || undefined })}`,
  picture: (roastId: string, theme: string, size: string, fahrenheit: boolean) =>
    `api/v1/${of(roastId)}/picture${query({ theme, size, fahrenheit: fahrenheit || undefined })}`,
};

export const roastApi = {
  list: (asked: Parameters) => request<RoastPage>(`roasts${query(asked)}`),
  roast: (roastId: string, points?: number) => request<Roast>(`${of(roastId)}${query({ points })}`),
  change: (roastId: string, change: RoastChange) =>
    request<Roast>(of(roastId), change, 'PATCH', CHANGED_MS),
  revoke: (roastId: string, changeId: string) =>
    request<Roast>(`${of(roastId)}/changes/${encodeURIComponent(changeId)}/revoke`, {}),
  remove: (roastId: string) => request<object>(of(roastId), {}, 'DELETE'),
  spectrogram: (roastId: string, fromS: number, toS: number) =>
    bytes(`${of(roastId)}/spectrogram${seconds(fromS, toS)}`),
  addTasting: (roastId: string, body: TastingBody) =>
    request<Tasting>(`${of(roastId)}/tastings`, body),
  changeTasting: (roastId: string, tastingId: string, body: TastingBody) =>
    request<Tasting>(`${of(roastId)}/tastings/${encodeURIComponent(tastingId)}`, body, 'PUT'),
  removeTasting: (roastId: string, tastingId: string) =>
    request<object>(`${of(roastId)}/tastings/${encodeURIComponent(tastingId)}`, {}, 'DELETE'),
  beans: () => request<{ lots: Lot[] }>('beans'),
  addLot: (body: LotBody) => request<Lot>('beans', body),
  changeLot: (lotId: string, body: LotBody) =>
    request<Lot>(`beans/${encodeURIComponent(lotId)}`, body, 'PUT'),
  removeLot: (lotId: string) => request<object>(`beans/${encodeURIComponent(lotId)}`, {}, 'DELETE'),
  review: (asked: Parameters) => request<Review>(`review${query(asked)}`),
  label: (momentId: string, label: Label | null) =>
    request<Labelled>(`review/${encodeURIComponent(momentId)}`, { label }),
  learning: () => request<Learning>('learn'),
  learn: (station: string | null) => request<Learning>('learn', { station }),
  stopLearning: () => request<Learning>('learn/stop', {}),
  undoLearning: (station: string) => request<{ said: string }>('learn/undo', { station }),
  import: (file: File) =>
    request<ImportedRoast>(
      `roasts/import${query({ name: file.name, saved_at: new Date(file.lastModified).toISOString() })}`,
      file,
      'POST',
      IMPORTED_MS,
    ),
};

async function bytes(path: string): Promise<ArrayBuffer> {
  return (await send(path)).arrayBuffer();
}
