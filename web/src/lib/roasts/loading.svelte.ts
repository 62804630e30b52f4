/** Something that is fetched, and what came of it. */

import { acting } from '../acting.svelte';
import { Refused } from '../api';
import { t } from '../i18n/index.svelte';

export class Loading<T> {
  value = $state.raw<T | null>(null);
  /** Why it could not be fetched. */
  problem = $state('');
  busy = $state(false);

  private latest = 0;

  /** Fetch it; the answer of an older request is dropped. */
  async load(what: () => Promise<T>): Promise<void> {
    this.latest += 1;
    const mine = this.latest;
    this.busy = true;
    try {
      const value = await what();
      if (mine !== this.latest) return;
      this.value = value;
      this.problem = '';
    } catch (error) {
      if (mine === this.latest) this.problem = reasonOf(error);
    } finally {
      if (mine === this.latest) this.busy = false;
    }
  }
}

/** Change something; null if that failed, which a notice says. */
export async function attempt<T>(action: string, what: () => Promise<T>): Promise<T | null> {
  try {
    return await what();
  } catch (error) {
    acting.tell(t('action.failed', { action, reason: reasonOf(error) }), true);
    return null;
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Refused ? error.message : t('action.unreachable');
}
