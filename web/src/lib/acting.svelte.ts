/** Requests of a person, and what came of them. Nothing is shown as done before the server says so. */

import { api, Refused } from './api';
import { type Key, t, word } from './i18n/index.svelte';

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const SHOWN_MS = 6000;
const AGAIN_MS = 700;

class Acting {
  toasts = $state<Toast[]>([]);
  /** What is on its way, as `station/name`. */
  busy = $state<Record<string, boolean>>({});
  /** Emergency stops by station: on its way, accepted, or why it was not sent yet. */
  stops = $state<Record<string, 'sending' | 'sent' | { failed: string }>>({});

  private next = 1;

  tell(text: string, bad = false): void {
    const id = this.next++;
    this.toasts = [...this.toasts.slice(-3), { id, text, bad }];
    setTimeout(() => this.dismiss(id), bad ? 2 * SHOWN_MS : SHOWN_MS);
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((one) => one.id !== id);
  }

  /** Give an instruction; says whether it was accepted. */
  async instruct(station: string, kind: string, value?: string | number): Promise<boolean> {
    const action = word('action', kind);
    return this.doing(`${station}/${kind}`, action, async () => {
      const { outcome, reason } = await api.instruct(station, kind, value);
      if (outcome === 'unconfirmed') {
        this.tell(reason ?? '', true); // in Home Assistant, arming takes another step
        return;
      }
      this.tell(kind === 'note' ? t('note.added') : t('action.accepted', { action }));
    });
  }

  /** Set an actuator, in percent, a door or a cooler to 0 or 100; says whether all of it was applied. */
  async command(station: string, actuator: string, percent: number): Promise<boolean> {
    const control = t(`control.${actuator}` as Key);
    let whole = false;
    const answered = await this.doing(`${station}/${actuator}`, control, async () => {
      const { outcome, applied, reason } = await api.command(station, actuator, percent);
      whole = outcome === 'applied';
      if (outcome === 'limited') {
        this.tell(t('control.limited', { control, value: applied ?? '', reason }));
      } else if (outcome !== 'applied') {
        this.tell(t('control.refused', { control, reason: reason || outcome }), true);
      }
    });
    return answered && whole;
  }

  /** Stop the roaster: tried again until the server has it. */
  async stop(station: string): Promise<void> {
    if (this.stops[station] === 'sending') return;
    const again = typeof this.stops[station] === 'object';
    if (!again) this.stops[station] = 'sending';
    for (;;) {
      try {
        await api.instruct(station, 'emergency_stop');
        this.stops[station] = 'sent';
        setTimeout(() => delete this.stops[station], SHOWN_MS);
        return;
      } catch (error) {
        this.stops[station] = { failed: reasonOf(error) };
        if (again) return; // another loop is trying already
        if (error instanceof Refused && error.status < 500 && error.status !== 429) {
          setTimeout(() => delete this.stops[station], 2 * SHOWN_MS);
          return; // signed out, or only watching: it will not be accepted
        }
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  private async doing(key: string, action: string, what: () => Promise<void>): Promise<boolean> {
    if (this.busy[key]) return false;
    this.busy[key] = true;
    try {
      await what();
      return true;
    } catch (error) {
      this.tell(t('action.failed', { action, reason: reasonOf(error) }), true);
      return false;
    } finally {
      delete this.busy[key];
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Refused ? error.message : t('action.unreachable');
}

export const acting = new Acting();
