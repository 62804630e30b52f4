/** The picture of a roast, as a file to share. */

import { send } from '../api';
import { addresses } from './requests';

const DRAWN_MS = 70_000;

/** @throws {Refused} such as: a library is not installed. */
export async function pictureOf(
  roastId: string,
  theme: 'light' | 'dark',
  fahrenheit: boolean,
): Promise<File> {
  const path = addresses.picture(roastId, theme, 'phone', fahrenheit).replace('api/v1/', '');
  const answer = await send(path, undefined, 'GET', DRAWN_MS);
  const named = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '');
  return new File([await answer.blob()], named?.[1] ?? 'roast.png', { type: 'image/png' });
}
