/** What the person who is signed in may do now, and the reason in their language. */

import { t, word } from './i18n/index.svelte';
import type { Station } from './live/messages';
import { session } from './session.svelte';
import { actionOf } from './situation';

export interface Permission {
  enabled: boolean;
  /** Why not, or what to know before; empty: nothing. */
  reason: string;
  /** It begins anew, or ends, what cannot be brought back: ask again. */
  grave: boolean;
}

export function permission(station: Station, name: string): Permission {
  if (!session.operates) return { enabled: false, reason: t('action.viewer'), grave: false };
  const { enabled, reason, code } = actionOf(station, name);
  const said = code === null ? '' : word('reason', code, {}, reason ?? '');
  return {
    enabled,
    reason: said || (reason ?? ''),
    grave: code === 'begins_anew' || name === 'stop',
  };
}
