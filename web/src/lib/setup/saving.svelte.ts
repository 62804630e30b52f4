/** Saves the wizard's settings, starts the service, and waits until it answers. */

import { api } from '../api';
import { preferences } from '../preferences.svelte';
import { reasonOf } from '../roasts/loading.svelte';
import { session } from '../session.svelte';
import { upkeepApi } from '../upkeep/requests';
import { type Choices, settingsOf } from './choices';

const EVERY_MS = 1000;
const SLOW_MS = 60_000;

export class Saving {
  state = $state<'open' | 'saving' | 'starting' | 'slow'>('open');
  problem = $state('');

  /** The settings file that is created; empty: not known yet. */
  file = $state('');

  private tag: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Look which file is created; if that fails, saving says why. */
  async look(): Promise<void> {
    const { found, tag } = await upkeepApi.settings();
    this.file = found.file;
    this.tag = tag;
  }

  async save(choices: Choices): Promise<void> {
    if (this.state !== 'open') return;
    this.state = 'saving';
    this.problem = '';
    try {
      if (this.tag === null) await this.look();
      await upkeepApi.save(
        settingsOf(choices, preferences.language, Number(location.port)),
        this.tag ?? '',
      );
      await upkeepApi.restart();
    } catch (error) {
      this.problem = reasonOf(error);
      this.tag = null; // somebody else may have saved it
      this.state = 'open';
      return;
    }
    this.state = 'starting';
    this.wait(performance.now());
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /** Until the service answers: as one that is set up, or with a request to sign in. */
  private wait(sinceMs: number): void {
    this.timer = setTimeout(async () => {
      const stillSettingUp = await api.me().then(
        (me) => me.setting_up === true,
        (error: unknown) => !session.refuses(error),
      );
      if (!stillSettingUp) {
        location.hash = '#/live';
        await session.ask();
        return;
      }
      if (performance.now() - sinceMs > SLOW_MS) this.state = 'slow';
      this.wait(sinceMs);
    }, EVERY_MS);
  }
}
